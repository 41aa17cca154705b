"""Files on disk: written whole or not at all, made durable, and never put in the place of another."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from dispatch.errors import MalformedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    if not overwrite and _is_there(path, data):
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
                raise _another(path) from None
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


def write_many(directory: Path, files: Iterable[tuple[str, bytes]], owner: str) -> Iterator[Path]:
    """Write files under their names. They come from an iterator, and need not all be in memory.

    They are written into a hidden folder, made durable, and then moved. The name of that folder contains the
    `owner`, so that the owner's next run finds and removes what a killed run left. The caller makes sure that
    an owner has only one run at a time.
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
                if os.path.lexists(outside) and _is_there(directory / name, data):
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
            _sync(inside, written)
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
    """Give the beginning of the hidden names in which an owner writes; its next `write_many` removes them."""
    return f".dispatch-{owner}."  # a handle has no dot, so that `cc` leaves what is of `cc-2`


def _is_there(path: Path, data: bytes) -> bool:
    """Say whether `path` holds these bytes. Raises StorageError if it is another file, a link or a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _another(path) from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size == len(data) and file.read() == data:
            return True
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        return False  # `move_new` decides whether an empty file may be replaced
    raise _another(path)


def _another(path: Path) -> StorageError:
    return StorageError(
        f"{path}: another file is there already", hint="choose another folder, or move it away"
    )


def _sync(folder: int, names: list[str]) -> None:
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
