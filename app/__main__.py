"""``python -m app [--host H] [--port P] [--workers N]``: the web tier with exactly the options it needs."""

from __future__ import annotations

import argparse
import contextlib
import resource
import signal

import uvicorn

from app.limits import get_limits
from app.main import create_app
from app.protocol import DeadlineProtocol
from app.startup import or_exit

#: Longer than the 60 s for which AWS's load balancers keep an idle connection: they must be the ones that
#: close it, or a request that is just being sent is lost and answered 502.
KEEP_ALIVE_S = 65
#: Connections of one process; at most 130 KiB of each are in memory before its upload has a slot.
CONNECTIONS = 4096


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, and then for at most WEB_STOP_S and a second.

    Raises:
        SystemExit: the settings make no sense, the database does not answer, or the port is taken.
    """
    args = _parse(argv)
    with or_exit():
        limits = get_limits()
    if args.workers > 1:
        # Said here, and once: uvicorn's parent ends with 0 when its children cannot start.
        create_app().state.services.engine.dispose()
    _allow_connections()
    # uvicorn raises the signal again as it ends; Python's handler would make a KeyboardInterrupt of it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        http=DeadlineProtocol,
        ws="none",
        host=args.host,
        port=args.port,
        workers=args.workers,
        log_level=args.log_level,
        access_log=args.log_level in ("debug", "info"),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=limits.stop_s,
        limit_concurrency=CONNECTIONS,
    )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="(default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, choices=range(1, 65), metavar="N", default=1,
        help="processes, 1 to 64 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info",
        help="info tells each request (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args(argv)


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError("a port is 1 to 65535")
    return port


def _allow_connections() -> None:
    """As many open files as the system lets this user have; shells often start with 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then it stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
