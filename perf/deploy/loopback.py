"""What keeps mocked and local runs on this machine, whatever the shell around them holds.

Every process they start, and their own boto3 clients, get an environment made here: no AWS variable
of the shell survives, credentials are dummies, no profile or metadata service can be read, and each
AWS service without a server of ours has an endpoint where nothing listens. `require_loopback` holds
that environment against boto3's own resolution before the first call.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.session import Session as BotocoreSession

from perf.deploy.errors import NotLoopbackError
from perf.deploy.processes import LOOPBACK

#: The discard port: a call to a service we do not serve is refused at once, here.
NOWHERE = f"http://{LOOPBACK}:9"

#: A region is an argument of every client; with these endpoints it names nothing.
REGION = "us-east-1"

_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_PIPELINE = {
    "DATABASE_URL", "S3_UPLOAD_PREFIX", "S3_PROCESSED_PREFIX", "SQS_QUEUE_NAME", "STORAGE_BACKEND",
    "S3_DELETE_ORIGINAL", "API_TOKEN", "LOCAL_STORAGE_DIR", "MAX_UPLOAD_BYTES",
}  # fmt: skip


def isolated_environment(shell: Mapping[str, str], *, sqs_url: str, s3_url: str) -> dict[str, str]:
    """The shell's environment without its AWS, libpq, proxy and pipeline variables, bound to 127.0.0.1."""
    kept = {name: value for name, value in shell.items() if not _is_foreign(name)}
    return kept | {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": NOWHERE,
        "AWS_ENDPOINT_URL_SQS": sqs_url,
        "AWS_ENDPOINT_URL_S3": s3_url,
        "NO_PROXY": "*",
    }


def _is_foreign(name: str) -> bool:
    return name.startswith(("AWS_", "BOTO", "PG", "WEB_")) or name.lower() in _PROXIES or name in _PIPELINE


def require_loopback(env: Mapping[str, str]) -> None:
    """Refuse an environment in which boto3 or the database would leave this machine.

    Raises:
        NotLoopbackError: naming what would have been called.
    """
    with applied(env):
        session = BotocoreSession()
        for service in ("sqs", "s3", "sts", "ecs"):
            client = session.create_client(service)
            _require(f"boto3's {service} client", client.meta.endpoint_url)
        credentials = session.get_credentials()
    if credentials is None or credentials.access_key != "testing":
        raise NotLoopbackError("boto3 found credentials other than the dummies: nothing was sent")
    require_local_database(env["DATABASE_URL"])


def require_local_database(url: str) -> None:
    """Refuse a database server on another machine, in whichever part of the URL it is named.

    Raises:
        NotLoopbackError: naming its host.
    """
    _require("DATABASE_URL", url)
    for name, value in parse_qsl(urlsplit(url).query):
        if name in ("host", "hostaddr", "service"):  # libpq prefers them to the host before the path
            _require_host(f"DATABASE_URL with {name}={value}", value)


def require_local_shell(shell: Mapping[str, str]) -> None:
    """Refuse a shell whose own database variables lead to another machine.

    Raises:
        NotLoopbackError: naming the variable and the host.
    """
    if url := shell.get("DATABASE_URL"):
        require_local_database(url)
    if address := shell.get("PGHOSTADDR"):  # libpq prefers it to the host of any URL
        _require_host("PGHOSTADDR", address)


def _require(what: str, url: str) -> None:
    _require_host(what, urlsplit(url).hostname or "")


def _require_host(what: str, host: str) -> None:
    if not is_loopback(host):
        raise NotLoopbackError(
            f"{what} would reach {host or 'an unnamed host'}, but mocked and local cases stay on "
            f"{LOOPBACK}: unset what names it, or run the aws cases with `pytest -m aws perf/`"
        )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or address alone; nothing is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def applied(env: Mapping[str, str]) -> Iterator[None]:
    """os.environ is *env* inside, and what it was outside.

    boto3's default session keeps the credentials it found first, so each side gets a session of its own.
    """
    before = dict(os.environ)
    _replace_environ(env)
    try:
        yield
    finally:
        _replace_environ(before)


def _replace_environ(env: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    boto3.DEFAULT_SESSION = None
