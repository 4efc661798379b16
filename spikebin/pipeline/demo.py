"""The demo: a small made-up V1 in mozaik's own format, the spikebin.toml that fits it, and the commands to show.

It is shown images with a null presentation before each, as in experiments of 2024; or images with a blank before and
after them and videos without, as in newer ones.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from spikebin.errors import ConfigError
from spikebin.output.paths import matrix_path
from spikebin.pipeline.init_config import write_config
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.schedule import experanto_items
from spikebin.simulate.v1 import V1, scaled
from spikebin.system.files import make_directory, os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spikebin.simulate.v1 import SheetModel

__all__ = ["demo_commands", "make_demo", "next_steps"]

FIRST, FIRST_TEST = 50_000, 300_050
N_IMAGES = 6
N_VIDEOS = 2
N_TEST_IMAGES = 3
N_TEST_REPEATS = 4


def make_demo(
    directory: Path, *, parts: int, scale: float, on_part: Callable[[str], None], videos: bool = False
) -> Path:
    """Write recordings of a made-up V1 and a config for them.

    Parameters
    ----------
    directory : Path
        Must not exist, or be empty.
    parts : int
        Recordings of the variant train; there is one of the variant test.
    scale : float
        Size of the sheets, 1 for the 108,150 neurons of the full model.
    on_part : callable
        Called with the name of each recording once it is there.
    videos : bool
        Show videos, too, and images with a blank before and after each.

    Returns
    -------
    Path
        The config.

    Raises
    ------
    ConfigError
        If something is there already, or there would be no part or no size.
    SpikebinError
        If the directory cannot be made.
    """
    try:
        taken = directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    except OSError as error:
        raise os_error(error, directory) from None
    if taken:
        raise ConfigError(f"{directory} is there already: remove it, or give the demo another directory")
    if not (scale > 0 and parts >= 1):
        raise ConfigError(f"a demo of {parts} parts at a scale of {scale:g}: give 1 part or more, and a scale above 0")
    make_directory(directory)
    sheets = scaled(V1, scale)
    roots = directory / "recordings" / "train", directory / "recordings" / "test"
    for root, experiment, name in (_with_videos if videos else _images)(parts, sheets):
        on_part(write_datastore(roots[root], experiment, directory=name).name)
    config = directory / "spikebin.toml"
    write_config(config, [roots[0]], [f"test={roots[1]}"])
    return config


def _images(parts: int, sheets: tuple[SheetModel, ...]) -> Iterator[tuple[int, Experiment, str | None]]:
    """For each recording: 0 for train and 1 for test, what is shown, and its name where it is not its own."""
    for i in range(parts):
        yield 0, Experiment(FIRST + 100 * i, N_IMAGES, sheets=sheets), None
    yield 1, Experiment(FIRST_TEST, N_TEST_IMAGES, N_TEST_REPEATS, sheets=sheets), None


def _with_videos(parts: int, sheets: tuple[SheetModel, ...]) -> Iterator[tuple[int, Experiment, str | None]]:
    """As `_images`; each trial of the test is a recording of its own."""
    shown = [(0, i, FIRST + 100 * i, experanto_items(FIRST + 100 * i, N_IMAGES, N_VIDEOS)) for i in range(parts)]
    for repeat in range(N_TEST_REPEATS):
        items = experanto_items(FIRST_TEST, N_TEST_IMAGES, 1, repeat)
        shown.append((1, repeat, FIRST_TEST + repeat, items))
    for root, i, first, items in shown:
        trial, chunk = (i, 0) if root else (0, i)
        name = f"SelfSustainedPushPull_trial{trial}_chunk{chunk}_____simulation_seed:{1 + i}"
        experiment = Experiment(first, sheets=sheets, image_key="experanto", items=items, exploded=False, tuned=True)
        yield root, experiment, name


def demo_commands(config: Path, *, videos: bool = False) -> list[list[str]]:
    """What to type, from recordings to a raster, as arguments of `spikebin`.

    Parameters
    ----------
    config : Path
        As `make_demo` gives it.
    videos : bool
        As for `make_demo`.
    """
    directory = config.parent
    file = matrix_path(directory / "dataset", "train", "0" if videos else str(FIRST), "X_ON")
    return [
        ["plan", "--config", str(config)],
        ["run", "--config", str(config)],
        ["status", "--config", str(config)],
        ["verify", str(directory)],
        ["inspect", "--trial", "0", str(file)],
    ]


def next_steps(config: Path, *, videos: bool = False) -> str:
    """What to try after the demo."""
    part = "0" if videos else str(FIRST_TEST)
    return f"""Next:
  cd {shlex.quote(str(config.parent))}
  spikebin missing --sheet V1_Inh_L23        # nothing: all is there
  spikebin inspect --trial 2 dataset/test/spikes/V1_Exc_L4/spikes_V1_Exc_L4_{part}.h5
  python -c "import spikebin; print(spikebin.open_dataset('dataset', 'train')['X_ON'].rates().mean())"
With recordings of your own:
  spikebin init ROOT && spikebin plan && spikebin run"""
