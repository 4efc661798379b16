"""What a benchmark found: tables, goals and pictures; shown in the terminal, written as JSON, Markdown and PNG."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.machine import circumstances

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

__all__ = ["Goal", "Picture", "Report", "Table", "number_text", "seconds_text", "show", "write_page", "write_report"]


@dataclass(frozen=True)
class Table:
    """Rows of text under a title, and a remark below them."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class Goal:
    """A figure that is to be reached, and what was measured; None where a peer was missing.

    Attributes
    ----------
    unit : str
        "x" for a ratio, else what the figure is in.
    goal, stretch : float
        To be reached, and to be hoped for.
    more_is_better : bool
    """

    what: str
    measured: float | None
    goal: float
    stretch: float
    unit: str = "x"
    more_is_better: bool = True

    @property
    def verdict(self) -> str:
        """How far it was reached."""
        if self.measured is None:
            return "not measured"
        sign = 1 if self.more_is_better else -1
        if sign * self.measured >= sign * self.stretch:
            return "stretch"
        return "yes" if sign * self.measured >= sign * self.goal else "no"

    @property
    def row(self) -> list[str]:
        """For a table."""
        relation = "at least" if self.more_is_better else "at most"
        figures = ["-" if x is None else number_text(x, self.unit) for x in (self.measured, self.goal, self.stretch)]
        return [self.what, figures[0], f"{relation} {figures[1]}", figures[2], self.verdict]


@dataclass(frozen=True)
class Picture:
    """Points (all y of each name in `series`, in order: their median and range) or lines (x and y of each).

    Axes are logarithmic, and of all that is drawn, less is better.
    """

    kind: Literal["points", "lines"]
    title: str
    y_label: str
    series: dict[str, list[tuple[float, float]]]
    x_label: str = ""


@dataclass
class Report:
    """All that one benchmark found. `samples` are the raw seconds, by race and contender."""

    name: str
    text: str
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text = " ".join(self.text.split())


GOAL_COLUMNS = ["", "measured", "goal", "stretch", "reached"]
# Of Okabe and Ito.
OURS_COLOUR, OTHERS_COLOUR = "#0072B2", "#767676"
_LEFT = {"", "note", "what"}
_STYLES = {"no": "red", "yes": "green", "stretch": "bold green"}


def seconds_text(seconds: float) -> str:
    """A duration in the unit that people read it in: 12.3 ms."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def number_text(number: float, unit: str) -> str:
    """A figure and its unit: 3.14x, 200 MB."""
    digits = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    return f"{digits}{unit}" if unit == "x" else f"{digits} {unit}"


def show(report: Report, console: Console, *, quick: bool) -> None:
    """Draw a report in the terminal; its goals only if the figures mean something."""
    console.print(report.text, markup=False, highlight=False)
    for table in report.tables:
        _draw(table.title, table.columns, table.rows, console)
        if table.note:
            console.print(table.note, style="dim", markup=False, highlight=False)
    if report.goals and not quick:
        _draw("goals", GOAL_COLUMNS, [goal.row for goal in report.goals], console)


def _draw(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    drawn = RichTable(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        drawn.add_column(column, justify="left" if i == 0 or column in _LEFT else "right")
    for row in rows:
        drawn.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    console.print(drawn)


def write_report(report: Report, out: Path, *, command: str, quick: bool) -> None:
    """Write NAME.json, and a PNG for each picture where matplotlib is there."""
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob(f"{report.name}-*.png"):
        stale.unlink()
    names = []
    if find_spec("matplotlib") is not None:
        for i, picture in enumerate(report.pictures):
            names.append(f"{report.name}-{i}.png")
            _plot(picture, out / names[-1])
    content = {
        **asdict(report),
        "pictures": [[name, picture.title] for name, picture in zip(names, report.pictures, strict=False)],
        "verdicts": [] if quick else [goal.row for goal in report.goals],
        "circumstances": circumstances(command, quick=quick),
    }
    (out / f"{report.name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_page(out: Path, order: Sequence[str]) -> None:
    """Write RESULTS.md from whatever NAME.json are there, each with the circumstances of its own run."""
    found = [json.loads((out / f"{name}.json").read_text("utf-8")) for name in order if (out / f"{name}.json").exists()]
    lines = ["# Results of the benchmarks", ""]
    if any(content["circumstances"]["quick"] for content in found):
        lines += ["**Of a quick run: the results were checked, the figures mean nothing.**", ""]
    lines += [
        "Each contender's result is checked before it is timed. Figures are medians of runs that take turns, on one",
        "machine; ratios tell more than times do. Run `python -m benchmarks` to measure yours.",
        "",
    ]
    verdicts = [row for content in found for row in content["verdicts"]]
    if verdicts:
        lines += ["## Goals", "", *_markdown(GOAL_COLUMNS, verdicts), ""]
    for content in found:
        lines += [f"## {content['name']}", "", content["text"], ""]
        for table in content["tables"]:
            lines += [f"### {table['title']}", "", *_markdown(table["columns"], table["rows"]), ""]
            lines += [table["note"], ""] if table["note"] else []
        for name, title in content["pictures"]:
            lines += [f"![{title}]({name})", ""]
        lines += [*_circumstances(content["circumstances"]), ""]
    (out / "RESULTS.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, ["---", *["---" if column in _LEFT else "---:" for column in columns[1:]]], *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _circumstances(where: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    return [
        "<details><summary>",
        f"{where['cpu']}, {where['cores']} cores, {where['date'][:10]}: <code>{where['command']}</code>",
        "</summary>",
        "",
        f"{where['memory_gb']} GB of memory, {where['system']}, Python {where['python']}, {versions}.",
        "",
        "</details>",
    ]


def _plot(picture: Picture, path: Path) -> None:
    from matplotlib.figure import Figure

    n = len(picture.series)
    figure = Figure(figsize=(8, 1.2 + 0.36 * n) if picture.kind == "points" else (7, 4.2), layout="constrained")
    axes = figure.subplots()
    if picture.kind == "points":
        for i, (name, points) in enumerate(list(picture.series.items())[::-1]):
            values = [y for _, y in points]
            colour = OURS_COLOUR if name.startswith("spikebin") else OTHERS_COLOUR
            middle = statistics.median(values)
            axes.plot([min(values), max(values)], [i, i], color=colour, linewidth=3, solid_capstyle="butt")
            axes.plot([middle], [i], "o", color=colour)
            axes.annotate(number_text(middle, ""), (max(values), i), (6, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(n), list(picture.series)[::-1])
        axes.set_ylim(-0.6, n - 0.4)
        axes.set_xscale("log")
        axes.margins(x=0.12)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel(f"{picture.y_label}: median and range, logarithmic; less is better")
        axes.spines[["top", "right"]].set_visible(False)
    else:
        for name, points in picture.series.items():
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(picture.x_label)
        axes.set_ylabel(f"{picture.y_label}; less is better")
        axes.grid(which="major", alpha=0.3)
        axes.legend(frameon=False)
    axes.set_title(picture.title, loc="left", fontsize=11)
    figure.savefig(path, dpi=110)
