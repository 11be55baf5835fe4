"""The fleet is put back as it was found, however a run ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from perf.deploy.errors import FixtureError
from perf.deploy.fleet import KeptControl, State
from perf.deploy.fleets.note import Note
from perf.pipeline import Fleet


class _Watched:
    """A control that is noted before it is used."""

    def __init__(self, control: KeptControl, note: Note) -> None:
        self._control = control
        self._note = note
        self._found, self._state = control.found(), control.state()
        self.description = control.description
        self.scaled = self._noted = False

    def found(self) -> Fleet:
        return self._control.found()

    def scale(self, fleet: Fleet) -> None:
        self.scaled = True  # also if it fails half-way
        if not self._noted:
            self._note.write(self._control.name, str(self._found), self._state)
            self._noted = True
        self._control.scale(fleet)

    def hold(self) -> None:
        self._control.hold()

    def by_itself(self) -> AbstractContextManager[None]:
        return self._control.by_itself()

    def stop(self) -> None:
        self._control.stop()

    def end(self, say: Callable[[str], None]) -> None:
        """Put the fleet back if it was used."""
        if self.scaled:
            put_back(self._control, str(self._found), self._state, self._note, say)


@contextmanager
def kept(control: KeptControl, note: Note, say: Callable[[str], None]) -> Iterator[_Watched]:
    """The control for the block's use. If it was used, the fleet is put back at the block's end.

    Args:
        control: what is used.
        note: where it is written down how the fleet was found, before it is used.
        say: tells people.

    Raises:
        FixtureError: it could not be put back. If the block raised something itself, that is raised instead,
            and *say* has told what is to be done.
    """
    watched = _Watched(control, note)
    try:
        yield watched
    except BaseException:
        with suppress(FixtureError):
            watched.end(say)
        raise
    watched.end(say)


def put_back(control: KeptControl, found: str, state: State, note: Note, say: Callable[[str], None]) -> None:
    """Make the fleet as it was found, and erase the note of it; one that cannot be erased is only told.

    Raises:
        FixtureError: it could not be done; the note stays, so that it can be tried again.
    """
    with shielded(say):
        _tell(say, f"putting the fleet back to {found}, as it was found")
        try:
            control.put_back(state)
        except Exception as error:
            text = (
                f"the fleet could not be put back to {found}, as it was found: do it by hand, or by `python "
                f"-m perf clean --yes`; {error}"
            )
            _tell(say, text)
            raise FixtureError(text) from error
        try:
            note.erase()
        except FixtureError as error:
            _tell(
                say,
                f"the fleet is as it was found, but noted as if not: `python -m perf clean --yes`; {error}",
            )


def _tell(say: Callable[[str], None], text: str) -> None:
    """Say it if anybody hears: a terminal that is gone must not keep the fleet from being put back."""
    with suppress(OSError, ValueError, RuntimeError):
        say(text)


@contextmanager
def shielded(say: Callable[[str], None]) -> Iterator[None]:
    """Neither Ctrl-C, SIGTERM nor a terminal that closes ends the block: it must have a deadline of its own.

    A signal that comes meanwhile is answered and dropped. Only the main thread can see to that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def answer(number: int, _: object) -> None:
        _tell(say, f"{signal.Signals(number).name} is not heard while the fleet is being put back")

    before = {each: signal.signal(each, answer) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            # None: set by somebody's C code, and not to be had again from here.
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
