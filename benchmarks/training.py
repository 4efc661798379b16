"""Epochs of training: PyTorch's DataLoader over spikebin's files, against the old loader over files merged for it."""

from __future__ import annotations

from collections import deque
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import N_BINS, PART_BINS, write_matrix
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Table
from spikebin import open_dataset
from spikebin.exports.materialise import materialise
from spikebin.matrixfile.layouts.gaps import EventsLayout
from spikebin.names import directory_name
from spikebin.simulate.v1 import V1
from spikebin.system.threads import Scratch

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.inputs import Bench, Truth
    from benchmarks.report import Report

__all__ = ["TEXT", "epochs"]

TEXT = """Epochs: a DataLoader, shuffled, of half tensors (time, neuron) of an image and the blank after it, in bins of
1 ms or as sums over 20 ms. The old loader reads .npz files that were merged for it beforehand, one for each trial and
sheet, already summed. spikebin reads what the jobs wrote through window and rebin (lazy), or a data set that was
written down from these views (materialised). Batches of 4 trials of 20 ms, of 1 trial of 1 ms."""

LAYOUTS = ("events", "matrix")
STEP = 20
SCRATCH = Scratch(lambda size: np.empty(size, np.uint8))
OLD = "old loader, merged .npz"
# (goal, stretch) against the old loader, by bins, way and layout.
GOALS = {
    (STEP, "lazy", "events"): (3, 4),
    (STEP, "lazy", "matrix"): (0.8, 1),
    (STEP, "materialised", "events"): (3, 4),
    (STEP, "materialised", "matrix"): (3, 4),
    (1, "lazy", "events"): (1.5, 2),
    (1, "lazy", "matrix"): (1.5, 2),
}


class Merged:
    """The old loader's data set: an item is a dict of sheet -> half tensor (time, neuron), and its number."""

    def __init__(self, root: Path, sheets: list[str], n_trials: int) -> None:
        self.root, self.sheets, self.n_trials = root, sheets, n_trials

    def __len__(self) -> int:
        return self.n_trials

    def __getitem__(self, i: int):
        import torch
        from scipy.sparse import load_npz

        arrays = {sheet: load_npz(self.root / directory_name(sheet) / f"{i}.npz").toarray() for sheet in self.sheets}
        return {sheet: torch.from_numpy(array).half().T for sheet, array in arrays.items()}, i


def epochs(bench: Bench, report: Report) -> None:
    """Races of one sheet and of six, at 1 and 20 ms, with one worker and with two."""
    n_trials = bench.pick(12, 3)
    truths = {model.name: bench.truth(bench.experiment(n_trials, bench.sheet(model))) for model in V1}
    for layout, (name, truth) in product(LAYOUTS, truths.items()):
        write_sheet_file(bench.scratch / "six" / layout, name, truth, layout)
    fine = {layout: open_dataset(bench.scratch / "six" / layout) for layout in LAYOUTS}
    for layout in LAYOUTS:
        for _ in materialise(fine[layout], bench.scratch / "six-20" / layout, coarse, layout=layout):
            pass
    for name, truth in truths.items():
        for i in range(n_trials):
            dense = merged(truth, i)
            save(bench.scratch / "merged-1" / directory_name(name), i, dense)
            save(bench.scratch / f"merged-{STEP}" / directory_name(name), i, sums(dense, last=i == n_trials - 1))
    stages(bench, report, truths["V1_Exc_L4"], fine)
    for sheets, n_workers, step in product((["V1_Exc_L4"], list(truths)), (1, 2), (STEP, 1)):
        one = Epochs(bench, report, truths, sheets=sheets, n_workers=n_workers, step=step)
        one.run(fine)
    batch_sizes(bench, report, truths, coarse(fine["events"]))


def stages(bench: Bench, report: Report, truth: Truth, fine: dict) -> None:
    """Where the time of a trial goes: each stage holds the one before it."""
    sheet = "V1_Exc_L4"
    shape = coarse(fine["events"][sheet]).shape
    room = np.zeros((shape[2], shape[1]), np.float16)
    contenders = [Contender("zeros: memory of a trial set to 0", lambda: room.fill(0), lambda _: not room.any())]
    for layout in LAYOUTS:
        made = open_dataset(bench.scratch / "six-20" / layout)[sheet]
        contenders += stages_of(f"{layout}, lazy", coarse(fine[layout][sheet]), fine[layout][sheet].files[0], 2, truth)
        contenders += stages_of(f"{layout}, materialised", made, made.files[0], 1, truth)
    n_trials = bench.pick(24, 4)
    contenders += [
        Contender(
            f"zeros: batches of {'4 trials' if n_columns else 'nothing'} handed over by a worker",
            lambda loader: sum(len(batch.trial) for batch in loader),
            lambda found: found == n_trials,
            ("torch",),
            partial(handing_over, n_trials, n_columns, shape[1]),
            n_trials,
        )
        for n_columns in (0, shape[2])
    ]
    found = race(contenders, rounds=21, quick=bench.quick)
    found.preparation = dict.fromkeys(found.preparation, 0.0)
    title = "Where the time goes: one random trial of V1_Exc_L4 as half sums over 20 ms"
    note = (
        "Bytes: of the file, read. Decompressed: the gaps between events, or the bits. In an array: events put into"
        " memory that is set to 0. A lazy trial needs the bytes of two. Batches of zeros cost a message each, setting"
        " their memory to 0, and mapping it."
    )
    report.samples[title] = found.samples
    report.tables.append(found.table(title, unit="trial", against="events, lazy: in an array", note=note))


