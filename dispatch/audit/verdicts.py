"""Files checked one by one against a roster: is each signed by its office, and does it hold? No home, no key.

These are steps 1 to 5 of FORMAT.md, section 14, and what shows of 7 and 9 without a key. A verdict has what a
file says, and one error if it does not hold. An audit needs other things of a file, see `examine`: which kind
of fault it has, what it proves all the same, and no more than a few numbers for each copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.audit.archive import ENVELOPE, NOTE
from dispatch.checks.outside import check_outside
from dispatch.checks.soundness import NoEvidence, check_stands
from dispatch.checks.verifier import Verifier
from dispatch.errors import DispatchError, describe, exit_code
from dispatch.formats.envelope import MAX_ENVELOPE, Copy, SignedNote, parse_envelope, parse_signed_note
from dispatch.system.folders import Found, find_files
from dispatch.system.workers import map_parallel, no_progress
from keys.codec import encode_base64
from keys.errors import KeysError
from keys.text import format_date
from keys.trust import check_current, parse_roster_file, trust_pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dispatch.formats.message import Message
    from dispatch.system.workers import Progress
    from keys.signing import VerifyKey
    from keys.trust import TrustedRoster


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerdict:
    """What became of one file.

    `file`: its name as it was given or found. `number`, `id` (base64), `date`, `to`, `copy` (its place from
    1) and `copies`: what the file says, given as soon as it parses, and true only without an error; a bare
    note has no `to` and `copy`. `keys`: the fingerprints of those that signed, empty with an error. `error`:
    why the file does not hold, or empty; `hint`: what to do, or empty; `code`: the exit code.
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


def verify(
    paths: Iterable[Path | str],
    roster: bytes,
    pin: str,
    *,
    at: datetime | None = None,
    progress: Progress = no_progress,
) -> Iterator[FileVerdict]:
    """Check files and folders with a roster file and the root fingerprint that is trusted.

    `roster`: the bytes of the file; `pin`: `SHA256:` and 43 characters of base64; `at`: the moment at which
    the roster must be in force, by default now. For the paths, the order and `progress` see `verify_files`.
    Raises TrustError, SignatureError, FormatError for the roster.
    """
    trusted = trust_pinned(parse_roster_file(roster), pin)
    check_current(trusted, datetime.now(UTC) if at is None else at)
    return verify_files([str(path) for path in paths], trusted, progress)


def verify_files(
    names: Sequence[str], trusted: TrustedRoster, progress: Progress = no_progress
) -> Iterator[FileVerdict]:
    """Check files with a roster that is trusted already, in order; every one is tried.

    A name that ends in `.note` is a bare note, `-` an envelope on standard input, any other an envelope. A
    folder stands for the envelopes and notes below it, without links. `progress`: called with the number of
    files done, and of all.
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
        for found in find_files([Path(name)], (ENVELOPE, NOTE)):
            yield found._replace(place=name) if found.named else found


def verify_file(name: str, trusted: TrustedRoster) -> FileVerdict:
    """Check one file (steps 1 to 5), standard input if it is `-`. Never raises for what is in it."""
    return _verify(Verifier(trusted), Found(name, named=True))


def _verify(verifier: Verifier, found: Found) -> FileVerdict:
    name = found.place
    verdict = FileVerdict(file=name)
    try:
        data = found.read(MAX_ENVELOPE)
        if name.casefold().endswith(NOTE):
            signed_note = parse_signed_note(data)
            verdict = _describe(name, signed_note, None)
            keys = verifier.verify_note(signed_note).keys
        else:
            envelope = parse_envelope(data)
            signed_note = envelope.signed_note
            verdict = _describe(name, signed_note, envelope.copy)
            verified = verifier.verify(envelope)
            check_outside(verified, verifier.offices)
            keys = verified.verified_note.keys
        check_stands(signed_note, verifier.roster, NoEvidence())
    except (DispatchError, KeysError, OSError) as error:
        return _failed(verdict, error)
    return replace(verdict, keys=_fingerprints(keys))


def _failed(verdict: FileVerdict, error: Exception) -> FileVerdict:
    hint = getattr(error, "hint", "")
    return replace(verdict, error=describe(error), hint=hint, code=exit_code(error))


def _describe(name: str, signed_note: SignedNote, copy: Copy | None) -> FileVerdict:
    """Give what a file says of itself."""
    note = signed_note.note
    return FileVerdict(
        file=name,
        number=str(note.number),
        id=encode_base64(signed_note.id),
        to=copy.to if copy else None,
        copy=copy.index if copy else None,
        copies=note.copies.count,
        date=_format_date(note.date),
    )


# the copies of one dispatch come one after another
_format_date = lru_cache(maxsize=8)(format_date)


@lru_cache(maxsize=8)
def _fingerprints(keys: tuple[VerifyKey, ...]) -> tuple[str, ...]:
    return tuple(key.fingerprint() for key in keys)


def published_message(trusted: TrustedRoster, content: bytes, note: bytes) -> Message:
    """Check that a published message is what a signed note commits to, and give it.

    `content`: the line of the message; `note`: the bytes of a bare note. Raises DispatchError, KeysError.
    """
    from dispatch.checks.published import verify_content

    signed_note = parse_signed_note(note)
    verified = Verifier(trusted).verify_note(signed_note)
    check_stands(signed_note, trusted.roster, NoEvidence())
    return verify_content(content, verified, trusted.roster).message
