"""Commands for Slurm that need none: templates, a submission that is only shown, and one that cannot be."""

from __future__ import annotations

from here import spikebin_here


def test_templates_are_printed_by_name(tmp_path):
    result = spikebin_here("template", "run.sbatch", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("#!")
    wrong = spikebin_here("template", "rn.sbatch", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "did you mean" in wrong.stderr


def test_without_slurm_it_is_said(place, monkeypatch):
    monkeypatch.setenv("PATH", str(place))
    result = spikebin_here("submit", cwd=place)
    assert result.returncode == 1
    assert len([line for line in result.stderr.splitlines() if line.startswith("error: ")]) == 1


def test_kernels_are_kept_where_it_says(tmp_path):
    result = spikebin_here("warm", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
