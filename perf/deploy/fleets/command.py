"""A command of the user's sets the fleet: PERF_WORKER_COMMAND, or PERF_WORKERS=command:..."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator

from perf.deploy.errors import FleetError
from perf.deploy.fleet import fleet_of
from perf.deploy.fleets.outside import OutsideFleet
from perf.deploy.looks.look import wrong
from perf.deploy.processes import run_to_end
from perf.pipeline import Finding, Fleet, Pipeline

#: The variable that holds the command, where PERF_WORKERS holds none.
VARIABLE = "PERF_WORKER_COMMAND"


class CommandFleet(OutsideFleet):
    """See perf.deploy.fleet.KeptControl.

    In the command's words `{concurrency}` stands for the worker processes over all nodes, `{nodes}` for the
    nodes and `{per_node}` for the worker processes on each.

    Args:
        command: the words, as a shell would split them.
        pipeline: where the workers report.
        variable: what holds the command; the command itself is not told, it may hold a secret.
        deadline_s: how long it may take.
    """

    name = "command"

    def __init__(
        self, command: str, pipeline: Pipeline, variable: str = VARIABLE, deadline_s: float = 600.0
    ) -> None:
        super().__init__(pipeline)
        self._words = shlex.split(command)
        self._variable = variable
        self.description = f"the command in {variable}"
        self.deadline_s = deadline_s

    def found(self) -> Fleet:
        """See FleetControl.

        Raises:
            FleetError: nodes of several sizes, which a command that is given nodes could not put back.
        """
        workers = self._pipeline.workers()
        fleet = fleet_of(workers)
        if fleet.nodes != len({each.node for each in workers if each.concurrency}) and self._counts_nodes:
            raise FleetError(
                f"the fleet has nodes of several sizes, which {self._variable} could not put back by "
                "{nodes} and {per_node}: make them alike, or give the command {concurrency}"
            )
        return fleet

    @property
    def _counts_nodes(self) -> bool:
        return not any("{concurrency}" in word for word in self._words)

    def scale(self, fleet: Fleet) -> None:
        """Run the command; it must end with 0.

        Raises:
            FleetError: it did not, or nodes were asked for that it does not know of.
        """
        if fleet.exact and not self._counts_nodes:
            raise FleetError(
                f"{self._variable} is given {{concurrency}} alone, and cannot set {fleet}: give it "
                "{nodes} and {per_node}, or leave out --nodes"
            )
        what = f"{self._variable} for {fleet}"
        try:
            done = run_to_end([filled(word, fleet) for word in self._words], self.deadline_s)
        except OSError as error:
            raise FleetError(f"{what} could not be run: {error}") from error
        except subprocess.TimeoutExpired:  # whose text is the whole command
            raise FleetError(f"{what} did not end within {self.deadline_s:g} s, and was killed") from None
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
            raise FleetError(f"{what} ended with {done.returncode}: {' | '.join(reason)}")

    def look(self) -> Iterator[Finding]:
        """Whether it begins with a program."""
        if not shutil.which(self._words[0]):
            yield wrong("workers", f"{self._variable}: {self._words[0]} is no program that can be run here")


def filled(text: str, fleet: Fleet) -> str:
    """The text with the numbers of the fleet in its placeholders."""
    values = {"concurrency": fleet.total, "nodes": fleet.nodes, "per_node": fleet.per_node}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def complaint(command: str, variable: str = VARIABLE) -> str:
    """What is wrong with a command; empty when nothing is."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"{variable}: cannot be split into words: {error}"
    if words and ("{concurrency}" in command or ("{nodes}" in command and "{per_node}" in command)):
        return ""
    return f"{variable}: has neither {{concurrency}} in it, nor {{nodes}} and {{per_node}}"
