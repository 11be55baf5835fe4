"""The service's worker as it is measured: `celery -A measured worker`. It also reports itself, in Redis."""

from __future__ import annotations

import json

from service import QUEUE, app, redis

from perf.deploy.celery_report import report_workers

__all__ = ["app"]

report_workers(lambda worker: redis.set(f"worker:{QUEUE}:{worker['id']}", json.dumps(worker), ex=15))
