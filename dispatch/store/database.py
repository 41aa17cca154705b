"""The register's file: SQLite, its settings, its transactions, its tables as they grew."""

from __future__ import annotations

import contextlib
import sqlite3
from importlib.resources import files
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from dispatch.errors import DispatchError, StorageError
from dispatch.formats.envelope import parse_signed_note, split_envelope
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# How long a process waits for another that is writing, in seconds.
WAIT: Final = 120.0

_MIGRATIONS: Final = (
    "0001-first-tables.sql",
    "0002-receipts.sql",
    "0003-files-after-what-is-said-of-them.sql",
    "0004-nothing-that-was-sealed.sql",
    "0005-nor-in-free-pages.sql",
)
_VACUUM: Final = len(_MIGRATIONS)


class Database:
    """The file at `path`, made if it is not there. Raises StorageError wherever SQLite fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(mode=0o600)
        with self.translated():
            self._connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
            try:
                self._keep_log()
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._migrate()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def execute(self, query: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        """Run a statement as it is. Raises sqlite3.Error: use it within `translated` or `transaction`."""
        return self._connection.execute(query, tuple(values))

    def execute_many(self, query: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Run a statement for each row, within a transaction."""
        self._connection.executemany(query, rows)

    def rows(self, query: str, values: Iterable[object] = ()) -> list[Any]:
        """Give all rows of a query."""
        with self.translated():
            return self.execute(query, values).fetchall()

    def row(self, query: str, values: Iterable[object] = ()) -> Any:
        """Give the first row of a query, or None."""
        with self.translated():
            return self.execute(query, values).fetchone()

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite raises into StorageError."""
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(
                f"{self._path}: the register cannot be used: {error}",
                hint="make room on the disk, or wait for the other process, and run the command again",
            ) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the file alone; everything inside is stored at the end, or nothing."""
        with self.translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # a full disk may have rolled back already
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _keep_log(self) -> None:
        """Switch to a write-ahead log, which the file then keeps.

        Of two processes that switch at once SQLite lets one fail instead of wait: it tries again.
        """
        end = monotonic() + WAIT
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > end:
                    raise
                sleep(0.01)
            else:
                return

    def _migrate(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise StorageError(
                f"{self._path}: written by a later version of dispatch", hint="upgrade dispatch"
            )
        if version == len(_MIGRATIONS):
            return
        self._connection.create_function("note_id", 1, _note_id, deterministic=True)
        with self.transaction():
            # another process may have migrated while this one waited
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            for done, name in enumerate(_MIGRATIONS[version : _VACUUM - 1], version + 1):
                for statement in filter(str.strip, _script(name).split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {done}")
        # no transaction can hold it, and a run that is killed before its end does it again
        if version > 0:
            self._connection.execute(_script(_MIGRATIONS[_VACUUM - 1]))
        self._connection.execute(f"PRAGMA user_version = {_VACUUM}")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _script(name: str) -> str:
    return files("dispatch.store").joinpath("migrations", name).read_text("utf-8")


def _note_id(file: bytes) -> bytes | None:
    """Give the id of the note of a file that was kept, for the migration that stores it."""
    try:
        return parse_signed_note(split_envelope(file)[0]).id
    except (DispatchError, KeysError):
        return None
