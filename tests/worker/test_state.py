"""The state changes on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from app.model import Status, Video
from tests.worker.rig import Rig, eventually
from worker import state
from worker.state import Claim, Outcome


@pytest.fixture
def engine(shared_rig: Rig) -> Engine:
    return shared_rig.engine.execution_options(isolation_level="AUTOCOMMIT")


@pytest.fixture
def video_id(shared_rig: Rig) -> str:
    return shared_rig.add(None)


@pytest.fixture
def claim(engine: Engine, video_id: str) -> Iterator[Claim]:
    with state.claim(engine, video_id, "host/0/1", max_attempts=3) as claim:
        yield claim


def test_a_claim_begins_an_attempt(shared_rig: Rig, claim: Claim) -> None:
    video = shared_rig.video(claim.video_id)
    assert claim == Claim(video.id, Outcome.CLAIMED, 1, video.object_key, tries=1, age_s=claim.age_s)
    assert 0 < claim.age_s < 60
    assert (video.status, video.attempts, video.deliveries) == (Status.PROCESSING, 1, 1)
    assert video.worker == "host/0/1"
    assert video.started_at is not None
    assert video.started_at > video.uploaded_at


def test_finish_is_one_instant_and_clears_an_earlier_error(
    shared_rig: Rig, engine: Engine, video_id: str
) -> None:
    with state.claim(engine, video_id, "w", 3) as first:
        assert state.release(engine, first, "a passing fault", excused=False)
    assert shared_rig.video(video_id).status == Status.UPLOADED
    assert shared_rig.video(video_id).error == "a passing fault"
    with state.claim(engine, video_id, "w", 3) as second:
        assert second.attempts == 2
        assert state.finish(engine, second, "processed/x.mp4")
    video = shared_rig.video(video_id)
    assert (video.status, video.error, video.processed_key) == (Status.DONE, None, "processed/x.mp4")
    assert video.finished_at == video.updated_at
    assert video.finished_at is not None
    assert video.started_at is not None
    assert video.finished_at > video.started_at


@pytest.mark.parametrize("end", [Status.DONE, Status.FAILED])
def test_a_finished_video_only_counts_deliveries(
    shared_rig: Rig, engine: Engine, video_id: str, end: Status
) -> None:
    with state.claim(engine, video_id, "w", 3) as claim:
        assert state.finish(engine, claim, "k") if end == Status.DONE else state.fail(engine, claim, "why")
    before = _columns(shared_rig.video(video_id))
    with state.claim(engine, video_id, "another", 3) as late:
        assert late.outcome is Outcome.FINISHED
    assert _columns(shared_rig.video(video_id)) == before | {"deliveries": 2}


def test_a_held_video_only_counts_the_delivery(shared_rig: Rig, engine: Engine, claim: Claim) -> None:
    before = _columns(shared_rig.video(claim.video_id))
    with state.claim(engine, claim.video_id, "another", 3) as second:
        assert second.outcome is Outcome.HELD
    assert _columns(shared_rig.video(claim.video_id)) == before | {"deliveries": 2}


def test_the_lock_ends_with_its_session(engine: Engine, claim: Claim) -> None:
    """As when a worker is killed: the server ends the session, and the video is free."""
    with engine.connect() as other:
        killed = text(
            "select pg_terminate_backend(pid) from pg_locks join pg_database on pg_database.oid = database "
            "where locktype = 'advisory' and datname = current_database()"
        )
        assert other.execute(killed).scalar_one()

    def outcome() -> bool:
        with state.claim(engine, claim.video_id, "another", 3) as second:
            assert second.outcome in (Outcome.HELD, Outcome.CLAIMED)
            return second.outcome is Outcome.CLAIMED

    assert eventually(outcome, "the video is free")
    # The first attempt is no longer the current one: what it still says changes nothing.
    assert not state.finish(engine, claim, "k")
    assert not state.fail(engine, claim, "why")
    assert not state.release(engine, claim, "why", excused=True)


def test_too_many_attempts_are_not_begun(shared_rig: Rig, engine: Engine) -> None:
    video_id = shared_rig.add(None, status=Status.PROCESSING, attempts=2)
    with state.claim(engine, video_id, "w", max_attempts=2) as claim:
        assert claim.outcome is Outcome.EXHAUSTED
        assert shared_rig.video(video_id).attempts == 2
        assert state.fail(engine, claim, "gave up")


def test_an_excused_attempt_does_not_count(shared_rig: Rig, engine: Engine, video_id: str) -> None:
    for excused in (True, False, True):
        with state.claim(engine, video_id, "w", max_attempts=2) as claim:
            for _ in range(2):  # the answer to the first was lost
                assert state.release(engine, claim, "why", excused=excused)
    with state.claim(engine, video_id, "w", max_attempts=2) as claim:
        assert (claim.outcome, claim.attempts, claim.tries) == (Outcome.CLAIMED, 4, 2)
        assert state.release(engine, claim, "why", excused=False)
    with state.claim(engine, video_id, "w", max_attempts=2) as claim:
        assert (claim.outcome, claim.attempts, claim.tries) == (Outcome.EXHAUSTED, 4, 2)
    assert shared_rig.video(video_id).excused == 2


def test_an_end_whose_answer_was_lost_may_be_repeated(engine: Engine, video_id: str, shared_rig: Rig) -> None:
    with state.claim(engine, video_id, "w", 3) as claim:
        assert state.finish(engine, claim, "k", "a warning")
        before = _columns(shared_rig.video(video_id))
        assert state.finish(engine, claim, "k", "a warning")
        assert not state.fail(engine, claim, "why")
    assert _columns(shared_rig.video(video_id)) == before
    assert before["warning"] == "a warning"


def test_a_begin_whose_answer_was_lost_counts_once(
    shared_rig: Rig, engine: Engine, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database began the attempt, and was gone: with one attempt a good video would be given up."""
    unanswered: set[int] = set()
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "execute", _without_an_answer_to("started_at"))
        with pytest.raises(OperationalError), state.claim(engine, video_id, "w", 1, unanswered):
            pass
    assert shared_rig.video(video_id).attempts == 1
    with state.claim(engine, video_id, "w", 1, unanswered) as claim:
        assert (claim.outcome, claim.attempts, claim.tries) == (Outcome.CLAIMED, 1, 1)
        assert state.finish(engine, claim, "k")


