"""The run summary in Markdown, for pull requests, CI job pages and mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf.measure.numbers import number
from perf.report.history import Past, changes, since
from perf.report.html import ORDER, SIGNS, verdict_line
from perf.report.run_files import Run
from perf.report.view import CaseView


def summary(run: Run, history: Mapping[str, Sequence[Past]], picture: str) -> str:
    """Verdicts, what is wrong, what changed, one picture (Markdown that shows it)."""
    cases = sorted(run.cases, key=lambda case: ORDER.index(case.kind))
    worst = next((case.kind for case in cases), "INVALID")
    machine = run.machine
    lines = [
        f"## {SIGNS[worst]} Performance: {verdict_line(run)}",
        "",
        f"Run {run.name} on {machine.get('host', '?')} ({machine.get('cpus', '?')} processors), "
        f"commit {str(machine.get('git_commit'))[:10]}",
        "",
        picture,
        "",
        *_wrong([case for case in cases if case.kind != "PASS"], history),
        *_changed(cases, history),
        *_table(cases),
        *(f"- not read: {_cell(text)}" for text in run.unread),
    ]
    return "\n".join(lines) + "\n"


def image(path: str, title: str) -> str:
    """A picture from a file beside the summary."""
    return f"![{title}]({path})"


def mermaid(run: Run) -> str:
    """The picture where no file can be shown, as on a CI job's page: GitHub and GitLab draw it themselves."""
    bursts = [case for case in run.cases if case.values.get("efficiency") is not None]
    if not bursts:
        return ""
    names = ", ".join(f'"{case.story}"' for case in bursts)
    values = ", ".join(number(case.values["efficiency"]) for case in bursts)
    return (
        '```mermaid\nxychart-beta\n    title "Efficiency: throughput / that of bare ffmpeg"\n'
        f'    x-axis [{names}]\n    y-axis "ratio" 0 --> 1.2\n    bar [{values}]\n```'
    )


def _wrong(cases: Sequence[CaseView], history: Mapping[str, Sequence[Past]]) -> list[str]:
    lines = []
    for case in cases:
        lines.append(
            f"- **{SIGNS[case.kind]} {case.kind} {case.id}**: {since(case, history.get(case.id, ()))}"
        )
        lines += [f"  - {_cell(line)}" for line in case.message.splitlines()[:6]]
    return [*lines, ""] if lines else []


def _changed(cases: Sequence[CaseView], history: Mapping[str, Sequence[Past]]) -> list[str]:
    lines = []
    for case in cases:
        notable = [str(change) for change in changes(case, history.get(case.id, ())) if change.notable]
        if notable:
            lines.append(f"- {case.id}: {', '.join(notable)}")
    if not lines:
        return []
    return [
        "<details><summary>Changes of more than 5 % against the run before</summary>",
        "",
        *lines,
        "",
        "</details>",
        "",
    ]


def _table(cases: Sequence[CaseView]) -> list[str]:
    lines = ["| verdict | case | figures |", "|---|---|---|"]
    for case in cases:
        figures = ", ".join(f"{metric.name} {number(value)}" for metric, value in case.headlines.items())
        lines.append(f"| {SIGNS[case.kind]} {case.kind} | {case.id} | {figures} |")
    return lines


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
