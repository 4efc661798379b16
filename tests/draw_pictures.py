"""Draw the pictures of README from the demo: ``python tests/draw_pictures.py`` (needs matplotlib, Chromium).

The demo is drawn from a fixed seed: but for versions of what draws them, the pictures are always the same.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib.image import imread, imsave
from rich.console import Console
from rich.text import Text

from spikebin import open_dataset
from spikebin.display.plots import plot_psth, plot_trial

PICTURES = Path(__file__).parent.parent / "spikebin" / "docs" / "pictures"
SHRUNK = 2


def shrunk(path: Path) -> None:
    """Half as wide: a page shows it smaller than paper does."""
    pixels = imread(path)[..., :3]
    height, width = (n // SHRUNK * SHRUNK for n in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // SHRUNK, SHRUNK, width // SHRUNK, SHRUNK, 3)
    imsave(path, blocks.mean(axis=(1, 3)))


def spikebin(*arguments: str, place: Path) -> str:
    """What a command prints on a terminal of 90 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "spikebin", *arguments],
        cwd=place,
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": "90", "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def draw(place: Path) -> None:
    """All of them, of a demo in `place`."""
    spikebin("demo", "demo", "--parts", "3", "--scale", "0.02", place=place)
    demo = place / "demo"
    plot_trial(open_dataset(demo / "dataset", "train", "X_ON"), 0, PICTURES / "raster.png")
    few = {name: open_dataset(demo / "dataset", "train", name) for name in ("X_ON", "V1_Exc_L4", "V1_Inh_L4")}
    plot_psth(few, PICTURES / "psth.png")
    for name in ("raster", "psth"):
        shrunk(PICTURES / f"{name}.png")
    (demo / "dataset/train/spikes/X_OFF/spikes_X_OFF_50100.h5").unlink()
    spikebin("exclude", "train/50200", "--reason", "disk error", place=demo)
    console = Console(record=True, width=90, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    console.print("$ spikebin status")
    console.print(Text.from_ansi(spikebin("status", place=demo)))
    drawn = console.export_svg(title="spikebin status")
    # Fonts of a distant host: pages that show the picture load none.
    (PICTURES / "status.svg").write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), "utf-8")
    spikebin("report", "report.html", "--variant", "train", place=demo)
    screenshot(demo / "report.html", PICTURES / "report.png")


def screenshot(page: Path, path: Path) -> None:
    """The top of a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 1000, "height": 1100})
        shown.goto(f"file://{page}")
        # Where it lay while it was drawn is nobody's concern.
        shown.evaluate("document.querySelector('code').textContent = 'dataset'")
        shown.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        draw(Path(directory))
