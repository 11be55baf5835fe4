"""A result of each kind is read back as it was written, whatever is in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from perf.cases.case import Variant
from perf.cases.endpoints import read_endpoints
from perf.cases.search import search_cases
from perf.cases.web import web_cases
from perf.cases.worker import Mode, worker_cases
from perf.judge.check import Problem
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.load.locust_run import LoadSpec
from perf.load.request_log import Begin, GeneratorLog, Request, Totals
from perf.measure.bisection import Capacity, Outcome, Trial
from perf.measure.ideal import Ideal
from perf.measure.intervals import Interval
from perf.measure.metrics import summarise
from perf.measure.web import Window, merged, per_second, summarise_web
from perf.pipeline import Clip, ReportedWorker
from perf.run.kinds import KINDS
from perf.run.search import HELD, SEARCH, SearchResult, SearchSummary
from perf.run.web import WEB, WebFacts, WebResult
from perf.run.web_load import STEP_METRICS, Step
from perf.run.worker import WORKER
from perf.run.worker_result import WorkerFacts, WorkerResult
from perf.store.documents import document, read_case
from perf.store.files import write_json
from perf.store.result import Phase
from tests.perf.tasks import ledgers
from tests.perf.test_machine import QUIET

MACHINE = {"host": "h", "packages": {"celery": "5.7.0"}, "git_commit": None}

numbers = st.floats(-1e9, 1e9)
positive = st.floats(1e-9, 1e9)
texts = st.text(max_size=12)
some_numbers = st.none() | numbers
problems = st.lists(st.builds(Problem, texts, texts, texts), max_size=2)
phases = st.lists(st.builds(Phase, texts, numbers, numbers), max_size=3).map(tuple)
spreads = st.dictionaries(texts, st.builds(Interval, numbers, numbers), max_size=3)
clips = st.builds(
    Clip,
    st.sampled_from([Path("/clips/a b.mp4"), Path("c.mp4")]),
    texts,
    texts,
    st.integers(0),
    st.booleans(),
)
parts = st.dictionaries(texts, positive, max_size=2)
uses = st.none() | st.builds(lambda own, parts: replace(QUIET, own_cores=own, parts=parts), positive, parts)
settings_ = st.dictionaries(texts, st.integers() | texts | st.lists(texts, max_size=2), max_size=2)
workers = st.builds(
    ReportedWorker, texts, texts, st.integers(1, 2**22), st.integers(1, 64), texts, settings_, st.booleans()
)
slos = st.lists(
    st.builds(
        Slo,
        st.sampled_from(["lost", "error_ratio", "response_p95_s", "response_p50_s"]),
        st.sampled_from(["<=", ">=", "<", ">", "=="]),
        numbers,
        texts,
    ),
    max_size=3,
)


@st.composite
def worker_results(draw):
    case = draw(st.sampled_from([case for each in Variant for case in worker_cases(each, {})]))
    ledger = draw(ledgers(min_size=0))
    bare = st.builds(Ideal, positive, st.tuples(positive, positive), st.integers(1, 8), st.floats(0.5, 2))
    ideal = draw(st.none() | bare)
    summary = summarise(ledger, concurrency=case.concurrency, mode=case.mode, ideal=ideal)
    of_tasks = [slo for slo in draw(slos) if slo.metric in WORKER.metrics]
    spread = draw(spreads)
    return WorkerResult(
        case=replace(case, rate_per_min=draw(st.none() | positive)),
        summary=summary,
        verdict=judge(summary, of_tasks, draw(problems), {slo.metric: Interval(0, 1) for slo in of_tasks}),
        intervals=spread,
        machine_use=draw(uses),
        phases=draw(phases),
        ideal=ideal,
        facts=WorkerFacts(
            draw(st.dictionaries(texts, texts, max_size=2)),
            tuple(draw(st.lists(workers, max_size=2))),
            draw(clips),
            draw(st.none() | positive),
            draw(texts),
            draw(positive),
            draw(texts),
            tuple(draw(st.lists(texts, max_size=2))),
        ),
        ledger=ledger,
    )


@st.composite
def requests(draw):
    endpoint = draw(st.sampled_from([endpoint.name for endpoint in read_endpoints()]))
    due_s = 1e9 + draw(st.integers(0, 40)) / 4
    fate = draw(st.sampled_from(["answered", "failed", "outstanding", "dropped"]))
    sent_s = None if fate == "dropped" else due_s + draw(st.integers(0, 4)) / 8
    ended_s = sent_s + draw(st.integers(1, 40)) / 8 if fate in ("answered", "failed") else None
    return Request(endpoint, due_s, sent_s, ended_s, 200, None if fate == "answered" else fate)


@st.composite
def web_results(draw):
    case = draw(st.sampled_from([case for each in Variant for case in web_cases(each, {})]))
    rows = tuple(draw(st.lists(requests(), max_size=20)))
    logs = [GeneratorLog(Begin(0, 1e9), rows, Totals(0, 0, 0, 0, 1e9 + 20, 1.0, 10.0, (0.0, 0.25)))]
    window = Window(1e9 + draw(st.integers(0, 3)), 1e9 + 11)
    names = [endpoint.name for endpoint in read_endpoints()]
    summary = summarise_web(logs, window, is_open=draw(st.booleans()), endpoints=names)
    of_load = [slo for slo in draw(slos) if slo.metric in WEB.metrics]
    figures = st.fixed_dictionaries(dict.fromkeys(STEP_METRICS, some_numbers))
    return WebResult(
        case=case,
        summary=replace(summary, knee_per_s=draw(st.none() | positive)),
        verdict=judge(summary, of_load, draw(problems)),
        intervals=draw(spreads),
        machine_use=draw(uses),
        phases=draw(phases),
        load=LoadSpec(draw(positive), draw(st.none() | positive), users=3, endpoints=("health",)),
        window=window,
        requests=draw(texts),
        facts=WebFacts(draw(texts), draw(clips), draw(texts), draw(texts)),
        seconds=tuple(per_second(merged(logs), 1e9)),
        users=tuple(draw(st.lists(st.integers(0, 99), max_size=4))),
        steps=tuple(draw(st.lists(st.builds(Step, positive, texts, figures, st.booleans()), max_size=3))),
    )


@st.composite
def search_results(draw):
    case = draw(st.sampled_from([case for each in Variant for case in search_cases(each, {})]))
    trial = st.builds(Trial, positive, st.integers(2, 99), st.sampled_from(Outcome), texts, positive)
    trials = tuple(draw(st.lists(trial, max_size=4)))
    found = Capacity(draw(st.none() | positive), draw(st.none() | positive), trials, draw(texts))
    summary = SearchSummary(
        sustainable_per_min=found.low,
        broken_per_min=found.high,
        capacity_per_min=draw(positive),
        trials=len(trials),
        trials_held=sum(each.outcome is Outcome.HELD for each in trials),
    )
    return SearchResult(
        case=case,
        summary=summary,
        verdict=judge(summary, [HELD], draw(problems)),
        machine_use=draw(uses),
        phases=draw(phases),
        found=found,
    )


def read_again(kind, result, kinds=KINDS):
    """The case, through a file as a run leaves it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"case_{result.case.id}.json"
        write_json(path, document(kind, result, MACHINE))
        return read_case(path, kinds)


