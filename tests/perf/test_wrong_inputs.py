"""What a user may get wrong at the stages by hand: one line that says what is right, before anything is sent.

The deployment that the environment names here answers nobody: whatever would be sent shows as another line.
Options of pytest, SLO files, Locust, the services' variables and API requests have such tables where they are
tested: test_plugin.py, test_slos.py, test_locust_options.py, test_fleet.py, tests/app and tests/worker.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from perf.cli.main import main

SECRET = "planted-4711"
DEPLOYMENT = {
    "DATABASE_URL": f"postgresql://me:{SECRET}@127.0.0.1:9/x",
    "AWS_REGION": "eu-central-1",
    "AWS_S3_BUCKET": "mine",
    "SQS_QUEUE_NAME": "jobs",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}
TASK = '{"task_id": "a", "scheduled_s": %s, "sent_s": 1}\n'
FILES = {
    "empty.log": b"",
    "half.log": b'{"task_id": "a", "sched',
    "other.log": b"2026-01-01 INFO hello\n",
    "list.log": b"[1, 2]\n",
    "keys.log": b'{"task": 1}\n',
    "nan.log": (TASK % "NaN").encode(),
    "inf.log": (TASK % "1e999").encode(),
    "word.log": (TASK % '"soon"').encode(),
    "binary.log": bytes(range(256)),
    "empty.csv": b"",
    "columns.csv": b"mode,total\nburst,3\n",
    "page.md": b"# A page\n\nof text\n",
    "none/some.txt": b"",
}
COUNT = "expected tasks per case, e.g. 24"
MB = "expected whole MB, e.g. 50,100"
RATE = "expected tasks per minute, e.g. 30"
OBJECT = "not an address of an object; expected s3://BUCKET/KEY"
NO_TASK = "there is no task in it; give the worker_tasks_*.log of a run"
NOT_A_TASK = (
    "1: not a task of a worker_tasks_*.log; expected a JSON object with task_id, scheduled_s and sent_s"
)
NO_RESULTS = "no results in it, no case_*.json; give the folder of a run, such as results/"
NO_LOADS = "no requests_*.jsonl in it; give the folder that --records named"
BURST_LINE = "a burst has no rate; leave it out or use sustained"

#: The command, and what its line says.
WRONG = (
    # What there is not.
    ("injekt", "injekt: no such stage; did you mean 'inject'?"),
    ("inject --cuont 5", "--cuont: no such option; did you mean '--count'?"),
    ("inject --count 5 --size 50 extra", "unrecognized arguments: extra"),
    ("doctor --loud", "--loud: no such option"),
    ("report --metric x", "--metric: no such option"),
    ("history --metrc efficiency", "--metrc: no such option; did you mean '--metric'?"),
    # What is missing.
    ("inject", "the following arguments are required: --count"),
    ("metrics", "one of the arguments --tasks-log --file is required"),
    ("capacity", "the following arguments are required: --size, --concurrency"),
    ("web-metrics", "the following arguments are required: folder"),
    ("inject --count 5 --size 50 --mode sustained", "a sustained schedule needs a rate in tasks per minute"),
    # Numbers.
    ("inject --count 0 --size 50", f"--count 0: not a whole number above 0; {COUNT}"),
    ("inject --count -3 --size 50", f"--count -3: not a whole number above 0; {COUNT}"),
    ("inject --count 2.5 --size 50", f"--count 2.5: not a whole number above 0; {COUNT}"),
    ("inject --count ten --size 50", f"--count ten: not a whole number above 0; {COUNT}"),
    ("inject --count 1000000000000 --size 50", f"--count 1000000000000: more than 1000000; {COUNT}"),
    ("inject --count 5 --size 0", f"--size 0: not a size; {MB}"),
    ("inject --count 5 --size -1", f"--size -1: not a size; {MB}"),
    ("inject --count 5 --size nan", f"--size nan: not a size; {MB}"),
    ("inject --count 5 --size 50GB", f"--size 50GB: not a size; {MB}"),
    ("inject --count 5 --size 99999999999", f"--size 99999999999: more than 4000; {MB}"),
    ("inject --count 5 --size 50 --rate 0", f"--rate 0: not a number above 0; {RATE}"),
    ("inject --count 5 --size 50 --rate nan", f"--rate nan: not a number above 0; {RATE}"),
    ("inject --count 5 --size 50 --rate inf", f"--rate inf: not a number above 0; {RATE}"),
    ("inject --count 5 --size 50 --rate -1", f"--rate -1: not a number above 0; {RATE}"),
    ("capacity --size 50 --concurrency 0", "--concurrency 0: not a number of worker processes"),
    ("capacity --size 50 --concurrency two", "--concurrency two: not a number of worker processes"),
    ("capacity --size 50,100 --concurrency 1", "--size and --concurrency: give one of each"),
    ("capacity --size 50 --concurrency 1 --budget -1", "--budget -1: not a number of seconds above 0"),
    ("capacity --size 50 --concurrency 1 --budget soon", "--budget soon: not a number of seconds above 0"),
    ("capacity --size 50 --concurrency 1 --count 0", f"--count 0: not a whole number above 0; {COUNT}"),
    ("web-metrics none --warm-up -1", "--warm-up -1: not a number of seconds, 0 or more; expected e.g. 5"),
    # Words.
    ("inject --count 5 --size 50 --mode brust", "--mode brust: unknown mode; did you mean 'burst'?"),
    ("inject --count 5 --size 50 --mode burst --rate 10", f"a burst at 10 per minute: {BURST_LINE}"),
    ("capacity --size 50 --concurrency 1 --slos absent.toml", "absent.toml"),
    ("capacity --size 50 --concurrency 1 --slos page.md", "page.md"),
    # Objects.
    ("inject --count 5 --file holiday.mp4", f"--file holiday.mp4: {OBJECT}"),
    # What a variable of the shell that is not set leaves.
    ("inject --count '' --size 50", "--count '': empty"),
    ("inject --count 5 --file ''", "--file '': empty"),
    ("report none --output=", "--output '': empty"),
    ("history none --metric ' '", "--metric '': empty"),
    ("inject --count 5 --file s3://", f"--file s3://: {OBJECT}"),
    ("inject --count 5 --file s3://mine", f"--file s3://mine: {OBJECT}"),
    ("inject --count 5 --file http://mine/key", f"--file http://mine/key: {OBJECT}"),
    ("inject --count 5 --file s3://other/key", "the workers read from AWS_S3_BUCKET=mine, not from other"),
    ("metrics --file s3://other/key", "the workers read from AWS_S3_BUCKET=mine, not from other"),
    ("metrics --file holiday.mp4", f"--file holiday.mp4: {OBJECT}"),
    # Logs.
    ("metrics --tasks-log absent.log", "absent.log: cannot read the tasks log: "),
    ("metrics --tasks-log none", "none: cannot read the tasks log: "),
    ("metrics --tasks-log empty.log", f"empty.log: {NO_TASK}"),
    ("metrics --tasks-log half.log", f"half.log: {NO_TASK}"),
    ("metrics --tasks-log other.log", f"other.log:{NOT_A_TASK}"),
    ("metrics --tasks-log list.log", f"list.log:{NOT_A_TASK}"),
    ("metrics --tasks-log keys.log", f"keys.log:{NOT_A_TASK}"),
    ("metrics --tasks-log nan.log", f"nan.log:{NOT_A_TASK}"),
    ("metrics --tasks-log inf.log", f"inf.log:{NOT_A_TASK}"),
    ("metrics --tasks-log word.log", f"word.log:{NOT_A_TASK}"),
    ("metrics --tasks-log binary.log", "binary.log: cannot read the tasks log: "),
    ("metrics --tasks-log x.log --file s3://mine/k", "--file: not allowed with argument --tasks-log"),
    # Folders and tables.
    ("report absent", f"absent: {NO_RESULTS}"),
    ("report none", f"none: {NO_RESULTS}"),
    ("cloudwatch absent", f"absent: {NO_RESULTS}"),
    ("watch absent", "nothing to watch here; give the folder of a running run"),
    ("history absent", "absent: there is no such folder of runs, and no such file"),
    ("history none", "none: no run of any case"),
    ("history page.md", "page.md: no run of any case"),
    ("web-metrics absent", f"absent: {NO_LOADS}"),
    ("web-metrics none", f"none: {NO_LOADS}"),
    ("audit absent.csv", "absent.csv: cannot read the table: "),
    ("audit none", "none: cannot read the table: "),
    ("audit empty.csv", "empty.csv: there is no row in it; expected a header and a row for each run"),
    ("audit columns.csv", "columns.csv:1: no column done, failed, x_videos_per_min, s_mean_s; the columns"),
    ("audit page.md", "page.md:1: no column mode, total, done, failed, x_videos_per_min, s_mean_s"),
)

#: What of the environment is another, the command, and what its line says.
WRONG_VARIABLES = (
    ({"DATABASE_URL": None}, "inject --count 1 --size 5", "missing or wrong: DATABASE_URL"),
    (
        {"DATABASE_URL": f"mysql://me:{SECRET}@h/x"},
        "inject --count 1 --size 5",
        "postgresql://USER:PASSWORD@",
    ),
    ({"DATABASE_URL": SECRET}, "metrics --tasks-log x.log", "not the URL of a PostgreSQL database"),
    ({"SQS_QUEUE_NAME": None}, "inject --count 1 --size 5", "missing or wrong: SQS_QUEUE_NAME"),
    ({"SQS_QUEUE_NAME": ""}, "inject --count 1 --size 5", "missing or wrong: SQS_QUEUE_NAME"),
    ({"STORAGE_BACKEND": "ftp"}, "inject --count 1 --size 5", "missing or wrong: STORAGE_BACKEND"),
    ({"S3_DELETE_ORIGINAL": "perhaps"}, "inject --count 1 --size 5", "missing or wrong: S3_DELETE_ORIGINAL"),
    ({"S3_DELETE_ORIGINAL": "true"}, "inject --count 1 --size 5", "the first would delete it"),
    ({"AWS_REGION": "no region"}, "inject --count 1 --size 5", "no region"),
    ({"AWS_ENDPOINT_URL": "nonsense"}, "inject --count 1 --size 5", "Invalid endpoint: nonsense"),
    (
        {"AWS_PROFILE": "nobody"},
        "inject --count 1 --size 5",
        "The config profile (nobody) could not be found",
    ),
    ({"AWS_REGION": None}, "cloudwatch none", "AWS_REGION: set it to the region of the deployment"),
    ({}, "capacity --size 50 --concurrency 1", "the aws cases need these variables:"),
    ({"DATABASE_URL": None}, "clean none", "missing or wrong: DATABASE_URL"),
)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """In a folder of wrong files, in a shell that names a deployment which answers nobody."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for name in [name for name in os.environ if name.startswith(("AWS_", "S3_", "PERF_", "DATABASE_"))]:
        monkeypatch.delenv(name)
    for name, value in DEPLOYMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def refused(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The line, of a command that ends in 2 and says nothing else."""
    try:
        status = main(shlex.split(command))
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert SECRET not in said.err
    first, *more = said.err.splitlines()
    assert first.startswith("perf: ")
    assert all(line.startswith("  ") for line in more)  # variables, a line each
    return first


@pytest.mark.parametrize(("command", "line"), WRONG, ids=[command for command, _ in WRONG])
def test_a_wrong_command(
    command: str, line: str, stranger: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line in refused(command, capsys)


# Ids of their own: pytest puts those in a variable, and what stands as a password in one is hidden.
@pytest.mark.parametrize(
    ("given", "command", "line"),
    WRONG_VARIABLES,
    ids=[f"{number}-{'-'.join(given)}" for number, (given, _, _) in enumerate(WRONG_VARIABLES)],
)
def test_a_wrong_variable(
    given: dict[str, str | None],
    command: str,
    line: str,
    stranger: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in given.items():
        stranger.delenv(name) if value is None else stranger.setenv(name, value)
    assert line in refused(command, capsys)


def test_they_are_eighty_and_more() -> None:
    assert len(WRONG) + len(WRONG_VARIABLES) >= 80
