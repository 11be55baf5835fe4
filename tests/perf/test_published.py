"""Reading a published table: what is read, and what ends in one line that says where and why."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.errors import UsageError
from perf.cases.worker import Mode
from perf.judge.audit import Row
from perf.store.published import read_table

HEAD = "mode,total,done,failed,x_per_min,s_mean_s\n"
LINE = "burst,20,20,0,1.25,480.5\n"
ROW = Row("1", Mode.BURST, 20, 20, 0, 0, 1.25, 480.5, None)


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "runs.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def semicolons(text, comma=False):
    return (text.replace(",", ";").replace(".", ",")) if comma else text.replace(",", ";")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HEAD + LINE, id="commas"),
        pytest.param(semicolons(HEAD + LINE), id="semicolons"),
        pytest.param(semicolons(HEAD + LINE, comma=True), id="decimal commas"),
        pytest.param((HEAD + LINE).replace(",", "\t"), id="tabs"),
        pytest.param(semicolons(HEAD + LINE, comma=True).replace(";", "\t"), id="tabs and decimal commas"),
        pytest.param(b"\xef\xbb\xbf" + (HEAD + LINE).encode(), id="byte order mark"),
        pytest.param((HEAD + LINE).encode("utf-16"), id="UTF-16"),
        pytest.param("Runs of May, all of them; measured\n" + HEAD + LINE, id="a title"),
        pytest.param("\ufeffRuns\n\n" + semicolons(HEAD + LINE, comma=True), id="a title and a blank line"),
        pytest.param("sep=;\n" + semicolons(HEAD + LINE), id="what Excel writes first"),
        pytest.param((HEAD + LINE).replace("\n", "\r\n"), id="CRLF"),
        pytest.param((HEAD + LINE).title().replace("S_Mean_S", "S_mean_s"), id="capitals"),
        pytest.param((HEAD + LINE).replace(",", " , "), id="spaces"),
        pytest.param(HEAD + LINE.replace("20", "20.0"), id="counts as floats"),
        pytest.param(HEAD + LINE + ",,,,,\n\n", id="blank lines at the end"),
        pytest.param(HEAD + '"burst","20","20","0","1.25","480.5"\n', id="quoted"),
    ],
)
def test_it_is_read(written, content):
    assert read_table(written(content)).rows == (ROW,)


def test_the_names_of_the_file_are_kept(written):
    assert read_table(written(HEAD + LINE)).columns["response_mean_s"] == "s_mean_s"


def test_every_column(written):
    head = "run,concurrency,mode,rate,total,done,failed,uploaded,processing,x_per_min,s_mean_s\n"
    (row,) = read_table(written(head + "a,2,sustained,10,30,20,1,4,5,1.2,300\n")).rows
    assert row == Row("a", Mode.SUSTAINED, 30, 20, 1, 9, 1.2, 300.0, 10.0, 2)


def test_what_is_not_there_is_none_and_not_zero(written):
    head = "mode,total,done,failed,uploaded,x_per_min,s_mean_s\n"
    rows = read_table(written(head + "burst,,,,,,\nburst,5,,,,,\n")).rows
    assert rows[0] == Row("1", Mode.BURST, *[None] * 7)
    assert rows[1] == Row("2", Mode.BURST, 5, *[None] * 6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "runs.csv: there is no row"),
        ("\n \n", "runs.csv: there is no row"),
        (HEAD, "runs.csv: there is no row"),
        ("mode,total\nburst,3\n", r":1: no column done, failed, x_videos_per_min, s_mean_s; .* mode, total"),
        ("a title\nmode,total\nburst,3\n", ":2: no column done"),
        ("some,thing\nelse,3\n", ":1: no column mode, .* the columns are some, thing"),
        ("mode,done," + HEAD + "burst,1," + LINE, ":1: there is more than one column done, mode"),
        (HEAD + "burts,1,1,0,1,1\n", ":2: mode is 'burts'; expected burst or sustained"),
        (HEAD + "burst,1,1,0,?,1\n", r":2: x_per_min is '\?'; expected a number, 0 or more"),
        (HEAD + "burst,1,1,0,nan,1\n", ":2: x_per_min is 'nan'; expected a number"),
        (HEAD + "burst,-1,1,0,1,1\n", ":2: total is '-1'; expected a whole number, 0 or more"),
        (HEAD + "burst,1.5,1,0,1,1\n", ":2: total is '1.5'; expected a whole number"),
        (HEAD + "burst,30,30,0,93\n", ":2: 5 cells, but the header has 6; decimal commas need semicolons"),
        (HEAD + 'burst,1,1,0,"1,25",1\n', ":2: x_per_min is '1,25'; expected a number"),
        (semicolons(HEAD) + "burst;1,000;1;0;1;1\n", ":2: total is '1,000'; expected a whole number"),
        (
            semicolons(HEAD) + "burst;1;1;0;1,25;1\nburst;1;1;0;1;1.234\n",
            ":3: decimals with a comma and with a point in one table: '1,25' and '1.234'",
        ),
        (semicolons(HEAD) + "burst;1;1;0;1;1.234,5\n", ":2: decimals with a comma and with a point"),
        (HEAD + "burst,20,20,0,1,25,480\n", ":2: 7 cells, but the header has 6; decimal commas need semico"),
        (semicolons(HEAD) + LINE.replace(",", ";") + "burst;1;1;0;1;1;\n", ":3: 7 cells, .* has 6$"),
        (HEAD + LINE + '"burst,20\n', ":3: cannot read the table: unexpected end of data"),
        (HEAD + '"bu"rst,20,20\n', ":2: cannot read the table: "),
    ],
)
def test_a_table_that_makes_no_sense(written, text, words):
    with pytest.raises(UsageError, match=words) as caught:
        read_table(written(text))
    assert "\n" not in str(caught.value)


def test_the_line_is_that_of_the_file(written):
    head = "A title,\nthen a blank one\n\nrun," + HEAD
    rows = '"two\nlines",' + LINE + "\n" + ",,,,,,\n" + "b," + LINE
    with pytest.raises(UsageError, match=r"runs\.csv:10: mode is 'x'"):
        read_table(written(head + rows + "c,x,1,1,0,1,1\n"))
    with pytest.raises(UsageError, match=r"runs\.csv:10: mode is 'x'"):  # where it begins
        read_table(written(head + rows + '"c\nd",x,1,1,0,1,1\n'))


cell = st.text(st.sampled_from('ab ,;\t"\n'), max_size=6)


@given(st.lists(cell, min_size=1, max_size=8), st.sampled_from(",;\t"), st.integers(0, 3))
def test_the_line_is_right_whatever_stands_before(tmp_path_factory, names, delimiter, blank):
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    rows.writerow(["run", *HEAD.strip().split(",")])
    for name in names:
        rows.writerow([name, *LINE.strip().split(",")])
        text.write("\n" * blank)
    place = text.getvalue().count("\n") + 1
    rows.writerow(["x", "wrong", *[""] * 5])
    path = tmp_path_factory.mktemp("tables") / "runs.csv"
    path.write_text(text.getvalue())
    with pytest.raises(UsageError, match=f"runs.csv:{place}: mode is 'wrong'"):
        read_table(path)


@pytest.mark.parametrize("content", [b"\xff\xfem", b"mode,\xe9\n"])
def test_what_is_no_text_is_one_line(written, content):
    with pytest.raises(UsageError, match="cannot read the table"):
        read_table(written(content))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot read the table"):
        read_table(tmp_path / "none.csv")
