"""An array task knows what it was submitted for, whatever its script hands on."""

from __future__ import annotations

import pytest
from conftest import one_line_error, spikebin
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import PlanError
from spikebin.slurm.task import VARIABLE, ArrayTask, this_task

TASK = ArrayTask("/data/spikebin.toml", 20, ("X_ON", "V1_Inh_L23"), 3)


@given(st.text(), st.integers(0, 10**6), st.lists(st.text(), max_size=3), st.integers(0, 2000))
def test_it_is_told_by_the_environment(config, offset, sheets, index):
    task = ArrayTask(config, offset, tuple(sheets), index)
    with pytest.MonkeyPatch.context() as patch:
        assert this_task() is None
        patch.setenv(VARIABLE, task.variable)
        assert this_task() is None, "not in an array"
        patch.setenv("SLURM_ARRAY_TASK_ID", str(index))
        assert this_task() == task
        assert task.index == index + offset


@pytest.mark.parametrize("text", ["", "x", "[]", '{"config": "a"}', '{"config": "a", "offset": "x", "sheets": []}'])
def test_a_variable_that_was_meddled_with_is_refused(monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    with pytest.raises(PlanError, match=VARIABLE):
        this_task()


def test_the_offset_is_added_where_the_script_did_not():
    assert TASK.choose_index(3) == TASK.choose_index(23) == 23
    with pytest.raises(PlanError, match="submitted for job 23, but its script asks for 4"):
        TASK.choose_index(4)


def test_the_script_may_name_fewer_sheets_not_others():
    assert TASK.choose_sheets([]) == ["X_ON", "V1_Inh_L23"]
    assert TASK.choose_sheets(["V1_Inh_L2/3"]) == ["V1_Inh_L2/3"]
    assert ArrayTask("", 0, ()).choose_sheets(["X_OFF"]) == ["X_OFF"]
    with pytest.raises(PlanError, match="asks for X_OFF"):
        TASK.choose_sheets(["X_ON", "X_OFF"])


def test_another_config_is_refused(tmp_path):
    real, link, other = (tmp_path / name for name in ("real.toml", "link.toml", "other.toml"))
    real.touch()
    other.touch()
    link.symlink_to(real)
    ArrayTask(str(link), 0, ()).check_config(real)
    ArrayTask("/only/where/it/was/submitted.toml", 0, ()).check_config(tmp_path / "/only/where/it/was/submitted.toml")
    for submitted in (link, "/only/where/it/was/submitted.toml"):
        with pytest.raises(PlanError, match=r"submitted for .* runs spikebin with .*other\.toml"):
            ArrayTask(str(submitted), 0, ()).check_config(other)


def test_run_is_not_for_an_array(tmp_path):
    result = spikebin("run", cwd=tmp_path, env={VARIABLE: TASK.variable, "SLURM_ARRAY_TASK_ID": "3"})
    one_line_error(result, "one job", "spikebin job $SLURM_ARRAY_TASK_ID")
