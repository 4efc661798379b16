"""The command that writes matrix files anew: convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikebin.cli import app
from spikebin.cli.options import JsonOption, answer_json, note, size_text


@app.command()
def convert(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Matrix files, or directories of them.")],
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout", "-l", metavar="LAYOUT", help="matrix or events; default: as it is.", show_default=False
        ),
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option("--codec", metavar="CODEC", help="blosc2 or zlib; default: as it is.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Write there; default: in place.", show_default=False),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="How many compress at once.")] = 1,
    json: JsonOption = False,
) -> None:
    """Write matrix files in another layout or codec: same content, verified before and after, whole or not at all."""
    for value, options, name in ((layout, ("matrix", "events"), "layout"), (codec, ("blosc2", "zlib"), "codec")):
        if value is not None and value not in options:
            raise typer.BadParameter(f"{value!r}: give {' or '.join(options)}", param_hint=f"--{name}")
    from spikebin.matrixfile.convert import convert_files, convert_targets

    results, failed = [], False
    for done in convert_files(convert_targets(paths, out), layout=layout, codec=codec, threads=threads):
        if done.header is None:
            failed = True
            note(f"error: {done.error}")
            results.append({"path": str(done.path), "error": done.error})
            continue
        facts = {"layout": done.header["layout"], "codec": done.header["codec"]}
        results.append({"path": str(done.target), **facts, "error": ""})
        if not json:
            sizes = f"{size_text(done.size)} -> {size_text(done.target.stat().st_size)}"
            typer.echo(f"{done.target}: {', '.join(facts.values())}, {sizes}")
    if json:
        answer_json(results)
    raise typer.Exit(1 if failed else 0)
