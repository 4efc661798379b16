"""A headless Chromium, where there is one."""

from __future__ import annotations

import os
import shutil

import pytest


def cannot(reason):
    """Skip; where the tests must run, as in continuous integration, fail."""
    if os.environ.get("SPIKEBIN_NEED_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, driven by playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        cannot("playwright is not installed: pip install axe-playwright-python")
    path = shutil.which("chromium")
    if path is None:
        cannot("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """A function that opens a file in a window, and what the page said on the console, errors among it."""
    contexts = []

    def opened(path, *, width=1280, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"file://{path}")
        return page, said

    yield opened
    for context in contexts:
        context.close()
