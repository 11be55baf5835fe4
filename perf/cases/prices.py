"""What an hour of a node costs, where the environment tells what a node is. Data only.

``PERF_NODE_TYPE`` is an instance type, such as ``c5.xlarge``, or a Fargate task, such as ``fargate:2:4``
(vCPUs and GB); its price in ``AWS_REGION`` is what AWS says today (perf/deploy/pricing.py), or else that of
prices.toml. ``PERF_NODE_PRICE`` is the price itself, in US dollars an hour, and goes before both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.cases.errors import UsageError
from perf.cases.options import number_above_0

TABLE = Path(__file__).with_suffix(".toml")
_PRICE = number_above_0("US dollars an hour for a node, e.g. 0.17", most=1000)


@dataclass(frozen=True, slots=True)
class NodePrice:
    """US dollars an hour for a node, and what that is the price of."""

    usd_per_h: float
    source: str

    def usd(self, nodes: int, for_s: float) -> float:
        """What so many nodes cost for so long."""
        return nodes * self.usd_per_h * for_s / 3600


def given_price(shell: Mapping[str, str]) -> float | None:
    """What PERF_NODE_PRICE says, US dollars an hour; None where it says nothing.

    Raises:
        UsageError: it makes no sense.
    """
    return _PRICE("PERF_NODE_PRICE", shell.get("PERF_NODE_PRICE", "").strip())


def node_price(shell: Mapping[str, str], table: Path = TABLE) -> NodePrice | None:
    """The price of a node by this table; None where the environment does not tell what one is.

    Raises:
        UsageError: it tells it, and that makes no sense or is not in the table.
    """
    if (given := given_price(shell)) is not None:
        return NodePrice(given, f"{given:g} USD/h, as PERF_NODE_PRICE says")
    kind = shell.get("PERF_NODE_TYPE", "").strip()
    if not kind:
        return None
    region = shell.get("AWS_REGION", "")
    prices = tomllib.loads(table.read_text(encoding="utf-8"))
    there = prices.get(region, {})
    found = _fargate(kind, there) if kind.startswith("fargate") else there.get(kind)
    if found is None:
        raise UsageError(
            f"PERF_NODE_TYPE={kind}: no price of it in {region or 'a region that AWS_REGION does not name'} "
            f"(perf/cases/{table.name} of {prices['date']}); add it, or give PERF_NODE_PRICE, US dollars "
            "an hour"
        )
    return NodePrice(found, f"{kind} in {region} at {found:g} USD/h, the list price of {prices['date']}")


def fargate_size(kind: str) -> tuple[float, float]:
    """The vCPUs and GB of a Fargate task, such as ``fargate:2:4``.

    Raises:
        UsageError: it is not written so.
    """
    match = re.fullmatch(r"fargate:([0-9.]+):([0-9.]+)", kind)
    try:
        cpus, gb = map(float, match.groups() if match else ())
    except ValueError:
        raise UsageError(f"PERF_NODE_TYPE={kind}: expected fargate:VCPUS:GB, e.g. fargate:2:4") from None
    return cpus, gb


def _fargate(kind: str, prices: Mapping[str, Any]) -> float | None:
    cpus, gb = fargate_size(kind)
    if not {"fargate_vcpu", "fargate_gb"} <= prices.keys():
        return None
    return float(cpus * prices["fargate_vcpu"] + gb * prices["fargate_gb"])
