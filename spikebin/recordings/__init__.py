"""One module for each raw format, all with the same small protocol, and the table that says which format a path is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from spikebin.errors import RecordingError
from spikebin.names import suggest
from spikebin.recordings.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spikebin.recordings.protocol import Recording

__all__ = ["FORMATS", "Format", "format_of", "one_device", "open_recording"]


@dataclass(frozen=True)
class Format:
    """One raw format.

    Parameters
    ----------
    module : str
        Has ``recognises(path) -> bool``, which looks at names and heads only, and ``open(path, reading) -> Recording``,
        which raises RecordingError where the path is not of its format, is damaged, or needs more of `reading`.
    what : str
        What a recording is on disk.
    sheets : str
        What its sheets are.
    example : str
        A command that reads one.
    trials : str
        Where its trials come from.
    needs : str
        Packages beyond spikebin's own; "" for none.
    suffixes : tuple of str
        Ends of the names of its files; "" stands for directories. Empty: any.
    settings : tuple of str
        The fields of `Reading` that it takes; any other is an error.
    """

    module: str
    what: str
    sheets: str
    example: str
    trials: str
    needs: str = ""
    suffixes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


# Asked in this order which of them a path is.
FORMATS = {
    "mozaik": Format(
        module="spikebin.recordings.mozaik.datastore",
        what="directory of a mozaik datastore",
        sheets="sheets of the model",
        example="spikebin init '/data/20240117-111742[param]CombinationParamSearch'",
        trials="presentations",
        suffixes=("",),
        settings=("allow",),
    ),
    "experanto": Format(
        module="spikebin.recordings.experanto",
        what="shard of Experanto (folder with responses/ and screen/)",
        sheets="sheets of the model, where it tells them",
        example="spikebin bin shards/session_0 -w 10",
        trials="images and videos of its screen",
        needs="PyYAML for shards that spikebin did not write: pip install 'spikebin[experanto]'",
        suffixes=("",),
    ),
    "phy": Format(
        module="spikebin.recordings.phy",
        what="Kilosort or Phy folder (spike_times.npy, spike_clusters.npy)",
        sheets="units",
        example="spikebin bin kilosort/ --labels good --trials trials.csv --window -200 500 -w 10",
        trials="CSV or TSV",
        suffixes=("",),
        settings=("rate", "times", "ids", "labels"),
    ),
    "spikeinterface": Format(
        module="spikebin.recordings.spikeinterface",
        what="SpikeInterface's numpy folder, analyzer folder, or .npz of a sorting",
        sheets="units",
        example="spikebin bin sorting/ --labels quality=good --trials trials.csv --window -200 500 -w 10",
        trials="segments, CSV or TSV",
        suffixes=("", ".npz"),
        settings=("ids", "labels"),
    ),
    "alf": Format(
        module="spikebin.recordings.alf",
        what="ALF folder, as IBL has it (spikes.times.npy, spikes.clusters.npy)",
        sheets="units",
        example="spikebin bin alf/probe00/ --labels label=1 --align-to stimOn_times --window -200 500 -w 10",
        trials="its trials.*, CSV or TSV",
        needs="pyarrow for trials.table.pqt: pip install 'spikebin[parquet]'",
        suffixes=("",),
        settings=("ids", "labels"),
    ),
    "nwb": Format(
        module="spikebin.recordings.nwb",
        what="NWB file (.nwb)",
        sheets="units",
        example="spikebin bin session.nwb --align-to start_time --window -200 500 -w 10",
        trials="its trials or other intervals, CSV or TSV",
        needs="h5py for tables with texts: pip install 'spikebin[nwb]'",
        suffixes=(".nwb",),
        settings=("ids", "labels", "follow_links"),
    ),
    "sonata": Format(
        module="spikebin.recordings.sonata",
        what="SONATA spike file (.h5)",
        sheets="populations",
        example="spikebin bin spikes.h5 --sheet v1 --nodes nodes.h5 --trials onsets.tsv --window 0 1000 -w 5",
        trials="CSV or TSV",
        suffixes=(".h5", ".hdf5", ".sonata"),
        settings=("unit", "ids", "nodes", "follow_links", "duration"),
    ),
    "hdf5": Format(
        module="spikebin.recordings.hdf5_arrays",
        what="any HDF5 file, its arrays named by path (SHD and SSC)",
        sheets="neurons, or populations by an array",
        example="spikebin bin net.h5 --times /simData/spkt --neurons /simData/spkid --unit ms -w 1",
        trials="its samples, CSV or TSV",
        needs="h5py for some lists: pip install 'spikebin[hdf5]'",
        suffixes=(".h5", ".hdf5", ".hdf"),
        settings=("unit", "rate", "times", "neurons", "ids", "population", "trial", "follow_links"),
    ),
    "nest": Format(
        module="spikebin.recordings.nest",
        what="NEST's text files (.dat, .gdf), or a directory of them",
        sheets="recorders",
        example="spikebin bin brunel-12502-0.gdf --ids 1-10000 -w 1",
        trials="CSV or TSV; runs, by a pattern of their names",
        suffixes=(".dat", ".gdf", ""),
        settings=("rate", "ids", "trial", "duration"),
    ),
    "pynapple": Format(
        module="spikebin.recordings.pynapple",
        what="pynapple's .npz of a TsGroup",
        sheets="units",
        example="spikebin bin units.npz --trials trials.csv --window 0 500 -w 10",
        trials="CSV or TSV",
        suffixes=(".npz",),
        settings=("ids",),
    ),
    "neurosuite": Format(
        module="spikebin.recordings.neurosuite",
        what="neurosuite's .res.N and .clu.N, beside an .xml with the rate",
        sheets="shanks",
        example="spikebin bin rat/ --sheet shank1 --trials trials.csv --window 0 500 -w 10",
        trials="CSV or TSV",
        suffixes=("",),
        settings=("rate", "ids", "labels"),
    ),
    "arrays": Format(
        module="spikebin.recordings.arrays",
        what=".npz, .npy, CSV or TSV (.gz, too) of times and neurons",
        sheets="neurons, or populations by a column",
        example="spikebin bin spikes.csv --unit s --trials trials.csv --align-to cue_s --window -200 500 -w 10",
        trials="CSV or TSV, a column of the spikes",
        suffixes=(".npz", ".npy", ".csv", ".tsv", ".txt"),
        settings=("unit", "rate", "times", "neurons", "ids", "population", "trial"),
    ),
    "matlab": Format(
        module="spikebin.recordings.matlab",
        what="MATLAB's .mat: vectors, cells or structs of times, CellExplorer, rasters",
        sheets="neurons",
        example="spikebin bin rat.spikes.cellinfo.mat --trials trials.csv --window -200 500 -w 10",
        trials="CSV or TSV, cells of neurons and trials",
        needs="h5py for v7.3: pip install 'spikebin[matlab]'",
        suffixes=(".mat",),
        settings=("unit", "rate", "times", "neurons", "ids", "trial"),
    ),
    "parquet": Format(
        module="spikebin.recordings.parquet",
        what="Parquet or Feather file of times and neurons",
        sheets="neurons, or populations by a column",
        example="spikebin bin spikes.parquet --unit s --trials trials.parquet --window -200 500 -w 10",
        trials="CSV or TSV, Parquet, a column of the spikes",
        needs="pyarrow: pip install 'spikebin[parquet]'",
        suffixes=(".parquet", ".pqt", ".feather", ".arrow"),
        settings=("unit", "rate", "times", "neurons", "ids", "population", "trial"),
    ),
    "columns": Format(
        module="spikebin.recordings.wide",
        what="CSV or TSV with a column of times for each neuron, --format columns",
        sheets="neurons",
        example="spikebin bin trains.csv --format columns --unit s -w 10",
        trials="CSV or TSV",
        suffixes=(".csv", ".tsv", ".txt"),
        settings=("unit", "rate", "ids"),
    ),
    "lists": Format(
        module="spikebin.recordings.wide",
        what="text with a line of times for each neuron, --format lists",
        sheets="neurons",
        example="spikebin bin trains.txt --format lists --unit s -w 10",
        trials="CSV or TSV",
        suffixes=(".csv", ".tsv", ".txt"),
        settings=("unit", "rate", "ids"),
    ),
    "raster": Format(
        module="spikebin.recordings.wide",
        what="CSV or TSV of counts in bins, a column for each neuron, --format raster",
        sheets="neurons",
        example="spikebin bin raster.csv --format raster --times time_s -w 10",
        trials="CSV or TSV",
        suffixes=(".csv", ".tsv", ".txt"),
        settings=("unit", "rate", "times", "ids"),
    ),
    "oldnpz": Format(
        module="spikebin.recordings.oldnpz",
        what="spikes_*.npz of the old pipeline in spikes/SHEET or trimmed_spikes/SHEET, or the directory above",
        sheets="directories",
        example="spikebin bin train_dataset --bin-width 1 --phases blank:150,image:560 --end-bin -w 1 -o out",
        trials="its images",
        suffixes=(".npz", ""),
        settings=("bin_width", "phases"),
    ),
    "neo": Format(
        module="spikebin.recordings.neo",
        what="whatever a neo IO reads, named after a colon (neo:NixIO)",
        sheets="units",
        example="spikebin bin session.nix --format neo:NixIO -w 10",
        trials="segments, epochs, events, CSV or TSV",
        needs="neo: pip install 'spikebin[neo]'",
        settings=("neurons", "ids"),
    ),
}


# Other names of formats.
PROGRAMS = {"kilosort": "phy", "pynest": "nest", "bmtk": "sonata", "pynwb": "nwb", "numpy": "arrays", "pynn": "neo"}


def open_recording(path: Path, kind: str | None = None, reading: Reading | None = None) -> Recording:
    """Open a raw recording, of the format `kind` or of the first format that recognises it.

    Parameters
    ----------
    path : Path
    kind : str, optional
        A key of `FORMATS`; ``neo:IO`` names the IO.
    reading : Reading, optional
        What the recording does not say about itself.

    Returns
    -------
    Recording

    Raises
    ------
    RecordingError
        If there is nothing there, no format knows it, its format does not take one of the settings, or as that says.
    """
    if not path.exists():
        raise RecordingError(f"no recording at {path}: check the path, or wait until it has been copied")
    if not (path.is_file() or path.is_dir()):
        raise RecordingError(f"{path} is a pipe or a device, not a file: write its content to a file first")
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise RecordingError(
            f"the name {path.name!a} is not UTF-8: rename it, or set PYTHONUTF8=1 where the locale is not UTF-8"
        ) from None
    if kind is None and reading is not None and "/" in (reading.times or ""):
        from spikebin.recordings.continuous.hdf5_group import is_hdf5

        kind = "hdf5" if is_hdf5(path) else None
    # Of a path that no format recognises, the error of the one that its name points to helps more than a list.
    wanted, _, io = (kind or format_of(path) or _by_name(path) or "").partition(":")
    if wanted not in FORMATS:
        if wanted:
            raise RecordingError(f"no format {kind!r} (`spikebin formats` lists them): {_meant(str(kind))}")
        raise RecordingError(
            f"{path} is in none of the known formats ({', '.join(FORMATS)}): check the path; `spikebin formats` tells"
            " more"
        )
    given = replace(reading or Reading(), format=kind)
    _check_settings(path, wanted, given)
    recording: Recording = import_module(FORMATS[wanted].module).open(path, given)
    recording.reading = replace(given, format=f"{wanted}:{io}" if io else wanted)
    return recording


def format_of(path: Path) -> str | None:
    """The first format that recognises a path, by its name and shape.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
        A key of `FORMATS`; None if none does.
    """
    return next((name for name, form in FORMATS.items() if import_module(form.module).recognises(path)), None)


def one_device(kind: str | None, names: Sequence[str]) -> tuple[str, str] | None:
    """Two of some names that are files of one recording: those of the processes of a device of NEST.

    Parameters
    ----------
    kind : str or None
        Their format.
    names : sequence of str

    Returns
    -------
    tuple of str or None
        None if there are none.
    """
    if kind != "nest":
        return None
    from spikebin.recordings.nest import device_of

    seen: dict[str, str] = {}
    for name in names:
        device = device_of(name)
        if device is not None and seen.setdefault(device, name) != name:
            return seen[device], name
    return None


def _check_settings(path: Path, name: str, reading: Reading) -> None:
    """Whether a format takes all settings that it is given."""
    taken = FORMATS[name].settings
    for key in reading.settings:
        if key not in {*taken, "format"}:
            raise RecordingError(
                f"{path.name}: the format {name} takes no `{key}`: take it out; it takes {', '.join(taken) or 'none'}"
            )


def _meant(kind: str) -> str:
    """What a mistyped format may have meant: ``did you mean 'neo:PhyIO'?``."""
    io = re.fullmatch(r"(?:neo[^\w]+)?(\w+)IO", kind, re.IGNORECASE)
    if io is not None:
        return f"did you mean 'neo:{io[1]}IO'?"
    # Called by the end of its files, or by the program that writes it.
    ends = {end.lstrip("."): name for name, form in reversed(FORMATS.items()) for end in form.suffixes if end}
    name = {**ends, **PROGRAMS}.get(kind.lower())
    return f"did you mean {name!r}?" if name else suggest(kind.lower(), FORMATS)


def _by_name(path: Path) -> str | None:
    """The format that a file's suffix points to; arrays, where several have it."""
    suffix = path.suffix.lower()
    named = [name for name, form in FORMATS.items() if suffix and suffix in form.suffixes]
    return "arrays" if "arrays" in named else next(iter(named), None)
