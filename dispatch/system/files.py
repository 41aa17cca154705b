"""Files on disk: written whole or not at all, made durable, and never put in the place of another."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from dispatch.errors import MalformedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# From this number of files, one sync of the whole system is cheaper than one of each file. Systems other than
# Linux only begin to write then and do not wait, so there each file is synced.
_MANY = 32 if sys.platform == "linux" else sys.maxsize
# Errors of file systems that cannot sync a folder, or do not let us open it.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR)
_SHORT = 64 * 1024


def read_capped(path: Path, limit: int, *, regular: bool = False) -> bytes:
    """Read a file of at most `limit` bytes, `-` for standard input unless it must be a `regular` file.

    Raises MalformedError, StorageError, OSError.
    """
    if str(path) == "-" and not regular:
        data = sys.stdin.buffer.read(limit + 1)
    else:
        with open_regular(path) if regular else path.open("rb") as file:
            # most files are short, and asking for the limit would allocate all of it
            data = file.read(min(_SHORT, limit + 1))
            if len(data) == _SHORT:
                data += file.read(limit + 1 - _SHORT)
    if len(data) > limit:
        raise MalformedError(f"{path}: longer than {limit} bytes")
    return data


def open_regular(path: Path) -> BinaryIO:
    """Open a file that others may have put there or exchanged. It never waits, as it would for a pipe.

    Raises StorageError for a pipe or device, OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageError(f"{path}: not a regular file")
    return os.fdopen(descriptor, "rb")


def write_whole(path: Path, data: bytes, *, overwrite: bool = False, mode: int = 0o666) -> None:
    """Write a file through a temporary one beside it, with `mode` as far as the umask lets it.

    Raises StorageError if another file is there, unless `overwrite`; it is no error if the same bytes are.
    """
    if not overwrite and is_there(path, data):
        # a killed run may have given the file its name and not made the name durable
        sync_directory(path.parent)
        return
    with new_file(path, overwrite=overwrite, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def new_file(path: Path, *, overwrite: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give a temporary file that becomes `path` at the end, or is removed if there was an error.

    Raises StorageError if a file is there, unless `overwrite`.
    """
    # only the beginning of the name, because the limit of a name's length counts bytes
    beginning = os.fsencode(path.name)[:80].decode(errors="ignore")
    with naming(path), temporary_file(path.parent, f".{beginning}.") as temporary:
        yield temporary.file
        temporary.finish(mode)
        if overwrite:
            temporary.path.replace(path)
        else:
            try:
                move_new(temporary.path, path)
            except FileExistsError:
                raise another_file(path) from None
        sync_directory(path.parent)


class Temporary(NamedTuple):
    """A hidden file that is being written."""

    file: BinaryIO
    path: Path

    def finish(self, mode: int) -> None:
        """Make its content durable and close it, with `mode` as far as the umask lets it."""
        self.file.flush()
        os.fchmod(self.file.fileno(), mode & ~current_umask())
        os.fsync(self.file.fileno())
        self.file.close()


@contextlib.contextmanager
def temporary_file(directory: Path, prefix: str) -> Iterator[Temporary]:
    """Give a temporary file, which is removed at the end unless it was moved to its place by then.

    `new_file` is easier where the name of the file is known before its content.
    """
    handle, name = tempfile.mkstemp(prefix=prefix, dir=directory)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield Temporary(file, Path(name))
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Make errors of the system name the file that was to be written, and not a temporary one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it that are missing, in such a way that they outlast a power cut."""
    missing = []
    above = path.absolute()
    while not above.exists():
        missing.append(above)
        above = above.parent
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    for made in missing:
        sync_directory(made.parent)


def move_new(temporary: Path, path: Path) -> None:
    """Give a temporary file its name, failing with FileExistsError if the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # a file system without links: reserve the name, then move over the reservation
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            if not _is_reserved(path):
                raise
        temporary.replace(path)


def _is_reserved(path: Path) -> bool:
    """Tell whether this is the empty file with which a killed run reserved a name."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def is_there(path: Path, data: bytes) -> bool:
    """Say whether `path` holds these bytes. Raises StorageError if it is anything else, such as a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise another_file(path) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise another_file(path)
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size == len(data) and file.read() == data:
            return True
    if status.st_size == 0:
        return False  # `move_new` decides whether an empty file may be replaced
    raise another_file(path)


def another_file(path: Path) -> StorageError:
    """Make the error for a name that another file has."""
    return StorageError(
        f"{path}: another file is there already", hint="choose another folder, or move it away"
    )


def sync_files(folder: int, names: list[str]) -> None:
    """Make files in a folder durable. `folder`: its descriptor."""
    if len(names) > _MANY:
        os.sync()
        return
    for name in names:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, if the platform can. Raises OSError if the disk fails."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def current_umask() -> int:
    """Give the umask of the process."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock, for which other processes of this home wait. On Windows nothing is locked."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
