"""Which cases run: options, markers, parameters, and the guards that hold for every kind before any load."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, combinations, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from _pytest.mark.expression import Expression  # pytest has no public way to ask -m again

from perf.cases.case import Case, Variant
from perf.cases.errors import HarnessError, UsageError
from perf.cases.worker import require_room
from perf.deploy.pricing import price_of_node
from perf.judge.slos import SloBook, contradiction, load_slos
from perf.measure.cost import estimate, require_price
from perf.plugin import hooks
from perf.plugin.ending import end_in_order
from perf.plugin.options import STASHED, add_options, read_options
from perf.plugin.slot import SLOTS
from perf.plugin.terminal import is_terminal, width_of
from perf.report.aligned import folded
from perf.run.kind import Kind
from perf.run.kinds import with_ours
from perf.store.folder import RunFolder

MARKERS = {
    Variant.MOCKED: "on this machine with stand-in clips; runs where no -m says otherwise",
    Variant.LOCAL: "on this machine with clips of the real size",
    Variant.AWS: "against the deployment that the environment names",
}

BOOK = pytest.StashKey[SloBook]()
#: The tests that run cases of ours.
OURS = pytest.StashKey[set[tuple[str, int | None]]]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """The hooks for others."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(trylast=True)  # after the plugins that bring kinds of their own have been loaded
def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of every kind, and the suite's own."""
    add_options(parser, _kinds(pluginmanager))


def _kinds(pluginmanager: pytest.PytestPluginManager) -> tuple[Kind[Any, Any], ...]:
    with refused():
        return with_ours(kind for kinds in pluginmanager.hook.pytest_perf_kinds() for kind in kinds or ())


@contextmanager
def refused() -> Iterator[None]:
    """What makes no sense ends the run in pytest's own way: one line and exit status 4."""
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, read the options."""
    for variant, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{variant}: {meaning}")
    config.addinivalue_line("markers", "bench: a benchmark of the suite's own code; runs with -m bench")
    config.stash[OURS] = set()
    kinds = _kinds(config.pluginmanager)
    for kind in kinds:
        if kind.marker:
            config.addinivalue_line("markers", f"{kind.marker}: {kind.feature}; runs with -m {kind.marker}")
    with refused():
        config.stash[STASHED] = read_options(config, kinds)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a kind's parameter runs once for each of its cases."""
    options = metafunc.config.stash[STASHED]
    for kind in options.kinds:
        if kind.parameter in metafunc.fixturenames and not _is_theirs(metafunc, kind.parameter):
            metafunc.config.stash[OURS].add(_place(metafunc.definition))
            metafunc.parametrize(
                kind.parameter,
                [
                    pytest.param(case, id=case.id, marks=_marks(kind, case))
                    for case in options.cases[kind.name]
                ],
            )


