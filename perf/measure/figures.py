"""What a metric is, and what every summary of a kind of case has in common. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Unit = Literal["s", "per_min", "per_s", "ratio", "count", "usd"]
#: Which way is better; empty = neither, or not to be said of one run against another.
Better = Literal["", "higher", "lower"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is.

    Attributes:
        name: what CSV files, slos.toml and reports call it.
        unit: of the number.
        meaning: one line.
        modes: the modes it exists for, None in the summary of the others; empty = all.
        quantile: the percentile it is (50, 95, 99), or None.
        signed: whether it can be below 0.
        here: whether it exists only where the workers run on this machine: in all variants but aws.
        better: which way is better, where one run is held against another (perf.judge.baseline).
        most: what it cannot exceed; None = anything.
    """

    name: str
    unit: Unit
    meaning: str
    modes: frozenset[str] = frozenset()
    quantile: int | None = None
    signed: bool = False
    here: bool = False
    better: Better = ""
    most: float | None = None

    def lacks(self, modes: Iterable[str]) -> list[str]:
        """Those of the modes that it does not exist for."""
        return [mode for mode in modes if self.modes and mode not in self.modes]


def metric(  # noqa: PLR0913 - what a Metric has
    unit: Unit,
    meaning: str,
    modes: Iterable[str] = (),
    *,
    quantile: int | None = None,
    signed: bool = False,
    here: bool = False,
    better: Better = "",
    most: float | None = None,
    default: Any = ...,
) -> Any:
    """A field of a summary that is a metric; the arguments are Metric's."""
    found: dict[str, Any] = {"unit": unit, "meaning": meaning, "modes": frozenset(modes)}
    found |= {"quantile": quantile, "signed": signed, "here": here, "better": better, "most": most}
    metadata = {"metric": found}
    return field(metadata=metadata) if default is ... else field(metadata=metadata, default=default)


@dataclass(frozen=True, slots=True)
class Figures:
    """The metrics of a case: a dataclass of a kind derives from this one, with a `metric` for each.

    None = there is no data for it; never 0 or NaN in its place.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """In documents it is its values by their names."""
        _ = source, handler
        return core_schema.no_info_plain_validator_function(
            cls.of, serialization=core_schema.plain_serializer_function_ser_schema(cls.values)
        )

    @classmethod
    def metrics(cls) -> dict[str, Metric]:
        """Every metric by its name."""
        return _metrics(cls)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The figures again, of what `values` gave; what is absent is None."""
        return cls(**{name: values.get(name) for name in _metrics(cls)})

    def values(self) -> dict[str, float | None]:
        """The value of every metric by its name."""
        return {name: getattr(self, name) for name in _metrics(type(self))}

    def value(self, metric: str) -> float | None:
        """The value of the metric of this name.

        Raises:
            KeyError: there is no such metric.
        """
        return self.values()[metric]

    def quantile(self, metric: str) -> int | None:
        """Which percentile the metric is, if it is one."""
        return _metrics(type(self))[metric].quantile

    def samples(self, metric: str) -> int | None:
        """How many values a percentile rests on; None where that is not known."""
        _ = metric
        return None


def _read(cls: type[Figures]) -> dict[str, Metric]:
    return {
        each.name: Metric(each.name, **each.metadata["metric"])
        for each in fields(cls)
        if "metric" in each.metadata
    }


_metrics: Callable[[Any], dict[str, Metric]] = cache(_read)
