"""Which files are there: of many, directories are asked for all their names once; of one, the file system for it alone.

Network file systems answer slowly about single files, and even more slowly with the names of 10^5.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

__all__ = ["Existing", "asked_for", "names_in"]


def names_in(directory: str) -> Container[str]:
    """The names in a directory; none where it cannot be listed.

    Parameters
    ----------
    directory : str

    Returns
    -------
    container of str
        False where it is empty.
    """
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208
    except OSError:
        return frozenset()


def asked_for(directory: str) -> Container[str]:
    """As `names_in`, but each name is asked for when it is looked for.

    Parameters
    ----------
    directory : str

    Returns
    -------
    container of str
    """
    return _Asked(directory)


class _Asked:
    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __contains__(self, name: object) -> bool:
        return os.path.lexists(f"{self._directory}/{name}")


class Existing:
    """Whether recordings are there, by their paths as a plan has them.

    Parameters
    ----------
    resolve : callable
        Where a path of the plan lies.
    many : bool
        List a directory once it is asked for a second one of its recordings.
    """

    def __init__(self, resolve: Callable[[str], Path], *, many: bool) -> None:
        self._resolve, self._many = resolve, many
        self._known: dict[str, bool] = {}
        self._asked: set[str] = set()
        self._roots: dict[str, tuple[str, frozenset[str]]] = {}

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str) or not path:
            return False
        found = self._known.get(path)
        if found is not None:
            return found
        parent, slash, name = path.rpartition("/")
        parent = parent or slash or "."
        root = self._roots.get(parent)
        if root is None:
            if not self._many or parent not in self._asked:
                self._asked.add(parent)
                found = self._known[path] = self._resolve(path).exists()
                return found
            root = self._roots[parent] = self._listed(parent)
        where, names = root
        return name in names or os.path.exists(f"{where}/{name}")  # noqa: PTH110

    def _listed(self, parent: str) -> tuple[str, frozenset[str]]:
        """Where a directory lies, and the names in it that are there for certain: a link may lead nowhere."""
        where = str(self._resolve(parent))
        try:
            with os.scandir(where) as entries:
                return where, frozenset(entry.name for entry in entries if not entry.is_symlink())
        except OSError:
            return where, frozenset()
