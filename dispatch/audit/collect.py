"""A pile of files -> what is known of each note: each file by itself, on all cores.

Of a copy three numbers are kept, twelve bytes; all else grows with the notes. One bad file is a fault of
its own and stops nothing. A note's signatures are checked once a process, however many copies there are.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.audit.archive import NOTE, STATEMENT
from dispatch.audit.findings import MAX_FILES, Finding, kind_of, text_of
from dispatch.checks.verifier import Commitment, Verifier, commitment_of, verify_copy, verify_statement
from dispatch.errors import FINDINGS, UNEXPECTED, DispatchError, StorageError, exit_code
from dispatch.formats.envelope import MAX_ENVELOPE, parse_copy, parse_signed_note, split_envelope
from dispatch.formats.note import parse_note
from dispatch.formats.statement import MAX_STATEMENT, Statement, parse_statement
from dispatch.system.files import read_capped
from dispatch.system.workers import map_parallel
from keys import age
from keys.errors import KeysError, UnlistedKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from dispatch.audit.archive import Archive, Source
    from dispatch.audit.findings import Severity
    from dispatch.formats.envelope import SignedNote
    from dispatch.formats.note import Note, Number
    from keys.signed import SignedText
    from keys.signing import VerifyKey
    from keys.trust import TrustedRoster

_NOTE_START = b"dispatch/v1\n"
_STATEMENT_START = b"dispatch-register/v1\n"
_ENVELOPE_END = b"-----END AGE ENCRYPTED FILE-----\n"
_SIGNED_END = b"-----END SSH SIGNATURE-----\n"


class Fault(NamedTuple):
    """What is wrong with a file. `subject` empty: the file itself. `number`, `id`: what its note claims."""

    kind: str
    subject: str
    text: str
    code: int
    severity: Severity = "broken"
    number: Number | None = None
    id: bytes = b""


class NoteText(NamedTuple):
    """A note that holds. `keys`: fingerprints; `compromised`: since when too few of them are sound."""

    text: bytes
    keys: tuple[str, ...]
    compromised: datetime | None


class Place(NamedTuple):
    """One copy: its place from 1, its addressee, the dispatch before it or empty."""

    number: int
    to: str
    after: str


class Seen(NamedTuple):
    """What one file came to. `id`: of a note that holds; `note`: with it, the first time in a process."""

    fault: Fault | None = None
    id: bytes = b""
    note: NoteText | None = None
    place: Place | None = None
    statement: Statement | None = None


class _Head(NamedTuple):
    """The outcome of a signed note, kept so that its other copies need only their own checks."""

    fault: Fault | None
    id: bytes
    said: Commitment | None


@dataclass(slots=True, kw_only=True)
class NoteFacts:
    """One note that holds, and its copies here. `file`: the first that holds it.

    `indexes`: a bit for each copy; `offices`, `afters`: of each copy, places in the tables of `Collected`;
    `places`: of its file in the pile.
    """

    note: Note
    id: bytes
    keys: tuple[str, ...]
    compromised: datetime | None
    file: str
    indexes: bytearray = field(default_factory=bytearray)
    offices: array[int] = field(default_factory=lambda: array("I"))
    afters: array[int] = field(default_factory=lambda: array("I"))
    places: array[int] = field(default_factory=lambda: array("I"))

    @property
    def number(self) -> Number:
        """Its number."""
        return self.note.number

    @property
    def is_whole(self) -> bool:
        """Tell whether every copy of it is here."""
        return len(self.offices) == self.note.copies.count

    def add_signatures(self, other: NoteText) -> None:
        """Keep that the same note came with other signatures too: the best of them counts."""
        self.keys = tuple(sorted({*self.keys, *other.keys}))
        marks = (self.compromised, other.compromised)
        self.compromised = None if None in marks else max(mark for mark in marks if mark is not None)

    def has(self, index: int) -> bool:
        """Tell whether a copy is here already."""
        byte, bit = divmod(index - 1, 8)
        return byte < len(self.indexes) and bool(self.indexes[byte] & 1 << bit)

    def add(self, index: int, office: int, after: int, place: int) -> None:
        """Keep a copy."""
        byte, bit = divmod(index - 1, 8)
        self.indexes.extend(bytes(max(0, byte + 1 - len(self.indexes))))
        self.indexes[byte] |= 1 << bit
        self.offices.append(office)
        self.afters.append(after)
        self.places.append(place)


class Interned:
    """Names, each once: twelve bytes a copy need numbers in their place."""

    __slots__ = ("_places", "names")

    def __init__(self, *names: str) -> None:
        self.names: list[str] = []
        self._places: dict[str, int] = {}
        for name in names:
            self.place(name)

    def place(self, name: str) -> int:
        """Give the place of a name, a new one if it has none."""
        place = self._places.setdefault(name, len(self.names))
        if place == len(self.names):
            self.names.append(name)
        return place


@dataclass(slots=True, kw_only=True)
class Evidence:
    """The files that prove one fault, and how many more there are."""

    files: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, name: str) -> None:
        """Keep a file, or count it. Files come in order."""
        if len(self.files) < MAX_FILES:
            self.files.append(name)
        else:
            self.more += 1


@dataclass(slots=True, kw_only=True)
class Collected:
    """All that an archive holds. `claimed`: ids of notes that do not hold, by the number that they claim.

    The first entry of `befores` is empty: a copy without a previous dispatch.
    """

    notes: dict[bytes, NoteFacts] = field(default_factory=dict)
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    faults: dict[Fault, Evidence] = field(default_factory=dict)
    claimed: dict[Number, set[bytes]] = field(default_factory=dict)
    offices: Interned = field(default_factory=Interned)
    befores: Interned = field(default_factory=lambda: Interned(""))
    files: int = 0
    copies: int = 0

    def findings(self) -> list[Finding]:
        """Give what is wrong with single files, the same fault of several as one finding."""
        return [
            Finding(
                kind=fault.kind,
                subject=fault.subject,
                text=fault.text,
                severity=fault.severity,
                code=fault.code,
                files=tuple(sorted(evidence.files)),
                more=evidence.more,
            )
            for fault, evidence in self.faults.items()
        ]


class Examiner:
    """Checks files one by one against a trusted roster; every process has one of its own."""

    def __init__(self, trusted: TrustedRoster) -> None:
        self._trusted = trusted
        self._verifier = Verifier(trusted)
        self._heads: dict[bytes, _Head] = {}

    def examine(self, source: Source) -> Seen:
        """Check one file (steps 1 to 5); never raises for what is in it."""
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
            return Seen(Fault(kind, name, str(error), exit_code(error)))

    def _examine_envelope(self, data: bytes) -> Seen:
        head_text, copy_text, armored = split_envelope(data)
        # grammar first: what the head gives for the first time must not be lost
        copy = parse_copy(copy_text)
        body = age.decode_armor_canonical(armored)
        head, new = self._examine_head(head_text)
        if head.said is None:
            return Seen(fault=head.fault)
        try:
            verify_copy(copy, body, head.said, self._verifier.roster)
        except (DispatchError, KeysError) as error:
            subject = f"{head.said.number} to {copy.to}"
            # the note itself holds, and is evidence
            return Seen(Fault(kind_of(error), subject, str(error), exit_code(error)), head.id, new)
        return Seen(None, head.id, new, Place(copy.index, copy.to, str(copy.after) if copy.after else ""))

    def _examine_head(self, data: bytes) -> tuple[_Head, NoteText | None]:
        """Check a signed note, unless it was checked: the outcome, and the note the first time that it holds.

        Raises NoteError, FormatError for its grammar.
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
            new = NoteText(signed.signed.text, fingerprints, self._compromised(note, keys))
        self._heads[key] = head
        return head, new

    def _compromised(self, note: Note, keys: Iterable[VerifyKey]) -> datetime | None:
        """Tell since when nothing but other offices' receipts proves a note; None if its keys are enough."""
        office = self._verifier.roster.office(note.number.handle)
        entries = [entry for key in keys if (entry := office.signing_entry(key)) is not None]
        marks = sorted(entry.compromised for entry in entries if entry.compromised is not None)
        # so many of its keys may be in other hands before fewer than the threshold are left
        spare = len(entries) - office.threshold(note.roster.version)
        return marks[spare] if len(marks) > spare else None

    def _fault_of_note(self, error: Exception, signed: SignedNote) -> Fault:
        note = signed.note
        kind = self._kind(error, note.number.handle, signed.signed)
        subject = str(note.number)
        if kind in ("unknown-roster-version", "another-realm", "roster-contradicted"):
            # one finding for all that names it
            subject = f"{note.roster.realm}/{note.roster.version}"
        return Fault(kind, subject, str(error), exit_code(error), "broken", note.number, signed.id)

    def _kind(self, error: Exception, issuer: str, signed: SignedText) -> str:
        """Name what is wrong with a signature: a key of nobody's is another matter than one of the office."""
        if isinstance(error, UnlistedKeyError):
            office = self._verifier.roster.office(issuer)
            if all(office.signing_entry(one.verify_key) for one in signed.parsed):
                return "key-not-in-force"
        return kind_of(error)


