"""What objects say of themselves, and what they say to somebody who holds them wrongly."""

from __future__ import annotations

import pytest
from drawn import images, write_part

from spikebin import open_dataset, open_file
from spikebin.errors import DatasetError, SpikebinError
from spikebin.matrixfile.reader import MatrixFile


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    root = tmp_path_factory.mktemp("shown")
    for sheet in ("X_ON", "V1_Exc_L2/3"):
        for part in ("1", "2"):
            write_part(root, sheet, part, images(10 * int(part), 2), values="count")
    return open_dataset(root)


def test_objects_say_what_they_hold(sheets):
    view = sheets["X_ON"]
    size = sum(file.path.stat().st_size for file in view.files)
    assert repr(view).startswith("<Dataset train/X_ON: 4 trials x 6 neurons x 17 bins of 1 ms, uint8, up to 255, 408")
    assert f"{size / 1000:.1f} kB on disk, layout matrix, blosc2" in repr(view)
    assert "2 parts" in repr(view)
    coarse = view.window(0, 12).rebin(4, how="count", rest="drop")
    assert "| window(0, 12, short='refuse') | rebin(4, how='count', rest='drop'): 4 trials x 6" in repr(coarse)
    assert "3 bins of 4 ms, uint16, up to 1,020" in repr(coarse)
    assert "any" in repr(view.rebin(2, how="any", rest="drop"))
    assert repr(sheets).startswith("<SheetSet V1_Exc_L2/3, X_ON: 4 trials, 12 neurons, 17 bins of 1 ms, uint8")
    assert "rebin(17" in repr(sheets.rebin(17, how="any", rest="drop"))
    file = open_file(view.files[0].path)
    assert "FileView train/X_ON" in repr(file)
    assert "MatrixFile train/1/X_ON: 2 trials" in repr(MatrixFile(file.path))
    repeats = view.repeats()
    assert repr(repeats).startswith(
        "<Repeats train/X_ON: 4 images x 1 repeat x 6 neurons x 17 bins of 1 ms, uint8, 408"
    )
    assert "2 trials x 6 neurons x 17 bins of 1 ms, uint8, layout matrix, blosc2, in chunks of 1 x 6 x 17" in repr(
        file.spikes
    )
    for thing in (view, coarse, sheets, file, file.file, file.spikes, repeats):
        assert "\n" not in repr(thing)
        html = thing._repr_html_()
        assert html.count("<tr>") == html.count("</tr>") >= 4
    assert "window(0, 12" in coarse._repr_html_()
    assert "X_ON" in sheets._repr_html_()
    assert sheets._ipython_key_completions_() == list(sheets)


def test_misuse_is_told_what_to_give(sheets):
    view = sheets["X_ON"]
    for wrong, words in (
        (lambda: view.window(0, 1.5), "window stop=1.5: give a whole number"),
        (lambda: sheets[0], r"sheets are found by name, not by 0: known are .*sheets\['V1_Exc_L2/3'\]\[0\]"),
        (lambda: sheets[:2], "sheets are found by name"),
        (lambda: sheets["X_OM"], "^no sheet 'X_OM': did you mean 'X_ON'"),
        (lambda: sheets.select(ids=5), r"by sheet, as in \{'V1_Exc_L2/3': \[0, 1\]\}"),
        (lambda: view.groupby(3), "^3 is not the name of a column: give a text, or a list of texts"),
        (lambda: view.repeats(by=["image_id", 3]), "^3 is not the name of a column"),
        (lambda: sheets.only(3), "^3 is not the name of a sheet"),
        (lambda: view.window(0, 3, 3), "window origin=3: give a text or None"),
        (lambda: open_dataset(view.files[0].path.parents[3], sheet=3), "^open_dataset sheet=3: give a text or None"),
        (lambda: open_dataset(view.files[0].path, sheet=3), "^open_dataset sheet=3: give a text or None"),
        (
            lambda: open_dataset(view.files[0].path.parents[3], variant=3),
            "open_dataset variant=3: give a text",
        ),
        (lambda: view.read([0], dtype="U3"), "give bool, an integer or a float"),
        (lambda: view.select(ids=5), "1 of 1 neuron ids are not in train/X_ON: 5"),
        (lambda: view.select(ids="a"), "whole numbers"),
        (lambda: view.take("a"), "cannot be indexed like this"),
        (lambda: view["X_ON"], "only integers, slices"),
        (lambda: view[4], "out of bounds"),
        (lambda: view.onsets("sound"), "no phase 'sound'"),
    ):
        with pytest.raises(SpikebinError, match=words) as told:
            wrong()
        assert "\n" not in str(told.value)
    assert 0 not in sheets
    with pytest.raises(KeyError):
        sheets["X_OM"]
    with pytest.raises(IndexError):
        view[4]
    assert view.select(ids=3).shape[1] == 1
    assert view.rebin(2.0, how="any", rest="drop").shape == (4, 6, 8)
    with pytest.raises(DatasetError):
        view.rebin(2.5, how="any", rest="drop")