def agrees(case, kind, result):
    """What stands at the head of a document is the result's."""
    assert (case.id, case.kind, case.variant) == (result.case.id, kind.name, result.case.variant)
    assert (case.title, case.parameters) == (result.case.title, result.case.parameters)
    assert (case.feature, case.circumstances) == (kind.feature, kind.circumstances(result))
    assert case.headlines == {name: kind.metrics[name].unit for name in kind.headlines}
    assert (case.outcome, case.message) == (result.verdict.kind, result.verdict.message())
    assert (case.verdict, case.values) == (result.verdict, result.summary.values())
    assert (case.phases, case.machine) == (result.phases, MACHINE)


@given(worker_results())
def test_a_worker_case(result):
    case = read_again(WORKER, result)
    agrees(case, WORKER, result)
    assert case.result.ledger.to_records() == result.ledger.to_records()
    assert replace(case.result, ledger=result.ledger) == result
    assert isinstance(case.result.case.mode, Mode)


@given(web_results())
def test_a_web_case(result):
    case = read_again(WEB, result)
    agrees(case, WEB, result)
    assert case.result == result


@given(search_results())
def test_a_search(result):
    case = read_again(SEARCH, result)
    agrees(case, SEARCH, result)
    assert case.result == result


@given(search_results())
def test_a_case_of_a_kind_that_is_not_known_here_is_shown_all_the_same(result):
    case = read_again(SEARCH, result, (WORKER, WEB))
    agrees(case, SEARCH, result)
    assert case.result is None
