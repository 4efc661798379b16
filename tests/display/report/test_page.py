"""The report: what it says is what is there, it needs nothing from elsewhere, and anybody can read it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import export_all, one_line_error, spikebin, write_toml
from drawn import images, write_part
from here import spikebin_here

from spikebin import open_dataset
from spikebin.display.report.figures import coarse_psth
from spikebin.display.report.page import page
from spikebin.output.attempts import attempts_path, note_failure, note_start
from spikebin.output.paths import matrix_path
from spikebin.output.state import survey
from spikebin.pipeline.config import load_config
from spikebin.pipeline.plan import load_plan
from spikebin.stats.overview import Cell, Overview, SheetOverview, gather

pytestmark = pytest.mark.slow

VOID = {"meta", "link", "br", "path", "circle"}


@pytest.fixture(scope="module")
def project(datastores, tmp_path_factory):
    """Train and test, exported: one file is missing, one damaged, one has failed twice, a part is excluded."""
    place = tmp_path_factory.mktemp("project")
    small = "small_neo012_np126_p4default"
    (place / "more").mkdir()
    (store,) = (datastores / small).iterdir()
    for part in (70000, 70100, 70200, 70300, 70400, 70500):
        (place / "more" / f"NewDataset_Images_from_{part}_to_x").symlink_to(store)
    write_toml(
        place / "spikebin.toml",
        "more",
        extra='sheets = ["X_ON", "V1_Exc_L2/3"]',
        recordings_extra=f'[[recordings]]\nvariant = "test"\nroot = "{datastores / "test"}"\n'
        'parts = "NewDataset_Images_from_{part}_to_*"\n',
    )
    assert spikebin_here("plan", cwd=place).returncode == 0
    export_all(place)
    output = place / "dataset"
    matrix_path(output, "train", "70100", "X_ON").unlink()
    failed = matrix_path(output, "train", "70200", "X_ON")
    failed.unlink()
    for _ in range(2):
        attempt = attempts_path(output, "train", "70200", "X_ON")
        note_start(attempt)
        note_failure(attempt, "Segment3.pickle <b>ends</b> after 7 of its bytes: copy it again")
    damaged = matrix_path(output, "train", "70000", "V1_Exc_L2/3")
    data = bytearray(damaged.read_bytes())
    data[5000:-100] = bytes(len(data) - 5100)
    damaged.write_bytes(data)
    assert spikebin_here("exclude", "train/70500", "--reason", "a & b", cwd=place).returncode == 0
    return place


@pytest.fixture(scope="module")
def report(project, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    result = spikebin_here("report", path, cwd=project)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert f"wrote {path}: 9 of 14 files" in result.stderr
    return path


class Strict(HTMLParser):
    """Keeps what there is of each kind of element; what is not closed, or names something elsewhere, is an error."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.found = {}
        self.ids = []
        self.text = []

    def handle_starttag(self, tag, attributes):
        facts = dict(attributes)
        assert len(facts) == len(attributes)
        self.found.setdefault(tag, []).append(facts)
        if "id" in facts:
            self.ids.append(facts["id"])
        for name in ("src", "href", "srcset", "action", "xlink:href"):
            assert facts.get(name, "#").startswith(("#", "data:")), facts
        if tag not in VOID or self.get_starttag_text().endswith("></"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(text):
    parser = Strict()
    # A circle may hold its title.
    parser.feed(re.sub(r"(<(?:path|circle)[^>]*)>(<title>[^<]*</title>)</(?:path|circle)>", r"\1/>\2", text))
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


def test_it_is_one_whole_page_that_needs_nothing_else(report):
    text = report.read_text("utf-8")
    found = parsed(text)
    assert "url(" not in text
    assert "@import" not in text
    assert "fetch(" not in text
    assert {facts["href"][1:] for facts in found.found["a"]} <= set(found.ids)
    for facts in found.found["svg"]:
        if "role" in facts:
            assert set(facts["aria-labelledby"].split()) <= set(found.ids)
    assert len(text) < 300_000


def test_it_says_how_far_the_data_set_is(report, project):
    text = report.read_text("utf-8")
    plan = load_plan(load_config(project / "spikebin.toml"))
    titles = [facts["title"] for facts in parsed(text).found["span"] if facts.get("role") == "gridcell"]
    assert len(titles) == 14
    for words in (
        "70100 X_ON: missing",
        "70200 X_ON: failed 2 times: Segment3.pickle <b>ends</b> after 7 of its bytes: copy it again",
        "70500 V1_Exc_L2/3: excluded: a & b",
        "300050 X_ON: done",
    ):
        assert words in titles
    assert "<b>ends</b>" not in text
    spikes = sum(found.header.n_spikes for found in survey(plan) if found.header)
    assert f"<b>{spikes:,}</b>spikes" in text
    assert "<b>9 of 14</b>done" in text
    assert re.search(r"<td>broken</td>.*spikes_V1_Exc_L23_70000.h5", text)
    assert (project / "spikebin.toml").read_text().splitlines()[1].replace('"', "&quot;") in text


def test_its_numbers_are_those_of_the_views(report, project):
    text = report.read_text("utf-8")
    rates = {
        part: float(rate)
        for part, rate in re.findall(r"<td>X_ON</td><td>train</td><td>(\d{5})</td><td class=n>([\d.]+)", text)
    }
    dataset = open_dataset(project / "dataset", "train", "X_ON", broken="leave out")
    for part in dataset.parts:
        mine = dataset.take(dataset.trials["part"] == part).rates().mean()
        assert rates.pop(part) == pytest.approx(mine, rel=0.01)
    assert not rates


def test_the_rate_over_time_is_drawn_phase_by_phase_without_end_bins(project):
    plan = load_plan(load_config(project / "spikebin.toml"))
    overview = gather(plan, lambda: list(survey(plan)))
    one = next(one for one in overview.sheets if (one.variant, one.sheet) == ("test", "X_ON"))
    edges, rate = coarse_psth(one)
    view = open_dataset(project / "dataset", "test", "X_ON")
    assert view.shape[2] == 712
    fine, recorded = view.psth(), view.recorded()
    assert np.isnan(fine[[150, 711]]).all()
    starts = [*range(0, 151, 5), *range(151, 712, 5)]
    assert edges.tolist() == [start - 151 for start in (*starts, 712)]
    for start, stop, found in zip(starts, [*starts[1:], 712], rate, strict=True):
        bins = slice(start, stop)
        there = recorded[bins] > 0
        wanted = (fine[bins][there] * recorded[bins][there]).sum() / recorded[bins].sum() if there.any() else np.nan
        assert found == pytest.approx(wanted, nan_ok=True)


def test_a_data_set_of_which_nothing_is_there_yet(project, tmp_path):
    plan = load_plan(load_config(project / "spikebin.toml"))
    text = "".join(page(gather(plan, lambda: [found._replace(header=None) for found in survey(plan)])))
    assert parsed(text).found["section"]
    assert "<svg" not in text


def test_only_what_is_kept(project, tmp_path):
    place = tmp_path / "project"
    shutil.copytree(project, place, symlinks=True)
    shutil.rmtree(place / "dataset/stats", ignore_errors=True)
    assert spikebin_here("report", "--kept", tmp_path / "none.html", cwd=place).returncode == 0
    assert "0 of 3" in (tmp_path / "none.html").read_text()
    assert not (place / "dataset/stats").exists()
    assert spikebin_here("stats", "--index", "3", cwd=place).returncode == 0
    assert spikebin_here("report", "--kept", tmp_path / "one.html", cwd=place).returncode == 0
    assert "1 of 3" in (tmp_path / "one.html").read_text()


def test_it_is_written_again_and_again(project, tmp_path):
    place = tmp_path / "project"
    shutil.copytree(project, place, symlinks=True)
    out = tmp_path / "watched.html"
    process = subprocess.Popen(
        [sys.executable, "-m", "spikebin", "report", out, "--watch", "--every", "1"], cwd=place, stderr=subprocess.PIPE
    )
    try:
        end = time.monotonic() + 300
        while not out.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        before = int(re.search(r"<b>(\d+) of 14</b>done", out.read_text())[1])
        assert spikebin("job", "1", cwd=place).returncode == 0
        while f"<b>{before + 1} of 14</b>done" not in out.read_text():
            assert time.monotonic() < end
            time.sleep(0.1)
        assert 'data-seconds="1"' in out.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.stderr.close()
    assert not list(tmp_path.glob(".*"))


def test_watching_ends_when_nothing_is_missing(datastores, tmp_path):
    write_toml(tmp_path / "spikebin.toml", datastores / "small_neo012_np126_p4default", extra='sheets = ["X_ON"]')
    for command in (("plan",), ("job", "0"), ("report", "done.html", "--watch", "--every", "60")):
        assert spikebin_here(*command, cwd=tmp_path).returncode == 0
    assert "<b>1 of 1</b>done" in (tmp_path / "done.html").read_text()


def test_where_it_cannot_be_written(project, tmp_path):
    one_line_error(spikebin_here("report", tmp_path / "none" / "x.html", "--sheet", "X", cwd=project), "X_ON")
    (tmp_path / "file").write_text("")
    one_line_error(spikebin_here("report", tmp_path / "file" / "x.html", cwd=project), "cannot be written")


# --- in a browser ---


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_a_browser_shows_it_without_a_fault(report, open_page, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    shown, said = open_page(report, width=width, scheme=scheme)
    assert said == []
    headings = shown.locator("h2").all_inner_texts()
    assert headings == [
        "What is there",
        "What failed",
        "Numbers",
        "Collisions",
        "Rates of neurons",
        "Rates of parts",
        "Rates over time",
        "Rasters",
        "Reliability",
        "Positions",
        "Provenance",
    ]
    figures = shown.locator("figure svg")
    assert figures.count() == 16
    for i in range(figures.count()):
        box = figures.nth(i).bounding_box()
        assert box["width"] > 250
        assert 100 < box["height"] < 500
        assert box["x"] + box["width"] <= width
    # Nothing but tables is wider than the window, and those scroll on their own.
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    faults = Axe().run(shown).response["violations"]
    assert [(fault["id"], fault["impact"]) for fault in faults] == []


def test_a_keyboard_walks_through_the_map(report, open_page):
    shown, _ = open_page(report)
    focused = "document.activeElement.title"
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    for _ in range(30):
        shown.keyboard.press("Tab")
        if shown.evaluate(focused):
            break
    assert shown.evaluate(focused) == "70000 X_ON: done"
    walk = (
        ("ArrowRight", "70100 X_ON: missing"),
        ("ArrowDown", "70100 V1_Exc_L2/3: done"),
        ("ArrowDown", "70100 V1_Exc_L2/3: done"),
        ("ArrowUp", "70100 X_ON: missing"),
        ("End", "70500 X_ON: excluded: a & b"),
        ("ArrowRight", "70500 X_ON: excluded: a & b"),
        ("Home", "70000 X_ON: done"),
    )
    for key, title in walk:
        shown.keyboard.press(key)
        assert shown.evaluate(focused) == title
        assert shown.locator(".pointed").inner_text() == title
    assert shown.locator("[role=gridcell][tabindex='0']").count() == 2


def test_pointing_at_a_cell_says_why(report, open_page):
    shown, _ = open_page(report)
    shown.locator(".s-failed[role=gridcell]").hover()
    assert shown.locator(".pointed").inner_text().startswith("70200 X_ON: failed 2 times: Segment3.pickle")
    dots = shown.locator("svg[aria-labelledby^=parts] circle title, svg[aria-labelledby^=parts] path title")
    assert re.fullmatch(r"\d+: [\d.]+ Hz, robust z -?[\d.]+|\d+: [\d.]+ Hz, robust z nan", dots.first.text_content())


def test_it_prints_with_all_its_tables(report, open_page, tmp_path):
    shown, _ = open_page(report, scheme="dark")
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.evaluate("[...document.querySelectorAll('details')].every((one) => one.open)")
    shown.emulate_media(media="print")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not shown.locator("nav").is_visible()
    shown.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_page_that_is_written_again_is_loaded_again_if_so_wished(project, open_page, tmp_path):
    plan = load_plan(load_config(project / "spikebin.toml"))
    path = tmp_path / "watched.html"
    path.write_text("".join(page(gather(plan, lambda: list(survey(plan)), count=False), reload=1)))
    shown, said = open_page(path)
    button = shown.locator("#reload")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    path.write_text(path.read_text().replace("<h1>", "<h1>Again: "))
    shown.wait_for_function("document.querySelector('h1').textContent.startsWith('Again')", timeout=20_000)
    assert said == []


def large(tmp_path):
    """What there is to say of 500 parts of six sheets, some of which failed."""
    for i in range(4):
        write_part(tmp_path, "S", str(i), images(10 * i, 3, repeats=2), ids=range(1000, 1200))
    stats = open_dataset(tmp_path, sheet="S").stats()
    parts = [str(50000 + 100 * i) for i in range(500)]
    rng = np.random.default_rng(0)
    trials = np.zeros(500, [(name, stats.trials.dtype[name]) for name in stats.trials.dtype.names])
    trials = trials.astype([(name, "U5" if name == "part" else kind) for name, kind in trials.dtype.descr])
    trials["part"], trials["ms"] = parts, 17
    sheets, cells = [], []
    for sheet in ("X_ON", "X_OFF", "V1_Exc_L4", "V1_Inh_L4", "V1_Exc_L2/3", "V1_Inh_L2/3"):
        mine = replace(stats, name=f"train/{sheet}", trials=trials, trial_rates=rng.normal(5, 0.2, 500))
        facts = (500, 490, 10**9, 9 * 10**8, 10**8, 10**5, None, 10**10, 1.0, [("blank", 0.0), ("image", 5.0)])
        sheets.append(SheetOverview("train", sheet, *facts, mine, None, []))
        for i, part in enumerate(parts):
            state = "failed" if i % 50 == 0 else "done"
            why = f"Segment{i}.pickle of part {part} ends after 81,920 of its bytes" if state == "failed" else ""
            cells.append(Cell(i, "train", part, sheet, state, why, 2, ""))
    return Overview("/data/dataset", "2026-01-01T00:00:00+00:00", cells, sheets, [])


def test_a_page_of_3000_files_is_small_and_quick(tmp_path, open_page):
    path = tmp_path / "large.html"
    path.write_text("".join(page(large(tmp_path))))
    assert path.stat().st_size < 1_500_000
    text = path.read_text()
    parsed(text)
    # One cause, whatever the numbers in it: one row.
    assert text.count("<td>failed</td>") == 1
    shown, said = open_page(path)
    assert said == []
    assert shown.locator("[role=gridcell]").count() == 3000
    client = shown.context.new_cdp_session(shown)
    client.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]}
    # Seconds of CPU of the page's process: those of a clock are the machine's, which may have other things to do.
    assert metrics["ProcessTime"] < 2, json.dumps(metrics)


def test_report_is_a_directory_of_the_package():
    place = Path(sys.modules["spikebin.display.report.page"].__file__).parent
    assert {path.name for path in place.iterdir()} >= {"page.css", "page.js"}
