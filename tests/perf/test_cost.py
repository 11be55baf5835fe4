"""What a load costs, before and after, and the ceilings that end it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from perf.cases.case import Variant
from perf.cases.errors import UsageError
from perf.cases.prices import NodePrice, node_price
from perf.cases.search import search_cases
from perf.cases.web import web_cases
from perf.cases.worker import Mode, WorkerCase
from perf.measure.cost import estimate, longest_s, require_price
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.nodes import Nodes
from perf.plugin import running
from perf.report.worker_table import render_table
from perf.run.ceiling import Ceiling, CeilingError
from perf.run.worker import WORKER
from perf.store.documents import document
from tests.perf.results import result
from tests.perf.tasks import task
from tests.perf.test_kinds import INI, ROOT

pytest_plugins = ["pytester"]

FRANKFURT = {"AWS_REGION": "eu-central-1"}
CHEAP = NodePrice(0.36, "a test")  # 0.0001 USD a second
CASE = WorkerCase(Variant.AWS, 50, 2, Mode.BURST, 30, decide_s=600, nodes=3, nodes_asked=True)


def test_the_price_of_a_node_is_that_of_its_type_there():
    found = node_price(FRANKFURT | {"PERF_NODE_TYPE": "c5.xlarge"})
    assert found.usd_per_h == 0.194
    assert found.source.startswith("c5.xlarge in eu-central-1 at 0.194 USD/h, the list price of 20")
    fargate = node_price({"AWS_REGION": "us-east-1", "PERF_NODE_TYPE": "fargate:2:4"})
    assert fargate.usd_per_h == pytest.approx(2 * 0.04048 + 4 * 0.004445)


def test_a_price_that_is_given_goes_first_and_none_is_none():
    assert node_price({"PERF_NODE_PRICE": "0.11", "PERF_NODE_TYPE": "x"}).usd_per_h == 0.11
    assert node_price(FRANKFURT) is None
    assert NodePrice(0.36, "").usd(2, 1800) == pytest.approx(0.36)


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ({"PERF_NODE_TYPE": "t9.huge"}, "no price of it in eu-central-1 .*PERF_NODE_PRICE"),
        ({"PERF_NODE_TYPE": "t3.large", "AWS_REGION": ""}, "AWS_REGION does not name"),
        ({"PERF_NODE_TYPE": "fargate:2:4"}, "no price of it in eu-central-1"),
        ({"PERF_NODE_TYPE": "fargate:2"}, "expected fargate:VCPUS:GB"),
        ({"PERF_NODE_TYPE": "fargate:2.:4.4.4"}, "expected fargate:VCPUS:GB"),
        ({"PERF_NODE_PRICE": "cheap"}, "PERF_NODE_PRICE cheap: not a number above 0"),
        ({"PERF_NODE_PRICE": "-1"}, "PERF_NODE_PRICE -1"),
    ],
)
def test_what_has_no_price_is_refused_in_one_line(shell, words):
    with pytest.raises(UsageError, match=words) as caught:
        node_price(FRANKFURT | shell)
    assert "\n" not in str(caught.value)


def test_a_video_costs_its_part_of_the_nodes_time():
    ledger = Ledger.of([task("a", 0, 0, 50), task("b", 0, 50, 100)])
    found = summarise(ledger, concurrency=1, mode=Mode.BURST, ideal=None, nodes=Nodes(2, 0.18))
    assert found.cost_per_video_usd == pytest.approx(0.005)
    assert found.cost_per_1000_usd == pytest.approx(5)
    assert summarise(ledger, concurrency=1, mode=Mode.BURST, ideal=None).cost_per_1000_usd is None
    nothing, one = Ledger.of([task("a", finished=None)]), Nodes(1, 1.0)
    assert summarise(nothing, concurrency=1, mode=Mode.BURST, ideal=None, nodes=one).cost_per_1000_usd is None


def test_a_report_says_the_cost_or_that_nobody_knows_it():
    unknown = result(Variant.AWS)
    assert "not known" in document(WORKER, unknown, {})["circumstances"]["price of a node"]
    priced = replace(
        unknown,
        summary=replace(unknown.summary, cost_per_1000_usd=4.2),
        facts=replace(unknown.facts, price="c5.xlarge at 0.194 USD/h"),
    )
    line = "aws-50MB-c1-burst: 4.20 USD for 1,000 videos, of the nodes alone: c5.xlarge at 0.194 USD/h"
    assert line in render_table([priced])
    assert document(WORKER, priced, {})["circumstances"]["price of a node"] == "c5.xlarge at 0.194 USD/h"
    assert WORKER.circumstances(result())["price of a node"] == ""  # here nothing is paid for


def test_the_estimate_is_what_it_costs_at_most():
    assert longest_s(CASE, 3000) == 3600
    assert longest_s(replace(CASE, mode=Mode.SUSTAINED, rate_per_min=30), 3000) == 3660
    (search,) = search_cases(Variant.AWS, {"sizes": (50,), "concurrency": (2,), "budget": 600})
    assert longest_s(search, 3000) == 3600
    assert longest_s(web_cases(Variant.AWS, {})[0], 3000) is None
    said = estimate([CASE], CHEAP, 3000)
    assert said.startswith(
        "cost: at most 1.08 USD, if each case takes as long as it may (3 node hours): a test;"
    )
    assert "for each node of the fleet" in estimate([replace(CASE, nodes_asked=False)], CHEAP, 3000)
    assert estimate([CASE], None, 3000).startswith(
        "cost: not known; at most 3 node hours: set PERF_NODE_TYPE"
    )
    assert estimate([replace(CASE, variant=Variant.MOCKED)], CHEAP) == ""


def test_a_ceiling_in_money_needs_a_price():
    require_price(5.0, CHEAP)
    require_price(None, None)
    with pytest.raises(UsageError, match="--max-cost 5: what a node costs is not known: set PERF_NODE_TYPE"):
        require_price(5.0, None)


def test_minutes_count_from_the_first_case():
    now = [100.0]
    ceiling = Ceiling(max_s=60, clock=lambda: now[0])
    ceiling.check()  # nothing has begun
    ceiling.begin(None)
    now[0] = 159
    ceiling.begin(None)
    ceiling.check()
    now[0] = 160
    with pytest.raises(CeilingError, match="--max-minutes 1, and was ended"):
        ceiling.check()


def test_money_counts_by_the_nodes_that_are_there():
    now = [0.0]
    ceiling = Ceiling(max_usd=0.1, clock=lambda: now[0])
    ceiling.begin(CHEAP)
    now[0] = 50  # no node yet
    ceiling.nodes(2)
    now[0] = 150
    ceiling.nodes(4)
    assert ceiling.usd == pytest.approx(0.02)
    ceiling.begin(None)  # cases on this machine cost nothing
    now[0] = 1000
    ceiling.begin(CHEAP)
    assert ceiling.usd == pytest.approx(0.02)
    ceiling.nodes(4)
    now[0] = 1199
    ceiling.check()
    now[0] = 1201
    with pytest.raises(CeilingError, match=r"have cost 0\.1 USD so far, the run may cost --max-cost 0\.1,"):
        ceiling.check()


def test_a_run_that_has_come_to_its_ceiling_ends(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    seconds = count()
    monkeypatch.setattr(running, "Ceiling", partial(Ceiling, clock=lambda: next(seconds)))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(Path(__file__).with_name("steered_kind.py").read_text())
    pytester.makepyfile("def test_it(steered, run_case):\n    run_case(steered)\n")
    pytester.makefile(".toml", slos='[all.steered]\nslos = ["yield_ >= 0.3"]\n')
    (pytester.path / "steer.json").write_text(json.dumps({}))
    ended = pytester.runpytest_inprocess("--slos=slos.toml", "--results=here", "--max-minutes=0.025")
    ended.assert_outcomes(passed=1)
    assert ended.ret == 1
    assert "mocked-l2: the run has taken as long as it may, --max-minutes 0.025, and was ended" in str(
        ended.stdout
    )
    assert list((pytester.path / "here").glob("*/broken_mocked-l2.json"))


def test_a_ceiling_without_a_price_is_refused_before_any_load(monkeypatch, pytester):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PERF_NODE_TYPE", raising=False)
    steered = Path(__file__).with_name("steered_kind.py").read_text()
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest(f"{steered}\n\ndef pytest_perf_missing():\n    return ''\n")
    pytester.makepyfile("def test_it(steered, run_case):\n    run_case(steered)\n")
    pytester.makefile(".toml", slos='[all.steered]\nslos = ["yield_ >= 0.3"]\n')
    refused = pytester.runpytest_inprocess("--slos=slos.toml", "--results=here", "-m", "aws", "--max-cost=5")
    assert refused.ret == 4
    assert "--max-cost 5: what a node costs is not known" in str(refused.stderr)
