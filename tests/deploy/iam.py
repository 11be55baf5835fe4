"""What IAM would say: the policies of deploy/, and which action on which resource a call of SQS or S3 is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote

POLICIES = Path(__file__).parents[2] / "deploy" / "policies"


def policy(name: str, names: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """A policy of deploy/, with names in the place of its words in capitals."""
    text = (POLICIES / f"{name}.json").read_text()
    for word in sorted(names, key=len, reverse=True):  # DEAD_QUEUE before QUEUE
        text = text.replace(word, names[word])
    return dict(json.loads(text))


def listed(value: Any) -> list[Any]:
    """IAM lets one of something stand for a list of it."""
    return value if isinstance(value, list) else [value]


def actions(document: Mapping[str, Any]) -> set[str]:
    """All that a policy allows on something."""
    return {action for each in document["Statement"] for action in listed(each["Action"])}


@dataclass(frozen=True)
class Call:
    """What a call needs: the action, and the resource's ARN."""

    action: str
    resource: str

    def allowed_by(self, document: Mapping[str, Any]) -> bool:
        """Whether a statement allows it; there are no denials in ours."""
        return any(
            self.action in listed(each["Action"])
            and any(fnmatchcase(self.resource, arn) for arn in listed(each["Resource"]))
            for each in document["Statement"]
        )


def sqs_call(target: str, body: bytes, region: str, account: str) -> Call:
    """A call of SQS; IAM has no actions for several messages in one call."""
    if target:
        operation, said = target.rpartition(".")[2], json.loads(body)
    else:  # the older protocol, of forms
        said = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        operation = said["Action"]
    queue = said.get("QueueName") or said.get("QueueUrl", "").rpartition("/")[2]
    return Call(f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{region}:{account}:{queue}")


def cloudwatch_call(target: str) -> Call:
    """A call of CloudWatch; IAM knows no resources of its metrics."""
    return Call(f"cloudwatch:{target.rpartition('.')[2]}", "*")


def s3_call(method: str, path: str, query: str) -> Call:
    """A call of S3, with the bucket in the path."""
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not key:
        reads = {"HEAD", "GET"}
        return Call("s3:ListBucket" if method in reads else f"s3:{method} a bucket", f"arn:aws:s3:::{bucket}")
    of_parts = "uploadId" in parse_qs(query)
    action = {
        "HEAD": "GetObject",
        "GET": "GetObject",
        "PUT": "PutObject",
        "POST": "PutObject",
        "DELETE": "AbortMultipartUpload" if of_parts else "DeleteObject",
    }[method]
    return Call(f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}")


def read_log(path: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Caller, action, resource and whether it was allowed, of each call that guarded_moto has seen."""
    for line in path.read_text().splitlines():
        yield tuple(json.loads(line))
