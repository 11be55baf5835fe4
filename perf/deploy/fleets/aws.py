"""How the controls ask AWS: bounded, one line of what went wrong, and patient where it will pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from perf.deploy.errors import FleetError
from perf.deploy.faults import first_line
from perf.deploy.looks.look import wrong
from perf.deploy.remedies import is_denied, remedy
from perf.deploy.waiting import until
from perf.pipeline import Finding

#: Throttles pass within seconds; what a run sets is asked of AWS a few times an hour. A service that is
#: silent costs each call less than a minute: nothing stops a run while it puts its fleet back.
CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})

#: An attribute of an error that tells no call: which it was.
_CALL = "perf_call"
_THROTTLED = ("throttl", "toomanyrequests", "requestlimitexceeded", "resourcecontention", "inprogress")


def client_of(service: str, region: str | None) -> Any:
    """A client of boto3 whose errors can all tell the call."""
    client = boto3.client(service, region_name=region, config=CONFIG)  # type: ignore[call-overload]
    client.meta.events.register("after-call-error", _keep_call)
    return client


def _keep_call(exception: Exception, event_name: str, **_: object) -> None:
    setattr(exception, _CALL, event_name.rpartition(".")[2])


def _said(error: Exception) -> str:
    """Its first line. Of a time-out or a lost connection, botocore tells the address alone."""
    call = getattr(error, _CALL, "")
    return f"{call}: {first_line(error)}" if call else first_line(error)


@contextmanager
def asked(tried: str, service: str) -> Iterator[None]:
    """A fault of AWS leaves the block as one line.

    Args:
        tried: what the block does, after the words "tried to".
        service: what IAM calls the service, e.g. ``ecs``.

    Raises:
        FleetError: what was tried, why it failed, and what would be right.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        right = remedy(error, service)
        said = f"tried to {tried}: {_said(error)}"
        raise FleetError(f"{said}; {right}" if right else said) from error


def awaited(tried: str, service: str, lacking: Callable[[], str], deadline_s: float, poll_s: float) -> None:
    """Wait until nothing is lacking any more; a throttle or a lost answer meanwhile is outlasted.

    Args:
        tried: as of `asked`.
        service: as of `asked`.
        lacking: what there is not yet, in words. Raises FleetError where it will never be.
        deadline_s: how long it may take; the last look may be a call of AWS longer.
        poll_s: between two looks.

    Raises:
        FleetError: it lacks something to the end, or AWS refuses.
    """
    last, right = "", ""

    def complete() -> bool:
        nonlocal last, right
        try:
            last, right = lacking(), ""
        except (BotoCoreError, ClientError) as error:
            if not passes(error):
                raise
            last, right = _said(error), remedy(error, service)
        return not last

    with asked(tried, service):
        if not until(complete, deadline_s, poll_s):
            right = right or "see --workers-deadline"
            raise FleetError(f"tried to {tried}: after {deadline_s:g} s {last}; {right}")


def passes(error: Exception) -> bool:
    """Whether the same call may be answered in a moment."""
    if not isinstance(error, ClientError):
        return isinstance(error, (ConnectionError, HTTPClientError))
    code = str(error.response.get("Error", {}).get("Code", "")).lower()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or any(each in code for each in _THROTTLED)


def permissions(service: str, calls: Iterable[Callable[[], object]]) -> Iterator[Finding]:
    """What these credentials may not do, by calls that do nothing: AWS asks for the permission first.

    Whatever else is answered to such a call is no matter.
    """
    for call in calls:
        try:
            call()
        except ClientError as error:
            if is_denied(error):
                yield wrong("fleet", f"{first_line(error)}; {remedy(error, service)}")
        except BotoCoreError:
            return
