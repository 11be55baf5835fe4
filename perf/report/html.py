"""The plain HTML summary: one file of our own data, with every picture, which needs nothing but a browser.

It stands beside Allure's report, and in its place where that cannot be made. Links lead to the artifacts in
the run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from perf.measure.numbers import number
from perf.report.changes import beside_baseline, changes, levels, since
from perf.report.drawing import Picture, css_variables
from perf.report.pictures import Renderer
from perf.report.view import slo_rows, told, why
from perf.store.documents import BROKEN, StoredCase
from perf.store.history import Past
from perf.store.runs import Run, files_of

#: What goes wrong stands first.
ORDER = ("FAIL", BROKEN, "INVALID", "PASS")
SIGNS = {"PASS": "✓", "FAIL": "✗", "INVALID": "?", BROKEN: "!"}


def page(
    run: Run,
    history: Mapping[str, Sequence[Past]],
    over_run: Sequence[Picture],
    draw: Renderer,
    note: str = "",
    base: str = "..",
) -> str:
    """The whole page.

    Args:
        run: the run.
        history: what earlier runs say of its cases.
        over_run: the pictures over the run; the first stands at the head.
        draw: makes those of a case.
        note: what the reader must know of the report itself.
        base: from the page to the run's folder, for its links.
    """
    cases = sorted(run.cases, key=lambda case: ORDER.index(case.outcome))
    body = [
        _head(run),
        f'<p class="note">{escape(note)}</p>' if note else "",
        *(f'<p class="note">Not read: {escape(text)}</p>' for text in run.unread),
        *map(figure, over_run[:1]),
        '<h2 id="cases">Cases</h2>',
        _table(cases, history),
        '<h2 id="overview">Over the run</h2>',
        '<div class="pictures">',
        *map(figure, over_run[1:]),
        "</div>",
        *(_case(run, case, history.get(case.id, ()), base, draw) for case in cases),
        '<h2 id="environment">Environment</h2>',
        _pairs(environment(run)),
    ]
    title = escape(f"{verdict_line(run)} · {run.name}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_style()}</style></head><body><main>{''.join(body)}</main></body></html>\n"
    )


def verdict_line(run: Run) -> str:
    """`2 FAIL, 1 INVALID, 9 PASS of 12 cases`; a case whose file cannot be read is one of them."""
    counts = [f"{run.count(kind)} {kind}" for kind in ORDER if run.count(kind)]
    counts += [f"{len(run.unread)} not read"] if run.unread else []
    return f"{', '.join(counts) or 'nothing'} of {len(run.cases) + len(run.unread)} cases"


def environment(run: Run) -> dict[str, str]:
    """What the run ran on, flat."""
    flat: dict[str, str] = {"run": run.name}
    for name, value in run.machine.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": str(each) for inner, each in value.items() if each is not None}
        elif value is not None:
            flat[name] = str(value)
    return flat


def figure(picture: Picture) -> str:
    """A picture with its words below it."""
    return (
        f'<figure id="picture-{escape(picture.name)}">{picture.svg}'
        f"<figcaption>{escape(picture.description)}</figcaption></figure>"
    )


def verdict_html(case: StoredCase, past: Sequence[Past]) -> str:
    """What broke, by how much, since when: the verdict table and the words around it."""
    wrong = [
        f"<p><strong>{escape(problem.reason)}</strong>; {escape(problem.remedy)}{_by(problem.check)}</p>"
        for problem in (case.verdict.problems if case.verdict else ())
    ]
    if case.outcome == BROKEN:
        wrong.append(f"<pre>{escape(case.message)}</pre>")
    when = since(case, past)
    if when:
        wrong.append(f"<p>Since when: {escape(when)}.</p>")
    wrong += [f"<p>Change of level: {escape(line)}.</p>" for line in levels(case, past)]
    wrong += [f"<p>Baseline: {escape(line)}.</p>" for line in beside_baseline(case)]
    rows = [
        (
            row.kind,
            f"<code>{escape(row.slo)}</code>",
            *map(escape, (row.measured, row.interval, row.margin, row.note)),
        )
        for row in slo_rows(case.verdict)
    ]
    columns = ("verdict", "SLO", "measured", "interval (nominal 95 %)", "margin", "note")
    return "".join(wrong) + (_table_of(f"Objectives of {case.title}", columns, rows) if rows else "")


def _by(check: str) -> str:
    """Which check found a problem; earlier versions did not say."""
    return f' <span class="check">(check: {escape(check)})</span>' if check else ""


def _head(run: Run) -> str:
    worst = next((kind for kind in ORDER if run.count(kind)), "INVALID")
    machine = run.machine
    what = (
        f"{machine.get('host', '?')}, {machine.get('cpus', '?')} processors, {machine.get('system', '?')}; "
        f"commit {str(machine.get('git_commit'))[:10]}{' with changes' if machine.get('git_dirty') else ''}"
    )
    return (
        f'<header class="{worst.lower()}"><h1>{SIGNS[worst]} {escape(verdict_line(run))}</h1>'
        f"<p>Video pipeline performance · run {escape(run.name)} · {escape(what)}</p></header>"
    )


def _table(cases: Sequence[StoredCase], history: Mapping[str, Sequence[Past]]) -> str:
    rows = []
    for case in cases:
        moved = _moved(case, history.get(case.id, ()))
        figures = "; ".join(told(name, value) for name, value in headlines(case)[:3])
        link = f'<a href="#{escape(case.id)}">{escape(case.id)}</a>'
        rows.append((case.outcome, link, *map(escape, (why(case), figures, moved))))
    return _table_of("Cases", ("verdict", "case", "why", "figures", "against the run before"), rows)


def headlines(case: StoredCase) -> list[tuple[str, float]]:
    """The metrics that stand first, of those there are."""
    found = ((name, case.values.get(name)) for name in case.headlines)
    return [(name, value) for name, value in found if value is not None]


def _moved(case: StoredCase, past: Sequence[Past]) -> str:
    """What is not as it was in the run before."""
    if not past:
        return ""
    return "; ".join(str(each) for each in changes(case, past) if each.notable) or "as before, within 5 %"


def _table_of(label: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in a frame of its own; on a narrow screen its cells stand below each other, with their names.

    Args:
        label: what it is, for those who do not see it.
        columns: their names; the first is that of the verdict.
        rows: a verdict each, and the other cells as HTML.
    """
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(
        f'<tr><td class="{_word(kind)}">{_sign(kind)}</td>'
        + "".join(
            f'<td data-name="{name}">{cell}</td>' for name, cell in zip(columns[1:], cells, strict=True)
        )
        + "</tr>"
        for kind, *cells in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'


def _case(run: Run, case: StoredCase, past: Sequence[Past], base: str, draw: Renderer) -> str:
    phases = "; ".join(f"{phase.name} {number(phase.end_s - phase.begin_s)} s" for phase in case.phases)
    facts = {**case.parameters, **case.circumstances} | ({"phases": phases} if phases else {})
    files = " · ".join(
        f'<a href="{escape(base)}/{escape(path.name)}">{escape(path.name)}</a>'
        for path in files_of(run.folder, case.id)
    )
    drawn = "".join(figure(picture) for picture in draw(case))
    return (
        f'<section><h2 id="{escape(case.id)}">'
        f'<span class="{case.outcome.lower()}">{_sign(case.outcome)}</span> '
        f"{escape(case.title)}</h2>{verdict_html(case, past)}{_pairs(facts)}"
        f'<div class="pictures">{drawn}</div><p>Files: {files}</p></section>'
    )


def _word(kind: str) -> str:
    """`PASS (borderline)` -> `pass`: what the style goes by."""
    return kind.partition(" ")[0].lower()


def _sign(kind: str) -> str:
    return f"{SIGNS[_word(kind).upper()]} {escape(kind)}"


def _pairs(pairs: Mapping[str, str]) -> str:
    each = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in pairs.items() if text
    )
    return f"<dl>{''.join(each)}</dl>"


@cache
def _style() -> str:
    """The style sheet, with the colours that the pictures have too."""
    text = (Path(__file__).parent / "summary.css").read_text(encoding="utf-8")
    return text.replace("/*day*/", css_variables(False)).replace("/*night*/", css_variables(True))
