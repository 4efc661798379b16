"""The command `docs`: the reference, which comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin.cli import app
from spikebin.cli.options import JsonOption, answer_json

DOCS = Path(__file__).parent.parent / "docs"


def topics() -> dict[str, str]:
    """Topic -> its title, for every page: the .md files of `spikebin/docs/`, whose first lines are their titles."""
    found = {}
    for path in sorted(DOCS.glob("*.md")):
        with path.open(encoding="utf-8") as file:
            found[path.stem] = file.readline().lstrip("# ").rstrip()
    return found


def _completed(incomplete: str) -> list[tuple[str, str]]:
    return [page for page in topics().items() if page[0].startswith(incomplete)]


@app.command()
def docs(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC",
            help="binning, files, slurm, ...; default: the list of them.",
            show_default=False,
            autocompletion=_completed,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show a page of the reference; without a topic, what pages there are."""
    known = topics()
    if topic is None:
        if json:
            answer_json(known)
            return
        from spikebin.cli.fit_table import print_table

        print_table("", ["topic", "what it tells"], [list(page) for page in known.items()])
        return
    name = topic.removesuffix(".md").lower()
    if name not in known:
        from spikebin.errors import SpikebinError
        from spikebin.names import suggest

        raise SpikebinError(f"there is no page {topic!r}: {suggest(name, known)}")
    text = (DOCS / f"{name}.md").read_text("utf-8")
    if json:
        answer_json({"topic": name, "title": known[name], "text": text})
        return
    _show(text)


def _show(text: str) -> None:
    """Rendered on a terminal; as it is for a program."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    if not console.is_terminal:
        typer.echo(text, nl=False)
        return
    console.print(Markdown(_without_comments(text), hyperlinks=False), width=min(console.width, 100))


def _without_comments(text: str) -> str:
    """Text without what tells the tests about a block."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("<!--"))
