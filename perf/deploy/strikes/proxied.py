"""What a fault proxy before SQS, S3 or PostgreSQL does to what goes through it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perf.breakable import Hit
from perf.deploy.fault_proxy import FaultProxy, Rule
from perf.deploy.strikes.strike import Done, Strike

_RECEIVES = ("ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
             "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")  # fmt: skip


def _each(service: str, operations: Sequence[str], done: Rule) -> list[Rule]:
    return [{"service": service, "operation": name, **done} for name in operations]


#: Longer than any run: a request that is held is never answered, also not when the strike is over.
_NEVER_MS = 3_600_000
#: What SQS says of each receipt that has expired, in an answer that is none of a failed call.
_EXPIRED = {"Successful": [], "Failed": [
    {"Id": str(place), "Code": "ReceiptHandleIsInvalid", "SenderFault": True} for place in range(10)
]}  # fmt: skip

#: The rules of each fault, by the part that the proxy stands before; `sender` is SQS for who sends.
RULES: Mapping[str, Mapping[str, Sequence[Rule]]] = {
    "s3": {
        "s3-503": [{"service": "s3", "error": {"code": "ServiceUnavailable", "status": 503}}],
        "s3-slow": [{"service": "s3", "latency": 1000}],
        "s3-denied": [{"service": "s3", "error": {"code": "ExpiredToken", "status": 400}}],
        "s3-throttled": [{
            "service": "s3", "probability": 0.5, "error": {"code": "SlowDown", "status": 503}}],
        "s3-reset": [
            {"service": "s3", "operation": "GetObject", "response": {"abort_frac": 0.5}},
            {"service": "s3", "operation": "PutObject", "request": {"cut_upload": {"after_frac": 0.5}}}],
        "s3-silent": [{"service": "s3", "timeout_ms": _NEVER_MS}],
    },
    "sqs": {
        "sqs-503": _each("sqs", _RECEIVES, {"error": {"code": "ServiceUnavailable", "status": 503}}),
        "sqs-throttled": [{
            "service": "sqs", "probability": 0.5, "error": {"code": "ThrottlingException", "status": 400}}],
        "sqs-reset": _each("sqs", _RECEIVES, {"response": {"abort_frac": 0.5}}),
        "sqs-silent": [{"service": "sqs", "timeout_ms": _NEVER_MS}],
        "delete-lost": _each("sqs", ("DeleteMessage", "DeleteMessageBatch"), {
            "response": {"abort_frac": 0.0}}),
        "receipt-expired": [
            *_each("sqs", ("DeleteMessageBatch", "ChangeMessageVisibilityBatch"), {
                "error": {"code": "ReceiptHandleIsInvalid", "status": 200, "fields": _EXPIRED}}),
            *_each("sqs", ("DeleteMessage", "ChangeMessageVisibility"), {
                "error": {"code": "ReceiptHandleIsInvalid", "status": 404}})],
    },
    "sender": {
        "send-lost": _each("sqs", ("SendMessage", "SendMessageBatch"), {
            "response": {"abort_frac": 0.0}, "sequence": {"fail": 1, "pass": 1}}),
    },
    "database": {"database-silent": [{"service": "postgres", "timeout": True}]},
}  # fmt: skip


@dataclass
class ByRules:
    """A proxy answers by these rules."""

    proxy: FaultProxy
    rules: Sequence[Rule]

    def begin(self) -> None:
        """See Strike."""
        self.proxy.break_by(self.rules)

    def end(self) -> None:
        """See Strike."""
        self.proxy.mend()

    @property
    def hits(self) -> Sequence[Hit]:
        """See Strike."""
        return self.proxy.hits

    @property
    def how(self) -> str:
        """See Strike."""
        return f"{self.proxy.version} before {self.proxy.part}: {json.dumps(self.rules)}"


def refused(proxy: FaultProxy) -> Done:
    """The port is closed, and what was open is cut."""

    def close() -> Sequence[str]:
        proxy.go_away()
        return [f"port {proxy.port} closed"]

    return Done(proxy.part, "the port is closed", close, proxy.start)


def proxy_strikes(proxy: FaultProxy) -> dict[str, Strike]:
    """All that a proxy before its part can bring about, by the fault; it goes away for workers alone."""
    by_rules = {fault: ByRules(proxy, rules) for fault, rules in RULES[proxy.part].items()}
    return by_rules | ({} if proxy.part == "sender" else {f"{proxy.part}-away": refused(proxy)})
