"""What a made-up V1 is shown, in order, and how mozaik writes each stimulus down.

v1.py decides which neurons fire to it; how a recording of it is stored, experiment.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from spikebin.simulate.v1 import Shown, milliseconds, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spikebin.simulate.experiment import Experiment

__all__ = ["Item", "experanto_items", "schedule", "stored"]

IMAGES = "/imagenet"
VISION = "mozaik.stimuli.vision.topographica_based"
FRAME_MS = 35.0
"""How long a video shows one frame."""
SCENE_MS = 490.0
"""How long a video shows one scene; to the neurons each is an image of its own."""


@dataclass(frozen=True)
class Item:
    """One presentation of an experiment that says itself what it shows.

    Parameters
    ----------
    kind : {"blank", "image", "video", "grating", "end"}
        A blank is presented as a stimulus of its own; an end is what mozaik presents after the last stimulus.
    ms : float
        How long, in multiples of 0.1 ms.
    number : int
        Of the image, video or grating.
    repeat : int
    null_ms : float
        How long the null presentation before it lasts; 0: there is none.
    """

    kind: Literal["blank", "image", "video", "grating", "end"]
    ms: float
    number: int = 0
    repeat: int = 0
    null_ms: float = 0.0


def experanto_items(
    first_image: int, n_images: int, n_videos: int, repeat: int = 0, *, seed: int = 0
) -> tuple[Item, ...]:
    """Images with a blank before and after each, and videos without, in an order of their own for each repeat.

    Parameters
    ----------
    first_image, n_images, n_videos : int
        Images are numbered from `first_image` on, and the videos after them.
    repeat : int
    seed : int

    Returns
    -------
    tuple of Item

    Notes
    -----
    As in mozaik's RandomizedExperanto: images of 497 ms, blanks of different lengths before them, 49 ms after them;
    videos of whole frames of 35 ms.
    """
    rng = np.random.default_rng([seed, first_image, repeat])
    fixed = np.random.default_rng([seed, first_image])
    blanks = {i: 7.0 * int(fixed.integers(29, 58)) for i in range(n_images)}
    videos = {i: FRAME_MS * int(fixed.integers(28, 57)) for i in range(n_images, n_images + n_videos)}
    items: list[Item] = []
    for i in rng.permutation(n_images + n_videos).tolist():
        if i in videos:
            items.append(Item("video", videos[i], first_image + i, repeat))
            continue
        items.append(Item("blank", blanks[i], repeat=repeat))
        items.append(Item("image", 497.0, first_image + i, repeat))
        items.append(Item("blank", 49.0, repeat=repeat))
    return tuple(items)


def schedule(experiment: Experiment) -> Iterator[Shown]:
    """Yield what is presented, in time: blank, image, blank, image, ...; or what the experiment lists."""
    if experiment.items:
        yield from _listed(experiment)
        return
    rng = np.random.default_rng([experiment.seed, experiment.first_image])
    numbers = experiment.first_image + np.arange(experiment.n_images)
    image_steps = steps(experiment.image_ms)
    jitter = steps(experiment.blank_jitter_ms)
    order = onset = 0
    for repeat in range(experiment.n_repeats):
        if experiment.shuffle_images:
            numbers = rng.permutation(numbers)
        # Gratings are numbered downwards from -1: as patterns they are images that nobody else shows.
        for number in [*range(-1, -1 - experiment.gratings, -1), *numbers.tolist()]:
            if number >= 0:
                image_id = str(number)
                stimulus = _image_text(experiment.image_key, experiment.image_ms, number, repeat)
            else:
                image_id, stimulus = "", _grating_text(experiment.image_ms, number, repeat)
            if experiment.blanks != "none":
                n_steps = steps(experiment.blank_ms) + int(rng.integers(-jitter, jitter + 1))
                null = experiment.blanks == "null"
                text = stimulus if null else _blank_text(milliseconds(n_steps), repeat)
                yield Shown(text, image_id if null else "", repeat, null, order, onset, n_steps, None)
                order, onset = order + 1, onset + n_steps
            yield Shown(stimulus, image_id, repeat, False, order, onset, image_steps, number)
            order, onset = order + 1, onset + image_steps


def stored(shown: Iterator[Shown]) -> Iterator[Shown]:
    """Yield presentations as mozaik stores them: a stimulus, then the null presentation before it."""
    null: Shown | None = None
    for one in shown:
        if one.null:
            null = one
            continue
        yield one
        if null is not None:
            yield null
            null = None


def _listed(experiment: Experiment) -> Iterator[Shown]:
    order = onset = 0
    for item in experiment.items:
        seen: int | None = None
        scene_steps = 0
        match item.kind:
            case "blank":
                text = _blank_text(item.ms, item.repeat)
            case "end":
                text = _end_text(item.ms)
            case "grating":
                seen = -1 - item.number
                text = _grating_text(item.ms, seen, item.repeat)
            case "video":
                seen, scene_steps = item.number, steps(SCENE_MS)
                text = _movie_text(item.ms, FRAME_MS, item.number, item.repeat)
            case "image":
                seen = item.number
                text = _image_text(experiment.image_key, item.ms, item.number, item.repeat)
        image_id = str(item.number) if item.kind in {"image", "video"} else ""
        if item.null_ms:
            n_steps = steps(item.null_ms)
            yield Shown(text, image_id, item.repeat, True, order, onset, n_steps, None)
            order, onset = order + 1, onset + n_steps
        yield Shown(text, image_id, item.repeat, False, order, onset, steps(item.ms), seen, scene_steps)
        order, onset = order + 1, onset + steps(item.ms)


def _text(module: str, **parameters: str | float | None) -> str:
    """Return a stimulus as mozaik writes one: sorted parameters, text in single quotes."""
    listed = ", ".join(f'"{key}":{parameters[key]!r}' for key in sorted(parameters))
    return f'{{"module_path" :"{module}",{listed}}}'


def _image_text(image_key: str, duration: float, number: int, repeat: int) -> str:
    if image_key == "experanto":
        return _movie_text(duration, duration, number, repeat)
    common = _visual(duration, repeat)
    if image_key == "movie_name":
        movie: dict[str, str] = {"movie_name": str(number), "movie_path": "/movies"}
        return _text(VISION, **common, **movie, name="PixelMovieFromFile", size=11.0)
    path = f"{IMAGES}/{number}_img{number * 7919 % 100000:05d}.png"
    return _text(
        VISION,
        **common,
        blank_duration=0.0,
        image_duration=duration,
        image_path=path,
        name="NaturalImage",
        size=11.0,
    )


def _movie_text(duration: float, frame: float, number: int, repeat: int) -> str:
    movie: dict[str, str] = {"movie_name": f"{number:05d}.npy", "movie_path": "/data/screen/data"}
    return _text(
        VISION,
        **_visual(duration, repeat),
        **movie,
        frame_offset=0,
        movie_frame_duration=frame,
        name="PixelMovieExperanto",
        size=11.0,
        video_max_value=255.0,
        x_location=0.0,
        y_location=0.0,
    )


def _grating_text(duration: float, number: int, repeat: int) -> str:
    return _text(
        VISION,
        **_visual(duration, repeat),
        contrast=100.0,
        name="FullfieldDriftingSinusoidalGrating",
        orientation=round(-0.39 * number, 2),
        spatial_frequency=0.8,
        temporal_frequency=2.0,
    )


def _visual(duration: float, repeat: int) -> dict[str, str | float | None]:
    return {
        "background_luminance": 50.0,
        "density": 20.0,
        "direct_stimulation_name": None,
        "direct_stimulation_parameters": None,
        "duration": duration,
        "frame_duration": 7.0,
        "location_x": 0.0,
        "location_y": 0.0,
        "size_x": 11.0,
        "size_y": 11.0,
        "trial": repeat,
    }


def _blank_text(duration: float, repeat: int) -> str:
    return _text(
        "mozaik.stimuli.stimulus",
        direct_stimulation_name=None,
        direct_stimulation_parameters=None,
        duration=duration,
        frame_duration=duration,
        name="InternalStimulus",
        trial=repeat,
    )


def _end_text(duration: float) -> str:
    return _text(
        "mozaik.stimuli.stimulus",
        direct_stimulation_parameters=None,
        duration=duration,
        frame_duration=duration,
        name="EndOfSimulationBlank",
        trial=0,
    )
