"""Made-up sessions, written by the programs that write such files, or to the letter of their formats."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from spikebin.binning.rules import Binning
from spikebin.matrixfile.write_sheet import Settings
from spikebin.pipeline.one_step import bin_sheet

IDS = np.array([3, 7, 8, 20, 21, 40])
ONSETS_MS = 1000.0 + 900.0 * np.arange(20) + np.arange(20) % 3 * 0.25
SPAN_MS = 20_000.0
RATE = 30_000.0


def make_trains(seed=0, n=250):
    """Sorted times in ms of each of IDS, on the samples of a probe, so that every format can hold them."""
    rng = np.random.default_rng(seed)
    return [np.sort(rng.integers(1, int(SPAN_MS * RATE / 1000), n)) * 1000 / RATE for _ in IDS]


def flat(trains, *, by_time=True):
    times, ids = np.concatenate(trains), np.repeat(IDS, [train.size for train in trains])
    order = np.argsort(times, kind="stable") if by_time else slice(None)
    return times[order], ids[order]


def reference(trains, starts, stops, width):
    """Counts (trial, neuron, bin) by comparing every spike with every edge."""
    tensor = []
    for start, stop in zip(starts, stops, strict=True):
        edges = start + width * np.arange(round((stop - start) / width) + 1) - 1e-8
        tensor.append([[np.sum((train >= a) & (train < b)) for a, b in pairwise(edges)] for train in trains])
    return np.array(tensor)


def write_trials(path, columns, delimiter=","):
    rows = zip(*columns.values(), strict=True)
    lines = [
        delimiter.join(columns),
        *(delimiter.join(repr(float(v)) if isinstance(v, float) else str(v) for v in row) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_npz(directory, trains):
    times, ids = flat(trains, by_time=False)
    np.savez(directory / "session.npz", spike_times_s=times / 1000, neurons=ids.astype(np.int32))
    return directory / "session.npz"


def write_npz_samples(directory, trains):
    times, ids = flat(trains)
    np.savez_compressed(
        directory / "session.npz", times=np.round(times * RATE / 1000).astype(np.uint64), clusters=ids.astype(np.uint16)
    )
    return directory / "session.npz"


def write_npy_structured(directory, trains):
    times, ids = flat(trains)
    table = np.empty(times.size, [("time_us", "<f8"), ("unit", "<i4")])
    table["time_us"], table["unit"] = times * 1000, ids
    np.save(directory / "session.npy", table)
    return directory / "session.npy"


def write_npy_columns(directory, trains):
    np.save(directory / "session.npy", np.column_stack(flat(trains)))
    return directory / "session.npy"


def write_npy_pair(directory, trains):
    times, ids = flat(trains)
    np.save(directory / "times_ms.npy", times)
    np.save(directory / "who.npy", ids[:, None])
    return directory / "times_ms.npy"


def write_csv(directory, trains):
    times, ids = flat(trains, by_time=False)
    lines = [f"{i},x,{t!r}" for t, i in zip(times.tolist(), ids.tolist(), strict=True)]
    (directory / "session.csv").write_text(
        "\n".join(["# a comment", "unit_id,quality,time (ms)", *lines, ""]), "utf-8-sig"
    )
    return directory / "session.csv"


def write_tsv_bare(directory, trains):
    times, ids = flat(trains)
    lines = [f"{t / 1000!r}\t{i}" for t, i in zip(times.tolist(), ids.tolist(), strict=True)]
    (directory / "session.tsv").write_text("\n".join(lines))
    return directory / "session.tsv"


def write_phy(directory, trains):
    """A folder as phy lays it out; cluster 99 is noise."""
    folder = directory / "phy"
    folder.mkdir()
    times, ids = flat(trains)
    samples = np.round(times * RATE / 1000).astype(np.uint64)
    noise = np.arange(5, 500_000, 1000, dtype=np.uint64)
    order = np.argsort(np.concatenate([samples, noise]), kind="stable")
    np.save(folder / "spike_times.npy", np.concatenate([samples, noise])[order][:, None])
    np.save(folder / "spike_clusters.npy", np.concatenate([ids, np.full(noise.size, 99)])[order].astype(np.int32))
    (folder / "params.py").write_text(
        "dat_path = ['rec.dat']\nn_channels_dat = 4\ndtype = 'int16'\noffset = 0\nsample_rate = 30000.\n"
    )
    np.save(folder / "channel_map.npy", np.array([[10], [11], [12], [13]], np.int32))
    np.save(folder / "channel_positions.npy", np.array([[0.0, 20.0], [32, 20], [0, 40], [32, 40]]))
    (folder / "cluster_KSLabel.tsv").write_text("cluster_id\tKSLabel\n" + "".join(f"{i}\tgood\n" for i in [*IDS, 99]))
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n3\tmua\n99\tnoise\n")
    (folder / "cluster_info.tsv").write_text(
        "cluster_id\tAmplitude\tch\tdepth\tgroup\n"
        + "".join(f"{i}\t1.5\t{10 + k % 4}\t20.0\t\n" for k, i in enumerate(IDS))
    )
    return folder


def write_nest(directory, trains):
    """Two virtual processes of one spike recorder, as NEST 3's ASCII backend writes them."""
    times, ids = flat(trains, by_time=False)
    for process in range(2):
        mine = ids % 2 == process
        lines = [f"{i}\t{t!r}" for t, i in zip(times[mine].tolist(), ids[mine].tolist(), strict=True)]
        head = ["# NEST version: 3.6.0", "# RecordingBackendASCII version: 2", "sender\ttime_ms"]
        (directory / f"v1-0000041-{process}.dat").write_text("\n".join([*head, *lines, ""]))
    return directory / "v1-0000041-0.dat"


