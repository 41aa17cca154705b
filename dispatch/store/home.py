"""Where an office keeps its things: one folder, made readable by nobody else."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import platformdirs

from dispatch.errors import RefusedError

HOME_VARIABLE = "DISPATCH_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths in a home."""

    path: Path

    @property
    def card(self) -> Path:
        """Our public card."""
        return self.path / "card"

    @property
    def office_key(self) -> Path:
        """Our secret keys."""
        return self.path / "office.key"

    @property
    def root_key(self) -> Path:
        """The keys that sign the roster; only its keeper has them."""
        return self.path / "root.key"

    @property
    def roster(self) -> Path:
        """The roster that this home trusts."""
        return self.path / "roster"

    @property
    def pending_roster(self) -> Path:
        """Edits that are not signed yet."""
        return self.path / "roster.pending"

    @property
    def register(self) -> Path:
        """The register."""
        return self.path / "register.db"

    @property
    def outbox(self) -> Path:
        """Envelopes on their way out, unless another folder is named."""
        return self.path / "outbox"

    @property
    def attachments(self) -> Path:
        """Sealed attachments, ours and those that came."""
        return self.path / "attachments"

    @property
    def lock(self) -> Path:
        """Held by the process that signs and releases, or changes the roster."""
        return self.path / "lock"

    def sweep(self) -> None:
        """Remove what killed runs left half-written, keys too; who holds the lock writes alone here."""
        for name in (".card.*", ".roster.*", ".key-*"):
            for left in self.path.glob(name):
                left.unlink(missing_ok=True)

    def refuse_if_taken(self) -> None:
        """Raise RefusedError if an office lives here already."""
        if self.card.exists():
            raise RefusedError(
                f"{self.path}: an office lives here already",
                hint="name another folder with --home or DISPATCH_HOME",
            )

    def demand_private(self) -> None:
        """Raise RefusedError if others of this machine could read or write what is ours alone.

        A key file is looked at when it is read. What is no secret obeys the umask; the folder keeps others
        from it.
        """
        if os.name != "posix" or not self.path.exists():
            return
        if self.path.stat().st_uid != os.geteuid():
            raise RefusedError(
                f"{self.path}: the home belongs to another user", hint="name a folder of your own with --home"
            )
        register = [self.register.with_name(f"{self.register.name}{end}") for end in ("", "-wal", "-shm")]
        for path, mode in [(self.path, 700), *((file, 600) for file in (self.pending_roster, *register))]:
            with suppress(FileNotFoundError):
                if path.stat().st_mode & 0o077:
                    raise RefusedError(
                        f"{path}: others than its owner can read or write it",
                        hint=f"chmod {mode} {quote(str(path))}",
                    )

    def demand(self) -> None:
        """Raise RefusedError if no office lives here, or others can look into it."""
        if not self.card.exists():
            raise RefusedError(
                f"{self.path}: no office lives here",
                hint="`dispatch init HANDLE --title TITLE` makes one; --home names another folder",
            )
        self.demand_private()


def find_home(chosen: Path | None) -> Home:
    """Give the home that was chosen, or $DISPATCH_HOME, or the platform's data directory."""
    named = chosen or os.environ.get(HOME_VARIABLE)
    return Home(Path(named) if named else Path(platformdirs.user_data_dir("dispatch", appauthor=False)))
