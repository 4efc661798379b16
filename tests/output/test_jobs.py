"""jobs.csv: what was written is read back, all of it or one job alone, whatever the names are."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikebin.errors import PlanError
from spikebin.names import is_sheet
from spikebin.output import jobs as module
from spikebin.output.jobs import Job, JobFile, Source, jobs_text, open_jobs, read_jobs

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
ODD = st.sampled_from(["X_ON", "V1_Inh_L2/3", "a | b", 'say "x"', "1,2", "5,train,x", "\n3,train,7", "x\ry"])
WORDS = NAMES | ODD
# Directories and files are named after them.
PARTS = WORDS.map(lambda name: name.replace("/", "-")).filter(lambda name: name not in {".", ".."})
SHEETS = WORDS.map(lambda name: "".join(filter(str.isprintable, name))).filter(is_sheet)
SOURCES = st.lists(
    st.builds(Source, WORDS, st.lists(SHEETS, min_size=1, max_size=3).map(tuple)), min_size=1, max_size=3
)
PLANS = st.lists(st.tuples(PARTS, PARTS, SOURCES.map(tuple)), max_size=30).map(
    lambda rows: tuple(Job(n, *row) for n, row in enumerate(rows))
)


def written(output, jobs):
    (output / "jobs.csv").write_bytes(jobs_text(jobs).encode())
    return output


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("plan")


@given(jobs=PLANS, sizes=st.sampled_from([(64, -1), (1 << 14, -1), (1 << 14, 1 << 18)]))
def test_what_is_written_is_read_back(place, jobs, sizes):
    output = written(place, jobs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", sizes[0])
        patch.setattr(module, "SMALL", sizes[1])
        found = open_jobs(output)
        assert len(found) == len(jobs)
        assert tuple(found) == jobs == read_jobs(output)
        assert found == jobs
        for job in jobs:
            assert found[job.index] == job
            assert found[job.index - len(jobs)] == job
        assert found[1:3] == jobs[1:3]
        for index in (len(jobs), -len(jobs) - 1):
            with pytest.raises(IndexError):
                found[index]


MANY = 6_000  # Their text is longer than one that is small.


@cache
def many(n_jobs=MANY):
    sheets = ("X_ON", "V1_Inh_L2/3")
    return tuple(Job(n, "train", str(50 * n), (Source(f"data, all/{n}", sheets),)) for n in range(n_jobs))


def test_one_job_of_many_is_read_without_the_others(tmp_path, monkeypatch):
    jobs = many()
    found = open_jobs(written(tmp_path, jobs))
    assert (tmp_path / "jobs.csv").stat().st_size > module.SMALL
    assert len(found) == MANY
    monkeypatch.delattr(JobFile, "__iter__")
    for n in (0, 1, 777, MANY // 2 - 1, MANY - 2, MANY - 1):
        assert found[n] == jobs[n]


@pytest.mark.parametrize("n_jobs", [3, MANY])
def test_jobs_stay_as_they_were_when_they_were_opened(tmp_path, n_jobs):
    jobs = many(n_jobs)
    found = open_jobs(written(tmp_path, jobs))
    (tmp_path / "jobs.csv").rename(tmp_path / "gone")
    written(tmp_path, many(2))
    assert len(found) == n_jobs
    assert found[n_jobs - 1] == jobs[-1]
    assert found == jobs


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda text: text.replace(b"\n700,", b"\n701,"), "line 702"),
        (lambda text: text.replace(b"\n700,", b"\n"), "line 702"),
        (lambda text: text.replace(b"\n700,train", b"\n700,tr\xffin"), "cannot be read"),
        (lambda text: text.replace(b"\n700,train", b"\n700,.."), "line 702"),
        (lambda text: text.replace(b"\n700,train,", b"\n700,train,../../"), "line 702"),
        (lambda text: text.replace(b"\n700,train,", b"\n700,train,\0"), "line 702"),
        (lambda text: text.replace(b"all/700", b"all\0/700"), "line 702"),
        (lambda text: text.replace(b',X_ON V1_Inh_L2/3,"data,%20all/700"', b',X_ON ..,"data,%20all/700"'), "line 702"),
        (lambda text: text.replace(b"\n700,train", b'\n700,"train'), "not as spikebin wrote it"),
    ],
)
def test_a_line_that_was_meddled_with_is_never_taken(tmp_path, fault, words):
    """Neither when all are read nor when it is asked for; others are what they were."""
    jobs = many()
    written(tmp_path, jobs)
    path = tmp_path / "jobs.csv"
    path.write_bytes(fault(path.read_bytes()))
    found = open_jobs(tmp_path)
    for read in (lambda: tuple(found), lambda: found[700]):
        with pytest.raises(PlanError, match=words):
            read()
    assert found[3] == jobs[3]
    assert found[MANY - 1] == jobs[MANY - 1]


def test_small_plans_are_looked_through_at_once(tmp_path):
    (tmp_path / "jobs.csv").write_text("index,variant,part,sheets,sources\n0,train,1,X_ON,a\n2,train,2,X_ON,b\n")
    with pytest.raises(PlanError, match="line 3"):
        open_jobs(tmp_path)
    (tmp_path / "jobs.csv").write_text("nr,variant\n")
    with pytest.raises(PlanError, match="does not begin"):
        open_jobs(tmp_path)
    assert open_jobs(tmp_path / "elsewhere") is None
