"""How the controls ask AWS: bounded, one line of what went wrong, and patient where it will pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from perf.deploy.errors import FleetError
from perf.deploy.faults import first_line
from perf.deploy.looks.look import wrong
from perf.deploy.looks.remedies import is_denied, remedy
from perf.deploy.waiting import until
from perf.pipeline import Finding

#: Throttles pass within seconds; what a run sets is asked of AWS a few times an hour.
CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})

_THROTTLED = ("throttl", "toomanyrequests", "requestlimitexceeded", "resourcecontention", "inprogress")


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
        said = f"tried to {tried}: {first_line(error)}"
        raise FleetError(f"{said}; {right}" if right else said) from error


def awaited(tried: str, service: str, lacking: Callable[[], str], deadline_s: float, poll_s: float) -> None:
    """Wait until nothing is lacking any more; a throttle or a lost answer meanwhile is outlasted.

    Args:
        tried: as of `asked`.
        service: as of `asked`.
        lacking: what there is not yet, in words. Raises FleetError where it will never be.
        deadline_s: how long it may take.
        poll_s: between two looks.

    Raises:
        FleetError: it lacks something to the end, or AWS refuses.
    """
    last = ""

    def complete() -> bool:
        nonlocal last
        try:
            last = lacking()
        except (BotoCoreError, ClientError) as error:
            if not passes(error):
                raise
            last = first_line(error)
        return not last

    with asked(tried, service):
        if not until(complete, deadline_s, poll_s):
            raise FleetError(f"tried to {tried}: after {deadline_s:g} s {last}; see --workers-deadline")


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
