"""A run on several deployments side by side (--slots FILE -n N): xdist's processes measure on one each.

The run's own process refuses what cannot run before it starts them, hands each the variables of its
deployment, gives them cells, and makes of the cases' documents what is the whole run's: rows, history,
metrics, tables and the exit status. However it ends, it waits until each has put its fleet back.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perf.cases.case import Case, Variant
from perf.cases.errors import UsageError
from perf.cases.slots import Slot, read_slots, require_apart
from perf.deploy.fleets.choice import DEADLINE_S
from perf.deploy.kept import shielded
from perf.plugin.collection import case_of, kind_of, refused, shells_of
from perf.plugin.envelopes import write_metrics
from perf.plugin.options import STASHED, Options
from perf.plugin.running import RESULTS, take_up
from perf.plugin.slot import CANNOT_GO_ON, SLOTS, handed, slot_of
from perf.plugin.terminal import line_writer
from perf.store.documents import read_case
from perf.store.folder import RunFolder

SESSION = pytest.StashKey[pytest.Session]()
#: xdist's processes, in the order of their slots.
NODES = pytest.StashKey[list[Any]]()
#: The tests that are cases, by their node ids; of these, those that are not taken up yet.
CASES = pytest.StashKey[dict[str, tuple[pytest.Item, Case]]]()
_PENDING = pytest.StashKey[set[str]]()
#: A fleet takes its deadline to be put back, and what is left of the case is removed before.
_ROOM_S = 120.0


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Before other plugins read their options, set those that go with slots.

    A process that died is not replaced: its deployment is to be put in order first. And pytest-benchmark need
    not warn that it measures nothing in parallel: it is never what measures a case.
    """
    if config.getoption("perf_slots", None) or config.getini("perf_slots"):
        config.option.maxworkerrestart = "0"
        config.option.benchmark_disable = True


@pytest.hookimpl(trylast=True)  # after the options are read
def pytest_configure(config: pytest.Config) -> None:
    """Read the slots; in the process of one, take what the run has decided."""
    options = config.stash[STASHED]
    if own := slot_of(config):
        share_usd = options.max_usd and options.max_usd / own.of
        config.stash[STASHED] = replace(options, results=own.results, max_usd=share_usd)
    elif options.slots is not None:
        with refused():
            config.stash[SLOTS] = _slots(config, options, options.slots)
        config.stash[NODES], config.stash[CASES], config.stash[_PENDING] = [], {}, set()


