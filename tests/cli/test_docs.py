"""The reference, which comes with the package."""

from __future__ import annotations

from conftest import spikebin

from spikebin.cli.docs import DOCS, _without_comments, topics


def test_docs_lists_the_pages_and_shows_each():
    listed = spikebin("docs")
    assert listed.returncode == 0, listed.stderr
    for topic, title in topics().items():
        assert topic in listed.stdout
        assert title in listed.stdout
        assert 10 < len(title) < 80
    shown = spikebin("docs", "files")
    assert shown.stdout == (DOCS / "files.md").read_text("utf-8"), "as it is, where a program reads it"
    wrong = spikebin("docs", "file")
    assert wrong.returncode == 1
    assert "did you mean 'files'?" in wrong.stderr


def test_what_is_for_tests_alone_is_not_shown_on_a_terminal():
    assert _without_comments("# A\n<!-- test: run -->\ntext\n") == "# A\ntext\n"
    assert all(title and "<!--" not in title for title in topics().values())
