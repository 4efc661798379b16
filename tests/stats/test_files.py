"""Statistics as files say what the tables and arrays say."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from drawn import images, write_part
from numpy.lib.recfunctions import append_fields

from spikebin import open_dataset
from spikebin.errors import SpikebinError
from spikebin.stats.files import ROWS, write_statistics
from spikebin.stats.tables import stats_tables, summary


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    for sheet, ids in (("X_ON", (3, 4, 8)), ("V1_Exc_L2/3", (5, 6, 7, 100, 101))):
        write_part(root, sheet, "1", images(0, 3, repeats=2), ids=ids)
    sheets = open_dataset(root)
    return [("all", sheets[sheet].stats([1, 5])) for sheet in sheets]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_tables_are_read_back(found, tmp_path, kind):
    paths = list(write_statistics(found, tmp_path, [kind]))
    tables = [stats_tables(stats, {"variant": "train", "sheet": stats.name[6:], "subset": "all"}) for _, stats in found]
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in tables[0]]
    read = {
        "csv": lambda path: pd.read_csv(path, dtype={"part": str, "image_id": str}),
        "json": lambda path: pd.DataFrame(json.loads(path.read_text())),
        "parquet": pd.read_parquet,
    }[kind]
    for name in tables[0]:
        frame = read(tmp_path / f"{name}.{kind}")
        wanted = pd.concat([pd.DataFrame(table[name]) for table in tables], ignore_index=True)
        assert list(frame.columns) == list(wanted.columns)
        for column in wanted:
            if wanted[column].dtype.kind == "f":
                assert np.array_equal(frame[column].astype(float), wanted[column], equal_nan=True), column
            else:
                assert frame[column].tolist() == wanted[column].tolist(), column


def test_arrays_are_read_back(found, tmp_path):
    (path,) = write_statistics(found, tmp_path, ["npz"])
    with np.load(path) as arrays:
        for _, stats in found:
            place = f"train/{stats.name[6:].replace('/', '')}/all"
            assert np.array_equal(arrays[f"{place}/rates"], stats.rates)
            assert np.array_equal(arrays[f"{place}/neurons"]["neuron_id"], stats.neurons["neuron_id"])
            for one in stats.widths:
                assert np.array_equal(arrays[f"{place}/{one.width:g}ms/psth"], one.psth, equal_nan=True)
                assert np.array_equal(arrays[f"{place}/{one.width:g}ms/totals"], one.totals)


def test_what_is_not_there_is_empty(found, tmp_path):
    list(write_statistics(found, tmp_path, ["csv", "json"]))
    parts = (tmp_path / "parts.csv").read_text().splitlines()
    assert parts[0].endswith("rate_hz,robust_z,outlier")
    assert parts[1].endswith(",,False")
    assert json.loads((tmp_path / "parts.json").read_text())[0]["robust_z"] is None


def test_columns_that_only_one_sheet_has(found, tmp_path):
    subset, stats = found[1]
    depth = append_fields(stats.neurons, "depth", np.arange(len(stats.neurons)) / 2, usemask=False)
    more = [found[0], (subset, dataclasses.replace(stats, neurons=depth))]
    list(write_statistics(more, tmp_path, ["csv", "parquet"]))
    for frame in (pd.read_csv(tmp_path / "neurons.csv"), pd.read_parquet(tmp_path / "neurons.parquet")):
        mine = frame["sheet"] == stats.name[6:]
        assert frame["depth"][~mine].isna().all()
        assert frame["depth"][mine].tolist() == [0, 0.5, 1]


def test_more_rows_than_are_written_at_once(tmp_path):
    n = 160
    assert n * (n - 1) // 2 > ROWS
    write_part(tmp_path, "X_ON", "1", images(0, 2), ids=range(n))
    stats = open_dataset(tmp_path, sheet="X_ON").stats(sample=n)
    list(write_statistics([("all", stats)], tmp_path, ["csv"]))
    frame = pd.read_csv(tmp_path / "correlations.csv")
    assert len(frame) == n * (n - 1) // 2
    assert frame["neuron_b"].iloc[-1] == n - 1


def test_a_format_that_is_none(found, tmp_path):
    with pytest.raises(SpikebinError, match="no format 'xls' of statistics: known are csv, json, parquet, npz"):
        list(write_statistics(found, tmp_path, ["csv", "xls"]))
    assert not list(tmp_path.iterdir())


def test_summary(found):
    _, stats = found[0]
    rows = summary(stats)
    assert [row["width_ms"] for row in rows] == [1, 5]
    assert rows[0]["rate_hz"] == pytest.approx(stats.rates.mean())
    assert rows[1]["fano"] == pytest.approx(stats[5].fano.mean())
    json.dumps(rows)
