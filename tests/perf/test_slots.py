"""What is refused of a run on several slots before a process starts, and how its cells are handed out."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perf.cases.errors import HarnessError, UsageError
from perf.cases.slots import Slot, read_slots, require_apart
from perf.plugin.cells import CellScheduling
from perf.plugin.slot import end_run, handed, slot_of
from tests.perf.inner import INI, RUN_CASE

pytest_plugins = ["pytester"]

CASE = """
import os, pathlib

def test_worker_throughput(case, run_case):
    with pathlib.Path("seen").open("a") as file:
        file.write(f"{case.id} {os.environ['SQS_QUEUE_NAME']} {os.environ['AWS_REGION']}\\n")
"""
PASSWORD = "planted-Password4"
BLUE = {
    "DATABASE_URL": f"postgresql://perf:{PASSWORD}@db.example.com/blue",
    "AWS_REGION": "eu-central-1",
    "AWS_S3_BUCKET": "videos",
    "SQS_QUEUE_NAME": "jobs-blue",
    "PERF_API_URL": "https://blue.example.com",
    "PERF_WORKERS": "ecs:video/blue",
}
GREEN = {name: value.replace("blue", "green") for name, value in BLUE.items()}


def table(name: str, variables: dict[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f'{key} = "{value}"' for key, value in variables.items()), ""])


def without(variables: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in variables.items() if key != name}


TWO = table("blue", BLUE) + table("green", GREEN)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose cases only note where they ran."""
    for name in [name for name in os.environ if name.startswith(("PERF_", "AWS_")) or name in BLUE]:
        monkeypatch.delenv(name)
    pytester.makefile(".ini", pytest=INI)
    pytester.makepyfile(conftest=RUN_CASE, test_cases=CASE)
    pytester.makefile(".toml", slots=TWO)
    return pytester


