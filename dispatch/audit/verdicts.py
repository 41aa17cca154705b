"""What a stranger with only the signed roster can check: no home, no key, nothing decrypted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dispatch.audit.archive import no_progress
from dispatch.checks.verifier import Verifier
from dispatch.errors import DispatchError, describe, exit_code
from dispatch.formats.envelope import MAX_ENVELOPE, Copy, SignedNote, parse_envelope, parse_signed_note
from dispatch.system.files import read_capped
from dispatch.system.folders import find_files
from dispatch.system.workers import map_parallel
from keys.codec import encode_base64
from keys.errors import CompromisedError, KeysError
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dispatch.audit.archive import Progress
    from keys.roster import Roster
    from keys.signing import VerifyKey
    from keys.trust import TrustedRoster


_ENDINGS = (".dispatch", ".note")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerdict:
    """What became of one file. `keys`: fingerprints of those that signed; `error` is empty if it holds.

    What a file says of itself is given as soon as it parses, held true only without an error.
    """

    file: str
    number: str | None = None
    id: str | None = None
    to: str | None = None
    copy: int | None = None
    copies: int | None = None
    date: str | None = None
    keys: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""
    code: int = 0


class _Target(NamedTuple):
    """A file to check. `named`: by the caller, rather than found in a folder; `error`: it cannot be read."""

    name: str
    named: bool = True
    error: OSError | None = None


def verify_files(
    names: Sequence[str],
    trusted: TrustedRoster,
    progress: Progress = no_progress,
) -> Iterator[FileVerdict]:
    """Check files: envelopes, and bare notes by their name `.note`; of a folder both. Every one is tried.

    `progress`: called with files done, and all.
    """
    total = sum(1 for _ in _targets(names))
    verdicts = map_parallel(_verify, Verifier(trusted), _targets(names), total, may_fork=True)
    for done, verdict in enumerate(verdicts, 1):
        yield verdict
        progress(done, total)


def _targets(names: Sequence[str]) -> Iterator[_Target]:
    """Give the files: those named, and of folders what lies below; links there are passed over."""
    for name in names:
        if name == "-":
            yield _Target(name)
            continue
        for found in find_files([Path(name)], _ENDINGS):
            if not found.link:
                yield _Target(name if found.named else found.place, found.named, found.error)


def _verify(verifier: Verifier, target: _Target) -> FileVerdict:
    if target.error is not None:
        return _failed(FileVerdict(file=target.name), target.error)
    return verify_file(verifier, target.name, named=target.named)


def verify_file(verifier: Verifier, name: str, *, named: bool = True) -> FileVerdict:
    """Check one file (steps 1 to 5); never raises for what is in it. `named`: `-` is standard input."""
    said: dict[str, Any] = {}
    try:
        data = read_capped(Path(name), MAX_ENVELOPE, regular=not named)
        if name.casefold().endswith(".note"):
            signed_note = parse_signed_note(data)
            said = _describe(signed_note, None)
            keys = verifier.verify_note(signed_note).keys
        else:
            envelope = parse_envelope(data)
            signed_note = envelope.signed_note
            said = _describe(signed_note, envelope.copy)
            keys = verifier.verify(envelope).verified_note.keys
        _refuse_compromised(verifier.roster, signed_note.note.number.handle, keys)
    except (DispatchError, KeysError, OSError) as error:
        return _failed(FileVerdict(file=name, **said), error)
    return FileVerdict(file=name, **said, keys=_fingerprints(keys))


def _failed(verdict: FileVerdict, error: Exception) -> FileVerdict:
    hint = getattr(error, "hint", "")
    return replace(verdict, error=describe(error), hint=hint, code=exit_code(error))


def _refuse_compromised(roster: Roster, handle: str, keys: Iterable[VerifyKey]) -> None:
    """Refuse what a thief could have written at any date; others' receipts could show that it is older."""
    office = roster.office(handle)
    if any(entry is not None and entry.compromised is not None for entry in map(office.signing_entry, keys)):
        raise CompromisedError("signed with a key that has since been compromised: its date proves nothing")


def _describe(signed_note: SignedNote, copy: Copy | None) -> dict[str, Any]:
    note = signed_note.note
    return {
        "number": str(note.number),
        "id": encode_base64(signed_note.id),
        "to": copy.to if copy else None,
        "copy": copy.index if copy else None,
        "copies": note.copies.count,
        "date": _format_date(note.date),
    }


# the copies of one dispatch come one after another
_format_date = lru_cache(maxsize=8)(format_date)


@lru_cache(maxsize=8)
def _fingerprints(keys: tuple[VerifyKey, ...]) -> tuple[str, ...]:
    return tuple(key.fingerprint() for key in keys)
