"""The complete page: headings, tables and figures in order, as one HTML text without anything from elsewhere."""

from __future__ import annotations

from collections import Counter
from html import escape
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from spikebin.display.report.figures import (
    Figure,
    part_figures,
    part_rates,
    position_figures,
    psth_figures,
    raster_figures,
    rate_figures,
    reliability_figures,
    style_of,
)
from spikebin.display.report.missing_map import STATES, missing_map
from spikebin.errors import same_cause
from spikebin.stats.tables import summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spikebin.stats.overview import Cell, Overview

__all__ = ["page"]

SECTIONS = {
    "map": "What is there",
    "failures": "What failed",
    "numbers": "Numbers",
    "collisions": "Collisions",
    "rates": "Rates of neurons",
    "parts": "Rates of parts",
    "psth": "Rates over time",
    "rasters": "Rasters",
    "reliability": "Reliability",
    "positions": "Positions",
    "provenance": "Provenance",
}
MOST_NAMES = 12


def page(overview: Overview, *, reload: int | None = None) -> Iterator[str]:
    """The page, piece by piece.

    Parameters
    ----------
    overview : Overview
    reload : int, optional
        Seconds after which the page is written again: offers to load it again so often.

    Yields
    ------
    str
    """
    place = files("spikebin.display.report")
    style, script = (place.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    name = PurePath(overview.output).name
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
    yield f"<title>{escape(name)}: spikebin report</title>\n<style>\n{style}</style></head>\n<body>"
    yield '<a class="skip" href="#map">Skip to what is there</a>'
    yield f"<header><h1>Data set {escape(name)}</h1><p>{_made(overview, reload)}</p>"
    yield from _facts(overview)
    yield '</header><nav aria-label="On this page"><ul>'
    bodies = dict(_bodies(overview))
    for name in bodies:
        yield f'<li><a href="#{name}">{SECTIONS[name]}</a></li>'
    yield "</ul></nav>\n<main>"
    for name, body in bodies.items():
        yield f'<section aria-labelledby="{name}" class="{name}{"s" if name == "map" else ""}">'
        yield f'<h2 id="{name}" tabindex="-1">{SECTIONS[name]}</h2>'
        yield from body
        yield "</section>\n"
    yield f"</main>\n<script>\n{script}</script></body></html>\n"


def _made(overview: Overview, reload: int | None) -> str:
    day = overview.made.replace("T", " ").removesuffix("+00:00")
    made = f'<code>{escape(overview.output)}</code>, <time datetime="{overview.made}">{day} UTC</time>'
    if reload is None:
        return made
    return (
        f"{made}; written again every {reload} s."
        f' <button id="reload" type="button" data-seconds="{reload}" aria-pressed="false">Load again by itself</button>'
    )


def _facts(overview: Overview) -> Iterator[str]:
    """The line at the head: how far the data set is, and where its spikes went."""
    yield '<ul class="facts">'
    total = len(overview.cells)
    for state in STATES:
        n = sum(cell.state == state for cell in overview.cells)
        if n or state in {"done", "missing", "failed"}:
            bad = ' class="bad"' if n and state in {"failed", "broken"} else ""
            share = f" of {total:,}" if state == "done" else ""
            yield f"<li{bad}><b>{n:,}{share}</b>{state}</li>"
    spikes = sum(one.n_spikes for one in overview.sheets)
    yield f"<li><b>{spikes:,}</b>spikes</li>"
    for name, n in (
        ("collisions", sum(one.n_collisions for one in overview.sheets)),
        ("outside", sum(one.n_outside for one in overview.sheets)),
    ):
        yield f"<li><b>{n:,}</b>{name}{f', {100 * n / spikes:.2f} %' if spikes else ''}</li>"
    unassigned = [one.n_unassigned for one in overview.sheets if one.n_unassigned is not None]
    yield f"<li><b>{f'{sum(unassigned):,}' if unassigned else 'not known'}</b>in no trial</li>"
    yield f"<li><b>{_size(sum(one.size for one in overview.sheets))}</b>on disk</li></ul>"


def _bodies(overview: Overview) -> Iterator[tuple[str, Iterable[str]]]:
    """The sections that there is something to say in."""
    yield "map", missing_map(overview.cells)
    yield "failures", list(_failures(overview))
    if not overview.sheets:
        yield "provenance", list(_provenance(overview))
        return
    yield "numbers", list(_numbers(overview))
    yield "collisions", list(_collisions(overview))
    keys, repeated = [*_keys(overview)], [*_keys(overview, repeated=True)]
    parts = [*_panels(part_figures(overview)), *_part_table(overview)]
    for name, body in (
        ("rates", [*keys, *_panels(rate_figures(overview))]),
        ("parts", [_PARTS, *parts]),
        ("psth", [*keys, *_panels(psth_figures(overview))]),
        ("rasters", [*_panels(raster_figures(overview))]),
        ("reliability", [_RELIABILITY, *repeated, *_panels(reliability_figures(overview))]),
        ("positions", [_CLASSES, *_panels(position_figures(overview))]),
    ):
        if any("<figure" in piece for piece in body):
            yield name, body
        elif name == "reliability":
            yield name, ["<p>No image was shown twice, so that nothing can be said of it.</p>"]
    yield "provenance", list(_provenance(overview))


_PARTS = (
    "<p>The mean rate of a neuron in each part; the line is the median. A diamond is an outlier: more than 3.5 robust"
    " standard deviations (modified z-score) from the median of the parts.</p>"
)
_RELIABILITY = (
    "<p>How much of the variance of a neuron's spike counts over trials is that of the images: 1 where repeats are all"
    " alike, around 0 where they are no more alike than different images. Of an evenly spaced sample of neurons.</p>"
)


_CLASSES = (
    '<ul class="legend"><li>lowest rates <svg width="98" height="12" aria-hidden="true">'
    + "".join(f'<path class="r{k}" d="M{14 * k} 0h12v12h-12z"/>' for k in range(7))
    + "</svg> highest rates</li></ul>"
)


def _failures(overview: Overview) -> Iterator[str]:
    """What is not as it should be, one row for each cause, with those that have it."""
    causes: dict[tuple[str, str], list[Cell]] = {}
    for cell in overview.cells:
        if cell.state in {"broken", "failed", "no source", "excluded"} or (cell.why and cell.state != "done"):
            # The same cause, whichever part it is of: its numbers aside.
            causes.setdefault((cell.state, same_cause(cell.why, cell.part, cell.sheet)), []).append(cell)
    troubles = Counter((one.sheet, one.variant, trouble) for one in overview.sheets for trouble in one.troubles)
    if not causes and not troubles:
        yield "<p>Nothing.</p>"
        return
    rows = []
    for (state, _), cells in sorted(causes.items(), key=lambda item: -len(item[1])):
        names = list(dict.fromkeys(f"{cell.variant}/{cell.part}" for cell in cells))
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        log = next((f"; log: {cell.log}" for cell in cells if cell.log), "")
        sheets = ", ".join(dict.fromkeys(cell.sheet for cell in cells))
        rows.append([len(cells), state, sheets, ", ".join(names[:MOST_NAMES]) + more, f"{cells[0].why}{log}"])
    rows += [[n, "not counted", sheet, variant, why] for (sheet, variant, why), n in troubles.items()]
    yield from _table("What failed, and why", ["files", "state", "sheets", "parts", "why, of the first"], rows)


def _numbers(overview: Overview) -> Iterator[str]:
    rows = []
    for one in overview.sheets:
        facts = summary(one.stats)[0] if one.stats is not None else {}
        names = ("n_trials", "n_neurons", "rate_hz", "silent", "interval_cv", "synchrony", "fano", "correlation")
        of = f"{one.n_counted:,}" if one.n_counted == one.n_parts else f"{one.n_counted:,} of {one.n_parts:,}"
        rows.append([one.sheet, one.variant, of, *(facts.get(name) for name in names), facts.get("reliability")])
    columns = ["sheet", "variant", "parts", "trials", "neurons", "rate (Hz)", "silent", "CV of intervals", "synchrony"]
    columns += ["Fano factor", "correlation", "reliability"]
    yield from _table("Numbers of each sheet", columns, rows)
    yield (
        '<p class="hint">Rate: mean over neurons. CV and reliability: medians over neurons. Synchrony: share of cells'
        " (neuron, bin) with a spike. Fano factor: mean over images that were repeated. Correlation: mean over pairs"
        " of a sample. <code>spikebin docs stats</code> says how each is worked out.</p>"
    )


def _collisions(overview: Overview) -> Iterator[str]:
    yield (
        "<p>A collision is a spike that the matrix cannot hold: its bin is taken already. Spikes outside lie before or"
        " after their phase; spikes in no trial were recorded between trials.</p>"
    )
    worst = max((one.n_collisions / max(1, one.n_spikes) for one in overview.sheets), default=0) or 1
    rows = []
    for one in overview.sheets:
        share = one.n_collisions / max(1, one.n_spikes)
        bar = _Html(f'<span class="bar" style="width:{120 * share / worst:.0f}px"></span>')
        counts = [one.n_spikes, one.n_binned, one.n_outside, one.n_unassigned, one.n_collisions]
        rows.append([one.sheet, one.variant, *counts, _Html(f"{100 * share:.2f} %"), bar])
    columns = ["sheet", "variant", "spikes", "binned", "outside", "in no trial", "collisions", "of spikes", "share"]
    yield from _table("Where the spikes of each sheet went", columns, rows)


def _part_table(overview: Overview) -> Iterator[str]:
    rows = []
    for one in overview.sheets:
        if one.stats is not None:
            for part, rate, z, outlier in zip(*part_rates(one.stats), strict=True):
                rows.append([one.sheet, one.variant, str(part), float(rate), float(z), "outlier" if outlier else ""])
    yield f"<details><summary>The {len(rows):,} rates as a table</summary>"
    yield from _table("Rates of parts", ["sheet", "variant", "part", "rate (Hz)", "robust z", "outlier"], rows)
    yield "</details>"


def _provenance(overview: Overview) -> Iterator[str]:
    yield "<dl>"
    for name, text in overview.provenance:
        body = f"<pre>{escape(text)}</pre>" if "\n" in text else f"<code>{escape(text)}</code>"
        yield f"<dt>{escape(name)}</dt><dd>{body}</dd>"
    yield "</dl>"


def _keys(overview: Overview, *, repeated: bool = False) -> Iterator[str]:
    """Which line is which variant's; only those that have repeats, if so asked."""
    shown = [one for one in overview.sheets if one.stats is not None]
    if repeated:
        shown = [one for one in shown if one.stats is not None and (one.stats.n_repeats > 1).any()]
    variants = dict.fromkeys(one.variant for one in shown)
    yield '<ul class="legend">'
    for variant in variants:
        line = f'<path class="line {style_of(overview, variant)}" d="M0 4H30"/>'
        key = f'<span class="key"><svg width="30" height="8" aria-hidden="true">{line}</svg></span>'
        yield f"<li>{key} {escape(variant)}</li>"
    yield "</ul>"


def _panels(figures: Iterable[Figure]) -> Iterator[str]:
    yield '<div class="panels">'
    for figure in figures:
        yield f"<figure><figcaption><strong>{escape(figure.heading)}</strong>"
        yield f"<small>{escape(figure.note)}</small></figcaption>{figure.svg}</figure>"
    yield "</div>"


class _Html(str):
    """A cell that is HTML already."""

    __slots__ = ()


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A table that scrolls sideways where it must; None is a dash."""
    numeric = [any(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(columns))]
    yield f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table><thead><tr>'
    yield "".join(f"<th scope=col{_class(n)}>{escape(name)}</th>" for name, n in zip(columns, numeric, strict=True))
    yield "</tr></thead><tbody>\n"
    for row in rows:
        cells = zip(row, numeric, strict=True)
        yield f"<tr>{''.join(f'<td{_class(n, value)}>{_cell(value)}</td>' for value, n in cells)}</tr>\n"
    yield "</tbody></table></div>"


def _class(numeric: bool, value: Any = "") -> str:  # noqa: FBT001
    if numeric:
        return " class=n"
    return " class=wide" if isinstance(value, str) and len(value) > 40 else ""


def _cell(value: Any) -> str:
    if isinstance(value, _Html):
        return value
    if value is None or value != value:  # noqa: PLR0124
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) > 1e-9 else "0"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"
