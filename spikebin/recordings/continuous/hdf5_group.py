"""Flat arrays in other people's HDF5 files, read with PyTables: the part that NWB and SONATA share.

PyTables keeps process-wide state, so every call that reaches it holds the lock of system/hdf5.py. It opens a data set
only once hdf5_checks has passed it.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikebin.errors import RecordingError
from spikebin.recordings.continuous.hdf5_checks import FOLLOW, check_stored, fits_in_memory, is_inside
from spikebin.system.hdf5 import UnreadableError, open_hdf5
from spikebin.system.hdf5_storage import storage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from spikebin.system.hdf5_storage import Stored

__all__ = ["Group", "chunks_at_once", "is_hdf5", "opened"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_USER_BLOCK = 1 << 16
# To open a file takes as long as to read so many chunks of spikes.
CHUNKS_AT_ONCE = 16
MOST_CHUNKS_AT_ONCE = 64
MOST_LINKS = 16
NUMBERS = {"integer", "float", "bits", "enumeration", "text"}
CHECKED = 1024


def is_hdf5(path: Path) -> bool:
    """Whether a file has the signature of HDF5, at its start or after a user block.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False, too, where it cannot be read, or is not a regular file.
    """
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            place = 0
            while place <= LARGEST_USER_BLOCK:
                file.seek(place)
                if file.read(len(SIGNATURE)) == SIGNATURE:
                    return True
                place = max(512, 2 * place)
    except OSError:
        pass
    return False


def chunks_at_once(chunk: int, size: int) -> int:
    """How many slices to read in one go, so that no chunk of the file is unpacked again for each of them.

    Parameters
    ----------
    chunk : int
        Values in a chunk of the file.
    size : int
        Values in a slice.
    """
    return max(CHUNKS_AT_ONCE, min(MOST_CHUNKS_AT_ONCE, -(-2 * chunk // size)))


@contextmanager
def opened(path: Path, *, follow: bool = False) -> Iterator[Group]:
    """The root group of a file, while the lock is held.

    Parameters
    ----------
    path : Path
    follow : bool
        Take what links, virtual and external data sets name in other files of the same directory.

    Yields
    ------
    Group

    Raises
    ------
    RecordingError
        If it is not an HDF5 file, is cut off, locked, or HDF5 fails on it.
    """
    if not is_hdf5(path):
        raise RecordingError(f"{path} is not an HDF5 file, or its start is damaged: check the path, or copy it again")
    try:
        with ExitStack() as stack:
            file = stack.enter_context(open_hdf5(path))
            yield Group(path, file.root, stack, follow=follow)
    except UnreadableError as error:
        if "unable to lock file" in str(error):
            raise RecordingError(
                f"{path} is locked: another program has it open for writing, or its file system has no locks; close it"
                " there, or set HDF5_USE_FILE_LOCKING=FALSE and try again"
            ) from error
        raise RecordingError(f"{path} cannot be read by HDF5 ({error.reason}): copy or write it again") from error


class Group:
    """A group of an open file; missing and unfit nodes are one-line errors or None.

    Parameters
    ----------
    path : Path
        Of the file.
    node : tables.Group
    stack : ExitStack
        Closes the files that links lead to.
    follow : bool
        See `opened`.
    """

    def __init__(self, path: Path, node: Any, stack: ExitStack, *, follow: bool) -> None:
        self.path = path
        self._node = node
        self._stack = stack
        self._follow = follow

    @property
    def where(self) -> str:
        """File and group, for messages."""
        return f"{self.path.name}:{self._node._v_pathname}"

    @property
    def groups(self) -> list[str]:
        """Names of the groups inside; of links to groups, too, and of those that are not followed."""
        return [*self._node._v_groups, *(name for name in self._node._v_links if self._leads_to(name, self.group))]

    @property
    def arrays(self) -> list[str]:
        """Names of the data sets inside, those that PyTables cannot read and links to data sets included."""
        links = (name for name in self._node._v_links if self._leads_to(name, self._leaf))
        return [*self._node._v_leaves, *self._node._v_unknown, *links]

    def group(self, name: str) -> Group | None:
        """A group inside.

        Parameters
        ----------
        name : str
            Path relative to this one.

        Returns
        -------
        Group or None
            None if there is none.

        Raises
        ------
        RecordingError
            If it is after a link that is not followed, or leads nowhere.
        """
        parent, last = self._find(self._node, name.split("/"))
        if not last:
            return self._other(parent)
        return self._other(parent._v_groups[last]) if last in parent._v_groups else None

    def has(self, name: str) -> bool:
        """Whether there is such a data set.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool

        Raises
        ------
        RecordingError
            As `group`.
        """
        return self._leaf(name) is not None

    def kind(self, name: str) -> str | None:
        """What a data set holds, see `spikebin.system.hdf5_storage.Stored`; None if there is none.

        Parameters
        ----------
        name : str

        Raises
        ------
        RecordingError
            As `read`.
        """
        stored = self._stored(name)
        return None if stored is None else stored.kind

    def place(self, name: str) -> tuple[Path, str, tuple[int, ...]]:
        """File, path inside and shape of a data set that is there, wherever links lead to.

        Parameters
        ----------
        name : str

        Raises
        ------
        RecordingError
            As `read`.
        """
        stored, (parent, last) = self._stored(name), self._leaf(name) or (self._node, name)
        return Path(parent._v_file.filename), _join(parent, last), stored.shape if stored else ()

    def length(self, name: str) -> int:
        """Length of a flat array.

        Parameters
        ----------
        name : str

        Returns
        -------
        int

        Raises
        ------
        RecordingError
            As `read`.
        """
        return int(self._flat(name).nrows)

    def chunk(self, name: str) -> int:
        """How many values of a flat array lie in one chunk; 1 without chunks.

        Parameters
        ----------
        name : str

        Returns
        -------
        int
        """
        stored = self._stored(name)
        return stored.chunk[0] if stored is not None and stored.chunk else 1

    def dtype(self, name: str) -> np.dtype[Any]:
        """What a flat array holds.

        Parameters
        ----------
        name : str

        Returns
        -------
        dtype

        Raises
        ------
        RecordingError
            As `read`.
        """
        found: np.dtype[Any] = self._flat(name).dtype
        return found

    def read(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """A slice of a flat array.

        Parameters
        ----------
        name : str
        start : int
        stop : int, optional
            Default: its end.

        Returns
        -------
        ndarray (n,)
            Of numbers, booleans or bytes.

        Raises
        ------
        RecordingError
            If there is none, it is not flat or not what `readable` says, or the checks refuse it.
        """
        array = self._flat(name)
        if stop is None:
            self._check_whole(name)
        found: NDArray[Any] = np.asarray(array[start : int(array.nrows) if stop is None else stop])
        return found

    def read_pairs(self, name: str) -> NDArray[Any]:
        """An array (n, 2) of numbers, whole.

        Parameters
        ----------
        name : str

        Returns
        -------
        ndarray (n, 2)

        Raises
        ------
        RecordingError
            If it is not there, or another, or the checks refuse it.
        """
        leaf = self._array(name)
        if leaf is None or leaf.ndim != 2 or leaf.shape[1] != 2 or leaf.dtype.kind not in "fiu":
            raise RecordingError(f"{self.where} {name} is not an array of pairs: it is damaged, or of another format")
        self._check_whole(name)
        return np.asarray(leaf[:])

    def readable(self, name: str) -> bool:
        """Whether a data set is a flat array of numbers or fixed-width texts that PyTables can read.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool

        Raises
        ------
        RecordingError
            If the checks refuse it.
        """
        leaf = self._array(name)
        return leaf is not None and leaf.ndim == 1 and leaf.dtype.kind in "fiubS"

    def text(self, name: str) -> str | None:
        """A data set of one text of fixed width.

        Parameters
        ----------
        name : str

        Returns
        -------
        str or None
            None if it is not one.
        """
        leaf = self._array(name)
        if leaf is None or leaf.shape not in {(), (1,)} or leaf.dtype.kind != "S":
            return None
        found: bytes = np.asarray(leaf.read()).item()
        return found.decode("utf-8", "replace")

    def attribute(self, name: str, array: str | None = None) -> str | None:
        """A text or number, attribute of the group or of an array inside.

        Parameters
        ----------
        name : str
        array : str, optional
            One of the data sets inside, which PyTables can read.

        Returns
        -------
        str or None
            None if it has none, or an odd one.
        """
        node = self._node if array is None else self._array(array)
        try:
            value = node._v_attrs[name]
        except (KeyError, ValueError, TypeError):
            return None
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return str(value) if np.ndim(value) == 0 else None

    @staticmethod
    def _leads_to(name: str, look: Callable[[str], object]) -> bool:
        try:
            return look(name) is not None
        except RecordingError:
            return True

    def _flat(self, name: str) -> Any:
        if self._leaf(name) is None:
            raise RecordingError(f"{self.where} has no {name}: it is not complete, or of another format")
        if not self.readable(name):
            raise RecordingError(
                f"{self.where} {name} is not a flat array of numbers: it is damaged, or of another format"
            )
        return self._array(name)

    def _array(self, name: str) -> Any:
        """A data set that the checks have passed, as PyTables opens it; None for what it cannot read as an array."""
        import tables

        found, stored = self._leaf(name), self._stored(name)
        if found is None or stored is None or stored.kind not in NUMBERS:
            return None
        leaf = found[0]._v_leaves[found[1]]
        return leaf if isinstance(leaf, tables.Array) else None

    def _stored(self, name: str) -> Stored | None:
        found = self._leaf(name)
        if found is None:
            return None
        parent, last = found
        file = parent._v_file
        return _checked(_Once(file), Path(file.filename), _join(parent, last), self._follow)

    def _check_whole(self, name: str) -> None:
        stored = self._stored(name)
        if stored is not None and not fits_in_memory(stored):
            raise RecordingError(
                f"{self.where} {name} declares {stored.shape[0]:,} values in {stored.n_stored:,} stored bytes, more"
                " than is read at once: it is damaged or hostile, write it again"
            )

    def _leaf(self, name: str) -> tuple[Any, str] | None:
        """The group that holds a data set, and its name there; None if there is none."""
        parent, last = self._find(self._node, [name])
        return (parent, last) if last in parent._v_leaves or last in parent._v_unknown else None

    def _find(self, node: Any, pieces: list[str], n_links: int = 0) -> tuple[Any, str]:
        """The group that holds what a path names, and its name there; "" for that group itself."""
        pieces = [piece for piece in pieces if piece not in {"", "."}]
        for i, piece in enumerate(pieces):
            if piece in node._v_links:
                if n_links >= MOST_LINKS:
                    raise RecordingError(f"{self.where} {piece} is a link that leads in a circle: write the file again")
                start, path = self._target(node, piece)
                return self._find(start, [*path.split("/"), *pieces[i + 1 :]], n_links + 1)
            if i == len(pieces) - 1:
                return node, piece
            if piece not in node._v_groups:
                return node, "/".join(pieces[i:])
            node = node._v_groups[piece]
        return node, ""

    def _target(self, node: Any, name: str) -> tuple[Any, str]:
        """Where a link starts from, and the path that it names."""
        import tables

        link = node._v_links[name]
        if not isinstance(link, tables.link.ExternalLink):
            return (node._v_file.root if link.target.startswith("/") else node), link.target
        other, _, path = link.target.partition(":/")
        here = Path(node._v_file.filename)
        where, target = f"{here.name}:{_join(node, name)}", here.parent / other
        if not self._follow:
            raise RecordingError(
                f"{where} is a link into another file, {other}: give that file, or take it from the same directory with"
                f" {FOLLOW}"
            )
        if not is_inside(target, self.path.parent):
            raise RecordingError(
                f"{where} is a link to {other}, which is not a file in the directory of {self.path.name}: copy it in"
            )
        return self._stack.enter_context(open_hdf5(target)).root, path

    def _other(self, node: Any) -> Group:
        return Group(self.path, node, self._stack, follow=self._follow)


class _Once:
    """A file that is open now, the same key for as long as what is on disk is the same."""

    def __init__(self, file: Any) -> None:
        self.file = file
        facts = Path(file.filename).stat()
        self._key = facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and other._key == self._key


@lru_cache(CHECKED)
def _checked(once: _Once, path: Path, place: str, follow: bool) -> Stored | None:  # noqa: FBT001
    """How a data set is stored, once the checks have passed it; they are not made again while the file is the same."""
    file, once.file = once.file, None
    stored = storage_of(file, place)
    if stored is not None:
        check_stored(file, path, place, stored, follow=follow)
    return stored


def _join(node: Any, name: str) -> str:
    return f"{node._v_pathname.rstrip('/')}/{name}"
