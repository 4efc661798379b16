"""How pictures look: fit for a paper, and for readers who tell few colours apart. Makes and saves figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

__all__ = [
    "COLOURS",
    "LINES",
    "colours",
    "draw",
    "label_phases",
    "log_rates",
    "remark",
    "tidy",
    "time_label",
    "zero_words",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito (2008), "Color Universal Design": told apart by all common kinds of colour vision."""
LINES = ("-", "--", ":", "-.")

SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 11,
    "figure.dpi": 150,
    "savefig.dpi": 300,
    # Texts stay texts, for those who edit the picture.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


def draw(size: tuple[float, float], path: Path, paint: Callable[[Any], None]) -> None:
    """Make a figure and save it.

    Parameters
    ----------
    size : (float, float)
        Inches; 7.1 is two columns of most journals, 3.5 is one.
    path : Path
        Its ending says which kind (png, pdf, svg).
    paint : callable
        Given the empty figure.

    Raises
    ------
    SpikebinError
        If matplotlib is missing, or the picture cannot be written.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise SpikebinError("matplotlib is not installed: pip install 'spikebin[plot]'") from None
    _find_fonts_quietly()
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        try:
            figure.savefig(path)
        except (OSError, ValueError) as error:
            raise SpikebinError(
                f"the picture {path} cannot be written ({error}): give a name such as out.png, out.pdf or out.svg"
            ) from None


def colours(n: int, *, ordered: bool = False) -> list[Any]:
    """Colours for `n` conditions.

    Parameters
    ----------
    n : int
    ordered : bool
        They have an order, as contrasts have: from dark to light where there are more than two.

    Returns
    -------
    list of colour
    """
    if (ordered and n > 2) or n > len(COLOURS):
        import matplotlib as mpl

        scale = mpl.colormaps["viridis"]
        return [scale(0.85 * k / max(1, n - 1)) for k in range(n)]
    return list(COLOURS[:n])


def zero_words(zero: str) -> str:
    """What times are relative to, in words, from those of `View.time_zero`."""
    words = {"first bin": "the beginning of the trial", "event": "the event"}
    return words.get(zero, f"{zero.removeprefix('onset of ')} onset")


def time_label(zeros: Iterable[str]) -> str:
    """What an axis of times says, from the words of `View.time_zero`."""
    return f"Time from {' or '.join(dict.fromkeys(map(zero_words, zeros)))} (ms)"


def tidy(axes: Any, *, x: str = "", y: str = "", title: str = "") -> None:
    """Labels and a title, and no margin along the time."""
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.margins(x=0)


def label_phases(axes: Any, phases: Sequence[tuple[str, float]], *, names: bool = True) -> None:
    """Mark the onsets of phases, that at time 0 by a full line, and name them above the axes."""
    low, high = axes.get_xlim()
    for name, onset in phases:
        if low <= onset <= high:
            width, line = (0.8, "-") if onset == 0 else (0.5, ":")
            axes.axvline(onset, color="0.5", linewidth=width, linestyle=line, zorder=0.5)
            if names:
                axes.annotate(
                    name, (onset, 1), xycoords=("data", "axes fraction"), xytext=(1, 2), textcoords="offset points",
                    fontsize=6, color="0.35",
                )  # fmt: skip


def remark(axes: Any, text: str) -> None:
    """A small remark in the upper right corner."""
    axes.annotate(
        text, (1, 1), xycoords="axes fraction", xytext=(0, 2), textcoords="offset points", ha="right", fontsize=6,
        color="0.35",
    )  # fmt: skip


def log_rates(axes: Any) -> None:
    """A logarithmic axis of rates, its ticks in plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    few = high / low > 30
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if few else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _find_fonts_quietly() -> None:
    """Only names of fonts that are there: matplotlib says for each that it looks for in vain."""
    import matplotlib.font_manager as fonts

    there = {entry.name for entry in fonts.fontManager.ttflist}
    SETTINGS["font.sans-serif"] = [name for name in SETTINGS["font.sans-serif"] if name in there] or ["DejaVu Sans"]