class Nothing:
    """A data set of zeros."""

    def __init__(self, n_trials: int, shape: tuple[int, int]) -> None:
        self.n_trials, self.shape = n_trials, shape

    def __len__(self) -> int:
        return self.n_trials

    def __getitems__(self, items: list[int]):
        import torch

        from spikebin.dataset.tensors import zeros
        from spikebin.dataset.training import Batch

        tensors = zeros({"zeros": (len(items), *self.shape)}, torch.float16).tensors
        return Batch(tensors, torch.zeros(len(items)), torch.tensor(items))


def handing_over(n_trials: int, n_columns: int, n_neurons: int):
    """A loader of one worker whose batches of 4 cost no work but that of handing them over."""
    import torch

    return torch.utils.data.DataLoader(
        Nothing(n_trials, (n_columns or 1, n_neurons if n_columns else 1)),
        batch_size=4,
        num_workers=1,
        persistent_workers=True,
        collate_fn=as_it_is,
    )


def as_it_is(batch):
    """Collated already."""
    return batch


def stages_of(name: str, view, file, n_read: int, truth: Truth) -> list[Contender]:
    draw, last = np.random.default_rng(5), {"trial": 0}
    out = np.zeros((1, view.shape[2], view.shape[1]), np.float16)

    def pick() -> int:
        last["trial"] = int(draw.integers(len(view) - 1))
        return last["trial"]

    def read() -> int:
        first = pick()
        with file._chunks() as chunks:
            return sum(len(chunks(first + i, k)) for i in range(n_read) for k in range(file._layout.n_chunks))

    def decompressed() -> int:
        first = pick()
        with file._chunks() as chunks:
            return sum(decompressed_bytes(file._layout, partial(chunks, first + i)) for i in range(n_read))

    def right(found: np.ndarray) -> bool:
        return np.array_equal(found[0].T, sums(merged(truth, last["trial"]), last=False))

    return [
        Contender(f"{name}: bytes", read, lambda found: found > 0),
        Contender(f"{name}: decompressed", decompressed, lambda found: found > 0),
        Contender(
            f"{name}: in an array",
            lambda: view.read([pick()], dtype=np.float16, axes="time neuron", out=out),
            right,
        ),
    ]


def decompressed_bytes(layout, chunks) -> int:
    """How many bytes the chunks of a trial decompress to, as they are taken apart."""
    if isinstance(layout, EventsLayout):
        return sum(layout._row(chunks, i).nbytes for i in range(len(layout._codecs)))
    with layout._codec.bits(chunks(0), SCRATCH) as bits:
        return bits.data.size


