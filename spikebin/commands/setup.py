"""Commands that make a config: demo, init."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spikebin.calls import typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spikebin.pipeline.init_config import Root

__all__ = ["demo", "init"]


@typed
def demo(directory: Path | str = "spikebin-demo", *, parts: int = 3, scale: float = 0.01) -> Path:
    """Make small recordings of a made-up V1 in mozaik's format, and a config for them: ``spikebin demo``.

    Parameters
    ----------
    directory : Path or str
        Must not exist, or be empty.
    parts : int
        Recordings of the variant train; there is one of the variant test.
    scale : float
        Size of the sheets, 1 for 108,150 neurons.

    Returns
    -------
    Path
        The config, for `plan`, `run` and `status`.

    Raises
    ------
    ConfigError
        If something is there already.
    """
    from spikebin.pipeline.demo import make_demo

    return make_demo(Path(directory), parts=parts, scale=scale, on_part=lambda _: None)


@typed
def init(
    roots: Path | str | Iterable[Path | str] = (),
    *,
    variants: Mapping[str, Path | str] | None = None,
    config: Path | str = "spikebin.toml",
    force: bool = False,
) -> list[Root]:
    """Look at directories of recordings and write a commented config that works for them: ``spikebin init``.

    Parameters
    ----------
    roots : Path, str or iterable of them
        Directories that hold the recordings of the variant train.
    variants : mapping of str to Path or str, optional
        Roots of other variants: ``{"test": "/data/test"}``.
    config : Path or str
        Where to write it.
    force : bool
        Replace what is there.

    Returns
    -------
    list of Root
        What was found.

    Raises
    ------
    ConfigError
        If there is a config already, no root, or nothing in one.
    RecordingError
        If no recording of a root can be read.
    """
    from spikebin.pipeline.init_config import write_config

    roots = [roots] if isinstance(roots, Path | str) else roots
    named = [f"{name}={root}" for name, root in (variants or {}).items()]
    return write_config(Path(config), [Path(root) for root in roots], named, force=force)
