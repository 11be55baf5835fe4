"""The one task: an original in the storage becomes a processed video, whatever is delivered how often.

A message is deleted when its task returns. Reject leaves it in the queue, to come back after the
queue's backoff policy; the queue's maxReceiveCount bounds that, WORKER_MAX_ATTEMPTS bounds the attempts.
"""

from __future__ import annotations

from celery.exceptions import Reject
from celery.utils.log import get_task_logger
from sqlalchemy.exc import SQLAlchemyError

from app.storage import ObjectMissingError, StorageError
from worker import state
from worker.celery_app import app
from worker.message import TASK_NAME
from worker.resources import Resources, get_resources
from worker.scratch import scratch
from worker.state import Claim, Outcome
from worker.transcode import UnreadableVideoError, transcode

logger = get_task_logger(__name__)


@app.task(name=TASK_NAME)
def process_video(video_id: str) -> None:
    """Process the video, unless that is done, under way elsewhere, or to no purpose.

    Raises:
        Reject: the message has to come back.
    """
    own = get_resources()
    try:
        with state.claim(own.engine, video_id, own.name, own.worker_settings.worker_max_attempts) as claim:
            _act_on(own, claim)
    except SQLAlchemyError as error:
        logger.exception("Video %s: the database did not answer, so its message will come back", video_id)
        raise Reject(f"database: {type(error).__name__}", requeue=False) from error


def _act_on(own: Resources, claim: Claim) -> None:
    match claim.outcome:
        case Outcome.CLAIMED:
            _attempt(own, claim)
        case Outcome.FINISHED:
            logger.info("Video %s is finished already: a duplicate", claim.video_id)
        case Outcome.HELD:
            raise Reject(f"another worker is at video {claim.video_id}", requeue=False)
        case Outcome.EXHAUSTED:
            state.fail(own.engine, claim, f"gave up: {claim.attempts} attempts ended with their worker")
        case Outcome.UNKNOWN:
            # A row is committed before its message is sent, so this one will not appear later.
            logger.error("There is no video %s: its message is dropped; was the row deleted?", claim.video_id)


def _attempt(own: Resources, claim: Claim) -> None:
    try:
        processed_key = _process(own, claim)
        current = state.finish(own.engine, claim, processed_key)
    except (UnreadableVideoError, ObjectMissingError) as error:
        logger.warning("Video %s failed: %s", claim.video_id, error)
        state.fail(own.engine, claim, _reason(error))
    except SQLAlchemyError:
        raise
    except Exception as error:  # whatever it was, the number of attempts is bounded
        _try_again(own, claim, error)
    else:
        _clean_up(own, claim, current)


def _process(own: Resources, claim: Claim) -> str:
    """Download, transcode, upload; the key of the result."""
    processed_key = own.settings.processed_key(claim.video_id)
    with scratch() as folder:
        source, target = folder / "original", folder / "processed.mp4"
        own.storage.download_to(claim.object_key, source)
        transcode(own.worker_settings, source, target)
        own.storage.upload_from(target, processed_key, "video/mp4")
    return processed_key


def _try_again(own: Resources, claim: Claim, error: Exception) -> None:
    logger.warning("Video %s, attempt %d: %s", claim.video_id, claim.attempts, error, exc_info=True)
    if claim.attempts >= own.worker_settings.worker_max_attempts:
        state.fail(own.engine, claim, f"gave up after {claim.attempts} attempts: {_reason(error)}")
        return
    state.release(own.engine, claim, _reason(error))
    raise Reject(f"attempt {claim.attempts} of video {claim.video_id} failed", requeue=False) from error


def _clean_up(own: Resources, claim: Claim, current: bool) -> None:
    if not current:
        logger.warning("Video %s: a later attempt took over; its result is the same object", claim.video_id)
        return
    if not own.settings.s3_delete_original:
        return
    try:
        own.storage.delete(claim.object_key)
    except StorageError as error:
        logger.warning("Video %s is done; its original could not be deleted: %s", claim.video_id, error)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
