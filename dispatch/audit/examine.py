"""One file of an archive -> what it proves, and what is wrong with it.

These are steps 1 to 5 of FORMAT.md, section 14, and of step 7 what shows without a key.

The answer is small, because it travels between processes and there may be millions of copies: a note that was
seen before is only its id.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.audit.archive import NOTE, STATEMENT
from dispatch.audit.findings import kind_of, text_of
from dispatch.checks.outside import check_sealing
from dispatch.checks.soundness import count
from dispatch.checks.verifier import Commitment, Verifier, commitment_of, verify_copy, verify_statement
from dispatch.errors import FINDINGS, UNEXPECTED, DispatchError, StorageError, exit_code
from dispatch.formats.envelope import MAX_ENVELOPE, parse_copy, parse_signed_note, split_envelope
from dispatch.formats.statement import MAX_STATEMENT, Statement, parse_statement
from dispatch.system.files import read_capped
from keys import age
from keys.errors import KeysError, UnlistedKeyError, UnprovenError

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.audit.archive import Source
    from dispatch.audit.findings import Severity
    from dispatch.formats.envelope import SignedNote
    from dispatch.formats.note import Number
    from keys.signed import SignedText
    from keys.trust import TrustedRoster

_NOTE_START = b"dispatch/v1\n"
_STATEMENT_START = b"dispatch-register/v1\n"
_ENVELOPE_END = b"-----END AGE ENCRYPTED FILE-----\n"
_SIGNED_END = b"-----END SSH SIGNATURE-----\n"


class Fault(NamedTuple):
    """What is wrong with a file; the fields are those of a finding.

    `number` and `id`: what its note claims to be, if it has one that does not hold.
    """

    kind: str
    subject: str
    text: str
    code: int
    severity: Severity = "broken"
    number: Number | None = None
    id: bytes = b""


class NoteText(NamedTuple):
    """A note that holds.

    `text`: the bytes that were signed; `keys`: the fingerprints of those that signed; `forgeable_from`: the
    moment from which too few of them are unmarked, or None.
    """

    text: bytes
    keys: tuple[str, ...]
    forgeable_from: datetime | None


class Place(NamedTuple):
    """One copy that holds.

    `number`: its place among the copies, from 1; `to`: its addressee; `after`: the number of the dispatch
    that the addressee got before it, or empty.
    """

    number: int
    to: str
    after: str


class Seen(NamedTuple):
    """What one file came to.

    `fault`: what is wrong with it; `id`: of its note, if that holds; `note`: the note itself, the first time
    that a process sees it; `place`: of its copy, if that holds; `statement`: the signed list of a register
    that it holds.
    """

    fault: Fault | None = None
    id: bytes = b""
    note: NoteText | None = None
    place: Place | None = None
    statement: Statement | None = None


class _Head(NamedTuple):
    """The outcome of a signed note, kept so that its other copies need only their own checks.

    `id` and `said`, what it says of its copies, are there if it holds, `fault` if it does not.
    """

    fault: Fault | None
    id: bytes
    said: Commitment | None


class Examiner:
    """Checks files one by one against a trusted roster. Every process has its own."""

    def __init__(self, trusted: TrustedRoster) -> None:
        self._trusted = trusted
        self._verifier = Verifier(trusted)
        self._heads: dict[bytes, _Head] = {}

    def examine(self, source: Source) -> Seen:
        """Check one file; never raises for what is in it."""
        if source.link:
            text = "a link, which is not followed"
            return Seen(Fault("link-not-followed", source.name, text, FINDINGS, "warning"))
        if source.error:
            return Seen(_unreadable(source, source.error))
        ending = source.name[source.name.rfind(".") :].casefold()
        data = None
        try:
            limit = MAX_STATEMENT if ending == STATEMENT else MAX_ENVELOPE
            data = read_capped(Path(source.place), limit, regular=True)
            return self._examine_data(data, ending, source.name)
        except (OSError, StorageError) as error:
            return Seen(_unreadable(source, text_of(error, source.place)))
        except (DispatchError, KeysError) as error:
            return Seen(_fault_of_file(error, source, data))

    def _examine_data(self, data: bytes, ending: str, name: str) -> Seen:
        if ending == STATEMENT:
            return self._examine_statement(data, name)
        if ending == NOTE:
            head, new = self._examine_head(data)
            return Seen(fault=head.fault, id=head.id, note=new)
        return self._examine_envelope(data)

    def _examine_statement(self, data: bytes, name: str) -> Seen:
        signed = parse_statement(data)
        try:
            return Seen(statement=verify_statement(signed, self._trusted))
        except (DispatchError, KeysError) as error:
            kind = self._kind(error, signed.statement.issuer, signed.signed)
            # no receipt names a signed list, so that nothing can prove it older
            severity: Severity = "missing" if isinstance(error, UnprovenError) else "broken"
            return Seen(Fault(kind, name, str(error), exit_code(error), severity))

    def _examine_envelope(self, data: bytes) -> Seen:
        head_text, copy_text, armored = split_envelope(data)
        # the grammar of all parts comes first: an error after the head was seen would lose its note
        copy = parse_copy(copy_text)
        body = age.decode_armor_canonical(armored)
        head, new = self._examine_head(head_text)
        if head.said is None:
            return Seen(fault=head.fault)
        said, offices = head.said, self._verifier.offices
        subject = f"{said.number} to {copy.to}"
        try:
            verify_copy(copy, body, said, offices.roster)
        except (DispatchError, KeysError) as error:
            # the copy does not hold, but its note does, and is evidence
            return Seen(Fault(kind_of(error), subject, str(error), exit_code(error)), head.id, new)
        fault = None
        try:
            check_sealing(body, copy.to, said.version, offices.roster)
        except (DispatchError, KeysError) as error:
            fault = Fault("sealed-otherwise", subject, str(error), exit_code(error))
        if said.copies.count > len(offices.at(said.version)):
            # `copies` says that the note is false; by the places that it claims, memory would grow
            return Seen(fault, head.id, new)
        return Seen(fault, head.id, new, Place(copy.index, copy.to, str(copy.after) if copy.after else ""))

    def _examine_head(self, data: bytes) -> tuple[_Head, NoteText | None]:
        """Check a signed note, unless it was checked before.

        Gives the outcome, and the note if it holds and is seen for the first time. Raises NoteError,
        FormatError for its grammar.
        """
        key = sha256(data).digest()
        known = self._heads.get(key)
        if known is not None:
            return known, None
        signed = parse_signed_note(data)
        note = signed.note
        new = None
        try:
            keys = self._verifier.verify_note(signed).keys
        except (DispatchError, KeysError) as error:
            head = _Head(self._fault_of_note(error, signed), b"", None)
        else:
            head = _Head(None, signed.id, commitment_of(note))
            fingerprints = tuple(sorted(key.fingerprint() for key in keys))
            moment = count(signed, self._verifier.roster).forgeable_from
            new = NoteText(signed.signed.text, fingerprints, moment)
        self._heads[key] = head
        return head, new

    def _fault_of_note(self, error: Exception, signed: SignedNote) -> Fault:
        note = signed.note
        kind = self._kind(error, note.number.handle, signed.signed)
        subject = str(note.number)
        if kind in ("unknown-roster-version", "another-realm", "roster-contradicted"):
            # one finding for all notes that name this version
            subject = f"{note.roster.realm}/{note.roster.version}"
        return Fault(kind, subject, str(error), exit_code(error), "broken", note.number, signed.id)

    def _kind(self, error: Exception, issuer: str, signed: SignedText) -> str:
        """Name the kind of a fault; an ended key of the office is another matter than a stranger's."""
        if isinstance(error, UnlistedKeyError):
            office = self._verifier.roster.office(issuer)
            if all(office.signing_entry(one.verify_key) for one in signed.parsed):
                return "key-not-in-force"
        return kind_of(error)


def _unreadable(source: Source, why: str) -> Fault:
    return Fault("unreadable-file", source.name, why, UNEXPECTED, "missing")


def _fault_of_file(error: Exception, source: Source, data: bytes | None) -> Fault:
    """Say what is wrong with a file that cannot be understood: foreign, cut off, or against the grammar.

    `data`: None of one that is too long to be read.
    """
    kind = kind_of(error)
    if kind == "malformed-file" and data is not None:
        is_statement = source.name.casefold().endswith(STATEMENT)
        start = _STATEMENT_START if is_statement else _NOTE_START
        bare = is_statement or source.name.casefold().endswith(NOTE)
        if not data.startswith(start):
            kind = "foreign-file" if data else "truncated-file"
        elif not data.endswith(_SIGNED_END if bare else _ENVELOPE_END):
            kind = "truncated-file"
    return Fault(kind, source.name, text_of(error, source.place), exit_code(error))