def _slots(config: pytest.Config, options: Options, path: Path) -> tuple[Slot, ...]:
    """Those that the run's processes measure on."""
    processes = getattr(config.option, "tx", None) or []
    if not processes:
        raise UsageError(f"--slots {path}: goes with -n, a process for each slot, e.g. -n 2")
    if set(processes) != {"popen"}:
        raise UsageError(f"--slots {path}: goes with -n alone, since its processes are on this machine")
    if options.update_baseline:
        raise UsageError("--update-baseline: what it accepts is of one deployment; leave out --slots")
    slots = read_slots(path)
    if len(processes) > len(slots):
        raise UsageError(
            f"-n {len(processes)}: more than the slots in {path}, {len(slots)}; each needs one of its own"
        )
    return slots[: len(processes)]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the session for xdist's hook."""
    session.config.stash[SESSION] = session


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Collect here too, which xdist leaves to its processes: what cannot run is refused before they start."""
    if SLOTS not in config.stash:
        return
    session, xdist = config.stash[SESSION], config.pluginmanager.getplugin("dsession")
    config.pluginmanager.subset_hook_caller("pytest_collection", [xdist])(session=session)
    if session.testsfailed and not config.option.continue_on_collection_errors:
        raise session.Interrupted(f"{session.testsfailed} error(s) while collecting")


@pytest.hookimpl(tryfirst=True)  # before the results get their folder
def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse cases that are not for slots, and slots that have something in common."""
    config = session.config
    if SLOTS not in config.stash or config.option.collectonly or sys.exc_info()[0]:
        return  # pytest asks this also when it has refused already
    cases = {item.nodeid: (item, case) for item in session.items if (case := case_of(item))}
    path = config.stash[STASHED].slots
    with refused():
        if not cases:
            raise UsageError(f"--slots {path}: no measured case was chosen; its slots are for -m aws")
        for _, case in cases.values():
            if case.variant is not Variant.AWS:
                raise UsageError(
                    f"--slots {path}: {case.id} runs on this machine, where measured cases run one at a "
                    "time; slots are for -m aws"
                )
        require_apart(shells_of(config))
    config.stash[CASES] = cases
    config.stash[_PENDING] = set(cases)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand a process its slot."""
    config = node.config
    if SLOTS in config.stash:
        nodes, slots = config.stash[NODES], config.stash[SLOTS]
        node.workerinput |= handed(slots[len(nodes)], config.stash[STASHED].results, len(slots))
        nodes.append(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Cells, and not single cases, are handed out."""
    if SLOTS not in config.stash:
        return None
    from perf.plugin.cells import CellScheduling  # noqa: PLC0415 - xdist may not be there

    cells = {nodeid: f"{case.kind} {case.cell}" for nodeid, (_, case) in config.stash[CASES].items()}
    return CellScheduling(config, log, cells)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Say whose deployment a process that died has left."""
    config = node.config
    if SLOTS in config.stash and error and error != "keyboard-interrupt":
        line_writer(config)(
            f"the process of slot {_name(config, node)} died: with its variables, `python -m perf clean` "
            "says what it left, and --yes puts it in order"
        )


def _name(config: pytest.Config, node: Any) -> str:
    return config.stash[SLOTS][config.stash[NODES].index(node)].name


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take up the case that has ended."""
    config = getattr(getattr(report, "node", None), "config", None)  # xdist's, in the run's own process alone
    if report.when == "call" and config is not None and SLOTS in config.stash:
        _take_up(config)


def _take_up(config: pytest.Config) -> None:
    """Make of the documents that are new what is the whole run's."""
    folder, pending = RunFolder(config.stash[STASHED].results, {}), config.stash[_PENDING]
    for nodeid, (item, case) in config.stash[CASES].items():
        path = folder.path / f"case_{case.id}.json"
        if nodeid not in pending or not path.exists():
            continue
        pending.remove(nodeid)
        kind = kind_of(config, case)
        result = read_case(path, [kind]).result
        if result is not None:
            folder.add_row(kind, result)
            take_up(item, kind, result, folder)
    write_metrics(config)


@pytest.hookimpl(tryfirst=True)  # before xdist ends its processes, and before the results are counted
def pytest_sessionfinish(session: pytest.Session) -> None:
    """See every slot to its end, also where the run was ended in the middle; take up what is left."""
    config = session.config
    if SLOTS not in config.stash:
        return
    say = line_writer(config)
    with shielded(say):
        for name in _unended(config):
            say(f"slot {name} did not end: with its variables, `python -m perf clean` says what it left")
    xdist: Any = config.pluginmanager.getplugin("dsession")
    if str(getattr(xdist, "shouldstop", "")).startswith(CANNOT_GO_ON):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    _take_up(config)
    order = [case.id for _, case in config.stash[CASES].values()]
    config.stash[RESULTS].sort(key=lambda result: order.index(result.case.id))


def _unended(config: pytest.Config) -> list[str]:
    """End what still runs, as Ctrl-C would; the names of those that have not in the end."""
    running = {
        _name(config, node): node
        for node in config.stash[NODES]
        if not hasattr(node, "workeroutput") and not node.channel.isclosed()
    }
    for node in running.values():
        with suppress(ProcessLookupError):
            os.kill(node.gateway._rinfo().pid, signal.SIGTERM)
    deadline_s = time.monotonic() + (config.stash[STASHED].workers_deadline_s or DEADLINE_S) + _ROOM_S
    return [name for name, node in running.items() if not _ended(node.channel, deadline_s)]


def _ended(channel: Any, deadline_s: float) -> bool:
    """Whether a process has, once it has or the deadline is over."""
    try:
        channel.waitclose(max(0.0, deadline_s - time.monotonic()))
    except channel.TimeoutError:
        return False
    except (channel.RemoteError, EOFError):  # it ended, and not in order; it has said so itself
        pass
    return True
