"""The transcript of the old procedure's commands: each is in it, and none of them ended in a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.perf.procedure import ASKED, FIRST, LAST, SHORTER, Command, commands, cut, shorter

COMMANDS = commands()
TRANSCRIPT = Path(__file__).with_name("data") / "procedure.txt"


def typed(part: str) -> str:
    """The command of a part of the transcript, as it was typed: what follows it shows what it has written."""
    return [text for text in re.findall(r"^\$ (.*)$", part, re.MULTILINE) if not text.startswith("cat ")][-1]


def parts() -> dict[str, str]:
    """What the transcript has of each command of the page."""
    found = re.split(r"^## ", TRANSCRIPT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pages = [re.search(r"^\[the page has: (.+)\]$", part, re.MULTILINE) for part in found]
    return {page[1] if page else typed(part): part for page, part in zip(pages, found, strict=True)}


def test_the_page_has_the_procedure() -> None:
    text = "\n".join(command.text for command in COMMANDS)
    words = "inject,--monitor,metrics --tasks-log,metrics --file,--step-load,--clip,--endpoints health,audit"
    assert [word for word in words.split(",") if word not in text] == []
    assert [command.text for command in COMMANDS if command.asks] == [COMMANDS[0].text]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text[:60])
def test_every_command_of_the_page_has_run(command: Command) -> None:
    said = parts()[command.text]
    assert re.search(r"^\[exit status \d+, \d+ s\]$", said, re.MULTILINE)
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert not re.search(r"BUCKET|\bURL\b|_TIME\b", typed(said))


@pytest.mark.parametrize("long", [long for long, _ in SHORTER])
def test_what_is_shortened_is_on_the_page(long: str) -> None:
    assert any(re.search(long, command.text) for command in COMMANDS)


def test_what_is_shorter_is_a_command_still() -> None:
    changed = [command.text for command in COMMANDS if shorter(command.text) != command.text]
    assert {text.split()[0] for text in changed} == {"pytest", "python", "locust"}


def test_a_person_hears_what_is_asked() -> None:
    assert [
        asked[1] for asked in ASKED.finditer("end all workers\nrestart the workers as 1 node(s) x 4: ...")
    ] == [
        None,
        "4",
    ]


def test_what_is_long_is_cut_in_its_middle() -> None:
    lines = [str(number) for number in range(FIRST + LAST + 5)]
    assert cut(lines)[FIRST] == "[... 5 lines ...]"
    assert (cut(lines)[0], cut(lines)[-1]) == (lines[0], lines[-1])
    assert cut(lines[: FIRST + LAST + 1]) == lines[: FIRST + LAST + 1]
