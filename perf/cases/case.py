"""What every kind of case has: a variant, and axes from which all its names follow. Data only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from itertools import product
from typing import Any, ClassVar, get_type_hints


class Variant(StrEnum):
    """Where a case runs; a pytest marker each."""

    MOCKED = "mocked"
    LOCAL = "local"
    AWS = "aws"


#: In slos.toml: all of them.
EVERY_VARIANT = "all"


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that the cases of a kind differ in.

    Attributes:
        name: the field, and the column in CSV files.
        label: what reports call it.
        word: its part of the id, such as ``c{}``.
        text: its value in reports, such as ``{} MB``.
        said: the same within the title of a case, such as ``concurrency {}``.
        table: whether its value names a table of slos.toml by itself, as ``burst`` does.
        slow: whether a change of it takes time, so that it changes as seldom as can be.
        usual: the value that goes without saying: ids, titles and reports are silent of it. None = none.
    """

    name: str
    label: str
    word: str
    text: str
    said: str
    table: bool
    slow: bool
    usual: Any


def axis(
    word: str, label: str, *, text: str = "{}", said: str = "", table: bool = False, slow: bool = False
) -> Any:
    """A field of a Case that is an axis; the arguments are Axis's."""
    return field(metadata=axis_data(word, label, text=text, said=said, table=table, slow=slow))


def axis_data(
    word: str,
    label: str,
    *,
    text: str = "{}",
    said: str = "",
    table: bool = False,
    slow: bool = False,
    usual: Any = None,
) -> dict[str, Any]:
    """The metadata of such a field, for one with a default: its usual value."""
    own = {"word": word, "label": label, "text": text, "said": said or text}
    return {"axis": own | {"table": table, "slow": slow, "usual": usual}}


def shown(label: str, *, default: Any = ...) -> Any:
    """A field of a Case that is no axis, and that reports show under this label."""
    metadata = {"label": label}
    return field(metadata=metadata) if default is ... else field(metadata=metadata, default=default)


@dataclass(frozen=True, slots=True)
class Case:
    """One combination of the axes of its kind: one parametrised pytest case.

    A kind's case is a dataclass that derives from this one, with a field for each axis (`axis`) in the order
    of the id, and fields for what else it needs. Ids, keys, columns, the report's parameters and the order
    follow from the axes.
    """

    #: The name of its kind.
    kind: ClassVar[str]

    variant: Variant

    @classmethod
    def axis_list(cls) -> tuple[Axis, ...]:
        """The axes in the order of the id."""
        return _axes(cls)

    @property
    def axes(self) -> dict[str, Any]:
        """The value of each axis by its name, in order."""
        return {each.name: getattr(self, each.name) for each in _axes(type(self))}

    @property
    def key(self) -> str:
        """The case's name within its variant, as slos.toml spells it: ``50MB-c1-burst``."""
        return self._named(self._told)

    @property
    def cell(self) -> str:
        """What it has in common with the cases that differ in the mode alone: ``50MB-c1``."""
        return self._named([each for each in self._told if not each.table])

    @property
    def id(self) -> str:
        """The stable id, such as ``mocked-50MB-c1-burst``."""
        return f"{self.variant}-{self.key}"

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of slos.toml that hold for it, the most general first."""
        modes = [str(getattr(self, each.name)) for each in _axes(type(self)) if each.table]
        return tuple(dict.fromkeys((self.kind, *modes, self.key)))

    @property
    def title(self) -> str:
        """Such as ``50 MB, concurrency 1, burst (mocked)``."""
        said = [each.said.format(getattr(self, each.name)) for each in self._told]
        return f"{', '.join(said)} ({self.variant})"

    @property
    def parameters(self) -> dict[str, str]:
        """What makes the case what it is, by the labels of reports."""
        found = {each.label: each.text.format(getattr(self, each.name)) for each in self._told}
        for each in fields(self):
            if "label" in each.metadata:
                found[each.metadata["label"]] = str(getattr(self, each.name))
        return found

    @property
    def _told(self) -> list[Axis]:
        """The axes whose value does not go without saying."""
        return [each for each in _axes(type(self)) if getattr(self, each.name) != each.usual]

    def _named(self, axes: Sequence[Axis]) -> str:
        return "-".join(each.word.format(getattr(self, each.name)) for each in axes)


def spanned(case: type[Case], values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of a kind's axes, in the order they run: slow axes are outermost."""
    order = sorted(case.axis_list(), key=lambda each: not each.slow)
    for combination in product(*(values[each.name] for each in order)):
        yield dict(zip((each.name for each in order), combination, strict=True))


def key_pattern(case: type[Case]) -> re.Pattern[str]:
    """What the keys of a kind look like; a group for each axis, of its name."""
    hints, pattern = get_type_hints(case), ""
    for each in case.axis_list():
        group = f"(?P<{each.name}>{_values(hints[each.name])})"
        if each.usual is not None:
            group = f"(?!{each.usual}(?!\\w)){group}"
        word = ("-" if pattern else "") + re.escape(each.word).replace(r"\{\}", group)
        pattern += word if each.usual is None else f"(?:{word})?"
    return re.compile(pattern)


def _values(kind: Any) -> str:
    """What the values of an axis look like in an id."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "|".join(re.escape(each) for each in kind)
    return r"[1-9]\d*" if kind is int else r"[\w.]+"


def _read(case: type[Case]) -> tuple[Axis, ...]:
    return tuple(Axis(each.name, **each.metadata["axis"]) for each in fields(case) if "axis" in each.metadata)


_axes: Callable[[Any], tuple[Axis, ...]] = cache(_read)
