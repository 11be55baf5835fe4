"""On Amazon ECS: a task is protected from scale-in while its worker is at work.

A service that scales in ends any of its tasks, and kills it 120 s later: a longer video would be begun
again elsewhere. The agent beside each task takes the wish to be spared, at ``ECS_AGENT_URI``, which ECS
sets itself; the task's role needs ecs:UpdateTaskProtection. Elsewhere there is nothing to do.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from threading import Thread

from kombu.log import get_logger

logger = get_logger(__name__)

#: How often the worker is looked at. Work begun within it is covered by the warm stop.
LOOK_S = 1.0
#: How long a protection holds when nobody ends it: a worker that hangs does not keep its task for ever.
EXPIRES_MIN = 60
#: A protection is renewed while work goes on, and a wish that failed is told again.
RENEW_S, RETRY_S = 20 * 60.0, 10.0

_TIMEOUT_S = 5.0


def put(agent_uri: str, *, protected: bool) -> None:
    """Tell the agent.

    Raises:
        OSError, HTTPException, ValueError: it does not answer, or refuses.
    """
    wish: dict[str, object] = {"ProtectionEnabled": protected}
    if protected:
        wish["ExpiresInMinutes"] = EXPIRES_MIN
    request = urllib.request.Request(  # noqa: S310 - ECS's own address
        f"{agent_uri}/task-protection/v1/state",
        data=json.dumps(wish).encode(),
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        said = json.loads(answer.read())
    if failure := said.get("failure"):  # with a status of 200
        raise OSError(failure.get("Reason", failure))


@dataclass
class Protection:
    """What the agent was told last, and when it is to be told again.

    Attributes:
        tell: tells the agent whether to protect.
        clock: seconds, monotonic.
    """

    tell: Callable[[bool], None]
    clock: Callable[[], float] = time.monotonic
    _told: bool = field(default=False, init=False)
    _again_s: float = field(default=0.0, init=False)
    _refused: bool = field(default=False, init=False)

    def look(self, busy: bool) -> None:
        """Tell the agent where something has changed or is due; a refusal is said once."""
        now_s = self.clock()
        if not self._is_due(busy, now_s):
            return
        try:
            self.tell(busy)
        except (OSError, HTTPException, ValueError) as error:
            if not self._refused:
                logger.warning("ECS does not take whether this task may be ended by scale-in: %s", error)
            self._refused, self._again_s = True, now_s + RETRY_S
        else:
            self._told, self._refused, self._again_s = busy, False, now_s + RENEW_S

    def _is_due(self, busy: bool, now_s: float) -> bool:
        if busy == self._told:
            return busy and now_s >= self._again_s
        return not self._refused or now_s >= self._again_s


def protect_while(busy: Callable[[], bool], env: Mapping[str, str]) -> None:
    """On ECS, keep the task protected whenever the worker is busy, as long as the process lives."""
    agent_uri = env.get("ECS_AGENT_URI")
    if agent_uri is None:
        return
    protection = Protection(lambda protected: put(agent_uri, protected=protected))

    def keep() -> None:
        while True:
            protection.look(busy())
            time.sleep(LOOK_S)

    Thread(target=keep, name="protection", daemon=True).start()
