"""The one task: an original in the storage becomes a processed video, whatever is delivered how often.

A message is deleted when its task returns. Reject leaves it in the queue, to come back after the pause of
worker/celery_app.py. An attempt counts when the video was tried: WORKER_MAX_ATTEMPTS bounds those. A fault
of the database, the storage or the disk is waited out for WORKER_PATIENCE_S; what lasts longer sends the
video back uncounted, until WORKER_GIVE_UP_AFTER_S after its upload.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

from celery.exceptions import Reject
from celery.utils.log import get_task_logger
from sqlalchemy.exc import SQLAlchemyError

from app.errors import first_line
from app.message import TASK_NAME
from app.storage import ObjectMissingError, StorageError, StorageUnavailableError
from worker import state
from worker.celery_app import app
from worker.patience import patiently
from worker.resources import Resources, get_resources
from worker.scratch import scratch
from worker.state import Claim, Outcome
from worker.transcode import NoRoomError, StoppedError, UnreadableVideoError, transcode

logger = get_task_logger(__name__)

T = TypeVar("T")

#: What no video is to blame for, by the step that it stops. Only the node has to do with an OSError.
STORAGE_FAULTS = (StorageUnavailableError, OSError)
DISK_FAULTS = (NoRoomError, OSError)


@app.task(name=TASK_NAME)
def process_video(video_id: str) -> None:
    """Process the video, unless that is done, under way elsewhere, or to no purpose.

    Raises:
        Reject: the message has to come back.
    """
    own = get_resources()
    unanswered: set[int] = set()
    try:
        with ExitStack() as stack:
            _act_on(own, _database(own, lambda: stack.enter_context(_claim(own, video_id, unanswered))))
    except SQLAlchemyError as error:
        logger.warning("Video %s: the database did not answer, so its message will come back", video_id)
        raise Reject(f"database: {first_line(error)}", requeue=False) from error


def _claim(own: Resources, video_id: str, unanswered: set[int]) -> AbstractContextManager[Claim]:
    most = own.worker_settings.worker_max_attempts
    return state.claim(own.engine, video_id, own.name, most, unanswered)


def _act_on(own: Resources, claim: Claim) -> None:
    match claim.outcome:
        case Outcome.CLAIMED:
            _attempt(own, claim)
        case Outcome.FINISHED:
            logger.info("Video %s is finished already: a duplicate", claim.video_id)
        case Outcome.HELD:
            raise Reject(f"another worker is at video {claim.video_id}", requeue=False)
        case Outcome.EXHAUSTED:
            _fail(own, claim, f"gave up: {claim.tries} attempts ended with their worker")
        case Outcome.UNKNOWN:
            # A row is committed before its message is sent, so this one will not appear later.
            logger.error("There is no video %s: its message is dropped; was the row deleted?", claim.video_id)


def _attempt(own: Resources, claim: Claim) -> None:
    try:
        warning = _process(own, claim)
    except UnreadableVideoError as error:
        _fail(own, claim, f"the original cannot be processed: {error}")
    except ObjectMissingError as error:
        _fail(own, claim, _reason(error))
    except StoppedError as error:
        _release(own, claim, error, excused=True)
    except (*STORAGE_FAULTS, *DISK_FAULTS) as error:
        _give_back(own, claim, error)
    except Exception as error:  # whatever it was, the number of attempts is bounded
        _try_again(own, claim, error)
    else:
        _finish(own, claim, warning)


def _process(own: Resources, claim: Claim) -> str | None:
    """Download, transcode, upload; what is wrong with the result, if anything."""
    patience_s = own.worker_settings.worker_patience_s
    with ExitStack() as stack:
        folder = patiently("The disk", lambda: stack.enter_context(scratch()), DISK_FAULTS, patience_s)
        source, target = folder / "original", folder / "processed.mp4"

        def download() -> None:
            own.storage.download_to(claim.object_key, source)

        def make() -> str | None:
            try:
                return transcode(own.worker_settings, source, target)
            except NoRoomError:
                target.unlink(missing_ok=True)
                raise

        def upload() -> None:
            own.storage.upload_from(target, own.settings.processed_key(claim.video_id), "video/mp4")

        patiently("The download", download, STORAGE_FAULTS, patience_s)
        warning = patiently("The disk", make, DISK_FAULTS, patience_s)
        patiently("The upload", upload, STORAGE_FAULTS, patience_s)
    return warning


def _database(own: Resources, step: Callable[[], T]) -> T:
    return patiently("The database", step, (SQLAlchemyError,), own.worker_settings.worker_patience_s)


def _write_end(own: Resources, step: Callable[[], T]) -> T:
    return patiently("The database", step, (SQLAlchemyError,), own.worker_settings.end_patience_s)


def _finish(own: Resources, claim: Claim, warning: str | None) -> None:
    key = own.settings.processed_key(claim.video_id)
    current = _write_end(own, lambda: state.finish(own.engine, claim, key, warning))
    if warning:
        logger.warning("Video %s is done: %s", claim.video_id, warning)
    _clean_up(own, claim, current, key)


def _fail(own: Resources, claim: Claim, reason: str) -> None:
    logger.warning("Video %s failed: %s", claim.video_id, reason)
    _write_end(own, lambda: state.fail(own.engine, claim, reason))


def _give_back(own: Resources, claim: Claim, error: Exception) -> None:
    """For a fault that lasts: the attempt does not count, but not for ever."""
    if claim.age_s >= own.worker_settings.worker_give_up_after_s:
        _fail(own, claim, f"gave up {claim.age_s / 3600:.1f} h after the upload: {_reason(error)}")
        return
    _release(own, claim, error, excused=True)


def _try_again(own: Resources, claim: Claim, error: Exception) -> None:
    logger.warning("Video %s, attempt %d: %s", claim.video_id, claim.attempts, error, exc_info=True)
    if claim.tries >= own.worker_settings.worker_max_attempts:
        _fail(own, claim, f"gave up after {claim.tries} attempts: {_reason(error)}")
        return
    _release(own, claim, error, excused=False)


def _release(own: Resources, claim: Claim, error: Exception, *, excused: bool) -> None:
    _write_end(own, lambda: state.release(own.engine, claim, _reason(error), excused=excused))
    raise Reject(f"attempt {claim.attempts} of video {claim.video_id} failed", requeue=False) from error


def _clean_up(own: Resources, claim: Claim, current: bool, processed_key: str) -> None:
    if not current and _database(own, lambda: state.is_known(own.engine, claim)):
        logger.warning("Video %s: a later attempt took over; its result is the same object", claim.video_id)
    elif not current:
        logger.warning("Video %s was removed meanwhile, and so is its result", claim.video_id)
        _delete(own, claim, processed_key)
    elif own.settings.s3_delete_original:
        _delete(own, claim, claim.object_key)


def _delete(own: Resources, claim: Claim, key: str) -> None:
    try:
        own.storage.delete(key)
    except StorageError as error:
        logger.warning("Video %s: %s could not be deleted: %s", claim.video_id, key, error)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
