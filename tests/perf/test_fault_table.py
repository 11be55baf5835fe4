"""The table of fault runs: ours above the stock worker's, sums over repetitions, a cut line is none."""

from __future__ import annotations

import json

from perf.report.fault_table import COLUMNS
from tests.perf.fault_table import read, table


def line(fault, number, outcome="PASS", worker=None, **summary):
    counts = dict.fromkeys(COLUMNS.values(), 0) | {"sent": 12, "done": 12, "recovery_s": 2.0} | summary
    more = {} if worker is None else {"worker": worker, "deaths": 3}
    return {"fault": fault, "number": number, "outcome": outcome, "message": "", "summary": counts, **more}


def test_a_stock_worker_s_row_stands_below_ours(tmp_path):
    runs = [
        line("s3-away", 1),
        line("s3-away", 1, "FAIL", worker="stock", done=2, lost=10, recovery_s=None),
        line("s3-away", 2, recovery_s=6.0),
        {**line("s3-away", 3), "outcome": "BROKEN", "summary": {}},
    ]
    file = tmp_path / "runs.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in runs) + '{"fault": "s3-aw')
    made = list(table(read(file)))
    assert made[1].split() == ["s3-away", "ours", "2", "2", "24", "24", *"00000", "-", "4", "6"]
    assert made[2].split() == [
        "s3-away",
        "stock",
        "1",
        "0",
        "12",
        "2",
        "0",
        "0",
        "10",
        "0",
        "0",
        "3",
        "-",
        "-",
    ]
    assert "s3-away 1 stock: FAIL " in made
