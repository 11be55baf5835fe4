"""The run summary in Markdown, for pull requests, CI job pages and mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from perf.measure.numbers import number
from perf.report.changes import beside_baseline, changes, levels, since
from perf.report.html import ORDER, SIGNS, headlines, verdict_line
from perf.report.view import told
from perf.store.documents import StoredCase
from perf.store.history import Past
from perf.store.runs import Run


def summary(run: Run, history: Mapping[str, Sequence[Past]], picture: str) -> str:
    """Verdicts, what is wrong, what changed, one picture (Markdown that shows it)."""
    cases = sorted(run.cases, key=lambda case: ORDER.index(case.outcome))
    worst = next((case.outcome for case in cases), "INVALID")
    worst = "INVALID" if run.unread and worst == "PASS" else worst
    machine = run.machine
    lines = [
        f"## {SIGNS[worst]} Performance: {verdict_line(run)}",
        "",
        f"Run {run.name} on {machine.get('host', '?')} ({machine.get('cpus', '?')} processors), "
        f"commit {str(machine.get('git_commit'))[:10]}",
        "",
        picture,
        "",
        *_wrong([case for case in cases if case.outcome != "PASS"], history),
        *_changed(cases, history),
        *_folded("Against the baseline", ((case.id, beside_baseline(case)) for case in cases)),
        *_table(cases),
        *(f"- not read: {_cell(text)}" for text in run.unread),
    ]
    return "\n".join(lines) + "\n"


def image(path: str, title: str) -> str:
    """A picture from a file beside the summary."""
    return f"![{title}]({path})"


def mermaid(run: Run) -> str:
    """The picture where no file can be shown, as on a CI job's page: GitHub and GitLab draw it themselves."""
    known = ((case, case.values.get("efficiency")) for case in run.cases)
    bursts = [(case.story, value) for case, value in known if value is not None]
    if not bursts:
        return ""
    names = ", ".join(f'"{story}"' for story, _ in bursts)
    values = ", ".join(number(value) for _, value in bursts)
    return (
        '```mermaid\nxychart-beta\n    title "Efficiency: throughput / that of bare ffmpeg"\n'
        f'    x-axis [{names}]\n    y-axis "ratio" 0 --> 1.2\n    bar [{values}]\n```'
    )


def _wrong(cases: Sequence[StoredCase], history: Mapping[str, Sequence[Past]]) -> list[str]:
    lines = []
    for case in cases:
        lines.append(
            f"- **{SIGNS[case.outcome]} {case.outcome} {case.id}**: {since(case, history.get(case.id, ()))}"
        )
        lines += [f"  - {_cell(line)}" for line in case.message.splitlines()[:6]]
        lines += [f"  - {_cell(line)}" for line in levels(case, history.get(case.id, ()))]
    return [*lines, ""] if lines else []


def _changed(cases: Sequence[StoredCase], history: Mapping[str, Sequence[Past]]) -> list[str]:
    found = ((case.id, changes(case, history.get(case.id, ()))) for case in cases)
    notable = ((name, [str(each) for each in some if each.notable]) for name, some in found)
    return _folded(
        "Changes of more than 5 % against the run before",
        ((n, [", ".join(some)] if some else []) for n, some in notable),
    )


def _folded(title: str, of_cases: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Lines of cases under a title that opens by a click; nothing where there are none."""
    lines = [f"- {name}: {_cell(line)}" for name, some in of_cases for line in some]
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>", ""] if lines else []


def _table(cases: Sequence[StoredCase]) -> list[str]:
    lines = ["| verdict | case | figures |", "|---|---|---|"]
    for case in cases:
        figures = ", ".join(told(name, value) for name, value in headlines(case))
        lines.append(f"| {SIGNS[case.outcome]} {case.outcome} | {case.id} | {figures} |")
    return lines


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
