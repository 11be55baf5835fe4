"""What CloudWatch counts around a case: asked late, in the artifacts, and a reason for INVALID."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from perf.cases.cloudwatch import CREDITS, HEALTHY, SURPLUS, CloudMetric, cloud_metrics
from perf.cases.errors import HarnessError, UsageError
from perf.cli import cloudwatch as stage
from perf.cli.main import main
from perf.judge.slos import Slo
from perf.judge.verdict import VerdictKind, judge
from perf.measure.cloud import instance_healthy_s
from perf.measure.intervals import Interval
from perf.observe.cloudwatch import BEFORE_S, SETTLED_S, CloudObserver
from perf.observe.seen import CloudSeen, CloudSeries, CloudState
from perf.report import cloud_plots
from perf.run.cloud import with_cloud
from perf.run.worker import WORKER
from perf.store.documents import read_case
from perf.store.folder import RunFolder
from tests.perf.results import result

VISIBLE, AGE = cloud_metrics("jobs", {})[0], cloud_metrics("jobs", {})[2]
ALB = "app/web/50dc6c495c0c9188"
#: A case of ten minutes that began at this instant.
BEGIN_S, END_S = 7200.0, 7800.0


class Counting:
    """A monitor whose values are told *late_s* after their period, by a clock that only sleeping moves."""

    def __init__(self, late_s=90.0, until_s=1e9, refuses=(), silent=()):
        self.now_s, self.late_s, self.until_s = BEGIN_S, late_s, until_s
        self.refuses, self.silent, self.metrics = refuses, silent, (VISIBLE, AGE)
        self.asked = []

    def points(self, metric, begin_s, end_s):
        self.asked.append(metric)
        if metric in self.refuses:
            raise HarnessError("cloudwatch:GetMetricData is not allowed to these credentials")
        if metric in self.silent:
            return []
        told_s = min(end_s, self.until_s, self.now_s - metric.every_s - self.late_s)
        starts = range(int(-(-begin_s // 60) * 60), int(told_s) + 1, metric.every_s)
        return [(float(at), at / 60) for at in starts if at < end_s]

    def sleep(self, for_s):
        self.now_s += for_s

    def observer(self, wait_s=120.0, notes=None):
        note = (notes if notes is not None else []).append
        return CloudObserver(self, wait_s, note, lambda: self.now_s, self.sleep)


def watched(monitor, **given):
    observer = monitor.observer(**given)
    observer.begin()
    monitor.now_s = END_S
    observer.end()
    return observer


def metric(name, of="asg", every_s=300):
    return CloudMetric("EC2", of, name, "Minimum", "credits", "AWS/EC2", (("Name", of),), every_s)


def series(name, *values, of="asg"):
    at_s = tuple(BEGIN_S + 300 * place for place in range(len(values)))
    return CloudSeries(metric(name, of), CloudState.THERE, "", at_s, values)


def passed():
    found = result()
    verdict = judge(found.summary, [Slo("lost", "==", 0, "slos.toml:3")], ())
    return replace(found, verdict=verdict, intervals={"throughput_per_min": Interval(1, 2)})


def test_the_queue_is_always_looked_at_and_else_what_the_environment_names():
    assert {(each.part, each.of) for each in cloud_metrics("jobs", {})} == {("SQS", "jobs")}
    shell = {
        "PERF_ASG": "workers", "PERF_ECS_SERVICE": "prod/worker", "PERF_RDS": "videos",
        "PERF_INSTANCES": "i-0a, i-0b",
        "PERF_ALB": f"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/{ALB}",
        "PERF_TARGET_GROUP": "targetgroup/web/73e2d6bc24d8a067",
    }  # fmt: skip
    found = cloud_metrics("jobs", shell)
    names = {(each.part, each.name) for each in found}
    assert names >= {
        ("SQS", "ApproximateAgeOfOldestMessage"), ("EC2", "CPUUtilization"), ("EC2", CREDITS),
        ("ECS", "MemoryUtilization"), ("ALB", "RequestCount"), ("ALB", "TargetResponseTime"),
        ("ALB", "HealthyHostCount"), ("RDS", "DatabaseConnections"),
    }  # fmt: skip
    assert {each.of for each in found if each.part == "EC2"} == {"workers", "i-0a", "i-0b"}
    healthy = next(each for each in found if each.name == "HealthyHostCount")
    assert healthy.dimensions == (("TargetGroup", shell["PERF_TARGET_GROUP"]), ("LoadBalancer", ALB))
    service = next(each for each in found if each.part == "ECS")
    assert service.dimensions == (("ClusterName", "prod"), ("ServiceName", "worker"))


def test_what_sets_the_workers_names_their_part_unless_it_is_named_otherwise():
    def parts(**shell):
        return {(each.part, each.of) for each in cloud_metrics("jobs", shell)} - {("SQS", "jobs")}

    assert parts(PERF_WORKERS="ecs:prod/worker/main") == {("ECS", "prod/worker")}
    assert parts(PERF_WORKERS="asg:workers") == {("EC2", "workers")}
    assert parts(PERF_WORKERS="asg:workers", PERF_ASG="others") == {("EC2", "others")}
    assert parts(PERF_WORKERS="ssm:tag=role=worker") == set()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("PERF_ECS_SERVICE", "worker", "expected cluster/service"),
        ("PERF_ALB", "my-balancer", "app/NAME/ID"),
        ("PERF_ALB", "net/lb/50dc6c495c0c9188", "app/NAME/ID"),
        ("PERF_INSTANCES", "i-0a,web", "PERF_INSTANCES=web"),
        ("PERF_TARGET_GROUP", "targetgroup/web/73e2d6bc24d8a067", "needs PERF_ALB too"),
        ("PERF_RDS", "arn:aws:rds:x", "a database instance"),
    ],
)
def test_what_names_no_part_is_refused_in_one_line(name, text, words):
    with pytest.raises(UsageError, match=words) as caught:
        cloud_metrics("jobs", {name: text})
    assert "\n" not in str(caught.value)


def test_what_is_late_is_waited_for_and_reaches_to_the_end_of_the_case():
    notes = []
    seen = watched(monitor := Counting(), notes=notes).seen
    assert [each.state for each in seen.series] == [CloudState.THERE] * 2
    first = seen.series[0]
    assert first.at_s[0] == BEGIN_S
    assert first.at_s[-1] + 60 >= END_S
    assert END_S < monitor.now_s <= END_S + 120
    assert "2 metric(s) are late, e.g. SQS jobs" in notes[0]


def test_it_is_not_waited_for_any_longer_than_allowed():
    seen = watched(monitor := Counting(late_s=200), wait_s=60).seen
    assert {each.state for each in seen.series} == {CloudState.LATE}
    assert monitor.now_s == END_S + 60
    assert seen.left() == list(monitor.metrics)


def test_a_case_that_was_interrupted_waits_for_nobody():
    watched(monitor := Counting())
    assert (monitor.asked, monitor.now_s) == ([], END_S)


def test_what_was_never_counted_is_absent_and_not_waited_for():
    seen = watched(monitor := Counting(late_s=0, silent=[AGE])).seen
    assert [each.state for each in seen.series] == [CloudState.THERE, CloudState.ABSENT]
    assert (
        seen.series[1].why == f"no value since the beginning of the {BEFORE_S / 60:g} minutes before the case"
    )
    assert (seen.series[1].values, monitor.now_s) == ((), END_S)


def test_what_stopped_before_the_case_is_late_until_nothing_more_can_come():
    observer = watched(monitor := Counting(until_s=BEGIN_S - 600), wait_s=0)
    seen = observer.seen
    assert {each.state for each in seen.series} == {CloudState.LATE}
    monitor.now_s = END_S + 60 + SETTLED_S
    assert {each.state for each in observer.completed(seen).series} == {CloudState.ABSENT}


def test_who_may_not_ask_is_told_so_and_the_rest_is_there():
    seen = watched(Counting(late_s=0, refuses=[AGE])).seen
    assert [each.state for each in seen.series] == [CloudState.THERE, CloudState.REFUSED]
    assert "not allowed" in seen.series[1].why


def test_only_what_is_not_there_is_asked_for_again():
    observer = watched(monitor := Counting(late_s=0, refuses=[AGE]))
    seen = observer.seen
    monitor.refuses, monitor.asked = (), []
    whole = observer.completed(seen)
    assert monitor.asked == [AGE]
    assert [each.state for each in whole.series] == [CloudState.THERE] * 2


@pytest.mark.parametrize(
    ("found", "is_invalid"),
    [
        ([series(CREDITS, 40, 12, 0.4)], True),
        ([series(CREDITS, 40, 12, 1.5)], False),
        ([series(CREDITS, 2, 0), series(SURPLUS, 0, 3.2)], False),  # unlimited: at a charge, at full speed
        ([series(CREDITS, 2, 0), series(SURPLUS, 0, 3.2, of="another")], True),
        ([CloudSeries(metric(CREDITS), CloudState.ABSENT, "no value")], False),
        ([series("CPUUtilization", 0, 0)], False),
    ],
)
def test_credits_that_run_out_make_a_case_invalid(found, is_invalid):
    judged = with_cloud(passed(), CloudSeen(BEGIN_S, END_S, tuple(found)))
    assert (judged.verdict.kind is VerdictKind.INVALID) is is_invalid
    assert bool(judged.intervals) is not is_invalid
    if is_invalid:
        (problem,) = judged.verdict.problems
        assert problem.check == "credits lasted"
        assert "CPU credits ran out: EC2 asg" in problem.reason
        again = with_cloud(judged, judged.cloud)
        assert again.verdict == judged.verdict  # told once


@pytest.mark.parametrize(
    ("starts_s", "values", "expected_s"),
    [
        # The case begins in the second period, which had 2.
        ((-60, 0, 60, 120, 180), (2, 2, 2, 3, 3), 120 - 20),
        ((-60, 0, 60, 120, 180), (2, 2, 1, 2, 3), 180 - 20),  # one was lost and came back first
        ((-60, 0, 60, 120, 180), (3, 2, 2, 2, 2), None),
        ((60, 120), (2, 3), 120 - 20),  # nothing is known of the begin but what came next
        ((), (), None),
    ],
)
def test_when_an_instance_more_of_the_api_was_healthy(starts_s, values, expected_s):
    at_s = tuple(BEGIN_S + each for each in starts_s)
    found = CloudSeries(metric(HEALTHY, every_s=60), CloudState.THERE, "", at_s, values)
    other = CloudSeries(
        metric("RequestCount", every_s=60), CloudState.THERE, "", (BEGIN_S, BEGIN_S + 60), (1, 9)
    )
    seen = CloudSeen(BEGIN_S + 20, END_S, (other, found))
    assert instance_healthy_s(seen) == expected_s


def test_it_stands_among_the_circumstances(tmp_path):
    counted = CloudSeries(metric(HEALTHY), CloudState.THERE, "", (BEGIN_S, BEGIN_S + 184), (1, 2))
    RunFolder(tmp_path, {}).write(WORKER, with_cloud(passed(), CloudSeen(BEGIN_S, END_S, (counted,))))
    case = read_case(tmp_path / "case_mocked-50MB-c1-burst.json", [WORKER])
    assert case.circumstances["API grew"].startswith(
        "an instance more was healthy 184 s after the case began"
    )


def test_artifacts_have_every_value_and_every_absence(tmp_path):
    seen = watched(Counting(late_s=0, silent=[AGE])).seen
    RunFolder(tmp_path, {}).write(WORKER, with_cloud(passed(), seen))
    text = (tmp_path / "cloudwatch_mocked-50MB-c1-burst.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0]["metric"] == VISIBLE.name
    assert (rows[0]["since_begin_s"], rows[0]["value"]) == ("0.0", "120.0")
    assert (rows[-1]["metric"], rows[-1]["state"], rows[-1]["value"]) == (AGE.name, "metric absent", "")
    case = read_case(tmp_path / "case_mocked-50MB-c1-burst.json", [WORKER])
    assert case.result.cloud == seen
    assert case.circumstances["CloudWatch"] == f"1 of 2 metrics; SQS {AGE.name}: metric absent"
    (picture,) = cloud_plots.pictures(case.result.cloud)
    assert f"{AGE.name}: metric absent" in picture.description
    assert VISIBLE.name in picture.svg
    assert cloud_plots.pictures(None) == []


def test_the_stage_completes_the_files_and_says_what_became_invalid(tmp_path, monkeypatch, capsys):
    monitor = Counting(late_s=0)
    empty = CloudSeries(
        metric(CREDITS), CloudState.LATE, "not told to the end of the case", (BEGIN_S,), (3.0,)
    )
    seen = CloudSeen(BEGIN_S, END_S, (empty,))
    RunFolder(tmp_path, {"host": "ci"}).write(WORKER, with_cloud(passed(), seen))
    monkeypatch.setattr(stage, "cloudwatch_of", lambda region: monitor)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monitor.now_s = END_S + 3600
    monitor.points = lambda *_: [(BEGIN_S, 3.0), (BEGIN_S + 300, 0.0), (BEGIN_S + 600, 0.0)]
    assert main(["cloudwatch", str(tmp_path)]) == 1
    output = capsys.readouterr().out
    assert "mocked-50MB-c1-burst: 1 of 1 metrics are there" in output
    assert "INVALID CPU credits ran out" in output
    case = read_case(tmp_path / "case_mocked-50MB-c1-burst.json", [WORKER])
    assert (case.outcome, case.machine) == ("INVALID", {"host": "ci"})
    assert main(["cloudwatch", str(tmp_path)]) == 0  # nothing new


def test_the_stage_says_what_it_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("AWS_REGION", raising=False)
    assert main(["cloudwatch", str(tmp_path)]) == 2
    assert "AWS_REGION" in capsys.readouterr().err
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr(stage, "cloudwatch_of", lambda region: Counting())
    RunFolder(tmp_path, {}).write(WORKER, passed())
    assert main(["cloudwatch", str(tmp_path)]) == 2
    assert "was not looked at in this run" in capsys.readouterr().err
