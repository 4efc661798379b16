"""Binning spikes that are in memory into a dense array: ours, numpy's, scipy's, and what others offer for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.inputs import N_BINS, PART_BINS
from benchmarks.race import Contender, race
from benchmarks.report import Goal, Picture, Report
from spikebin import bin_spikes
from spikebin.simulate.experiment import presentations

if TYPE_CHECKING:
    from benchmarks.inputs import Bench
    from spikebin.simulate.experiment import Experiment

OURS = "spikebin bin_spikes, into one buffer"
MEMSET = "memset, no spikes"
TEXT = """Trials of V1_Exc_L4, 37,500 neurons x 712 bins of 1 ms, at their real rates; spikes as flat arrays, trial by
trial and neuron by neuron. Zeroing the array is part of each time. Every spike lies in the middle of a step of 0.1
ms, so that all agree on its bin; near the edges of bins they do not. elephant and pynapple work on one trial, and
need an object for each neuron first, which is shown apart. boost-histogram and np.bincount count into 8 bytes a bin."""


def run(bench: Bench) -> Report:
    report = Report("kernel", TEXT)
    n_trials = bench.pick(10, 2)
    experiment = bench.experiment(n_trials)
    n_neurons = experiment.sheets[0].n_neurons
    times, neurons, trials = flat_spikes(experiment)
    shape = n_trials, n_neurons, N_BINS
    expected = np.zeros(shape, bool)
    expected[trials, neurons, times.astype(int)] = True
    counted = np.zeros(shape, np.uint8)
    np.add.at(counted, (trials, neurons, times.astype(int)), 1)
    order = np.argsort(trials * 1000.0 + times, kind="stable")
    by_time = times[order], neurons[order], trials[order]
    buffer, buffer8 = np.empty(shape, bool), np.empty(shape, np.uint8)
    in_trials = [slice(*np.searchsorted(trials, (i, i + 1))) for i in range(n_trials)]
    settings = {"n_neurons": n_neurons, "start": 0.0, "stop": float(N_BINS), "width": 1.0}

    def ours(spikes: tuple[np.ndarray, ...], out: np.ndarray | None) -> np.ndarray:
        return bin_spikes(spikes[0], spikes[1], trials=spikes[2], n_trials=n_trials, out=out, **settings)

    def ours_on_threads() -> np.ndarray:
        def one(i: int) -> None:
            part = in_trials[i]
            bin_spikes(times[part], neurons[part], out=buffer[i : i + 1], **settings)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, range(n_trials)))
        return buffer

    def memset() -> np.ndarray:
        buffer.fill(False)
        return buffer

    def numpy_scatter() -> np.ndarray:
        out = np.zeros(shape, bool)
        out[trials, neurons, times.astype(int)] = True
        return out

    def bincount() -> np.ndarray:
        out = None
        for part in in_trials:
            flat = neurons[part] * N_BINS + times[part].astype(int)
            out = np.bincount(flat, minlength=n_neurons * N_BINS).reshape(n_neurons, N_BINS) > 0
        return out

    def csr():
        from scipy.sparse import csr_matrix

        where = neurons, trials * N_BINS + times.astype(int)
        return csr_matrix((np.ones(times.size, np.uint8), where), shape=(n_neurons, n_trials * N_BINS))

    def boost():
        import boost_histogram as bh

        histogram = bh.Histogram(
            bh.axis.Integer(0, n_neurons, underflow=False, overflow=False),
            bh.axis.Regular(N_BINS, 0, N_BINS, underflow=False, overflow=False),
            storage=bh.storage.Int64(),
        )
        for part in in_trials:
            histogram.reset()
            histogram.fill(neurons[part], times[part])
        return histogram.view()

    first = in_trials[0]
    trains = np.split(times[first], np.searchsorted(neurons[first], np.arange(1, n_neurons)))

    def whole_is_right(found: np.ndarray) -> bool:
        return np.array_equal(found, expected)

    def first_is_right(found: np.ndarray) -> bool:
        return np.array_equal(found > 0, expected[0])

    def last_is_right(found: np.ndarray) -> bool:
        return np.array_equal(found > 0, expected[-1])

    by_neuron = times, neurons, trials
    one_trial = f"one trial of the {n_trials}"
    contenders = [
        Contender(OURS, lambda: ours(by_neuron, buffer), whole_is_right, per=n_trials),
        Contender("spikebin bin_spikes, into a new array", lambda: ours(by_neuron, None), whole_is_right, per=n_trials),
        Contender(
            "spikebin bin_spikes, spikes in order of time", lambda: ours(by_time, buffer), whole_is_right, per=n_trials
        ),
        Contender("spikebin bin_spikes, 2 threads, trial by trial", ours_on_threads, whole_is_right, per=n_trials),
        Contender(
            "spikebin bin_spikes, counts (uint8)",
            lambda: ours(by_neuron, buffer8),
            lambda found: np.array_equal(found, counted),
            per=n_trials,
        ),
        Contender(MEMSET, memset, lambda found: not found.any(), per=n_trials, note="the floor"),
        Contender("numpy: out[trial, neuron, bin] = True", numpy_scatter, whole_is_right, per=n_trials),
        Contender("np.bincount", bincount, last_is_right, per=n_trials),
        Contender(
            "scipy csr_matrix",
            csr,
            lambda found: np.array_equal(found.toarray().reshape(n_neurons, n_trials, N_BINS).swapaxes(0, 1), counted),
            ("scipy",),
            per=n_trials,
            note="stays sparse",
        ),
        Contender("boost-histogram", boost, last_is_right, ("boost_histogram",), per=n_trials),
        Contender(
            "elephant BinnedSpikeTrain.to_bool_array",
            elephant_bool,
            first_is_right,
            ("elephant",),
            prepare=lambda: elephant_trains(trains),
            most_rounds=2,
            note=one_trial,
        ),
        Contender(
            "pynapple TsGroup.count",
            pynapple_count,
            lambda found: first_is_right(found.values.T),
            ("pynapple",),
            prepare=lambda: pynapple_group(trains),
            most_rounds=3,
            note=one_trial,
        ),
    ]
    found = race(contenders, rounds=15, quick=bench.quick)
    report.samples["dense"] = found.samples
    note = f"{times.size / n_trials:,.0f} spikes a trial."
    report.tables.append(found.table("Dense arrays", unit="trial", against=MEMSET, note=note))
    report.goals.append(Goal("dense kernel, against memset", found.ratio(OURS, MEMSET), 4, 2, more_is_better=False))
    points = found.points(1000)
    report.pictures.append(
        Picture("points", f"Binning a trial of {n_neurons:,} neurons x 712 bins", "ms per trial", points)
    )
    return report


def flat_spikes(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in ms from the onset of the trial, in the middle of their steps; neurons; trials."""
    found: dict[str, list[np.ndarray]] = {}
    for shown in presentations(experiment):
        onset = 0 if shown.null else PART_BINS[0]
        rows = np.repeat(np.arange(shown.ids.size), shown.counts)
        times = onset + (shown.steps - 0.5) / 10
        found.setdefault(shown.image_id, []).append(np.stack([rows, times]))
    times, neurons, trials = [], [], []
    for i, parts in enumerate(found.values()):
        rows, when = np.concatenate(parts, axis=1)
        order = np.lexsort((when, rows))
        neurons.append(rows[order].astype(np.int64))
        times.append(when[order])
        trials.append(np.full(rows.size, i))
    return np.concatenate(times), np.concatenate(neurons), np.concatenate(trials)


def elephant_trains(trains: list[np.ndarray]):
    import neo

    return [neo.SpikeTrain(train, units="ms", t_start=0.0, t_stop=float(N_BINS)) for train in trains]


def elephant_bool(trains):
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain

    return BinnedSpikeTrain(trains, bin_size=1 * pq.ms, t_start=0 * pq.ms, t_stop=N_BINS * pq.ms).to_bool_array()


def pynapple_group(trains: list[np.ndarray]):
    import pynapple as nap

    support = nap.IntervalSet(0, N_BINS, time_units="ms")
    return nap.TsGroup(
        {i: nap.Ts(train, time_units="ms", time_support=support) for i, train in enumerate(trains)},
        time_support=support,
        bypass_check=True,
    )


def pynapple_count(group):
    return group.count(1.0, time_units="ms")
