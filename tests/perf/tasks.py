"""Task records made by hand and at random."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from perf.judge.check import Problem, problems
from perf.judge.evidence import TaskEvidence
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.task_checks import TASK_CHECKS
from perf.measure.ledger import Ledger
from perf.measure.summary import Summary
from perf.observe.seen import TaskRecord
from perf.pipeline import State


def task(
    name: str, scheduled: float = 0, started: float | None = 1, finished: float | None = 3, **given: Any
) -> TaskRecord:
    """A task that is done unless told otherwise; sent when scheduled, uploaded at once."""
    fields: dict[str, Any] = {
        "sent_s": scheduled,
        "uploaded_s": scheduled,
        "updated_s": finished,
        "status": State.DONE if finished is not None else State.UPLOADED,
        "attempts": 1,
        "deliveries": 1,
        "worker": "host/0/1",
    }
    return TaskRecord(name, scheduled_s=scheduled, started_s=started, finished_s=finished, **fields | given)


def checked(ledger: Ledger, summary: Summary, concurrency: int, **given: Any) -> tuple[Problem, ...]:
    """All that the checks of a worker case find; what is given is TaskEvidence's."""
    return problems((*TASK_CHECKS, *RUN_CHECKS), TaskEvidence(ledger, summary, concurrency, **given))


#: Quarters of a second are exact in binary, and make equal instants likely.
instants = st.integers(0, 400).map(lambda quarters: quarters / 4)


@st.composite
def tasks(draw: st.DrawFn, state: State) -> TaskRecord:
    scheduled = draw(instants)
    sent = None if state is State.UNSENT else scheduled + draw(instants)
    has_row = state not in (State.UNSENT, State.MISSING)
    uploaded = sent + draw(instants) if has_row and sent is not None else None
    was_started = state in (State.PROCESSING, State.DONE, State.FAILED)
    started = uploaded + draw(instants) if was_started and uploaded is not None else None
    is_final = state in (State.DONE, State.FAILED)
    finished = started + draw(instants) if is_final and started is not None else None
    return TaskRecord(
        task_id=draw(st.uuids().map(str)),
        scheduled_s=scheduled,
        sent_s=sent,
        uploaded_s=uploaded,
        started_s=started,
        finished_s=finished,
        updated_s=finished if finished is not None else started if started is not None else uploaded,
        status=str(state),
        attempts=int(was_started),
        deliveries=draw(st.integers(0, 3)),
        worker="host/0/1" if was_started else None,
        error="it broke" if state is State.FAILED else None,
    )


def ledgers(*states: State, min_size: int = 1) -> st.SearchStrategy[Ledger]:
    """Ledgers whose tasks are in any of these states (all, if none is named)."""
    one = st.sampled_from(states or tuple(State)).flatmap(tasks)
    unique = st.lists(one, min_size=min_size, max_size=40, unique_by=lambda record: record.task_id)
    return unique.map(Ledger.of)
