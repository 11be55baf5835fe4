# ruff: noqa: F401, F811 - fixtures come by import
"""The text of the pictures, and what stands first, on a wide screen and on a narrow one: in Chromium."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.load.locust_run import LoadSpec
from perf.measure.bisection import Outcome
from perf.report import fault_plots, plots, search_plots, web_plots
from tests.perf.results import result, search_result
from tests.perf.sample_run import knee_result
from tests.perf.test_faults import result as fault_result
from tests.perf.test_report_browser import browser, keep, made, pytestmark

#: What is wrong with the text in the pictures of a page: outside of its picture, over other text, too small.
TEXT_RULES = """() => {
    const found = [];
    for (const svg of document.querySelectorAll("figure svg")) {
        const frame = svg.getBoundingClientRect(), scale = frame.width / svg.viewBox.baseVal.width;
        const texts = [...svg.querySelectorAll("text")].filter(each => each.textContent.trim());
        const boxes = texts.map(each => each.getBoundingClientRect());
        const title = svg.getAttribute("aria-label").slice(0, 30);
        const name = place => title + ": " + texts[place].textContent.trim();
        boxes.forEach((box, place) => {
            if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
                || box.bottom > frame.bottom + 2) found.push(name(place) + " stands outside");
            const size = parseFloat(getComputedStyle(texts[place]).fontSize) * scale;
            if (size < 8) found.push(name(place) + " is small");
            boxes.slice(0, place).forEach((other, before) => {
                const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
                const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
                if (wide > 2 && high > 0.3 * Math.min(box.height, other.height))
                    found.push(name(place) + " over " + texts[before].textContent.trim());
            });
        });
    }
    return found;
}"""


@pytest.mark.parametrize("width", [400, 1280])
def test_the_text_of_every_picture_can_be_read(browser, made, width, tmp_path):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(made.html.as_uri())
    assert page.locator("figure svg").count() > 20
    assert page.evaluate(TEXT_RULES) == []
    keep(page, f"all-{width}", tmp_path, full_page=True)
    page.close()


@pytest.fixture
def shown(browser):
    """Shows pictures on a screen of 400 pixels."""
    page = browser.new_page(viewport={"width": 400, "height": 900})

    def show(pictures):
        figures = "".join(f"<figure style='margin:0'>{each.svg}</figure>" for each in pictures)
        page.set_content(f"<body style='margin:8px'>{figures}")
        return page

    yield show
    page.close()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 1.3])
def test_limits_that_are_broken_by_far_or_by_little_are_named_where_there_is_room(shown, share, tmp_path):
    slow = result()
    limit_s = share * float(slow.summary.response_max_s)
    limits = [Slo(f"response_p{percent}_s", "<=", limit_s, "slos.toml:1") for percent in (50, 95)]
    limits.append(Slo("service_p95_s", "<=", 0.9 * limit_s, "slos.toml:2"))
    page = shown(plots.pictures(replace(slow, verdict=judge(slow.summary, limits, ())))[-1:])
    assert page.evaluate(TEXT_RULES) == []
    keep(page, f"limits-{share}", tmp_path)


def test_so_can_those_of_the_other_kinds(shown):
    closed = replace(knee_result(), load=LoadSpec(10.0))
    drawn = [*fault_plots.pictures(fault_result()), *search_plots.pictures(search_result(*Outcome))]
    page = shown([*drawn, *web_plots.pictures(closed)])
    assert page.locator("figure svg").count() == 6
    assert page.evaluate(TEXT_RULES) == []


def test_on_a_narrow_screen_what_broke_and_by_how_much_is_there_without_scrolling(browser, made):
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.goto(made.html.as_uri())
    for row in (page.locator("table").first, page.locator("section table").first):
        box = row.get_by_text("37 % short").first.bounding_box()
        assert box["x"] + box["width"] <= 400
    page.close()
