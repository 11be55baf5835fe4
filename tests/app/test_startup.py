"""A start that cannot succeed: one line, no secret, an exit code that supervisors heed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from app.database import make_engine
from app.limits import get_limits
from app.main import create_app
from app.settings import Settings, get_settings
from app.startup import EXIT_CODE, StartupError, wait_for_database
from perf.deploy.processes import free_port

SECRET = "hunter2"
NOWHERE = f"postgresql://me:{SECRET}@127.0.0.1:9/x"
NO_DATABASE = "DATABASE_URL is not the URL of a PostgreSQL database; expected postgresql://"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    """Neither those of another test, nor ours for the next one."""
    forget()
    yield
    forget()


def forget() -> None:
    get_settings.cache_clear()
    get_limits.cache_clear()


def start(argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *argv]
    return subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DATABASE_URL", None, "DATABASE_URL: Field required"),
        ("DATABASE_URL", "", NO_DATABASE),
        ("DATABASE_URL", SECRET, NO_DATABASE),
        ("DATABASE_URL", f"mysql://me:{SECRET}@h/x", NO_DATABASE),
        ("DATABASE_URL", f"postgresql://h:{SECRET}/x", NO_DATABASE),
        ("DATABASE_URL", f"postgresql+{SECRET}://h/x", ""),
        ("DATABASE_URL", NOWHERE, "127.0.0.1:9/x did not answer within 0.1 s: connection to server"),
        ("DATABASE_URL", f"postgresql://me:{SECRET}@127.0.0.1:99999/x", "did not answer within 0.1 s: "),
        ("AWS_S3_BUCKET", "", "AWS_S3_BUCKET is empty: name a bucket, or set STORAGE_BACKEND=local"),
        ("S3_UPLOAD_PREFIX", "processed/", "S3_UPLOAD_PREFIX and S3_PROCESSED_PREFIX are both 'processed'"),
        ("SQS_QUEUE_NAME", None, "SQS_QUEUE_NAME: Field required"),
        ("SQS_QUEUE_NAME", "", "SQS_QUEUE_NAME: String should have at least 1 character"),
        ("AWS_REGION", "no region", "Provided region_name 'no region' doesn't match a supported format."),
        ("AWS_ENDPOINT_URL_S3", "nonsense", "Invalid endpoint: nonsense"),
        ("AWS_PROFILE", "nobody", "The config profile (nobody) could not be found"),
        ("STORAGE_BACKEND", "ftp", "STORAGE_BACKEND: Input should be 's3' or 'local'"),
        ("MAX_UPLOAD_BYTES", "many", "MAX_UPLOAD_BYTES: Input should be a valid integer"),
        ("MAX_UPLOAD_BYTES", "0", "MAX_UPLOAD_BYTES: Input should be greater than 0"),
        ("WEB_HEAD_TIMEOUT_S", "soon", "WEB_HEAD_TIMEOUT_S: Input should be a valid number"),
        ("WEB_UPLOAD_SLOTS", "0", "WEB_UPLOAD_SLOTS: Input should be greater than or equal to 1"),
        ("WEB_STOP_S", "nan", "WEB_STOP_S: Input should be a valid integer"),
        ("WEB_UPLOAD_WAIT_S", "inf", "WEB_UPLOAD_WAIT_S: Input should be less than or equal to 600"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    pipeline_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
    line: str,
) -> None:
    monkeypatch.setenv("WEB_STARTUP_TIMEOUT_S", "0.1")
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        create_app()
    assert caught.value.code == EXIT_CODE
    output, errors = capfd.readouterr()
    assert output == ""
    [told] = errors.splitlines()
    assert told.startswith("The web tier cannot start: ")
    assert line in told
    if "+" not in str(value):  # what stands for a driver's name is none of the places for a password
        assert SECRET not in told


@pytest.mark.parametrize("argv", ["app", "app --workers 2", "uvicorn app.main:create_app --factory"])
def test_a_process_says_it_and_ends(pipeline_env: dict[str, str], argv: str) -> None:
    env = pipeline_env | {"DATABASE_URL": f"postgresql://h:{SECRET}/x"}
    ended = start([*argv.split(), "--port", str(free_port()), "--log-level", "warning"], env)
    assert ended.returncode == EXIT_CODE
    assert ended.stdout + ended.stderr == (
        f"The web tier cannot start: the settings make no sense: {NO_DATABASE}USER:PASSWORD@HOST:PORT/NAME\n"
    )


def test_limits_that_make_no_sense_are_one_line(pipeline_env: dict[str, str]) -> None:
    ended = start(["app"], pipeline_env | {"WEB_STOP_S": "soon"})
    assert (ended.returncode, ended.stdout) == (EXIT_CODE, "")
    assert ended.stderr.startswith("The web tier cannot start: the settings make no sense: WEB_STOP_S: Input")
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line(pipeline_env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start(["app", "--port", str(port), "--log-level", "warning"], pipeline_env)
    assert ended.returncode != 0
    [line] = (ended.stdout + ended.stderr).splitlines()
    assert "address already in use" in line


@pytest.mark.parametrize("argv", ["--port 0", "--port x", "--workers 0", "--log-level loud"])
def test_options_that_make_no_sense_are_refused(argv: str) -> None:
    ended = start(["app", *argv.split()], dict(os.environ))
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("python -m app: error: argument ")


def test_a_database_that_comes_late_is_waited_for() -> None:
    url = "postgresql://me:hunter2@127.0.0.1:9/x"
    engine = make_engine(Settings(database_url=url, sqs_queue_name="q"))  # type: ignore[arg-type]
    now_s, slept_s = [0.0], []

    def sleep(pause_s: float) -> None:
        slept_s.append(pause_s)
        now_s[0] += pause_s

    with pytest.raises(
        StartupError, match=r"^postgresql\+psycopg2://me:\*\*\*@127.0.0.1:9/x did not answer"
    ) as caught:
        wait_for_database(engine, 3, clock=lambda: now_s[0], sleep=sleep)
    assert isinstance(caught.value.__cause__, OperationalError)
    assert sum(slept_s) == 3
    assert SECRET not in str(caught.value)


def test_ctrl_c_ends_it_by_its_signal_and_without_a_traceback(server: tuple[str, object]) -> None:
    process = server[1]
    os.kill(process.pid, signal.SIGINT)  # type: ignore[attr-defined]
    assert process._process.wait(60) == -signal.SIGINT  # type: ignore[attr-defined]
    assert "Traceback" not in process.log.read_text()  # type: ignore[attr-defined]