@pytest.mark.parametrize(("worker", "unanswered"), [("w", set()), ("another", {1}), ("w", {2})])
def test_what_another_delivery_has_begun_counts(
    shared_rig: Rig, engine: Engine, worker: str, unanswered: set[int]
) -> None:
    video_id = shared_rig.add(None, status=Status.PROCESSING, attempts=1, worker="w")
    with state.claim(engine, video_id, worker, 1, unanswered) as claim:
        assert claim.outcome is Outcome.EXHAUSTED


def _without_an_answer_to(words: str) -> Callable[..., Any]:
    execute = Connection.execute

    def lossy(session: Connection, statement: Any, *values: Any) -> Any:
        answer = execute(session, statement, *values)
        if words in str(statement):
            raise OperationalError(words, {}, Exception("the answer was lost"))
        return answer

    return lossy


def test_an_unknown_video_is_told(engine: Engine) -> None:
    with state.claim(engine, "nobody", "w", 3) as claim:
        assert claim == Claim("nobody", Outcome.UNKNOWN)


def test_the_lock_is_given_back(engine: Engine, video_id: str) -> None:
    for attempt in (1, 2):
        with state.claim(engine, video_id, "w", 3) as claim:
            assert (claim.outcome, claim.attempts) == (Outcome.CLAIMED, attempt)
    with pytest.raises(ZeroDivisionError), state.claim(engine, video_id, "w", 9):
        raise ZeroDivisionError
    with state.claim(engine, video_id, "w", 9) as claim:
        assert claim.outcome is Outcome.CLAIMED


def _columns(video: Video) -> dict[str, object]:
    return {column.name: getattr(video, column.name) for column in Video.__table__.columns}