def write_gdf(directory, trains):
    """NEST 2: no header, three decimals, a tab at the end of the line; so times are rounded."""
    times, ids = flat(trains)
    (directory / "brunel-ex-12502-0.gdf").write_text(
        "".join(f"{i}\t{t:.3f}\t\n" for t, i in zip(times.tolist(), ids.tolist(), strict=True))
    )
    return directory / "brunel-ex-12502-0.gdf"


def write_sonata(directory, trains, *, enum=True, by_time=True, units="ms", flat_layout=False):
    """As the SONATA guide has it; libsonata reads it where there is no compression."""
    import h5py

    times, ids = flat(trains, by_time=by_time)
    path = directory / "spikes.h5"
    with h5py.File(path, "w") as file:
        if flat_layout:
            group = file.create_group("spikes")
            group["timestamps"], group["gids"] = times, ids.astype(np.uint64)
            group.attrs["sorting"] = "time" if by_time else "none"
            return path
        for name, mine in (("v1", slice(None)), ("lgn", ids < 10)):
            group = file.create_group(f"spikes/{name}")
            kind = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2})
            if enum:
                group.attrs.create("sorting", 2 if by_time else 1, dtype=kind)
            else:
                group.attrs["sorting"] = "by_time" if by_time else "by_id"
            group["timestamps"] = times[mine] / (1000 if units == "s" else 1)
            group["timestamps"].attrs["units"] = units
            group["node_ids"] = ids[mine].astype(np.uint64)
    return path


def write_nodes(directory, n=50):
    import h5py

    with h5py.File(directory / "nodes.h5", "w") as file:
        nodes = file.create_group("nodes/v1")
        nodes["node_type_id"] = np.full(n, 7)
        nodes["node_id"] = np.arange(n)
        nodes["node_group_id"] = np.zeros(n, np.int32)
        nodes["node_group_index"] = np.arange(n)[::-1].copy()
        nodes["0/x"] = np.arange(n) * 10.0
        nodes["0/z"] = np.arange(n) * 1.0
    return directory / "nodes.h5"


def write_nwb(directory, trains, *, electrodes=True, trials=True, texts=True, observed=None):
    """By pynwb, the reference implementation of the format."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pynwb
        from pynwb.epoch import TimeIntervals

        nwb = pynwb.NWBFile("a made-up session", "id", datetime(2024, 1, 1, tzinfo=UTC))
        if electrodes:
            group = nwb.create_electrode_group("g", "shank", "V1", nwb.create_device("probe"))
            for i in range(4):
                nwb.add_electrode(x=float(i), y=10.0 * i, z=np.nan, location="V1", group=group)
        if texts:
            nwb.add_unit_column("quality", "as sorted")
        nwb.add_unit_column("is_odd", "whether the id is")
        for i, train in zip(IDS, trains, strict=True):
            more = {"is_odd": bool(i % 2)}
            more |= {"electrodes": [i % 3, i % 3 + 1]} if electrodes else {}
            more |= {"quality": "good" if i % 2 else "mua"} if texts else {}
            more |= {"obs_intervals": observed} if observed else {}
            nwb.add_unit(id=int(i), spike_times=train / 1000, **more)
        if trials:
            nwb.add_trial_column("cue", "when the cue came")
            nwb.add_trial_column("contrast", "of the grating")
            if texts:
                nwb.add_trial_column("image", "what was shown")
            for k, onset in enumerate(ONSETS_MS):
                more = {"image": f"Käse{k % 4}"} if texts else {}
                nwb.add_trial(
                    start_time=onset / 1000,
                    stop_time=onset / 1000 + 0.5,
                    cue=onset / 1000 + 0.1,
                    contrast=k % 2 / 2,
                    **more,
                )
            laser = TimeIntervals(name="laser", description="on")
            for k in range(3):
                laser.add_interval(start_time=2.0 * k, stop_time=2.0 * k + 0.1 + 0.05 * k)
            nwb.add_time_intervals(laser)
        with pynwb.NWBHDF5IO(str(directory / "session.nwb"), "w") as io:
            io.write(nwb)
    return directory / "session.nwb"


def make_block(trains, *, segments=1, epochs=True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neo
        import quantities as pq

        block = neo.Block(name="session")
        for k in range(segments):
            segment = neo.Segment(name=f"sweep {k}")
            for i, train in zip(IDS, trains, strict=True):
                shown = train if segments == 1 else train[k::segments]
                segment.spiketrains.append(
                    neo.SpikeTrain(shown / 1000 * pq.s, t_stop=SPAN_MS / 1000 * pq.s, unit_id=int(i))
                )
            if epochs and segments == 1:
                labels = np.array([f"image {k % 4}" for k in range(ONSETS_MS.size)])
                durations = np.full(ONSETS_MS.size, 0.5)
                segment.epochs.append(neo.Epoch(ONSETS_MS / 1000 * pq.s, durations * pq.s, labels, name="trials"))
                segment.events.append(neo.Event((ONSETS_MS + 100) * pq.ms, labels, name="cue"))
            block.segments.append(segment)
    return block


def write_neo(directory, trains):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neo

        neo.io.NeoMatlabIO(str(directory / "session.mat")).write_block(make_block(trains))
    return directory / "session.mat"


TRAINS = make_trains()
START, STOP, WIDTH = -100.0, 300.0, 10.0


def matrix(recording, sheet, rule, tmp_path, **binning):
    """What a sheet is binned to, and the counts."""
    binning = Binning(**{"width": WIDTH, "end_bin": False, "values": "count", **binning})
    target = tmp_path / "matrix.npy"
    target.unlink(missing_ok=True)
    binned = bin_sheet(
        recording.sheet(sheet, rule), sheet, "part", Settings(binning, threads=2, trial=rule.settings), target
    )
    return np.load(target), binned
