"""The demo: a small made-up V1 in mozaik's own format, the spikebin.toml that fits it, and the commands to show."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from spikebin.errors import ConfigError
from spikebin.output.paths import matrix_path
from spikebin.pipeline.init_config import write_config
from spikebin.simulate.experiment import Experiment, write_datastore
from spikebin.simulate.v1 import V1, scaled
from spikebin.system.files import make_directory, os_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["demo_commands", "make_demo", "next_steps"]

N_IMAGES = 6
N_TEST_IMAGES = 3
N_TEST_REPEATS = 4


def make_demo(directory: Path, *, parts: int, scale: float, on_part: Callable[[str], None]) -> Path:
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

    Returns
    -------
    Path
        The config.

    Raises
    ------
    ConfigError
        If something is there already.
    SpikebinError
        If the directory cannot be made.
    """
    try:
        taken = directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    except OSError as error:
        raise os_error(error, directory) from None
    if taken:
        raise ConfigError(f"{directory} is there already: remove it, or give the demo another directory")
    make_directory(directory)
    sheets = scaled(V1, scale)
    roots = directory / "recordings" / "train", directory / "recordings" / "test"
    for i in range(parts):
        on_part(write_datastore(roots[0], Experiment(50_000 + 100 * i, N_IMAGES, sheets=sheets)).name)
    test = Experiment(300_050, N_TEST_IMAGES, N_TEST_REPEATS, sheets=sheets)
    on_part(write_datastore(roots[1], test).name)
    config = directory / "spikebin.toml"
    write_config(config, [roots[0]], [f"test={roots[1]}"])
    return config


def demo_commands(config: Path) -> list[list[str]]:
    """What to type, from recordings to a raster, as arguments of `spikebin`.

    Parameters
    ----------
    config : Path
        As `make_demo` gives it.
    """
    directory = config.parent
    file = matrix_path(directory / "dataset", "train", "50000", "X_ON")
    return [
        ["plan", "--config", str(config)],
        ["run", "--config", str(config)],
        ["status", "--config", str(config)],
        ["verify", str(directory)],
        ["inspect", "--trial", "0", str(file)],
    ]


def next_steps(config: Path) -> str:
    """What to try after the demo."""
    return f"""Next:
  cd {shlex.quote(str(config.parent))}
  spikebin missing --sheet V1_Inh_L23        # nothing: all is there
  spikebin inspect --trial 2 dataset/test/spikes/V1_Exc_L4/spikes_V1_Exc_L4_300050.h5
  python -c "import spikebin; print(spikebin.open_dataset('dataset', 'train')['X_ON'].rates().mean())"
With recordings of your own:
  spikebin init ROOT && spikebin plan && spikebin run"""
