"""Presentations in time, as letters: what was shown to a sheet, without files."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from spikebin.recordings.mozaik.presentations import Presentation
from spikebin.recordings.mozaik.stimulus import parse_stimulus

EPOCH = datetime(2026, 1, 1)


TEXTS = {
    "i": '{"name":"PixelMovieExperanto", "duration":497.0, "movie_frame_duration":497.0, "movie_name":"%d", "trial":0}',
    "v": '{"name":"PixelMovieExperanto", "duration":2205.0, "movie_frame_duration":35.0, "movie_name":"%d", "trial":0}',
    "n": '{"name":"NaturalImage", "duration":560.0, "image_path":"/x/%d_y.png", "trial":0}',
    "g": '{"name":"Grating", "duration":560.0, "orientation":%d.0, "trial":0}',
    "b": '{"name":"InternalStimulus", "duration":49.0, "trial":0}',
    "e": '{"name":"EndOfSimulationBlank", "duration":1.0, "trial":0}',
}


def sequence(letters):
    """Presentations in time: i a still image and v a video of Experanto, n a NaturalImage, g a grating, b a blank, e an
    end; an upper-case letter is the null presentation of what comes next."""
    shown = []
    for i, letter in enumerate(letters):
        number = i + 1 if letter.isupper() else i
        text = TEXTS[letter.lower()]
        stimulus = parse_stimulus(text % number if "%" in text else text)
        shown.append(Presentation("X", f"{i}", letter.isupper(), EPOCH + timedelta(seconds=i), stimulus))
    return shown


def merged(*runs):
    """Presentations as the index of a merged store lists them; runs of (letter, seconds)."""
    listed = []
    for run in runs:
        for letter, seconds in run:
            (one,) = sequence(letter)
            number = len(listed) + letter.isupper()
            text = re.sub(r"/x/\d", f"/x/{number}", one.stimulus.text)
            when = EPOCH + timedelta(seconds=seconds)
            listed.append(Presentation("X", f"{len(listed)}", one.null, when, parse_stimulus(text)))
    return listed
