"""Charts as SVG text: axes with ticks, and marks in the units of the data. figures.py decides what they show.

Colours are left to classes of the page's style, so that a chart follows light, dark and print.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Chart", "nice_ticks", "number"]

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 10, 36


def number(value: float) -> str:
    """A coordinate, or a number to be read: four digits at most, and no more than it takes."""
    text = f"{value:.4g}"
    return text if "e" not in text else f"{value:g}"


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """About `n` round numbers from `low` to `high`.

    Parameters
    ----------
    low, high : float
    n : int

    Returns
    -------
    list of float
        Steps of 1, 2 or 5 times a power of ten.
    """
    if not high > low:
        return [low]
    rough = (high - low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


class Chart:
    """A chart with a horizontal and a vertical axis.

    Parameters
    ----------
    x, y : (float, float)
        What the axes span, in the units of the data; widened where that is nothing.
    x_label, y_label : str
        With units.
    log_x : bool
        `x` is then in powers of ten already; ticks are written out.
    x_ticks : sequence of (float, str), optional
        Places and texts; default: round numbers.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        x_label: str,
        y_label: str,
        *,
        log_x: bool = False,
        x_ticks: Sequence[tuple[float, str]] | None = None,
        height: int = HEIGHT,
    ) -> None:
        self._x = x if x[1] > x[0] else (x[0] - 0.5, x[0] + 0.5)
        self._y = y if y[1] > y[0] else (y[0], y[0] + 1)
        self._height = height
        self._parts: list[str] = []
        self._axes(x_label, y_label, log_x=log_x, x_ticks=x_ticks)

    def x(self, values: ArrayLike) -> NDArray[np.float64]:
        """Places of values along the horizontal axis."""
        low, high = self._x
        return LEFT + (np.asarray(values, float) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, values: ArrayLike) -> NDArray[np.float64]:
        """Places of values along the vertical axis."""
        low, high = self._y
        return self._height - BOTTOM - (np.asarray(values, float) - low) / (high - low) * (self._height - TOP - BOTTOM)

    def steps(self, edges: ArrayLike, values: ArrayLike, style: str) -> None:
        """A stepped line: ``values[i]`` from ``edges[i]`` to ``edges[i + 1]``; nan leaves a gap."""
        x, y = self.x(edges), self.y(values)
        path, pen_up = [], True
        for i, height in enumerate(y.tolist()):
            if math.isnan(height):
                pen_up = True
                continue
            at = f"{x[i]:.1f} {height:.1f}" if pen_up else f"V{height:.1f}"
            path.append(f"{'M' if pen_up else ''}{at}H{x[i + 1]:.1f}")
            pen_up = False
        self._parts.append(f'<path class="line {style}" d="{"".join(path)}"/>')

    def line(self, x: ArrayLike, y: ArrayLike, style: str) -> None:
        """A line through points."""
        points = zip(self.x(x).tolist(), self.y(y).tolist(), strict=True)
        self._parts.append(f'<path class="line {style}" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points)}"/>')

    def dots(self, x: ArrayLike, y: ArrayLike, style: str, titles: Iterable[str], radius: float = 2.5) -> None:
        """Points that say what they are when they are pointed at."""
        for a, b, title in zip(self.x(x).tolist(), self.y(y).tolist(), titles, strict=True):
            at = f'cx="{a:.1f}" cy="{b:.1f}" r="{radius:g}"'
            self._parts.append(f'<circle class="{style}" {at}><title>{escape(title)}</title></circle>')

    def diamonds(self, x: ArrayLike, y: ArrayLike, style: str, titles: Iterable[str], radius: float = 4.5) -> None:
        """As `dots`, of another shape."""
        for a, b, title in zip(self.x(x).tolist(), self.y(y).tolist(), titles, strict=True):
            d = f"M{a:.1f} {b - radius:.1f}l{radius:g} {radius:g}l-{radius:g} {radius:g}l-{radius:g}-{radius:g}z"
            self._parts.append(f'<path class="{style}" d="{d}"><title>{escape(title)}</title></path>')

    def ticks_at(self, x: ArrayLike, y: ArrayLike, style: str, height: float) -> None:
        """Short upright marks, `height` long in the units of the data, all in one path."""
        tall = max(2.0, abs(float(self.y(height) - self.y(0))))
        marks = zip(self.x(x).tolist(), self.y(y).tolist(), strict=True)
        self._parts.append(f'<path class="{style}" d="{"".join(f"M{a:.1f} {b:.1f}v-{tall:.1f}" for a, b in marks)}"/>')

    def squares(self, x: ArrayLike, y: ArrayLike, side: float, style: str) -> None:
        """Squares around points, `side` long in the units of the horizontal axis, all in one path."""
        half = float(self.x(side) - self.x(0)) / 2
        full = f"{2 * half:.2f}"
        marks = zip(self.x(x).tolist(), self.y(y).tolist(), strict=True)
        d = "".join(f"M{a - half:.1f} {b - half:.1f}h{full}v{full}h-{full}z" for a, b in marks)
        self._parts.append(f'<path class="{style}" d="{d}"/>')

    def bars(self, edges: ArrayLike, values: ArrayLike, style: str) -> None:
        """Bars from 0, ``values[i]`` from ``edges[i]`` to ``edges[i + 1]``, all in one path."""
        x, y = self.x(edges), self.y(values)
        base = float(self.y(0))
        d = "".join(
            f"M{x[i]:.1f} {base:.1f}V{top:.1f}H{x[i + 1]:.1f}V{base:.1f}z"
            for i, top in enumerate(y.tolist())
            if top < base
        )
        self._parts.append(f'<path class="{style}" d="{d}"/>')

    def mark(self, x: float, text: str) -> None:
        """An upright line with a name at its top."""
        if self._x[0] <= x <= self._x[1]:
            at = float(self.x(x))
            self._parts.append(
                f'<path class="mark" d="M{at:.1f} {TOP}V{self._height - BOTTOM}"/>'
                f'<text class="small" x="{at + 3:.1f}" y="{TOP + 9}">{escape(text)}</text>'
            )

    def level(self, y: float) -> None:
        """A line across, at a value."""
        at = float(self.y(y))
        self._parts.append(f'<path class="level" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')

    def svg(self, name: str, title: str, description: str) -> str:
        """The chart; `name` is one that nothing else on the page has, the others are what is read out of it."""
        return (
            f'<svg viewBox="0 0 {WIDTH} {self._height}" role="img" aria-labelledby="{name}-t {name}-d">'
            f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
            f"{''.join(self._parts)}</svg>"
        )

    def _axes(self, x_label: str, y_label: str, *, log_x: bool, x_ticks: Sequence[tuple[float, str]] | None) -> None:
        bottom, right = self._height - BOTTOM, WIDTH - RIGHT
        if x_ticks is None and log_x:
            powers = range(math.ceil(self._x[0] - 1e-9), math.floor(self._x[1] + 1e-9) + 1)
            x_ticks = [(float(power), number(10.0**power)) for power in powers]
        elif x_ticks is None:
            x_ticks = [(tick, number(tick)) for tick in nice_ticks(*self._x)]
        for place, text in x_ticks:
            at = float(self.x(place))
            self._parts.append(f'<path class="tick" d="M{at:.1f} {bottom}v4"/>')
            self._parts.append(f'<text x="{at:.1f}" y="{bottom + 15}" text-anchor="middle">{escape(text)}</text>')
        for tick in nice_ticks(*self._y, 4):
            at = float(self.y(tick))
            self._parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
            self._parts.append(f'<text x="{LEFT - 5}" y="{at + 3.5:.1f}" text-anchor="end">{number(tick)}</text>')
        middle = (LEFT + right) / 2, (TOP + bottom) / 2
        self._parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>')
        self._parts.append(
            f'<text x="{middle[0]}" y="{self._height - 5}" text-anchor="middle">{escape(x_label)}</text>'
        )
        self._parts.append(
            f'<text transform="translate(11 {middle[1]}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
        )


def described(values: NDArray[Any], unit: str) -> str:
    """Smallest, median and largest of some numbers, to be read out."""
    there = values[np.isfinite(values)]
    if not there.size:
        return "no values"
    low, middle, high = (number(float(value)) for value in (there.min(), np.median(there), there.max()))
    return f"from {low} to {high} {unit}, median {middle}"