def _is_theirs(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether a parameter is somebody's own that is called as ours is: by a mark, or as a fixture."""
    marks = metafunc.definition.iter_markers("parametrize")
    named = (mark.args[0] if mark.args else mark.kwargs.get("argnames", ()) for mark in marks)
    lists = (each.replace(",", " ").split() if isinstance(each, str) else each for each in named)
    return name in metafunc._arg2fixturedefs or any(name in each for each in lists)  # no public way to ask


def _place(item: pytest.Item) -> tuple[str, int | None]:
    """Which test an item is, whatever its parameters."""
    return item.location[:2]


def _marks(kind: Kind[Any, Any], case: Case) -> list[pytest.MarkDecorator]:
    names = [str(case.variant), *([kind.marker] if kind.marker else [])]
    return [getattr(pytest.mark, name) for name in names]


@pytest.hookimpl(trylast=True)  # after -m and -k have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what was asked for; hold the SLOs of the chosen cases against their metrics."""
    others = [item for item in items if not _asked_for(config, item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    chosen = [(kind_of(config, case), case) for case in map(case_of, items) if case]
    if not chosen:
        return
    options = config.stash[STASHED]
    with refused():
        _require_own_ids([case for _, case in chosen])
        book = load_slos(options.slos, options.kinds)
        for kind, case in chosen:
            require_room(case)
            if why := contradiction(kind.slos(book, case)):
                raise UsageError(f"{case.id}: {why}")
        config.stash[BOOK] = book


def _require_own_ids(cases: list[Case]) -> None:
    """See to it that no case has another's files."""
    times = Counter(case.id for case in cases)
    for twice in (each for each, count in times.items() if count > 1):
        if len({id(case) for case in cases if case.id == twice}) > 1:
            raise UsageError(f"{twice} is the id of several cases: see the axes of their kinds")
        raise UsageError(
            f"{twice} would run {times[twice]} times: something repeats tests, such as pytest-repeat by its "
            "--count; beside it the tasks of a case are --perf-count"
        )


def _asked_for(config: pytest.Config, item: pytest.Item) -> bool:
    """The mocked cases unasked; all else where it is named: by -m, by its id, or by the file of its kind.

    A marker that an expression merely lets through is not named: `-m "search or mocked"` asks for no search
    on aws, and `-m "not aws"` for no local case.
    """
    if _is_named(config, item):
        return True
    case = case_of(item)
    if case is None and _place(item) in config.stash[OURS]:
        return False  # the test of a kind that has no cases in this run
    if case is None:
        return item.get_closest_marker("bench") is None or _named_by_marker(config, item, "bench")
    kind = kind_of(config, case)
    marker = "" if kind.chosen else kind.marker
    if marker and item.path not in _files(config) and not _named_by_marker(config, item, marker):
        return False
    return case.variant is Variant.MOCKED or _named_by_marker(config, item, case.variant)


def _named_by_marker(config: pytest.Config, item: pytest.Item, marker: str) -> bool:
    """Whether -m asks for this marker: whether it makes a difference, beside some of the item's others."""
    if not config.option.markexpr:
        return False
    expression = Expression.compile(config.option.markexpr)
    others = {mark.name for mark in item.iter_markers()} - {marker}

    def holds(names: Collection[str]) -> bool:
        return expression.evaluate(lambda name, /, **_: name in names)

    some = chain.from_iterable(combinations(others, size) for size in range(len(others) + 1))
    return any(holds({*names, marker}) and not holds(names) for names in some)


def _is_named(config: pytest.Config, item: pytest.Item) -> bool:
    """Whether the command line names this very item, by its id."""
    _, _, name = item.nodeid.partition("::")
    return any(
        arg.endswith("]") and arg.partition("::")[2] == name and _path_of(config, arg) == item.path
        for arg in config.args
    )


def _names(item: pytest.Item) -> Sequence[str]:
    """The fixtures and parameters that a test takes."""
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names


def _files(config: pytest.Config) -> set[Path]:
    """The files that the command line names."""
    return {_path_of(config, arg) for arg in config.args}


def _path_of(config: pytest.Config, arg: str) -> Path:
    return (config.invocation_params.dir / arg.partition("::")[0]).resolve()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse what cannot run, before any load."""
    config = session.config
    cases = [case for case in map(case_of, session.items) if case]
    if config.option.collectonly or not cases or BOOK not in config.stash:  # refused already
        return
    shells, terminal = shells_of(config), is_terminal(config) and SLOTS not in config.stash
    for variant, (name, shell) in product(dict.fromkeys(case.variant for case in cases), shells.items()):
        try:
            missing = config.hook.pytest_perf_missing(variant=variant, shell=shell, terminal=terminal)
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from error
        if missing:
            raise pytest.UsageError(f"slot {name}: {missing}" if name else missing)
    if any(case.variant is Variant.AWS for case in cases):
        with refused():
            for shell in shells.values():
                require_price(config.stash[STASHED].max_usd, price_of_node(shell))
    if any("run_folder" in _names(item) for item in session.items):
        with refused():  # now, and not when the servers run
            RunFolder.create(config.stash[STASHED].results, {})
    end_in_order(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Measured cases do not run in parallel on one deployment: they would measure each other."""
    if SLOTS in node.config.stash:
        return
    known = {case.id for cases in node.config.stash[STASHED].cases.values() for case in cases}
    if any(test.partition("[")[2].removesuffix("]") in known for test in ids):
        pytest.exit(
            "measured cases run one at a time: leave out -n, or give -n0; those of several deployments run "
            "side by side with --slots",
            returncode=4,
        )


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say what will run, and where its results go."""
    count = sum(1 for item in items if case_of(item))
    options = config.stash[STASHED]
    if not count:
        return []
    cost = _cost([case for case in map(case_of, items) if case], config)
    said = [f"perf: {count} measured case(s), results in {options.results}", *([cost] if cost else [])]
    begun = config.get_terminal_writer().width_of_current_line  # by xdist
    return [*([""] if begun else []), *folded(said, width_of(config))]


def _cost(cases: Sequence[Case], config: pytest.Config) -> str:
    """What the aws cases may cost at most; that the price makes no sense is said where they are refused."""
    if not any(case.variant is Variant.AWS for case in cases):
        return ""  # without a look at any price: that is asked of AWS
    try:
        prices = [price_of_node(shell) for shell in shells_of(config).values()]
    except UsageError:
        return ""
    known = [each for each in prices if each is not None]
    dearest = max(known, key=lambda each: each.usd_per_h) if len(known) == len(prices) else None
    return estimate(cases, dearest, config.stash[STASHED].drain_deadline_s)


def case_of(item: pytest.Item) -> Case | None:
    """The measured case that a test is, if it is one."""
    callspec = getattr(item, "callspec", None)
    return next((value for value in _values(callspec) if isinstance(value, Case)), None)


def _values(callspec: Any) -> Iterator[object]:
    yield from callspec.params.values() if callspec else ()


def kind_of(config: pytest.Config, case: Case) -> Kind[Any, Any]:
    """The kind of a case."""
    return next(kind for kind in config.stash[STASHED].kinds if kind.name == case.kind)


def shell_of(config: pytest.Config, variables: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """The environment, with these *variables* in it; --api-url goes before its PERF_API_URL."""
    url = config.stash[STASHED].api_url
    return {**os.environ, **variables, **({"PERF_API_URL": url} if url else {})}


def shells_of(config: pytest.Config) -> Mapping[str, Mapping[str, str]]:
    """That of each deployment of the run, by the name of its slot; without slots the one, without a name."""
    slots = config.stash.get(SLOTS, ())
    return {slot.name: shell_of(config, slot.variables) for slot in slots} or {"": shell_of(config)}
