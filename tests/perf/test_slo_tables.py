"""How the tables of slos.toml inherit, and what the shipped one makes of each case."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.case import EVERY_VARIANT, Case, Variant, axis
from perf.cases.errors import UsageError
from perf.cases.faults import fault_cases
from perf.cases.search import SearchCase, search_cases
from perf.cases.web import WebMode, web_cases
from perf.cases.worker import Mode, WorkerCase, worker_cases
from perf.judge.keys import examples
from perf.judge.slos import Slo, load_slos, parse_slo, parse_slos
from perf.measure.summary import METRICS
from tests.perf.judged import KINDS, WORKER, StandIn

SHIPPED = Path(__file__).parents[2] / "perf" / "slos.toml"
#: What each case was judged by when every variant and mode still had a whole table of its own.
JUDGED_BY = json.loads((Path(__file__).parent / "data" / "judged_by.json").read_text(encoding="utf-8"))
#: What was added on purpose since, by variant and kind or mode: work that is done twice is told, and the
#: response of sustained cases is held against bare ffmpeg on the same machine.
ADDED = {
    ("mocked", "worker"): ["duplicates == 0", "retries == 0"],
    ("local", "worker"): ["duplicates == 0", "retries == 0"],
    ("mocked", "sustained"): ["response_p50_vs_ideal <= 2"],
    ("local", "sustained"): ["response_p50_vs_ideal <= 1.3"],
}
WORKER_AND_WEB = [
    case for variant in Variant for case in (*worker_cases(variant, {}), *web_cases(variant, {}))
]
CASES = [
    *WORKER_AND_WEB,
    *(case for variant in Variant for case in (*search_cases(variant, {}), *fault_cases(variant, {}))),
]
CASE = WorkerCase(Variant.MOCKED, 50, 1, Mode.BURST, 24)


def table(variant: str, key: str, *slos: str) -> str:
    return f"[{variant}.{json.dumps(key)}]\nslos = {json.dumps(slos)}\n"


def book(*tables: str, kinds=KINDS):
    return parse_slos("".join(tables), "slos.toml", kinds)


def texts(found) -> list[str]:
    return [str(slo) for slo in found]


def refusal(*tables: str, kinds=KINDS) -> str:
    with pytest.raises(UsageError) as caught:
        book(*tables, kinds=kinds)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The shipped file


def test_every_case_is_judged_by_what_it_was_before_the_tables_inherited_and_what_was_added_since():
    shipped = load_slos(SHIPPED, KINDS)
    added = {
        case.id: [slo for key in case.tables for slo in ADDED.get((case.variant, key), ())]
        for case in WORKER_AND_WEB
    }
    assert {case.id: sorted(texts(shipped.for_case(case))) for case in WORKER_AND_WEB} == {
        name: sorted([*slos, *added[name]]) for name, slos in JUDGED_BY.items()
    }


def test_the_shipped_file_can_be_read_at_a_glance():
    assert len(SHIPPED.read_text(encoding="utf-8").splitlines()) < 105


# Which tables hold, and which of them is the stronger


@pytest.mark.parametrize("named", CASES, ids=lambda case: f"of {case.id}")
def test_all_tables_that_a_case_names_can_be_written_and_hold_for_it(named):
    metric = next(iter(next(kind for kind in KINDS if kind.name == named.kind).metrics))
    for variant in (EVERY_VARIANT, named.variant):
        for key in named.tables:
            assert texts(book(table(variant, key, f"{metric} <= 7")).for_case(named)) == [f"{metric} <= 7"]


def test_the_key_goes_before_the_variant():
    order = [(variant, key) for key in CASE.tables for variant in (EVERY_VARIANT, "mocked")]
    assert order == [
        ("all", "worker"),
        ("mocked", "worker"),
        ("all", "burst"),
        ("mocked", "burst"),
        ("all", "50MB-c1-burst"),
        ("mocked", "50MB-c1-burst"),
    ]
    tables = [table(*path, f"failed <= {k + 1}") for k, path in enumerate(order)]
    for strongest in range(len(order)):
        written = tables[: strongest + 1]
        for arranged in (written, written[::-1]):  # the order in the file says nothing
            assert texts(book(*arranged).for_case(CASE)) == [f"failed <= {strongest + 1}"]


def test_a_table_adds_to_the_weaker_ones_and_replaces_what_bounds_the_same_side():
    found = book(
        table("mocked", "burst", "failed <= 2", "parallelism_max >= 1"),
        table("all", "worker", "lost == 0", "failed == 0", "parallelism_max <= 4"),
    ).for_case(CASE)
    assert texts(found) == ["lost == 0", "parallelism_max <= 4", "failed <= 2", "parallelism_max >= 1"]
    assert [slo.source for slo in found] == ["slos.toml:4", "slos.toml:4", "slos.toml:2", "slos.toml:2"]


def test_tables_of_other_variants_modes_cases_and_kinds_do_not_hold():
    others = book(
        table("local", "worker", "failed == 0"),
        table("mocked", "sustained", "failed == 0"),
        table("all", "50MB-c2-burst", "failed == 0"),
        table("all", "web", "failed == 0"),
        table("all", "search", "trials >= 1"),
    )
    assert others.found_for(CASE) == ()
    with pytest.raises(UsageError, match=r"slos\.toml: no SLO for mocked-50MB-c1-burst"):
        others.for_case(CASE)


def test_a_kind_without_modes_has_tables_of_its_kind_and_its_cases():
    search = SearchCase(Variant.LOCAL, 50, 2, 12, 600)
    found = book(table("all", "search", "trials >= 2"), table("local", "50MB-c2", "trials >= 3"))
    assert texts(found.for_case(search)) == ["trials >= 3"]
    with pytest.raises(UsageError) as caught:
        book(table("all", "worker", "failed == 0")).for_case(search)
    assert 'add [local.search] or [local."50MB-c2"]' in str(caught.value)


# Laws

BOUNDS = st.builds(
    "{} {} {}".format,
    st.sampled_from(["lost", "failed", "unsent"]),
    st.sampled_from(["<=", ">=", "=="]),
    st.integers(1, 9),
)
PATHS = [
    (variant, key)
    for variant in (EVERY_VARIANT, *Variant)
    for key in ("worker", *Mode, *examples(WorkerCase, "50MB-c1"), *examples(WorkerCase, "100MB-c2"))
]
WORKER_CASES = [case for variant in Variant for case in worker_cases(variant, {})]


def compatible(slos: list[str]) -> bool:
    parsed = [parse_slo(slo, METRICS, [], "") for slo in slos]
    return not any(a.replaces(b) for k, a in enumerate(parsed) for b in parsed[:k])


FILES = st.dictionaries(
    st.sampled_from(PATHS), st.lists(BOUNDS, min_size=1, max_size=4).filter(compatible), max_size=8
)


def written(file, paths=None) -> str:
    return "".join(table(*path, *file[path]) for path in paths or file)


def paths_of(case: Case) -> list[tuple[str, str]]:
    """From the weakest table to the strongest."""
    return [(variant, key) for key in case.tables for variant in (EVERY_VARIANT, str(case.variant))]


@given(FILES, st.sampled_from(WORKER_CASES))
def test_no_metric_is_bounded_twice_on_one_side(file, case):
    found = book(written(file)).found_for(case)
    assert not any(a.replaces(b) for k, a in enumerate(found) for b in found[:k])


@given(FILES, st.sampled_from(WORKER_CASES))
def test_an_objective_holds_unless_a_stronger_table_bounds_the_same_side(file, case):
    levels = [[parse_slo(slo, METRICS, [], "") for slo in file.get(path, [])] for path in paths_of(case)]
    expected = [
        str(slo)
        for level, slos in enumerate(levels)
        for slo in slos
        if not any(other.replaces(slo) for stronger in levels[level + 1 :] for other in stronger)
    ]
    assert texts(book(written(file)).found_for(case)) == expected


@given(FILES, st.sampled_from(WORKER_CASES))
def test_what_a_table_bounds_no_other_leaves_unbounded(file, case):
    bounded = {slo.split()[0] for path in paths_of(case) for slo in file.get(path, [])}
    assert {slo.metric for slo in book(written(file)).found_for(case)} == bounded


@given(FILES, st.sampled_from(WORKER_CASES))
def test_an_unrelated_table_changes_nothing(file, case):
    related = {path: slos for path, slos in file.items() if path in paths_of(case)}
    assert texts(book(written(file)).found_for(case)) == texts(book(written(related)).found_for(case))


@given(FILES.flatmap(lambda file: st.tuples(st.just(file), st.permutations(list(file)))))
def test_the_order_of_the_tables_in_the_file_says_nothing(given_file):
    file, order = given_file
    one, other = book(written(file)), book(written(file, order))
    for case in WORKER_CASES:
        assert texts(one.found_for(case)) == texts(other.found_for(case))


#: What JSON and TOML write alike in quotes: TOML has no surrogates, and no bare DEL.
QUOTABLE = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\x7f")
KEYS = st.text(QUOTABLE, max_size=20) | st.sampled_from([key for case in CASES for key in case.tables])


@given(st.sampled_from([EVERY_VARIANT, *map(str, Variant)]), KEYS)
def test_any_key_is_one_of_a_kind_or_refused_in_one_line(variant, key):
    kinds = [StandIn(kind.name, kind.case, METRICS) for kind in KINDS]
    try:
        said = str(list(book(table(variant, key, "failed == 0"), kinds=kinds).tables))
    except UsageError as error:
        said = str(error)
    if any(key in case.tables for case in CASES):
        assert said == str([(variant, key)])
    else:
        refused = re.fullmatch(r"slos\.toml:1: unknown kind, mode or case .*", said)
        assert refused or re.fullmatch(r"[1-9]\d*MB-c[1-9]\d*(-[\w-]+)?", key)


# What is refused


def test_a_metric_must_exist_for_all_modes_of_a_table():
    message = refusal(table("all", "worker", "lost == 0", "efficiency >= 0.5"))
    assert message == (
        "slos.toml:2: 'efficiency >= 0.5': efficiency does not exist for sustained cases, only for burst; "
        "put it in a table such as [all.burst]"
    )
    assert "does not exist for web-smoke, web-ramp, web-steps, web-stable cases" in refusal(
        table("local", "web", "knee_per_s >= 1")
    )


@pytest.mark.parametrize("variant", [Variant.MOCKED, Variant.LOCAL])
@pytest.mark.parametrize("key", ["burst", "50MB-c1-burst"])
def test_it_does_in_a_table_of_its_mode(variant, key):
    case = WorkerCase(variant, 50, 1, Mode.BURST, 24)
    assert texts(book(table(variant, key, "efficiency >= 0.5")).for_case(case)) == ["efficiency >= 0.5"]


@pytest.mark.parametrize("key", ["sustained", "50MB-c1-sustained"])
def test_it_does_not_in_one_of_another_mode(key):
    assert "only for burst" in refusal(table("mocked", key, "efficiency >= 0.5"))


def test_metrics_are_those_of_the_kind():
    assert "unknown metric 'efficiency'" in refusal(table("all", "web", "efficiency >= 0.5"))
    assert "unknown metric 'upload_p95_s'" in refusal(table("all", "burst", "upload_p95_s <= 1"))
    assert "unknown metric 'triols'; did you mean 'trials'?" in refusal(table("all", "search", "triols >= 1"))


@pytest.mark.parametrize(
    ("variant", "key", "words"),
    [
        ("al", "worker", "unknown variant 'al'; did you mean 'all'?"),
        ("everywhere", "worker", "unknown variant 'everywhere'"),
        ("all", "wroker", "did you mean 'worker'?"),
        ("all", "seach", "did you mean 'search'?"),
        ("all", "web-smoek", "did you mean 'web-smoke'?"),
        ("all", "0MB-c1-burst", "unknown kind, mode or case '0MB-c1-burst'"),
        ("all", "worker-burst", "expected worker, burst, sustained, web, web-smoke"),
        ("all", "nothing", "or a case such as 1MB-c1-burst"),
    ],
)
def test_an_unknown_name_is_refused_with_its_line_and_the_nearest(variant, key, words):
    message = refusal("# a comment\n", table(variant, key, "lost == 0"))
    assert message.startswith("slos.toml:2: ")
    assert words in message


class Fault(StrEnum):
    KILL = "kill"
    BURST = "burst"


@dataclass(frozen=True, slots=True)
class FaultCase(Case):
    kind: ClassVar[str] = "fault"

    size_mb: int = axis("{}MB", "size")
    concurrency: int = axis("c{}", "concurrency")
    fault: Fault = axis("{}", "fault", table=True)


FAULT = StandIn("fault", FaultCase, METRICS)


@pytest.mark.parametrize("key", ["burst", "50MB-c1-burst"])
def test_a_key_of_two_kinds_is_refused(key):
    message = refusal(table("all", key, "lost == 0"), kinds=[WORKER, FAULT])
    assert message.startswith(f"slos.toml:1: {key!r} could be of worker or fault cases; ")
    assert "[all.worker]" in message


def test_what_two_kinds_do_not_share_is_theirs():
    tables = book(
        table("all", "fault", "failed <= 2"),
        table("all", "kill", "lost == 0"),
        table("all", "worker", "failed == 0"),
        kinds=[WORKER, FAULT],
    )
    assert texts(tables.for_case(FaultCase(Variant.LOCAL, 50, 1, Fault.KILL))) == [
        "failed <= 2",
        "lost == 0",
    ]
    assert texts(tables.for_case(CASE)) == ["failed == 0"]


def test_a_kind_called_as_another_is_refused():
    assert "could be of worker or worker cases" in refusal(
        table("all", "worker", "lost == 0"), kinds=[WORKER, WORKER]
    )


@pytest.mark.parametrize("key", ["web-smoke", "search", "50MB-c1"])
def test_nothing_is_known_of_a_kind_that_is_not_given(key):
    message = refusal(table("all", key, "lost == 0"), kinds=[WORKER])
    assert f"unknown kind, mode or case {key!r}" in message


def test_the_sources_tell_the_table():
    (slo,) = book(table("all", "web", "failed == 0"), table("all", "web-knee", "failed <= 1")).for_case(
        next(case for case in WORKER_AND_WEB if case.key == WebMode.KNEE)
    )
    assert slo == Slo("failed", "<=", 1.0, "slos.toml:4")
