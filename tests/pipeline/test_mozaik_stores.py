"""Stores with images, videos, gratings and spontaneous activity, from `init` to matrix files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from here import spikebin_here

from spikebin.errors import ConfigError, PlanError
from spikebin.output.state import State
from spikebin.pipeline.check_plan import check_all, differing, look
from spikebin.pipeline.config import load_config, parse_config
from spikebin.pipeline.init_config import write_config
from spikebin.pipeline.job import run_job
from spikebin.pipeline.plan import load_plan, make_plan
from spikebin.simulate.experiment import Experiment, presentations, write_datastore
from spikebin.simulate.schedule import Item, experanto_items
from spikebin.simulate.v1 import V1, SheetModel, scaled

TINY = (SheetModel("X_ON", 4), SheetModel("V1_Exc_L2/3", 3))


def exported(config):
    """The seal of every sheet of every part of a config, by (part's name, sheet)."""
    plan, _ = make_plan(load_config(config))
    outcomes = [outcome for job in plan.jobs for outcome in run_job(plan, job)]
    assert {outcome.state for outcome in outcomes} == {State.DONE}, [outcome.message for outcome in outcomes]
    return {(outcome.job.name, outcome.sheet): outcome.header for outcome in outcomes}


def n_spikes(path, sheet):
    truth = np.load(path)
    return int(truth["n"][truth["sheet"] == sheet].sum())


def test_init_makes_whole_trials_of_images_and_videos(stores_2026, tmp_path):
    config = tmp_path / "spikebin.toml"
    write_config(config, [stores_2026 / "images_and_videos"], [])
    text = config.read_text()
    assert '\nblank = "both" ' in text
    assert "# PixelMovieExperanto: 3 presentations of 497 to 2205 ms, a blank of 301 ms before 2 of them," in text
    found = exported(config)
    assert len(found) == 8
    for (part, sheet), seal in found.items():
        trial, chunk = part.removeprefix("train/").split("-")
        every = n_spikes(stores_2026 / f"truth_sorted_{trial}_{chunk}.npz", sheet)
        assert (seal.n_spikes, seal.n_unassigned, seal.n_outside) == (every, 0, 0)
        assert [phase.name for phase in seal.phases] == ["blank", "image", "blank_after"]


def test_init_makes_a_variant_of_each_kind_of_stimulus(stores_2026, tmp_path):
    config = tmp_path / "spikebin.toml"
    write_config(config, [stores_2026 / "several_kinds"], [])
    found = exported(config)
    grating, eyes = "train-FullfieldDriftingSinusoidalGrating", "train-NaturalImageWithEyeMovement"
    assert {name.partition("/")[0] for name, _ in found} == {grating, eyes}
    for (name, sheet), seal in found.items():
        variant = name.partition("/")[0]
        assert seal.shape[0] == {grating: 8, eyes: 2}[variant]
        assert seal.trial["stimulus"] == variant.removeprefix("train-")
        assert seal.n_spikes + seal.n_unassigned == n_spikes(stores_2026 / "truth_sorted_9_0.npz", sheet)
    # They are bound, and what is bound is not made again.
    plan = load_plan(load_config(config))
    assert all(not outcome.exported for job in plan.jobs for outcome in run_job(plan, job))
    for old, new, words in (
        ('image_id = "name"', 'image_id = "idd"', "variant 'train-NaturalImageWithEyeMovement'"),
        ('\n# blank = "before"', '\nblank = "none"', "[trial]"),
    ):
        text = config.read_text()
        assert old in text
        with pytest.raises(PlanError, match="was made with") as caught:
            load_plan(parse_config(config, text.replace(old, new)))
        assert words in str(caught.value)
    # A variant that is new to the plan is not bound yet.
    more = config.read_text().replace(eyes, "eyes")
    config.write_text(more)
    _, changes = make_plan(load_config(config))
    assert changes.parts == 1


@pytest.mark.parametrize("blank", ["before", "both", "none"])
def test_all_six_sheets_together_hold_every_spike_of_a_store(tmp_path, blank):
    sheets = scaled(V1, 0.001)
    items = (*experanto_items(7, 3, 1), Item("end", 20.0))
    experiment = Experiment(sheets=sheets, image_key="experanto", items=items)
    write_datastore(tmp_path / "data", experiment, directory="Model_chunk0")
    config = tmp_path / "spikebin.toml"
    config.write_text(
        f'[trial]\nblank = "{blank}"\n[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Model_chunk{{part}}"\n'
    )
    found = exported(config)
    assert len(found) == 6
    shown = list(presentations(experiment))
    assert sum(seal.n_spikes + seal.n_unassigned for seal in found.values()) == sum(p.counts.sum() for p in shown)
    in_blanks = sum(p.counts.sum() for p in shown if "InternalStimulus" in p.stimulus)
    at_end = sum(p.counts.sum() for p in shown if "EndOf" in p.stimulus)
    after = sum(p.counts.sum() for p in shown if "InternalStimulus" in p.stimulus and p.duration == 49.0)
    expected = {"before": after + at_end, "both": at_end, "none": in_blanks + at_end}[blank]
    assert sum(seal.n_unassigned for seal in found.values()) == expected > 0


def test_a_simulation_that_exploded_fails_unless_it_is_allowed(tmp_path):
    for i, exploded in enumerate((False, True)):
        experiment = Experiment(100 * i, 2, sheets=TINY, exploded=exploded)
        write_datastore(tmp_path / "data", experiment, directory=f"Model_chunk{i}")
    config = tmp_path / "spikebin.toml"
    text = '[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Model_chunk{part}"\n'
    config.write_text(text)
    plan, _ = make_plan(load_config(config))
    outcomes = [outcome for job in plan.jobs for outcome in run_job(plan, job)]
    assert [outcome.state for outcome in outcomes] == [State.DONE] * 2 + [State.FAILED] * 2
    assert "exploded, as its log says: exclude the part, or take it" in outcomes[-1].message
    assert 'allow = ["explosion"]' in outcomes[-1].message
    # What is good already stays; the plan is the same.
    config.write_text(f'{text}allow = ["explosion"]\n')
    plan = load_plan(load_config(config))
    outcomes = [outcome for job in plan.jobs for outcome in run_job(plan, job)]
    assert [outcome.exported for outcome in outcomes] == [False] * 2 + [True] * 2
    assert outcomes[-1].header.reading["allow"] == ["explosion"]
    config.write_text(text)
    assert all(o.state is State.DONE for job in plan.jobs for o in run_job(load_plan(load_config(config)), job))
    with pytest.raises(ConfigError, match=r"line 5: .* allow is 'explosion': give"):
        parse_config(config, f'{text}allow = "explosion"\n')


def test_parts_that_hold_something_else_are_named(tmp_path):
    for i in range(3):
        items = experanto_items(10 * i, 2, 1) if i < 2 else (Item("image", 50.0, 1), Item("image", 50.0, 2))
        write_datastore(
            tmp_path / "data",
            Experiment(sheets=TINY, image_key="experanto", items=items),
            directory=f"Model_chunk{i}",
        )
    config = tmp_path / "spikebin.toml"
    config.write_text(
        '[trial]\nblank = "both"\n[[recordings]]\nvariant = "train"\nroot = "data"\nparts = "Model_chunk{part}"\n'
    )
    tried = list(check_all(make_plan(load_config(config))[0]))
    assert [one.trouble for one in tried] == ["", "", ""]
    (line,) = differing(tried)
    assert line == (
        "train/2 holds PixelMovieExperanto without blanks; 2 of 3 parts of train hold PixelMovieExperanto with a blank"
        " before some and a blank after some"
    )
    assert differing(tried[:2]) == []
    # A plan of so few parts says so by itself.
    assert differing(look(make_plan(load_config(config))[0])) == [line]
    (told,) = [one for one in spikebin_here("plan", cwd=tmp_path).stderr.splitlines() if one.startswith("differs: ")]
    assert told == f"differs: {line}"
    assert json.loads(spikebin_here("plan", "--json", cwd=tmp_path).stdout)["differ"] == [line]


def test_entries_of_one_variant_say_the_same(tmp_path):
    entry = '[[recordings]]\nvariant = "{}"\nroot = "{}"\nparts = "x_{{part}}"\n{}\n'
    text = entry.format("train", "a", 'blank = "both"') + entry.format("test", "b", 'stimulus = ["A", "B"]')
    config = parse_config(tmp_path / "spikebin.toml", text)
    assert config.trial_of("train").settings == {"blank": "both"}
    assert config.trial_of("test").settings == {"stimulus": ["A", "B"]}
    assert config.trial_of("other") == config.trial
    with pytest.raises(ConfigError, match=r"line 7.* variant 'train' has entries with different stimulus, image_id"):
        parse_config(
            tmp_path / "spikebin.toml", entry.format("train", "a", 'blank = "both"') + entry.format("train", "b", "")
        )
    for line, words in (
        ("image_id = []", r"image_id is \[\]: give a text, or a list of different texts"),
        ('image_id = ["a", "a"]', "a list of different texts"),
        ("stimulus = 3", "stimulus is 3: give a text"),
        ('blank = "behind"', "blank='behind': give 'before', 'after', 'both' or 'none'"),
        ("window = [3, 1]", r"window is \[3, 1\]: give its start and stop"),
    ):
        with pytest.raises(ConfigError, match=words):
            parse_config(tmp_path / "spikebin.toml", entry.format("train", "a", line))