class Epochs:
    """One race: some sheets, in bins of so many ms, by so many workers."""

    def __init__(
        self, bench: Bench, report: Report, truths: dict[str, Truth], *, sheets, n_workers, step, batch_size=None
    ) -> None:
        self.bench, self.report, self.truths = bench, report, truths
        self.sheets, self.n_workers, self.step = sheets, n_workers, step
        self.n_trials = len(next(iter(truths.values())).flat)
        self.batch_size = batch_size or (4 if step > 1 else 1)

    def loader(self, dataset, collate=None):
        import torch

        return torch.utils.data.DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=True,
            num_workers=self.n_workers,
            persistent_workers=self.n_workers > 0,
            collate_fn=collate,
        )

    def right(self, batch: tuple[dict, list[int]]) -> bool:
        """Whether the last batch of an epoch is what the simulation has drawn."""
        tensors, trials = batch
        for sheet, (place, i) in product(self.sheets, enumerate(trials)):
            wanted = merged(self.truths[sheet], i)
            wanted = wanted if self.step == 1 else sums(wanted, last=i == self.n_trials - 1)
            found = tensors[sheet][place].numpy().T
            if not np.array_equal(found, wanted[:, : found.shape[1]]) or wanted[:, found.shape[1] :].any():
                return False
        return True

    def run(self, fine: dict) -> None:
        ways = {
            OLD: lambda: self.loader(Merged(self.bench.scratch / f"merged-{self.step}", self.sheets, self.n_trials))
        }
        for step, way, layout in GOALS:
            if step == self.step:
                sheets = fine[layout] if way == "lazy" else open_dataset(self.bench.scratch / "six-20" / layout)
                view = sheets.only(self.sheets)
                if way == "lazy":
                    view = coarse(view) if step > 1 else window(view)
                ways[f"spikebin, {layout}, {way}"] = partial(self.mine, view)
        found = race(
            [
                # An epoch of bins of 1 ms takes the old loader seconds.
                Contender(
                    name,
                    last_batch,
                    self.right,
                    ("torch", "scipy"),
                    way,
                    self.n_trials,
                    most_rounds=2 if (name, self.step) == (OLD, 1) else None,
                )
                for name, way in ways.items()
            ],
            rounds=7 if self.step > 1 else 3,
            quick=self.bench.quick,
        )
        sheets = "six sheets" if len(self.sheets) > 1 else self.sheets[0]
        title = f"Epochs of {sheets}, bins of {self.step} ms, {'one worker' if self.n_workers == 1 else 'two workers'}"
        if not found.samples:
            self.report.tables.append(Table(title, ["", "note"], [[name, why] for name, why in found.skipped.items()]))
            return
        found.preparation = dict.fromkeys(found.preparation, 0.0)
        self.report.samples[title] = found.samples
        self.report.tables.append(found.table(title, unit="trial", against=OLD))
        for (step, way, layout), goals in GOALS.items():
            if step == self.step:
                name = f"spikebin, {layout}, {way}"
                self.report.goals.append(
                    Goal(f"{title}: {layout}, {way}, against {OLD}", found.ratio(OLD, name), *goals)
                )

    def mine(self, view):
        import torch

        from spikebin.dataset.training import TrialDataset, collate

        return self.loader(TrialDataset(view, dtype=torch.float16), collate)


def batch_sizes(bench: Bench, report: Report, truths: dict[str, Truth], view) -> None:
    """How large batches, and how many workers, of six sheets."""
    contenders = []
    for n_workers, size in product((0, 1, 2), (1, 4, 12)):
        one = Epochs(bench, report, truths, sheets=list(truths), n_workers=n_workers, step=STEP, batch_size=size)
        name = f"{('no worker', 'one worker', 'two workers')[n_workers]}, batches of {size}"
        contenders.append(Contender(name, last_batch, one.right, ("torch",), partial(one.mine, view), one.n_trials))
    found = race(contenders, rounds=7, quick=bench.quick)
    title = f"Batches and workers: six sheets, bins of {STEP} ms, events, lazy"
    if found.samples:
        found.preparation = dict.fromkeys(found.preparation, 0.0)
        report.samples[title] = found.samples
        report.tables.append(found.table(title, unit="trial", against="one worker, batches of 4"))


def last_batch(loader):
    """One epoch; the last batch of it, and which trials it has."""
    (batch,) = deque(loader, maxlen=1)
    spikes, trials = (batch.spikes, batch.trial) if hasattr(batch, "spikes") else batch
    return spikes, trials.tolist()


def window(view):
    """What the old pipeline trains on: an image and the blank after it."""
    return view.window(0, N_BINS, across=True, short="cut")


def coarse(view):
    """The same in sums over 20 ms."""
    return window(view).rebin(STEP, how="count", rest="drop")


def merged(truth: Truth, i: int) -> np.ndarray:
    """An image and the blank after it, which the last one lacks: (n_neurons, N_BINS) uint8."""
    blank, image = PART_BINS
    out = np.zeros((truth.ids.size, N_BINS), np.uint8)
    out[:, :image] = truth.dense(i)[:, blank:]
    if i + 1 < len(truth.flat):
        out[:, image:] = truth.dense(i + 1)[:, :blank]
    return out


def sums(dense: np.ndarray, *, last: bool) -> np.ndarray:
    """Sums over the bins of a step; what does not fill up a step is left out."""
    n_bins = (PART_BINS[1] if last else N_BINS) // STEP
    out = np.zeros((len(dense), N_BINS // STEP), np.uint8)
    out[:, :n_bins] = dense[:, : n_bins * STEP].reshape(len(dense), n_bins, STEP).sum(axis=2)
    return out


def save(directory: Path, i: int, dense: np.ndarray) -> None:
    from scipy.sparse import csr_matrix, save_npz

    directory.mkdir(parents=True, exist_ok=True)
    save_npz(directory / f"{i}.npz", csr_matrix(dense))


def write_sheet_file(root: Path, sheet: str, truth: Truth, layout: str) -> None:
    name = directory_name(sheet)
    path = root / "train" / "spikes" / name / f"spikes_{name}_50000.h5"
    path.parent.mkdir(parents=True)
    write_matrix(path, truth, sheet=sheet, layout=layout, threads=2)
