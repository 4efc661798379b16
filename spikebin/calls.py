"""What stands between a Python caller and a public function: types are those of the annotations, errors name arguments.

The function itself refuses what is of the right type and still wrong; closed choices are in choices.py.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, get_args

from spikebin import choices
from spikebin.errors import SpikebinError

if TYPE_CHECKING:
    import ast

__all__ = ["for_python", "is_flag", "typed"]

P = ParamSpec("P")
R = TypeVar("R")
Kind = tuple[Callable[[Any], bool], str]
"""Whether a value is of a type, and what to give in words."""

OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)(?:( )(\w+))?")
NO_VALUES = frozenset({"", "and", "for", "or", "out", "takes", "to", "where"})
"""What stands behind an option in a sentence and is no value of it."""

LONGEST = 60
"""Characters of a value in a message."""


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """A function that holds its arguments against its annotations, which are texts, before it is called.

    Known are None, bool, int, float, str, Path, the choices, tuples and collections of these, and classes by their
    names; what has another annotation is the function's own to check.

    Parameters
    ----------
    function : callable
        Of a module with ``from __future__ import annotations``.

    Returns
    -------
    callable
        It raises SpikebinError where an argument is of a wrong type: what to give instead.
    """
    code = cast("Any", function).__code__
    names = code.co_varnames[: code.co_argcount]
    annotations = function.__annotations__
    called = function.__qualname__.split(".")[0] if function.__name__ == "__init__" else function.__name__

    @functools.wraps(function)
    def checking(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
            if name in annotations:
                _check(value, annotations[name], f"{called} {name}")
        try:
            return function(*args, **kwargs)
        except SpikebinError as error:
            error.args = tuple(for_python(one, annotations) if isinstance(one, str) else one for one in error.args)
            raise

    return checking


def for_python(message: str, annotations: Mapping[str, str]) -> str:
    """The message of an error, with arguments of a call where it names options of the command line.

    Parameters
    ----------
    message : str
        For instance ``"... replace it with --force"``.
    annotations : mapping of str to str
        Of the arguments of the call; other options stay as they are.

    Returns
    -------
    str
        ``"... replace it with force=True"``.
    """

    def argument(match: re.Match[str]) -> str:
        option, gap, word = match[1].replace("-", "_"), match[2] or "", match[3] or ""
        name = option if option in annotations else f"{option}s"
        if name not in annotations:
            return match[0]
        if annotations[name] == "bool":
            return f"{name}=True{gap}{word}"
        return f"{name}={gap if word in NO_VALUES else ''}{word}"

    return OPTION.sub(argument, message)


def _check(value: Any, annotation: str, what: str) -> None:
    kinds = _kinds(annotation)
    if not kinds or any(test(value) for test, _ in kinds):
        return
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."
    known = dict.fromkeys(words for _, words in kinds)
    if PLAIN["Path"][1] in known:
        known.pop(PLAIN["str"][1], None)
    *others, last = known
    first = f"{', '.join(others)} or " if others else ""
    raise SpikebinError(f"{what}={shown}: give {first}{last}")


@functools.cache
def _kinds(annotation: str) -> tuple[Kind, ...]:
    """The types that an annotation allows; none where anything may be right."""
    import ast

    return _kinds_of(ast.parse(annotation, mode="eval").body)


def _kinds_of(node: ast.expr) -> tuple[Kind, ...]:
    import ast

    if isinstance(node, ast.BinOp):
        left, right = _kinds_of(node.left), _kinds_of(node.right)
        return (*left, *right) if left and right else ()
    if isinstance(node, ast.Constant) and node.value is None:
        return ((lambda value: value is None, "None"),)
    if isinstance(node, ast.Name):
        return _named(node.id)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        outer = node.value.id
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer in {"Sequence", "Collection", "Iterable", "list"}:
            return (_several(_kinds_of(inner[0])),)
        if outer == "tuple" and not any(isinstance(one, ast.Constant) for one in inner):
            return (_several(_kinds_of(inner[0]), len(inner)),)
        if outer == "Mapping":
            return ((lambda value: isinstance(value, Mapping), "a dict"),)
        if outer == "Callable":
            return ((callable, "a function"),)
    return ()


def _named(name: str) -> tuple[Kind, ...]:
    if name == "Config":
        return (PLAIN["Path"], *_kinds("None"))
    if name in PLAIN:
        return (PLAIN[name],)
    if name == "Recording":
        return ((lambda value: hasattr(value, "sheets") and hasattr(value, "sheet"), CLASSES[name]),)
    if name in CLASSES:
        return ((lambda value: any(base.__name__ == name for base in type(value).__mro__), CLASSES[name]),)
    if name in choices.__all__:
        options = get_args(getattr(choices, name))
        # The function itself says which texts are right, and which was meant.
        return tuple((_is_text, repr(option)) for option in options)
    return ()


def _several(kinds: tuple[Kind, ...], n: int | None = None) -> Kind:
    """So many values of some types; a single text is not meant as its characters."""

    def test(value: Any) -> bool:
        if not isinstance(value, Iterable) or isinstance(value, str | bytes) or getattr(value, "ndim", 1) == 0:
            return False
        if isinstance(value, Iterator):
            return n is None
        values = list(value)
        fits = n is None or len(values) == n
        return fits and (not kinds or all(any(one(item) for one, _ in kinds) for item in values))

    each = " or ".join(words.split(" ", 1)[-1] for _, words in kinds) or "value"
    plural = each if each.endswith("False") else " or ".join(f"{word}s" for word in each.split(" or "))
    return test, f"a list of {plural}" if n is None else f"{'two' if n == 2 else n} {plural}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_path(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, PathLike) and "\0" not in str(value))


def is_flag(value: Any) -> bool:
    """Whether a value is True or False, of Python or numpy, or 0 or 1."""
    # numpy's own is called so, too; numpy is not imported for it.
    return type(value).__name__ in {"bool", "bool_"} or (_is_whole(value) and value in {0, 1})


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool | str | bytes) or getattr(value, "ndim", 0) > 0:
        return False
    try:
        operator.index(value)
    except TypeError:
        return isinstance(value, Real) and float(value).is_integer()
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


PLAIN: dict[str, Kind] = {
    "Path": (_is_path, "a path"),
    "str": (_is_text, "a text"),
    "bool": (is_flag, "True or False"),
    "int": (_is_whole, "a whole number"),
    "float": (_is_number, "a number"),
}
CLASSES = {
    "DataFrame": "a pandas.DataFrame",
    "Dataset": "a Dataset, as `open_dataset` gives it for a sheet",
    "MatrixFile": "a file, as `MatrixFile(path)` opens it",
    "Recording": "a recording, as `from_neo` gives it",
    "SheetSet": "a SheetSet, as `open_dataset` gives it",
    "TrialDataset": "a TrialDataset",
    "View": "a view, as `open_dataset` or `open_file` gives it",
}
"""Classes that are looked up by name, since to import them takes long, and what to give in words."""
