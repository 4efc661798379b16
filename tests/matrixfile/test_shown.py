"""What objects are said to be: sizes, shapes, a line, a table of HTML."""

from __future__ import annotations

from spikebin.matrixfile.shown import html_table, one_line, size_of, text_of_shape


def test_a_name_cannot_write_html():
    assert "<script>" not in html_table("<script>", {"<script>": "<script>", "empty": ""})
    assert one_line("K", "n", {"a": "1", "b": "", "c": "3"}) == "<K n: 1, 3>"


def test_numbers_as_people_read_them():
    assert text_of_shape((1000, 37_500, 712), 1.0) == "1,000 trials x 37,500 neurons x 712 bins of 1 ms"
    assert text_of_shape((1, 1, 1), 0.5) == "1 trial x 1 neuron x 1 bin of 0.5 ms"
    assert size_of(26_700_000) == "26.7 MB"
