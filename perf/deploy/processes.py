"""A server process with readiness, deadlines and an end, whatever happens to the run."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from perf.deploy.errors import FixtureError
from perf.deploy.reaper import reaper
from perf.deploy.waiting import until

LOOPBACK = "127.0.0.1"
#: The suite's checkout, or the folder of packages that it is installed in.
ROOT = Path(__file__).parents[2]
#: Where the pipeline under test is: the checkout has one; what is installed measures that of the folder it is
#: run from.
PROJECT = ROOT if (ROOT / "worker").is_dir() else Path.cwd()


class ManagedProcess:
    """One process in a group of its own, ended with the run.

    Args:
        name: what errors call it.
        argv: the command.
        env: the whole environment of the process.
        log: where its output goes; errors quote its end.
        ready: asked until it says True; an exception or False means not yet.
        start_deadline_s: how long it may take to be ready.
        stop_signal: how it is asked to end.
        stop_deadline_s: how long it may take to end before SIGKILL.
        orphan_signal: how its group is ended should the run be killed.
        user: the user to run as, where the run itself is root.
        cwd: where it runs; the suite's checkout unless told otherwise.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, each with a meaning of its own
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool],
        start_deadline_s: float = 60.0,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_deadline_s: float = 15.0,
        orphan_signal: signal.Signals = signal.SIGKILL,
        user: str | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.env = dict(env)
        self.log = log
        self._ready = ready
        self._start_deadline_s = start_deadline_s
        self._stop_signal = stop_signal
        self._stop_deadline_s = stop_deadline_s
        self._orphan_signal = orphan_signal
        self._user = user
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the process and of its group.

        Raises:
            FixtureError: it has not been started.
        """
        if self._process is None:
            raise FixtureError(f"{self.name} has not been started")
        return self._process.pid

    @property
    def started(self) -> bool:
        """Whether it was ever started; it may have ended."""
        return self._process is not None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            FixtureError: it is no program, it ended, or was not ready in time; the end of its log is quoted.
        """
        try:
            self._process = self._spawn()
        except OSError as error:
            raise FixtureError(f"{self.name} could not be started: {error} ({self.argv[0]})") from error
        try:
            reaper().watch_process(self.pid, self._orphan_signal)
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.argv,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                extra_groups=[] if self._user else None,
                cwd=self._cwd if self._user is None else "/",
            )

    def _wait_until_ready(self) -> None:
        if not until(self._is_ready, self._start_deadline_s, poll_s=0.05):
            raise FixtureError(self._report(f"was not ready within {self._start_deadline_s:g} s"))

    def _is_ready(self) -> bool:
        if not self.alive:
            raise FixtureError(self._report(f"ended at once with code {self._returncode()}"))
        with contextlib.suppress(Exception):
            return self._ready()
        return False

    def stop(self, by: signal.Signals | None = None) -> None:
        """Ask it to end, wait, then make it; nothing of its group is left. Safe to call twice.

        Args:
            by: how it is asked, instead of its own stop signal.
        """
        if self._process is None:
            return
        if self.alive:
            self._process.send_signal(by or self._stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._stop_deadline_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group, children included."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(self._stop_deadline_s)
        reaper().forget_process(self.pid)

    def _returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    def _report(self, what: str) -> str:
        tail = self.log.read_text(errors="replace").splitlines()[-15:] if self.log.exists() else []
        return "\n  ".join([f"{self.name} {what} (log: {self.log}); its last lines:", *tail])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def run_to_end(
    argv: Sequence[str], timeout_s: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself; should the run be killed meanwhile, the command ends too.

    It has a session of its own, so that Ctrl-C on the terminal is not for it. Its output goes to files:
    what it leaves in the background may keep them open, and would hold up the end of a pipe.

    Raises:
        OSError: it is no program.
        subprocess.TimeoutExpired: it did not end in time, and was killed with all that it had started.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            reaper().watch_process(process.pid)
            process.wait(timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            reaper().forget_process(process.pid)
        return subprocess.CompletedProcess(argv, process.returncode, _text(output), _text(errors))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(pid: int, port: int) -> bool:
    """Whether the process itself listens there: on a port in use, somebody else would answer."""
    sockets = psutil.Process(pid).net_connections("tcp4")
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in sockets)
