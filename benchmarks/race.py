"""Contenders timed against each other: each checked first, then all in turn, round after round.

What they do is their own business; how the times are shown is in report.py.
"""

from __future__ import annotations

import gc
import statistics
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.peers import BenchmarkError, absence
from benchmarks.report import Table, seconds_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Contender", "Race", "race"]

SHORTEST_SAMPLE = 0.005


@dataclass(frozen=True)
class Contender:
    """One way to a result.

    Attributes
    ----------
    name : str
    run : callable
        What is timed; its return value is what `check` sees.
    check : callable
        Whether a result is right.
    needs : tuple of str
        Modules of other packages.
    prepare : callable, optional
        Called once, before the check; timed apart, and its return value given to `run`.
    per : float
        How many units of work one run does; times are per unit.
    most_rounds : int, optional
        For what takes long: the run that is checked counts as one of so many.
    note : str
        What a reader should know of it.
    """

    name: str
    run: Callable[..., Any]
    check: Callable[[Any], bool]
    needs: tuple[str, ...] = ()
    prepare: Callable[[], Any] | None = None
    per: float = 1
    most_rounds: int | None = None
    note: str = ""


@dataclass
class Race:
    """Seconds per unit of work of each contender, one for each round; and who did not take part, and why."""

    samples: dict[str, list[float]] = field(default_factory=dict)
    preparation: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Median seconds per unit of work."""
        return statistics.median(self.samples[name])

    def ratio(self, slow: str, fast: str) -> float | None:
        """How many times longer `slow` takes, of medians; None where one did not take part."""
        if slow not in self.samples or fast not in self.samples:
            return None
        return self.median(slow) / self.median(fast)

    def points(self, factor: float = 1) -> dict[str, list[tuple[float, float]]]:
        """All samples of each contender times a factor, fastest first, as a picture takes them."""
        return {
            name: [(0.0, seconds * factor) for seconds in self.samples[name]]
            for name in sorted(self.samples, key=self.median)
        }

    def table(self, title: str, *, unit: str, against: str, note: str = "") -> Table:
        """One row for each contender, fastest first, those who did not take part last."""
        reference = self.median(against)
        prepared = any(self.preparation.values())
        rows = []
        for name in sorted(self.samples, key=self.median):
            times = self.samples[name]
            row = [name, seconds_text(self.median(name))]
            row += [f"{seconds_text(min(times))} to {seconds_text(max(times))}", str(len(times))]
            row.append(f"{self.median(name) / reference:.3g}x")
            if prepared:
                row.append(seconds_text(self.preparation[name]) if self.preparation[name] else "")
            row.append(self.notes[name])
            rows.append(row)
        for name, why in self.skipped.items():
            rows.append([name, "skipped", *[""] * (3 + prepared), why])
        columns = ["", f"median per {unit}", "range", "runs", f"against {against}"]
        columns += ["its objects made in"] if prepared else []
        return Table(title, [*columns, "note"], rows, note)


def race(contenders: Sequence[Contender], *, rounds: int, quick: bool) -> Race:
    """Check each contender, then time all of them, in turn.

    Parameters
    ----------
    contenders : sequence of Contender
    rounds : int
        How often each is timed. Short runs are repeated within a round until they take 5 ms.
    quick : bool
        Each runs once, checked and timed; and only peers that a quick run has.

    Raises
    ------
    BenchmarkError
        If a contender's result is wrong.
    """
    found = Race()
    here: list[tuple[Contender, tuple[Any, ...], int]] = []
    for contender in contenders:
        why = absence(*contender.needs, quick=quick)
        if why:
            found.skipped[contender.name] = why
            continue
        start = perf_counter()
        given = () if contender.prepare is None else (contender.prepare(),)
        found.preparation[contender.name] = perf_counter() - start if given else 0.0
        start = perf_counter()
        result = contender.run(*given)
        took = perf_counter() - start
        if not contender.check(result):
            raise BenchmarkError(f"{contender.name} gives a wrong result")
        del result
        found.notes[contender.name] = contender.note
        found.samples[contender.name] = []
        repeats = 1
        if quick or contender.most_rounds is not None:
            found.samples[contender.name].append(took / contender.per)
        else:
            # The first run may compile, import or fault in memory; the second tells how long one takes.
            start = perf_counter()
            contender.run(*given)
            repeats = max(1, min(1000, round(SHORTEST_SAMPLE / max(perf_counter() - start, 1e-9))))
        here.append((contender, given, repeats))
    for turn in range(0 if quick else rounds):
        for contender, given, repeats in here:
            if contender.most_rounds is not None and turn + 1 >= contender.most_rounds:
                continue
            gc.collect()
            start = perf_counter()
            for _ in range(repeats):
                contender.run(*given)
            found.samples[contender.name].append((perf_counter() - start) / repeats / contender.per)
    return found
