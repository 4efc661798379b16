"""Which recordings are there: one or many, links and directories that cannot be listed included."""

from __future__ import annotations

import pytest

from spikebin.output.present import Existing, asked_for, names_in


@pytest.mark.parametrize("many", [False, True])
def test_what_is_there_is_there_however_it_is_asked(tmp_path, many):
    for i in range(4):
        (tmp_path / "root" / f"part{i}").mkdir(parents=True)
    (tmp_path / "root" / "good").symlink_to("part0")
    (tmp_path / "root" / "bad").symlink_to("nowhere")
    existing = Existing(lambda path: tmp_path / path, many=many)
    for _ in range(2):
        assert [name for name in ("part0", "part3", "part4", "good", "bad") if f"root/{name}" in existing] == [
            "part0",
            "part3",
            "good",
        ]
    assert "elsewhere/part0" not in existing
    assert "" not in existing
    assert None not in existing


def test_a_directory_is_listed_once_when_many_are_asked_for(tmp_path):
    (tmp_path / "root" / "a").mkdir(parents=True)
    existing = Existing(lambda path: tmp_path / path, many=True)
    assert "root/a" in existing
    assert "root/b" not in existing
    (tmp_path / "root" / "a").rmdir()
    assert "root/a" in existing


def test_names_of_a_directory(tmp_path):
    (tmp_path / "a").touch()
    for names in (names_in(str(tmp_path)), asked_for(str(tmp_path))):
        assert "a" in names
        assert "b" not in names
    assert "a" not in names_in(str(tmp_path / "none"))
    assert "a" not in asked_for(str(tmp_path / "none"))
