"""What was meant: the nearest right word for a misspelt option, id or -k. Wiring only."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable

import pytest

from perf.cases.options import nearest
from perf.plugin.options import STASHED


@pytest.hookimpl(trylast=True)  # after all options are known
def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Have pytest's own refusal of an option that is none say which one was meant."""
    config = pluginmanager.get_plugin("pytestconfig")
    flags: Collection[str] = getattr(parser.optparser, "_option_string_actions", ())  # nothing public tells
    for word in config.invocation_params.args if isinstance(config, pytest.Config) else ():
        flag = str(word).partition("=")[0]
        if flag.startswith("--") and flag not in flags and (hint := nearest(flag, flags)):
            parser.extra_info[flag] = hint.removeprefix("; ")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Where a case that is named is not found, say which one was meant."""
    try:
        return (yield)
    except pytest.UsageError as error:
        known = _ids(session.config)
        named = [arg.rpartition("[")[2].rstrip("]") for arg in session.config.args if arg.endswith("]")]
        strange = [name for name in named if name not in known]
        hints = [f"{name}{hint}" for name in strange if (hint := nearest(name, known))]
        raise type(error)(*error.args, *hints) if hints else error from None


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Where -k chose nothing, say which word of it is none of any id."""
    if items or not config.option.keyword:
        return []
    known = {part for name in _ids(config) for part in (name, *name.split("-"))}
    words = re.findall(r"[\w.-]+", config.option.keyword)
    return [f"-k: no case has {word!r} in its id{hint}" for word, hint in _unknown(words, known) if hint]


def _unknown(words: Iterable[str], known: Collection[str]) -> list[tuple[str, str]]:
    strange = [word for word in words if word not in ("and", "or", "not")]
    return [(word, nearest(word, known)) for word in strange if not any(word in name for name in known)]


def _ids(config: pytest.Config) -> list[str]:
    """Of all cases of this run."""
    return [case.id for cases in config.stash[STASHED].cases.values() for case in cases]
