"""How a picture looks, in one place: its colours by day and by night, its text, its SVG and its PNG.

matplotlib draws: static pictures work in mail and on CI pages, and a picture is some 10 to 40 KB of SVG,
where an interactive one would bring 3.5 MB of JavaScript into each attachment of the single HTML file.

In the SVG every colour is a CSS variable with a value for light and one for dark, and the picture paints its
own background: it is readable whatever the page around it is. No meaning rests on colour alone: lines differ
by dash or marker too and are named where they run, verdicts are written out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import _GeneratorContextManager
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Role -> colour by day, colour by night. The series are of Okabe and Ito's palette (2008), made for
#: colour-blind readers, darkened by day to a contrast of at least 4.5 to 1 with the background.
COLOURS = {
    "paper": ("#ffffff", "#16181d"),
    "ink": ("#1f2328", "#e6e8eb"),
    "faint": ("#d5d9df", "#3a3f47"),
    "first": ("#005a96", "#6cb8f0"),
    "second": ("#a84300", "#ff9e57"),
    "third": ("#00694f", "#3fd6a8"),
    "pass": ("#d9efe4", "#123d2c"),
    "fail": ("#fbdad2", "#5c1f12"),
    "invalid": ("#e9dff5", "#3d2a57"),
    "broken": ("#f5e9c8", "#4d3c0c"),
}
PAPER, INK, FAINT, FIRST, SECOND, THIRD, *_ = (light for light, _ in COLOURS.values())

#: Inches: so narrow that the text can still be read where a screen of 400 pixels shows the whole of it.
WIDTH = 5.2
_TITLE_PAD, _LEGEND_ROW = 6, 16  # points

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: small, searchable, read out by a screen reader
    "svg.hashsalt": "perf",  # the same data, the same bytes
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": PAPER,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True)
class Picture:
    """A drawn figure with its title and what it shows in words, for those who do not see it."""

    name: str
    title: str
    description: str
    figure: Figure

    @cached_property
    def svg(self) -> str:
        """The picture as SVG, for browsers; follows the reader's light or dark."""
        with styled():
            text = io.StringIO()
            self.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        return _themed(text.getvalue(), self.title, self.description)

    def png(self) -> bytes:
        """The picture as PNG by day, for mail and what cannot show SVG."""
        with styled():
            data = io.BytesIO()
            self.figure.savefig(data, format="png", dpi=110)
        return data.getvalue()


def styled() -> _GeneratorContextManager[None]:
    """The settings that all drawing is done under: also a decorator."""
    return mpl.rc_context(_SETTINGS)


def canvas(title: str, *, width: float = WIDTH, height: float = 3.0) -> tuple[Figure, Axes]:
    """An empty figure of this size in inches, with one pair of axes."""
    figure, (axes,) = canvases([title], width=width, height=height)
    return figure, axes


def canvases(
    titles: Sequence[str], *, width: float = WIDTH, height: float = 3.0
) -> tuple[Figure, list[Axes]]:
    """The same with several axes below each other, each of this height."""
    figure = Figure(figsize=(width, height * len(titles)), layout="constrained")
    column = list(figure.subplots(len(titles), 1, squeeze=False)[:, 0])
    for axes, title in zip(column, titles, strict=True):
        axes.set_title(title)
    return figure, column


def legend(axes: Axes, columns: int = 3) -> None:
    """The legend between the axes and their title, where it hides nothing."""
    names = axes.get_legend_handles_labels()[1]
    rows = -(-len(names) // columns)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.1, columnspacing=1.2)
    axes.set_title(axes.get_title(loc="left"), pad=_TITLE_PAD + _LEGEND_ROW * rows)


def _themed(svg: str, title: str, description: str) -> str:
    """Colours become variables; the picture gets a name and a description."""
    svg = svg[svg.index("<svg") :]  # without the XML and DOCTYPE lines, it can stand within a page too
    for role, (light, _) in COLOURS.items():
        svg = re.sub(f"{light}\\b", f"var(--{role}, {light})", svg, flags=re.IGNORECASE)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"font: ([^;\"]*)'DejaVu Sans'[^;\"]*", r"font: \1system-ui, 'DejaVu Sans', sans-serif", svg)
    head = f"<title>{escape(title)}</title><desc>{escape(description)}</desc><style>{_STYLE}</style>"
    opening, rest = svg.split(">", 1)
    return f'{opening} role="img" aria-label="{escape(title)}. {escape(description)}">{head}{rest}'


def css_variables(night: bool) -> str:
    """The colours as declarations of CSS."""
    return "".join(f"--{role}:{pair[night]};" for role, pair in COLOURS.items())


_STYLE = (
    f"svg{{{css_variables(False)}}}@media (prefers-color-scheme:dark){{svg{{{css_variables(True)}}}}}"
    "svg{max-width:100%;height:auto}"
)
