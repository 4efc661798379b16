"""Tables in text files: what is read is what the csv module and pandas read; the rest is refused by line and cell."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import RecordingError
from spikebin.recordings import open_recording
from spikebin.recordings.continuous import text_table
from spikebin.recordings.continuous.cells import is_number
from spikebin.recordings.continuous.text_table import line_of_row, number_chunks, read_header, read_table
from spikebin.recordings.settings import Reading, TrialRule

WHO = "time_s,neuron\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


def write(path, text, newline=""):
    with path.open("w", encoding="utf-8", newline=newline) as file:
        file.write(text)
    return path


def numbers(path, columns, monkeypatch=None):
    return np.concatenate([chunk.T for chunk in number_chunks(path, read_header(path), columns)] or [[]]).tolist()


def spikes_of(path, **reading):
    recording = open_recording(path, "arrays", Reading(**reading))
    return [column.tolist() for column in np.hstack([list(c) for c in recording.population("neurons").source.chunks()])]


# --- what both kinds of tables refuse, by line and cell

REFUSED = {
    "surplus cells": ("{first},{second}\n1,5\n0,5,1\n", r"line 3 has 3 cells, its header 2"),
    "a decimal comma": (
        "{first},{second}\n0,5,1\n1,5,2\n",
        r"line 2 has 3 cells, its header 2: write numbers with a p",
    ),
    "a lacking cell": ("x,{first},{second}\n1,0.5,1\n2,1.5\n", r"line 3 has 2 cells, its header 3: it is cut off"),
    "a cell too many in a column that is not asked for": ("{first},{second},x\n0.5,1,a,b\n", "line 2 has 4 cells"),
    "one column twice": ("{first},{second},{second}\n0.5,1,2\n", "has two columns '{second}'"),
    "an open quote": ('{first},{second},x\n0.5,1,"a\n1.5,2,b\n', "line 2 opens a quote that is not closed"),
    "text after a quote": ('{first},{second},x\n0.5,1,"a"b\n', "line 2 has text after a closing quote"),
    "a comment within": ("{first},{second}\n0.5,1\n# a pause\n1.5,2\n", "line 3 has 1 cell, .*above the header"),
    "a comment at the end": ("{first},{second},x\n0.5,1,a # why\n1.5,2,b,#\n", "line 3 has 4 cells"),
    "blanks and quotes": ('{first} {second}\n"0.5" 1\n', "line 2 holds a quote between blanks"),
    "a nul": ("{first},{second},x\n0.5,1,\0\n", "line 2 holds a NUL"),
    "an empty file": ("# nothing\n\n", "is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tables_of_spikes_and_of_trials_refuse_the_same(tmp_path, name):
    text, message = REFUSED[name]
    for first, second, read in (("time_s", "neuron", spikes_of), ("start_s", "image", read_table)):
        path = write(tmp_path / "t.csv", text.format(first=first, second=second))
        with pytest.raises(RecordingError, match=message.format(first=first, second=second)) as caught:
            read(path)
        assert "\n" not in str(caught.value)


BAD_CELLS = {
    "1_0": "'1_0' is not a number",
    "٣": "'٣' is not a number",
    "two": "'two' is not a number",
    '"1,5"': "'1,5' is not a number: write a point",
    "1 # late": "'1 # late' is not a number",
    "": "'' is not a number",
    "0x10": "'0x10' is not a number",
    "1.5.2": "'1.5.2' is not a number",
}


@pytest.mark.parametrize("cell", BAD_CELLS)
def test_what_is_not_a_number_is_told_by_line_and_column(tmp_path, cell):
    with pytest.raises(RecordingError, match=f"line 4, column 'time_s': {BAD_CELLS[cell]}"):
        spikes_of(write(tmp_path / "s.csv", f"# by hand\n{WHO}1,1\n{cell},2\n3,x\n"))
    assert not is_number(cell.strip('"'))
    bare = write(tmp_path / "bare.csv", f"1,1\n{cell},2\n")
    with pytest.raises(RecordingError, match=f"line 2, column number 1: {BAD_CELLS[cell]}"):
        spikes_of(bare, times="0", neurons="1", unit="s")


@pytest.mark.parametrize("cell", ["1.5", "nan", "1e300", "-inf", "9007199254740993"])
def test_what_cannot_be_an_id_is_told_by_line_and_column(tmp_path, cell):
    path = write(tmp_path / "s.csv", f'x,{WHO}\n"a\nb",1,1\nc,2,{cell}\n')
    with pytest.raises(RecordingError, match="line 5, column 'neuron': .* is not a whole number that can be an id"):
        spikes_of(path)


def test_a_pipe_of_garbage_is_not_read_for_ever(tmp_path):
    write(tmp_path / "s.csv", "x" * (1 << 21))
    with pytest.raises(RecordingError, match="line 1 is longer than"):
        read_header(tmp_path / "s.csv")
    write(tmp_path / "s.csv", 'a,b\n1,"' + "x\n" * (1 << 18))
    with pytest.raises(RecordingError, match="line 2 opens a quote that is not closed"):
        read_table(tmp_path / "s.csv")


# --- what both read


READ = {
    "quoted cells with delimiters": 'channels,time_s,neuron\n"0,1,2,3",0.5,7\n"4,5,6,7",1.5,8\n',
    "quoted numbers": '"time_s","neuron"\n"0.5","7"\n"1.5","8"\n',
    "names of rows, as R writes them": '"","time_s","neuron"\n"1",0.5,7\n"2",1.5,8\n',
    "a line end in quotes": 'note,time_s,neuron\n"one\ntwo",0.5,7\nthree,1.5,8\n',
    "a line end in the header": '"a\nnote",time_s,neuron\nx,0.5,7\nx,1.5,8\n',
    "# in data": "color,time_s,neuron\n#ff0000,0.5,7\n#00ff00,1.5,8\n",
    "comments above": "# by hand, in May\n# \n\ntime_s,neuron\n0.5,7\n1.5,8\n",
    "names in a comment": "# time_s,neuron\n0.5,7\n1.5,8\n",
    "names in a comment, as numpy.savetxt writes them": "# time_s neuron\n0.5 7\n1.5 8\n",
    "names in a comment, with texts": "#time_s,neuron,label\n0.5,7,good\n1.5,8,good\n",
    "semicolons": "time_s;neuron\n0.5;7\n1.5;8\n",
    "tabs": "time_s\tneuron\n0.5\t7\n1.5\t8\n",
    "tabs, with a comma in a name": '"pos, in um"\ttime_s\tneuron\n3\t0.5\t7\n3\t1.5\t8\n',
    "blanks": "  time_s   neuron \n 0.5    7\n 1.5    8 \n",
    "a blank after each comma": 'time_s, neuron, label\n0.5, 7, "a, b"\n1.5, 8, c\n',
    "blank lines": "time_s,neuron\n\n0.5,7\n   \n1.5,8\n\n\n",
    "line ends of Windows": "time_s,neuron\r\n0.5,7\r\n1.5,8\r\n",
    "line ends of old": "time_s,neuron\r0.5,7\r1.5,8\r",
    "a byte order mark": "\ufefftime_s,neuron\n0.5,7\n1.5,8\n",
    "no line end at the end": "time_s,neuron\n0.5,7\n1.5,8",
    "a quote within a cell": 'size,time_s,neuron\n5" disk,0.5,7\n3" disk,1.5,8\n',
    "words in capitals": "Time (s),Neuron\n.5,+7\n15e-1,8.0\n",
    "camels": "spikeTime_s,neuronId\n0.5,7\n1.5,8\n",
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("packed", [False, True])
def test_spikes_are_read_from_every_way_to_write_them(tmp_path, name, packed):
    path = write(tmp_path / "s.csv", READ[name])
    if packed:
        (tmp_path / "s.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = tmp_path / "s.csv.gz"
    assert open_recording(path).reading.format == "arrays"
    assert spikes_of(path) == [[500.0, 1500.0], [7.0, 8.0]]
    # The same rules read it as a table of trials, where texts are texts.
    header = read_header(path)
    table = list(read_table(path).values())
    assert [float(cell) for cell in table[header.names.index(next(n for n in header.names if "ime" in n))]] == [
        0.5,
        1.5,
    ]


def test_a_packed_file_that_is_cut_off_is_one_line(tmp_path):
    data = gzip.compress(b"time_s,neuron\n" + b"".join(b"%d.5,%d\n" % (i * i, i % 7) for i in range(5000)))
    for size in (0, 5, 30, len(data) // 2, len(data) - 1):
        (tmp_path / "s.csv.gz").write_bytes(data[:size])
        with pytest.raises(RecordingError, match=r"is not a complete \.gz file|is empty") as caught:
            spikes_of(tmp_path / "s.csv.gz")
        assert "\n" not in str(caught.value)


def test_lines_that_begin_with_a_hash_are_trials(tmp_path):
    write(tmp_path / "s.csv", WHO + "".join(f"{i}.5,1\n" for i in range(20)))
    events = write(tmp_path / "t.csv", "color,onset_s\n#ff0000,1\n#00ff00,2\nred,3\n")
    rule = TrialRule(events=str(events), window_start=0.0, window_stop=1000.0, image_id="color")
    trials = open_recording(tmp_path / "s.csv").sheet("neurons", rule).trials
    assert [(t.image_id, t.phases[0].start) for t in trials] == [("#ff0000", 1000), ("#00ff00", 2000), ("red", 3000)]


def test_a_comment_that_names_nothing_can_be_overruled(tmp_path):
    path = write(tmp_path / "s.txt", "# recorded yesterday\n0.5 7\n1.5 8\n")
    assert spikes_of(path, times="0", neurons="1", unit="s") == [[500.0, 1500.0], [7.0, 8.0]]
    with pytest.raises(RecordingError, match="which are the times\\? .*there are recorded, yesterday"):
        spikes_of(path)


def test_one_column_may_hold_blanks(tmp_path):
    assert read_table(write(tmp_path / "t.csv", 'image\nbig cat\n"a, b"\n\nsmall cat\n')) == {
        "image": ["big cat", "a, b", "small cat"]
    }


# --- against the csv module and pandas

words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=6)
cells = st.one_of(
    words,
    st.sampled_from(
        ["007", "1_0", "1e2", "", "12345678901234567890", "5", "5.0", 'a"b', "a,b", "#x", "a\nb", " a", "NA"]
    ),
    st.integers(-(10**25), 10**25).map(str),
    st.floats().map(repr),
)
dialects = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
    }
)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8), dialects, st.booleans())
def test_every_text_that_the_csv_module_writes_is_read_as_it_was(place, rows, dialect, comment):
    path = place / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("# a comment\n" * comment)
        csv.writer(file, **dialect).writerows([["onset_s", "b c", "image"], *rows])
    table = read_table(path)
    assert list(table) == ["onset_s", "b c", "image"]
    assert [list(row) for row in zip(*table.values(), strict=True)] == rows


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=8), st.sampled_from(",;\t"))
def test_every_text_that_pandas_writes_is_read_as_pandas_reads_it(place, rows, delimiter):
    pandas = pytest.importorskip("pandas")
    path = place / "p.csv"
    pandas.DataFrame(rows, columns=["onset_s", "image"]).to_csv(path, sep=delimiter, index=False)
    back = pandas.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False)
    assert read_table(path) == {name: back[name].tolist() for name in back}
    assert [list(row) for row in zip(*read_table(path).values(), strict=True)] == rows


@given(st.text(st.sampled_from("a1.,;\"\t \n\r#'\\"), max_size=30), st.sampled_from([",", ";", "\t"]))
def test_whatever_stands_there_is_what_the_csv_module_reads_or_refused(place, text, delimiter):
    path = write(place / "any.csv", f"x{delimiter}y\n{text}")
    try:
        table = read_table(path)
    except RecordingError:
        return
    expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if len(row) > 1]
    assert [list(row) for row in zip(*table.values(), strict=True)] == expected


plain = st.one_of(
    st.floats().map(repr),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(
        ["1.", ".5", "+3", "1e5", "1E-3", "Infinity", "NaN", " 2 ", "1_0", "x", "", '"3"', "\xa01", "1\x1c", "٣", "4#"]
    ),
)


@given(
    st.lists(st.lists(plain, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from([",", "\t", ";", " "]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 4),
)
def test_lines_that_numpy_reads_are_read_as_by_the_csv_module(place, rows, delimiter, end, chunk):
    """The short cut for plain numbers gives what reading cell by cell gives, or its error."""
    path = write(place / "n.csv", end.join(delimiter.join(row) for row in [["a", "b", "c"], *rows]) + end)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_table, "BLOCK", 8 * chunk)
        for short_cut in (True, False):
            if not short_cut:
                patch.setattr(text_table, "_plain_numbers", lambda *_: None)
                patch.setattr(text_table, "CHUNK", chunk)
            try:
                found.append(np.array(numbers(path, [2, 0])).tobytes())
            except RecordingError:
                found.append(None)
    assert found[0] == found[1]
    if found[0] is not None and delimiter != " ":
        expected = [[float(row[2].strip('"')), float(row[0].strip('"'))] for row in rows]
        assert found[0] == np.array(expected).tobytes()


def test_large_files_of_plain_numbers_take_the_short_cut(tmp_path, monkeypatch):
    path = write(tmp_path / "s.csv", "time_s,neuron,depth\n" + "0.5,7,-1e3\n" * 1000)
    monkeypatch.setattr(text_table, "BLOCK", 300)
    monkeypatch.delattr(text_table, "_numbers")
    assert sum(chunk.shape[1] for chunk in number_chunks(path, read_header(path), [0, 1])) == 1000


def test_a_row_is_found_again(tmp_path):
    path = write(tmp_path / "s.csv", 'a,b\n1,2\n\n"x\ny",3\n4,5\n')
    assert [line_of_row(path, read_header(path), row) for row in range(3)] == [2, 4, 6]


# --- types


def test_two_thousand_columns(tmp_path):
    names = [f"covariate_{i}" for i in range(2000)]
    path = write(Path(tmp_path) / "t.csv", ",".join(["onset_s", *names]) + "\n" + ",".join(["1.5"] * 2001) + "\n")
    assert len(read_table(path)) == 2001
