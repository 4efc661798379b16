"""Names of sheets, and what a mistyped name may have meant. Pure text."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = [
    "bare_stem",
    "bare_suffix",
    "directory_name",
    "find_sheet",
    "in_natural_order",
    "is_sheet",
    "is_utf8",
    "natural_key",
    "suggest",
]


def directory_name(sheet: str) -> str:
    """The name of a sheet without slashes: V1_Inh_L2/3 -> V1_Inh_L23.

    Parameters
    ----------
    sheet : str

    Returns
    -------
    str
    """
    return sheet.replace("/", "")


def find_sheet(name: str, sheets: Iterable[str]) -> str | None:
    """The sheet that a raw or a directory name stands for: slashes do not count.

    Parameters
    ----------
    name : str
    sheets : iterable of str
        The names there are, raw or of directories.

    Returns
    -------
    str or None
        As it is in `sheets`: the very same name, else the first one with the same directory name; None: none has it.
    """
    known = list(sheets)
    if name in known:
        return name
    return next((sheet for sheet in known if directory_name(sheet) == directory_name(str(name))), None)


def bare_suffix(name: str) -> str:
    """The end of a file's name, that of what a .gz holds: ``spikes.csv.gz`` -> .csv.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        In lower case; "" if it has none.
    """
    bare = re.sub(r"(?<=.)\.gz$", "", name, flags=re.IGNORECASE)
    return os.path.splitext(bare)[1].lower()  # noqa: PTH122


def bare_stem(name: str) -> str:
    """A file's name without that end: ``spikes.csv.gz`` -> spikes.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    bare = re.sub(r"(?<=.)\.gz$", "", name, flags=re.IGNORECASE)
    return os.path.splitext(bare)[0]  # noqa: PTH122


def is_sheet(name: str) -> bool:
    """Whether a sheet can have this name: it is a directory of the output, and stands in lines of text.

    Parameters
    ----------
    name : str
        Raw name.

    Returns
    -------
    bool
    """
    return name.isprintable() and bool(directory_name(name).strip(". "))


def is_utf8(name: str) -> bool:
    """Whether a file's name is UTF-8 on disk; plans, configs and seals can hold no other.

    Parameters
    ----------
    name : str
        As `os.fsdecode` gives it.

    Returns
    -------
    bool
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def suggest(word: str, known: Iterable[str]) -> str:
    """``"did you mean 'X_ON'?"``, or the list of what is known.

    Parameters
    ----------
    word : str
    known : iterable of str

    Returns
    -------
    str
        The end of a message.
    """
    names = list(known)
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(str(word), names, n=1) or [
        folded[name] for name in difflib.get_close_matches(str(word).casefold(), folded, n=1)
    ]
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names) or 'none'}"


def natural_key(text: str) -> list[Any]:
    """Sort key that puts part 9 before part 10.

    Parameters
    ----------
    text : str

    Returns
    -------
    list
        To be compared with others alone.
    """
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in re.split(r"(\d+)", text) if piece]


def in_natural_order(texts: Collection[str]) -> list[str]:
    """Sort texts by `natural_key`; parts are mostly plain numbers, 10^5 of which are sorted as such in no time.

    Parameters
    ----------
    texts : collection of str

    Returns
    -------
    list of str
    """
    return sorted(texts, key=int if all(map(str.isdecimal, texts)) else natural_key)
