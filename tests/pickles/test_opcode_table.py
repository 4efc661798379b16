"""pickletools' table as arrays: of some opcodes spelt out by hand, and of what is not admitted nothing."""

from __future__ import annotations

import pickle
import pickletools

import pytest

from spikebin.kernels.survey import OTHER, REFUSED, SAME, TABLE, TEXT, TO_MARK, TUPLE, TWO_LINES
from spikebin.pickles.opcode_table import opcode_table


@pytest.mark.parametrize(
    ("code", "argument", "pops", "pushes", "makes"),
    [
        (pickle.BININT, 4, 0, 1, None),
        (pickle.SHORT_BINUNICODE, -1, 0, 1, TEXT),
        (pickle.BINUNICODE, -4, 0, 1, TEXT),
        (pickle.BINBYTES8, -8, 0, 1, TEXT),
        (pickle.GLOBAL, TWO_LINES, 0, 1, OTHER),
        (pickle.STACK_GLOBAL, 0, 2, 1, OTHER),
        (pickle.EMPTY_DICT, 0, 0, 1, TABLE),
        (pickle.TUPLE2, 0, 2, 1, TUPLE),
        (pickle.TUPLE, 0, TO_MARK, 1, TUPLE),
        (pickle.APPENDS, 0, TO_MARK + 1, 1, SAME),
        (pickle.SETITEM, 0, 3, 1, SAME),
        (pickle.BUILD, 0, 2, 1, SAME),
        (pickle.REDUCE, 0, 2, 1, OTHER),
        (pickle.MEMOIZE, 0, 1, 1, SAME),
        (pickle.BINPUT, 1, 1, 1, SAME),
        (pickle.STOP, 0, 1, 0, None),
    ],
)
def test_rows_as_the_pickle_protocol_has_them(code, argument, pops, pushes, makes):
    table, at = opcode_table(lambda _: True), ord(code)
    assert (table.argument[at], table.pops[at], table.pushes[at]) == (argument, pops, pushes)
    assert makes is None or table.makes[at] == makes


def test_what_is_not_admitted_is_refused():
    table = opcode_table({"STOP", "NONE"}.__contains__)
    admitted = [op.name for op in pickletools.opcodes if table.argument[ord(op.code)] != REFUSED]
    assert sorted(admitted) == ["NONE", "STOP"]
    assert (table.argument != REFUSED).sum() == 2


def test_what_allocates_weighs_more_than_its_place_on_the_stack():
    table = opcode_table(lambda _: True)
    weighs = {code: table.weighs[ord(code)] for code in (pickle.EMPTY_DICT, pickle.REDUCE, pickle.MEMOIZE)}
    assert min(weighs.values()) > table.weighs[ord(pickle.EMPTY_TUPLE)] > 0
