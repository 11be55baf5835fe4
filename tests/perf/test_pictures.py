"""The pictures: what they show in words is worked out by hand; the SVG is one for light and dark."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from perf.cases.worker import Mode
from perf.load.locust_run import LoadSpec
from perf.measure.bisection import Outcome
from perf.measure.ledger import Ledger
from perf.measure.numbers import number
from perf.pipeline import ReportedWorker, State
from perf.report import overview, plots, search_plots, web_plots
from perf.report.drawing import COLOURS, styled
from tests.perf.results import result, search_result
from tests.perf.sample_run import knee_result
from tests.perf.tasks import task


def of(*records, **given):
    return result(ledger=Ledger.of(records), **given)


@styled()
def words(draw, case):
    picture = draw(case)
    return picture.description if picture else None


def test_a_replaced_process_is_a_restart_and_an_idle_place_is_shown():
    case = of(
        task("a", 0, 0, 4, worker="h/0/10"),
        task("b", 0, 4, 8, worker="h/0/10"),
        task("c", 0, 9, 12, worker="h/0/77"),
    )
    lanes = plots._lanes(case.ledger, [ReportedWorker("w", "h", 9, 2)])
    assert {name: len(mine) for name, mine in lanes.items()} == {"h/0": 3, "h/1": 0}
    assert list(plots._restarts(lanes["h/0"])) == [(9.0, "77")]
    assert words(plots.gantt, case).startswith("1 worker process, busy 92 % of the time, 1 restart. ")


def test_two_workers_on_one_host_are_not_taken_for_restarts():
    records = [task("a", 0, 0, 4, worker="h/0/10"), task("b", 0, 1, 5, worker="h/0/11")]
    lanes = plots._lanes(Ledger.of(records), [])
    assert list(lanes) == ["h/0/10", "h/0/11"]
    assert [list(plots._restarts(mine)) for mine in lanes.values()] == [[], []]


def test_the_words_of_the_backlog_by_hand():
    case = of(task("a", 0, 0, 4), task("b", 2, 4, 8), task("c", 6, 8, None, status=State.PROCESSING))
    assert (
        words(plots.backlog, case)
        == "Peak 2 tasks; the last was due after 6 s, the last event was after 8 s."
    )


@pytest.mark.parametrize("records", [[], [task("a", 0, None, None)]])
def test_a_case_without_data_has_fewer_pictures_and_no_error(records):
    assert {picture.name for picture in plots.pictures(of(*records))} <= {"backlog"}


def without_bare_runs(concurrency):
    """As a deployment elsewhere has it, or a pipeline that has no bare command."""
    case = result(concurrency=concurrency)
    return replace(case, summary=replace(case.summary, efficiency=None, ideal_throughput_per_min=None))


def test_throughput_against_concurrency_needs_no_bare_runs():
    cases = [without_bare_runs(concurrency=level) for level in (1, 2)]
    x = number(cases[0].summary.throughput_per_min)
    assert words(overview.scaling, cases) == f"Throughput, videos per minute. 50 MB: {x} at 1, {x} at 2."


def test_efficiency_is_told_once_of_each_case_that_has_one():
    cases = [result(concurrency=1), without_bare_runs(concurrency=2), result(concurrency=4)]
    at = [f"{number(case.summary.efficiency)} at {case.case.workers}" for case in (cases[0], cases[2])]
    title = "Efficiency = throughput / that of bare ffmpeg"
    assert words(overview.scaling, cases) == f"{title}. 50 MB: {', '.join(at)}."


def test_a_picture_is_well_formed_named_and_in_variables_alone():
    for picture in plots.pictures(result()) + overview.pictures([result()]):
        root = ET.fromstring(picture.svg)
        assert root.attrib["aria-label"].startswith(picture.title)
        drawn = picture.svg.split("</style>", 1)[1]
        for role, (light, _) in COLOURS.items():
            assert f": {light}" not in drawn, role
        assert picture.png().startswith(b"\x89PNG")


@pytest.mark.parametrize("night", [False, True])
def test_text_and_lines_have_contrast(night):
    def luminance(colour: str) -> float:
        channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(COLOURS[one][night]), luminance(COLOURS[other][night])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for role in ("ink", "first", "second", "third"):
        assert contrast(role, "paper") >= 4.5
    for verdict in ("pass", "fail", "invalid", "broken"):
        assert contrast("ink", verdict) >= 4.5


@styled()
def test_the_matrix_says_what_its_figures_are():
    burst, sustained = result(mode=Mode.BURST), result(mode=Mode.SUSTAINED)
    assert overview.matrix([burst]).description == "1 case: 1 FAIL."
    assert (
        overview.matrix([burst, sustained]).description == "2 cases: 2 FAIL. p50: the median response time."
    )


def test_users_are_shown_of_a_closed_loop_alone():
    of_rate = replace(knee_result(), users=(2, 4))
    assert of_rate.load.rate_per_s == 60
    assert words(web_plots.users, of_rate) is None
    assert words(web_plots.users, replace(of_rate, load=LoadSpec(10.0))) == "At most 4 users."
    assert words(web_plots.users, replace(of_rate, load=LoadSpec(10.0), users=())) is None


def test_the_load_ends_with_its_last_whole_second():
    case = knee_result()
    assert case.seconds[-1].second + 1 > case.load.run_s
    for axes in web_plots.load(case).figure.axes:
        assert {line.get_xdata()[-1] for line in axes.lines if len(line.get_xdata()) > 2} == {9}


@pytest.mark.parametrize("outcomes", [[outcome] for outcome in Outcome] + [list(Outcome)])
def test_a_search_shows_every_trial_whatever_came_of_it(outcomes):
    (picture,) = search_plots.pictures(search_result(*outcomes))
    assert picture.description.startswith(f"{len(outcomes)} trials; ")
    assert all(f">{outcome}<" in picture.svg for outcome in outcomes)


def test_a_search_without_a_trial_has_no_picture():
    assert search_plots.pictures(search_result()) == []
