"""What a stranger with only the signed roster can check: no home, no key, nothing decrypted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dispatch.checks.verifier import Verifier
from dispatch.errors import DispatchError, describe, exit_code
from dispatch.formats.envelope import MAX_ENVELOPE, Copy, SignedNote, parse_envelope, parse_signed_note
from dispatch.system.folders import Found, find_files
from dispatch.system.workers import map_parallel
from keys.codec import encode_base64
from keys.errors import CompromisedError, KeysError
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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


def verify_files(
    names: Sequence[str],
    trusted: TrustedRoster,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[FileVerdict]:
    """Check files: envelopes, and bare notes by their name `.note`; of a folder both. Every one is tried.

    `progress`: called with files done, and all.
    """
    total = sum(1 for _ in _find(names))
    verdicts = map_parallel(_verify, Verifier(trusted), _find(names), total, may_fork=True)
    for done, verdict in enumerate(verdicts, 1):
        yield verdict
        progress(done, total)


def _find(names: Sequence[str]) -> Iterator[Found]:
    """Find the files, each under its name as it was given."""
    for name in names:
        if name == "-":
            yield Found(name, named=True)
            continue
        for found in find_files([Path(name)], _ENDINGS):
            yield found._replace(place=name) if found.named else found


def verify_file(verifier: Verifier, name: str) -> FileVerdict:
    """Check one file (steps 1 to 5), standard input if it is `-`. Never raises for what is in it."""
    return _verify(verifier, Found(name, named=True))


def _verify(verifier: Verifier, found: Found) -> FileVerdict:
    name = found.place
    said: dict[str, Any] = {}
    try:
        data = found.read(MAX_ENVELOPE)
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