REFUSED: dict[str, tuple[str, list[str], str]] = {
    "no -n": (TWO, ["-m", "aws"], "--slots slots.toml: goes with -n, a process for each slot"),
    "-n0": (TWO, ["-m", "aws", "-n0"], "--slots slots.toml: goes with -n, a process for each slot"),
    "--tx": (TWO, ["-m", "aws", "--dist=load", "--tx=ssh=host"], "goes with -n alone"),
    "too few": (TWO, ["-m", "aws", "-n3"], "-n 3: more than the slots in slots.toml, 2"),
    "mocked": (TWO, ["-n2"], "mocked-50MB-c1-burst runs on this machine"),
    "local": (TWO, ["-n2", "-m", "local"], "local-50MB-c1-burst runs on this machine"),
    "nothing": (TWO, ["-n2", "-m", "aws", "--against=HEAD"], "no measured case was chosen"),
    "baseline": (TWO, ["-n2", "-m", "aws", "--update-baseline"], "--update-baseline: what it accepts is of"),
    "no TOML": ("[blue\n", ["-n2", "-m", "aws"], "--slots slots.toml: not TOML: "),
    "empty": ("", ["-n1", "-m", "aws"], "--slots slots.toml: there is no slot in it"),
    "no table": ("blue = 1\n", ["-n1", "-m", "aws"], "--slots slots.toml: blue: expected a table [blue]"),
    "a slip": (
        table("blue", {**BLUE, "SQS_QUEUENAME": "x"}), ["-n1", "-m", "aws"],
        "[blue]: unknown variable SQS_QUEUENAME; did you mean 'SQS_QUEUE_NAME'?",
    ),
    "no name": ('[blue]\n"A B" = "x"\n', ["-n1", "-m", "aws"], "unknown variable A B; expected the name"),
    "no text": ("[blue]\nAWS_REGION = 7\n", ["-n1", "-m", "aws"], "[blue]: AWS_REGION is no text"),
    "no character": ('[blue]\nAWS_REGION = "a\\u0000b"\n', ["-n1", "-m", "aws"], "no variable has"),
    "missing": (
        TWO + table("red", without(BLUE, "SQS_QUEUE_NAME")).replace("/blue", "/red").replace("s://b", "s://r"),
        ["-n3", "-m", "aws"], "slot red: the aws cases need these variables:",
    ),
    "nobody to ask": (
        table("blue", {**BLUE, "PERF_WORKERS": "ask"}), ["-n1", "-m", "aws"],
        "PERF_WORKERS=ask: there is no terminal",
    ),
    "one database": (
        table("blue", BLUE) + table("green", {**GREEN, "DATABASE_URL": BLUE["DATABASE_URL"]}),
        ["-n2", "-m", "aws"], "slots blue and green have the same DATABASE_URL",
    ),
    "one API": (TWO, ["-n2", "-m", "aws", "--api-url=http://x"], "have the same PERF_API_URL"),
    "no SLO": (TWO, ["-n2", "-m", "aws", "--slos=absent.toml"], "absent.toml"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_run_is_one_line_before_any_process_is_started(kind: str, suite: pytest.Pytester) -> None:
    text, options, said = REFUSED[kind]
    suite.makefile(".toml", slots=text)
    result = suite.runpytest_inprocess("--slots=slots.toml", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines if line]
    assert said in "\n".join(lines)
    assert len([line for line in lines if line.startswith("ERROR: ")]) == 1
    everything = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in everything
    assert "workers [" not in everything  # xdist's word that they are there
    assert PASSWORD not in everything
    assert not (suite.path / "results").exists()


def test_each_process_has_its_slot_s_variables_and_the_environment_s(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-9")
    tables = table("blue", without(BLUE, "AWS_REGION")) + table("green", without(GREEN, "AWS_REGION"))
    suite.makefile(".toml", slots=tables)
    result = suite.runpytest_inprocess("--slots=slots.toml", "-n2", "-m", "aws")
    assert result.ret == 0
    result.stdout.re_match_lines([r"perf: 12 measured case\(s\), results in .*", "2 workers .*"])
    seen = [line.split() for line in (suite.path / "seen").read_text().splitlines()]
    assert {region for _, _, region in seen} == {"eu-west-9"}
    assert {queue for _, queue, _ in seen} == {"jobs-blue", "jobs-green"}
    places = {(cell.rpartition("-")[0], queue) for cell, queue, _ in seen}
    assert (len(seen), len(places)) == (12, 6)  # a burst and what is sustained of it, in one place
    assert PASSWORD not in result.stdout.str() + result.stderr.str()


SHARED: dict[str, tuple[dict[str, str], str]] = {
    "a database": ({"DATABASE_URL": "postgres://u:p@DB.example.com:5432/blue"}, "DATABASE_URL"),
    "a queue": ({"SQS_QUEUE_NAME": "jobs-blue"}, "SQS_QUEUE_NAME"),
    "an API": ({"PERF_API_URL": "https://blue.example.com/"}, "PERF_API_URL"),
    "a fleet": ({"PERF_WORKERS": "ecs:video/blue"}, "PERF_WORKERS"),
    "the suite's folder in a bucket": (
        {"SQS_QUEUE_NAME": "jobs-blue", "AWS_REGION": "us-east-1"}, "AWS_S3_BUCKET",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SHARED)
def test_slots_with_a_part_in_common_are_refused(kind: str) -> None:
    change, variable = SHARED[kind]
    with pytest.raises(UsageError, match=f"slots blue and green have the same {variable}: ") as found:
        require_apart({"blue": BLUE, "green": GREEN | change})
    assert PASSWORD not in str(found.value)


def test_a_database_that_is_no_url_is_another_one_s_matter() -> None:
    require_apart({"blue": BLUE | {"DATABASE_URL": "postgresql://[::1/blue"}, "green": GREEN})


@pytest.mark.parametrize(
    "change",
    [
        {"AWS_S3_BUCKET": "videos"},
        {"PERF_WORKERS": "command:./scale {concurrency}"},
        {"SQS_QUEUE_NAME": "jobs-blue", "AWS_PROFILE": "other", "AWS_S3_BUCKET": "others"},
        {"DATABASE_URL": "postgresql://perf:x@db.example.com:5433/blue"},
    ],
)
def test_what_is_apart_is_not(change: dict[str, str]) -> None:
    command = {"PERF_WORKERS": "command:./scale {concurrency}"}
    require_apart({"blue": BLUE | command, "green": GREEN | change})


def test_variables_of_a_user_s_own_commands_are_theirs_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "slots.toml").write_text(table("blue", {**BLUE, "SCALE_TOKEN": PASSWORD}))
    (slot,) = read_slots(tmp_path / "slots.toml")
    assert slot.variables["SCALE_TOKEN"] == PASSWORD
    assert PASSWORD not in repr(slot)


def test_a_cell_is_handed_out_as_one() -> None:
    config: Any = SimpleNamespace(getvalue=lambda _: ["2*popen"])
    scheduling = CellScheduling(config, None, {"t[c1-burst]": "c1", "t[c1-sustained]": "c1"})
    assert scheduling._split_scope("t[c1-burst]") == scheduling._split_scope("t[c1-sustained]") == "c1"
    assert scheduling._split_scope("test_other.py::test_plain") == "test_other.py::test_plain"


def session_of(workerinput: dict[str, Any]) -> Any:
    return SimpleNamespace(config=SimpleNamespace(workerinput=workerinput), shouldstop=False)


def test_a_slot_that_cannot_go_on_ends_the_run_for_all(tmp_path: Path) -> None:
    (tmp_path / "slots.toml").write_text(TWO)
    slot = read_slots(tmp_path / "slots.toml")[0]
    session = session_of(handed(slot, tmp_path, 2))
    own = slot_of(session.config)
    assert own is not None
    assert (own.name, own.results, own.of) == ("blue", tmp_path, 2)
    with pytest.raises(HarnessError, match="slot blue: the deployment broke"):
        end_run(session, "the deployment broke")
    assert session.shouldstop == "slot blue cannot go on"


def test_a_run_without_slots_ends_at_once() -> None:
    with pytest.raises(pytest.exit.Exception, match="the deployment broke"):
        end_run(session_of({"workerid": "gw0"}), "the deployment broke")


@pytest.mark.parametrize(
    "given", [{"workerid": "gw0"}, {"workerid": "gw0", **handed(Slot("blue", {}), Path("r"), 2)}]
)
def test_no_secret_is_in_the_line_that_ends_a_run(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "tok-12345678")
    with pytest.raises(
        (pytest.exit.Exception, HarnessError), match=r"pip: at https://a:\*\*\*@i/ with \*\*\*$"
    ):
        end_run(session_of(given), "pip: at https://a:s3cr3t-pw@i/ with tok-12345678")