def collect(
    pile: Archive, trusted: TrustedRoster, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Collected:
    """Check every file and gather what is known. `progress`: called with files done, and all."""
    collected = Collected()
    total = pile.count()
    # the one runs ahead of the other by what the workers have in hand
    handed, named = tee(pile)
    seen = map_parallel(_examine, Examiner(trusted), handed, total, may_fork=True)
    for place, (source, one) in enumerate(zip(named, seen, strict=True)):
        _take(collected, place, source, one)
        if not place % 256:
            progress(place, total)
    for label in pile.empty():
        fault = Fault("nothing-to-audit", label, "no envelope, note or statement in it", FINDINGS, "missing")
        collected.faults[fault] = Evidence()
    return collected


def _examine(examiner: Examiner, source: Source) -> Seen:
    return examiner.examine(source)


def _take(collected: Collected, place: int, source: Source, seen: Seen) -> None:
    is_read = seen.fault is None or seen.fault.kind not in ("unreadable-file", "link-not-followed")
    collected.files += is_read
    if seen.fault is not None:
        fault = seen.fault
        if fault.number is not None:
            collected.claimed.setdefault(fault.number, set()).add(fault.id)
            fault = fault._replace(number=None, id=b"")
        collected.faults.setdefault(fault, Evidence()).add(source.name)
    if seen.statement is not None:
        collected.statements.append((source.name, seen.statement))
    if not seen.id:
        return
    facts = collected.notes.get(seen.id)
    if facts is None:
        # a process gives a note with the first of its files, and the first files of a process come first
        assert seen.note is not None  # noqa: S101 - see above
        facts = NoteFacts(
            note=parse_note(seen.note.text),
            id=seen.id,
            keys=seen.note.keys,
            compromised=seen.note.compromised,
            file=source.name,
        )
        collected.notes[seen.id] = facts
    elif seen.note is not None:
        facts.add_signatures(seen.note)
    if seen.place is not None and not facts.has(seen.place.number):
        office = collected.offices.place(seen.place.to)
        facts.add(seen.place.number, office, collected.befores.place(seen.place.after), place)
        collected.copies += 1


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
