"""The reports as a reader sees them: in headless Chromium, from a whole run's artifacts.

PERF_SCREENSHOTS=folder keeps the screenshots. Needs Debian's chromium; Allure and axe come by npm, once for a
machine. Where one of them cannot be had, the tests that need it skip and say so.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest

from perf.deploy.cache import cache_folder
from perf.measure.numbers import number
from perf.report.allure_html import NoAllureError, find_node, install
from perf.report.regenerate import Made, make_report
from perf.run.kinds import KINDS
from tests.perf.sample_run import write_run

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Allure starts slowly on a busy machine.
WAIT_MS = 240_000
AXE = "axe-core@4.10.2"
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt-get install chromium")
FAILING, INVALID, PASSING = "mocked-50MB-c2-burst", "mocked-100MB-c4-sustained", "mocked-50MB-c1-burst"
BROKEN, KNEE = "mocked-200MB-c1-burst", "mocked-web-knee"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    runs = [write_run(results, back, full=back == 0) for back in (4, 3, 2, 1, 0)]
    return make_report(runs[-1], cache_folder(), kinds=KINDS, say=lambda _: None)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module")
def page(scheme, browser, made):
    page = browser.new_page(viewport={"width": 1250, "height": 1400}, color_scheme=scheme)
    page.goto(made.html.as_uri())
    yield page
    page.close()


def keep(page, name: str, tmp_path: Path, **how: bool) -> None:
    """A screenshot, which is not one colour."""
    folder = Path(os.environ.get("PERF_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    assert len(page.screenshot(path=folder / f"{name}.png", **how)) > 20_000


def metrics(made: Made, case: str) -> dict[str, str]:
    text = (made.html.parent.parent / f"metrics_{case}.csv").read_text()
    return {row["metric"]: row["value"] for row in csv.DictReader(io.StringIO(text))}


def test_the_first_look_says_what_broke_and_by_how_much(page, scheme, made, tmp_path):
    assert "1 FAIL, 1 BROKEN, 1 INVALID, 11 PASS of 14 cases" in page.title()
    assert page.locator("h1").inner_text() == "✗ 1 FAIL, 1 BROKEN, 1 INVALID, 11 PASS of 14 cases"
    first = page.locator("table").first.locator("tbody tr").first
    assert first.is_visible()
    measured = number(float(metrics(made, FAILING)["efficiency"]))
    assert f"efficiency >= 0.5: measured {measured}, 37 % short" in first.inner_text()
    keep(page, f"overview-{scheme}", tmp_path)


@pytest.mark.parametrize(
    ("case_id", "said", "pictures"),
    [
        (FAILING, "for 3 runs, since 2026-11-23T08-00-00Z", 4),
        (PASSING, "✓ PASS", 4),
        (INVALID, "other load: processes kept 1.13 of 2 processors busy", 4),
        (BROKEN, "HarnessError: tried to read the ledger", 0),
        (KNEE, "Held up to 76.1 requests/s; 82/s did not.", 2),
    ],
)
def test_a_case_has_its_verdict_its_figures_and_its_pictures(
    page, scheme, made, tmp_path, case_id, said, pictures
):
    page.goto(f"{made.html.as_uri()}#{case_id}")
    section = page.locator("section", has=page.locator(f'[id="{case_id}"]'))
    assert said in section.inner_text()
    drawn = section.locator("figure svg")
    assert drawn.count() == pictures
    for place in range(pictures):
        box = drawn.nth(place).bounding_box()
        assert box["width"] > 300
        assert box["height"] > 80
        assert drawn.nth(place).locator("path").count() > 10
        assert drawn.nth(place).get_attribute("aria-label")
    if case_id == PASSING:
        values = metrics(made, case_id)
        for slo in ("efficiency", "response_p95_vs_ideal"):
            assert number(float(values[slo])) in section.locator("table").inner_text()
    keep(page, f"{case_id}-{scheme}", tmp_path)


def test_links_lead_somewhere_and_the_keyboard_reaches_them(page, made):
    page.goto(made.html.as_uri())
    for link in page.locator("a").all():
        address = link.get_attribute("href")
        if address.startswith("#"):
            assert page.locator(f'[id="{address[1:]}"]').count() == 1
        else:
            assert (made.html.parent / address).exists()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == FAILING
    page.keyboard.press("Enter")
    assert page.url.endswith(f"#{FAILING}")


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_stands_outside_of_the_screen(browser, made, width, tmp_path):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(made.html.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    matrix = page.locator("figure").first
    assert "cases" in matrix.inner_text()
    assert matrix.bounding_box()["y"] < 900
    keep(page, f"first-look-{width}", tmp_path)
    page.close()


def test_axe_finds_nothing(page, made):
    try:
        axe = install(find_node(), cache_folder(), AXE, "axe-core/axe.min.js")
    except NoAllureError as error:
        pytest.skip(f"no axe: {error}")
    page.goto(made.html.as_uri())
    page.add_script_tag(path=axe)
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_allure_s_page_announces_its_data_before_its_program_begins(made):
    if made.allure is None:
        pytest.skip(made.why_not)
    text = made.allure.read_text()
    assert text.index("window.allureReportData = {}") < text.index('src="data:text/javascript')


def test_allure_shows_the_same(browser, made, tmp_path):
    if made.allure is None:
        pytest.skip(made.why_not)
    page = browser.new_page(viewport={"width": 1400, "height": 1500})
    asked_for: list[str] = []
    page.on("request", lambda request: asked_for.append(request.url.partition(":")[0]))
    page.goto(made.allure.as_uri())
    page.get_by_text("Scenario 2: worker throughput").wait_for(timeout=WAIT_MS)
    keep(page, "allure-overview", tmp_path)
    assert "FAIL 50 MB, concurrency 2, burst (mocked): efficiency" in page.locator("body").inner_text()
    assert (
        "INVALID 100 MB, concurrency 4, sustained (mocked): other load" in page.locator("body").inner_text()
    )
    # Allure shows as much of its tree as it has room for: whoever looks for one case, searches.
    page.get_by_placeholder("Search tests").fill("50 MB, concurrency 2, burst")
    page.get_by_text("50 MB, concurrency 2, burst (mocked)").click(timeout=WAIT_MS)
    page.get_by_text("Category: SLO broken").wait_for()
    text = page.locator("body").inner_text()
    measured = number(float(metrics(made, FAILING)["efficiency"]))
    said = {
        f"FAIL efficiency >= 0.5: measured {measured}",
        "Scenario 2: worker throughput",
        "50MB-c2",
        "Critical",
    }
    said |= {"deploy", "calibrate", "Backlog over time", f"metrics_{FAILING}.csv"}
    assert not {each for each in said if each not in text}
    described = page.frame_locator("iframe").first
    described.get_by_text("for 3 runs, since 2026-11-23T08-00-00Z").wait_for()
    page.get_by_text("What each worker process did").click()
    page.locator("img").last.wait_for()
    assert page.evaluate("[...document.images].pop().naturalWidth") > 300
    keep(page, "allure-failing", tmp_path)
    assert asked_for.count("file") == 1  # itself
    assert set(asked_for) <= {"file", "data", "blob", "about"}
