"""The commands as `spikebin --help` groups them, with examples of each; and help that shows every character as written.

Typer reads help as Rich's markup, in which ``[binning]`` is a style and vanishes. Here help is plain text.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from spikebin.system.compat import convert_without_pydantic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["GROUPS", "App"]

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "Start here": {
        "demo": ("spikebin demo", "spikebin demo /tmp/try --parts 1 --scale 0.003"),
        "docs": ("spikebin docs", "spikebin docs troubleshooting"),
    },
    "A data set, part by part": {
        "init": (
            "spikebin init /data/nat_img_train --variant test=/data/nat_img_test",
            "spikebin init sessions/ --config sessions.toml",
        ),
        "plan": ("spikebin plan", "spikebin plan --replace --json"),
        "run": ("spikebin run --workers 8", "spikebin run --sheet V1_Exc_L4 --index 3,7-9"),
        "job": ("spikebin job 3", "spikebin job 0 --limit 2 --out /tmp/try"),
        "status": ("spikebin status", "spikebin status --variant test --deep"),
        "missing": (
            "spikebin missing --sheet V1_Inh_L2/3",
            "sbatch --array=$(spikebin missing --sheet X_ON) slurm/export.sbatch",
        ),
        "exclude": ('spikebin exclude train/50300 --reason "disk error"', "spikebin exclude train/50300 --undo"),
        "retry": ("spikebin retry train/50300", "spikebin retry --sheet V1_Inh_L2/3"),
        "clean": ("spikebin clean --dry-run", "spikebin clean"),
    },
    "On Slurm": {
        "submit": (
            "spikebin submit --missing --dry-run",
            "spikebin submit --missing --sheet V1_Inh_L2/3 --max-parallel 50 -- --partition=short",
            "spikebin submit --missing --report report.html",
        ),
        "template": ("spikebin template > export.sbatch", "spikebin template resubmit.cron"),
        "warm": ("spikebin warm", "srun --ntasks=1 spikebin warm"),
    },
    "Any recording, in one step": {
        "bin": (
            "spikebin bin spikes.csv --unit s --trials trials.csv --window -200 500 --width 10 --out counts.npy",
            "spikebin bin kilosort/ --labels good --trials trials.csv --window -0.2s 0.5s --width 1ms --out units.h5",
        ),
        "formats": ("spikebin formats", "spikebin formats matlab", "spikebin formats --json"),
    },
    "Matrix files": {
        "inspect": (
            "spikebin inspect dataset/train/spikes/X_ON/spikes_X_ON_50000.h5 --trial 0",
            "spikebin inspect session.h5 --plot session.png",
        ),
        "psth": (
            "spikebin psth session.h5 --by orientation --unit 17 --smooth 10",
            "spikebin psth session.h5 --by contrast --most-active 9 --plot units.pdf",
        ),
        "verify": ("spikebin verify", "spikebin verify dataset/train/spikes/X_ON session.h5"),
        "convert": (
            "spikebin convert dataset/test --layout events --out small",
            "spikebin convert session.h5 --codec zlib",
        ),
    },
    "Use the result": {
        "stats": ("spikebin stats", "spikebin stats --json"),
        "report": ("spikebin report report.html", "spikebin report report.html --watch --every 60"),
        "view": (
            "spikebin view --window 0:712 --across --short cut --rebin 20 --how count --rest drop --out coarse",
            "spikebin view --neurons-index size_10.0.pkl --variant train --out few",
        ),
        "export": (
            "spikebin export npz OUT --layout trimmed --step 20",
            "spikebin export zarr OUT --sheet V1_Exc_L4",
            "spikebin export experanto OUT --frames stimuli/",
            "spikebin export nwb OUT --variant test",
        ),
        "compare": (
            "spikebin compare /data/old/train_dataset",
            "spikebin compare /data/old --sheet X_ON --json",
            "spikebin compare ../other/dataset",
            "spikebin compare shards_by_trial --dataset shards",
        ),
    },
}


class _Command(TyperCommand):
    """A command that ends its help with examples."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples: tuple[str, ...] = ()
        for group, commands in GROUPS.items():
            if self.name in commands:
                self.rich_help_panel, self.examples = group, commands[self.name]

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options and arguments, that for help included."""
        return _converting(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments apart; one that is empty is most often a variable that is not set."""
        for before, one in zip(["", *args], args, strict=False):
            if one == "--":
                break
            if not one or (one.startswith("--") and one.endswith("=")):
                what = one.rstrip("=") or (before if before.startswith("-") else "an argument")
                raise typer.BadParameter(f"{what} is empty: is a variable of your shell not set?", ctx)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, and the examples after it."""
        with _narrow(self.params, self.callback), _plain(self, *self.params):
            super().format_help(ctx, formatter)
        if self.examples:
            typer.echo(" Examples:\n" + "".join(f"   $ {example}\n" for example in self.examples))


class _Group(TyperGroup):
    """All commands, in the order of GROUPS."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, that for help included."""
        return _converting(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands as help lists them."""
        known = [name for commands in GROUPS.values() for name in commands]
        return sorted(super().list_commands(ctx), key=lambda name: known.index(name) if name in known else len(known))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        with _plain(self, *self.commands.values()):
            super().format_help(ctx, formatter)


def _converting(parameters: list[Any]) -> list[Any]:
    """Parameters that convert plain values themselves."""
    for parameter in parameters:
        convert_without_pydantic(parameter)
    return parameters


@contextmanager
def _narrow(parameters: Iterable[Any], function: Any) -> Iterator[None]:
    """Have choices stand in the help of an option, where they can be folded, and nothing in the place of a flag's type.

    Typer gives both a column that is as wide as the longest of them, and on a narrow terminal cuts names off for it.
    """
    types = get_type_hints(function)
    before = [(one, one.metavar, one.help) for one in parameters if getattr(one, "help", None) and not one.metavar]
    for one, _, text in before:
        choices = _choices(types.get(one.name))
        if choices:
            one.metavar = (one.name or "").upper()
            one.help = f"{text} One of {', '.join(map(str, choices))}."
        elif getattr(one, "is_flag", False):
            one.metavar = " "
    try:
        yield
    finally:
        for one, metavar, text in before:
            one.metavar, one.help = metavar, text


def _choices(annotation: Any) -> tuple[str, ...]:
    """Values of a Literal, or of one among others in a union."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(value for one in get_args(annotation) for value in _choices(one))


@contextmanager
def _plain(*said: Any) -> Iterator[None]:
    """Have Rich show the help of commands and parameters as it is written, even where it looks like markup."""
    from rich.markup import escape

    before = [(one, one.help) for one in said if getattr(one, "help", None)]
    for one, text in before:
        one.help = escape(inspect.cleandoc(text))
    try:
        yield
    finally:
        for one, text in before:
            one.help = text


class App(typer.Typer):
    """A Typer of such commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, rich_markup_mode="rich", pretty_exceptions_enable=False, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """A decorator that adds a command; group and examples are in GROUPS."""
        return super().command(name, **{"cls": _Command, **settings})
