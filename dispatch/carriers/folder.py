"""A folder as carrier: envelopes are found in it and put into it, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.errors import StorageError
from dispatch.system.files import is_there, make_folder, naming, read_capped, sync_directory, sync_files
from dispatch.system.folders import find_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Arrival(NamedTuple):
    """A file that may be an envelope. `is_named`: by the caller, rather than found in a folder.

    `error`: why it cannot be looked into, or None.
    """

    path: Path
    is_named: bool
    error: OSError | None

    def read(self, limit: int) -> bytes:
        """Read it, at most `limit` bytes. Raises MalformedError for a longer one, StorageError, OSError."""
        if self.error is not None:
            raise self.error
        return read_capped(self.path, limit, regular=not self.is_named)


def arrivals(paths: Iterable[Path]) -> Iterator[Arrival]:
    """Give the files among `paths`, and the *.dispatch files below the folders among them, in order.

    Links in folders are not followed.
    """
    for found in find_files(paths, (".dispatch",)):
        if not found.link:
            yield Arrival(found.path, found.named, found.error)


def write_many(directory: Path, files: Iterable[tuple[str, bytes]], owner: str) -> Iterator[Path]:
    """Write files under their names, from an iterator so that they need not all be in memory.

    They are written into a hidden folder, made durable, then moved; `owner` marks
    that folder, so that what a killed run left is found and removed by the next.
    The caller makes sure that there is only one run of an owner at a time.
    """
    make_folder(directory)
    prefix = unfinished_prefix(owner)
    for left in directory.glob(f"{prefix}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    with naming(directory):
        workshop = Path(tempfile.mkdtemp(prefix=prefix, dir=directory))
        # by descriptor, so that whoever else can write to `directory` cannot put another folder in its place
        inside = os.open(workshop, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(inside).st_uid != os.geteuid():
            raise StorageError(f"{directory}: somebody put a folder of theirs in the place of ours")
        written: list[str] = []
        there: list[str] = []
        in_the_way: list[StorageError] = []
        for name, data in files:
            outside = f"{directory}{os.sep}{name}"
            try:
                if os.path.lexists(outside) and is_there(directory / name, data):
                    there.append(name)
                    continue
            except StorageError as error:
                in_the_way.append(error)
                continue
            try:
                descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=inside)
                with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                    file.write(data)
            except OSError as error:
                error.filename = outside
                raise
            written.append(name)
        with naming(directory):
            sync_files(inside, written)
            for name in written:
                os.replace(name, f"{directory}{os.sep}{name}", src_dir_fd=inside)
            sync_directory(directory)
        yield from (directory / name for name in (*there, *written))
        if in_the_way:
            raise in_the_way[0]
    finally:
        os.close(inside)
        shutil.rmtree(workshop, ignore_errors=True)


def unfinished_prefix(owner: str) -> str:
    """How the hidden names begin of what an owner is writing: swept away by its next `write_many` there."""
    return f".dispatch-{owner}."  # a handle has no dot, so that `cc` leaves what is of `cc-2`
