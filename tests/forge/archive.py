"""An archive in memory: a centre, twenty branches, two years of traffic, and whatever may be wrong with it.

Every month the centre sends a circular, the branches receipt it and report on the month before, and the
centre receipts their reports. The first circular asks for the monthly reports and has its text, so that
duties can be audited. Bodies are tiny and sealed to nobody: an auditor opens none. The keys follow from
names, so that two archives are the same bytes.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from dispatch.formats.blinding import Verb, blind_slot, occasion_of
from dispatch.formats.envelope import NOTE_NAMESPACE, encode_envelope, file_name
from dispatch.formats.merkle import CompactRange, leaf_hash
from dispatch.formats.message import Circular, content_digest
from dispatch.formats.note import FIRST_HEAD, Head, Note, Number
from dispatch.formats.obligation import Form
from dispatch.formats.statement import Statement, sign_statement
from keys import age
from keys.age.header import Stanza, encode_header
from keys.age.header import encode_signed as encode_signed_header
from keys.codec import encode_base64_raw
from keys.keyfile import SecretKeys
from keys.roster import add_offices, first_roster, next_version, set_group
from keys.signed import SignedText, encode_signed
from keys.trust import SignedRoster, encode_roster_file, sign_roster, trust_pinned
from tests.forge.dispatches import (
    DAY,
    make_copies,
    make_message,
    make_note,
    make_obligation,
    make_plaintext,
    roster_ref,
    same,
    sign_note,
)
from tests.forge.roster import card_of, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from dispatch.formats.message import Relation
    from dispatch.formats.obligation import Obligation
    from keys.card import Card
    from keys.roster import Roster
    from keys.signing import SigningKey
    from keys.trust import TrustedRoster

BRANCHES = tuple(f"b{number:02}" for number in range(1, 21))
START = datetime(2025, 1, 1, 9, tzinfo=UTC)
END = datetime(2026, 12, 31, 9, tzinfo=UTC)
"""When the audit is held."""
MONTHS = 24
SLOT_KEY = sha256(b"slot key").digest()
CIRCULAR = Number("cc", "2025", 1)
RENEWED = "b01 in 2026"


def tiny_body(number: Number, handle: str) -> bytes:
    """Write a body that looks like one sealed to a classical office, and that nobody opens."""
    wrapped, mac = (sha256(f"{part} of {number} {handle}".encode()).digest() for part in ("key", "mac"))
    stanza = Stanza(age.CLASSICAL, (encode_base64_raw(wrapped),), wrapped)
    return encode_header(encode_signed_header((stanza,)), mac) + mac


def key_of(name: str) -> SigningKey:
    """Give the signing key of an office by its handle, or of anybody else by a name."""
    return named(name).signing_keys[0]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One dispatch in an archive. `files`: the names of its envelopes, by addressee."""

    note: Note
    id: bytes
    signed: SignedText
    files: dict[str, str]

    @property
    def number(self) -> Number:
        return self.note.number


@dataclass(kw_only=True)
class Volume:
    """The newest volume of one office's register."""

    name: str
    ids: list[bytes] = field(default_factory=list)
    edge: CompactRange = field(default_factory=CompactRange)
    before: Head = FIRST_HEAD

    @property
    def head(self) -> Head:
        return Head(self.name, len(self.ids), self.edge.root) if self.ids else self.before

    def append(self, note_id: bytes) -> None:
        self.ids.append(note_id)
        self.edge.append(leaf_hash(note_id))


@dataclass(kw_only=True)
class ForgedArchive:
    """The files of an archive by name, and all that is needed to add to them or to make them wrong."""

    root: SigningKey
    rosters: tuple[SignedRoster, ...]
    keys: dict[str, SigningKey]
    files: dict[str, bytes] = field(default_factory=dict)
    sent: dict[Number, Sent] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    closed: dict[tuple[str, str], Volume] = field(default_factory=dict)
    last: dict[tuple[str, str], Number] = field(default_factory=dict)
    circular: bytes = b""
    """Both lines of the first circular's plaintext."""

    @property
    def roster(self) -> Roster:
        return self.rosters[-1].roster

    @property
    def pin(self) -> str:
        return self.rosters[0].roster.root_fingerprint(1)

    def trusted(self, version: int | None = None) -> TrustedRoster:
        return trust_pinned(self.rosters[:version], self.pin)

    def roster_file(self, version: int | None = None) -> bytes:
        return encode_roster_file(self.trusted(version).chain)

    def copy(self) -> ForgedArchive:
        """Give a copy that may be made wrong."""
        return replace(
            self,
            keys=dict(self.keys),
            files=dict(self.files),
            sent=dict(self.sent),
            volumes=copy.deepcopy(self.volumes),
            closed=copy.deepcopy(self.closed),
            last=dict(self.last),
        )

    def key(self, handle: str, version: int = 2) -> SigningKey:
        """Give the key of an office as of a roster version."""
        return self.keys[RENEWED] if handle == "b01" and version > 1 else self.keys[handle]

    def version_at(self, date: datetime) -> int:
        """Give the number of the newest roster at a date."""
        return max([one.roster.version for one in self.rosters if one.roster.date <= date])

    def next_roster(
        self, date: datetime, edit: Callable[[Roster], Roster] = same, expires: datetime | None = None
    ) -> None:
        """Sign one more version of the roster."""
        draft = edit(next_version(self.roster, date=date, expires=expires or self.roster.expires))
        self.rosters = (*self.rosters, sign_roster(draft, [self.root]))

    def newest(self, handle: str) -> Sent:
        return max((one for number, one in self.sent.items() if number.handle == handle), key=_number)

    def send(
        self,
        issuer: str,
        date: datetime,
        to: Iterable[str],
        *,
        content: bytes | None = None,
        answers: Sequence[bytes] = (),
        receipts: Sequence[bytes] = (),
        voids: Sequence[bytes] = (),
        note: Callable[[Note], Note] = same,
        after: Callable[[str, Number | None], Number | None] = lambda _, number: number,
        keys: Sequence[SigningKey] | None = None,
        namespace: str = NOTE_NAMESPACE,
        body: Callable[[Number, str], bytes] = tiny_body,
        handles: Callable[[list[str]], list[str]] = same,
        keep: bool = True,
        files: bool = True,
    ) -> Sent:
        """Send a dispatch. `note`, `after`, `body` and `handles` decide what stands there.

        `keep`: count it in the register. `files`: put its envelopes into the archive.
        """
        volume = self._volume(issuer, date)
        number = Number(issuer, volume.name, len(volume.ids) + 1)
        got = handles(sorted({issuer, *to}))
        version = self.version_at(date)
        bodies = [(handle, body(number, handle)) for handle in got]
        copies, said = make_copies(bodies, lambda handle: after(handle, self.last.get((issuer, handle))))
        made = note(
            make_note(
                number,
                date,
                roster_ref(self.roster, version),
                said,
                register=volume.head,
                content=content or sha256(str(number).encode()).digest(),
                answers=tuple(sorted(answers)),
                receipts=tuple(sorted(receipts)),
                voids=tuple(sorted(voids)),
            )
        )
        signed = sign_note(made, keys or (self.key(issuer, version),), namespace)
        place = f"{issuer}/{volume.name}"
        names = {handle: f"{place}/{file_name(made.number, handle)}" for handle in got}
        for copy_of, (handle, sealed) in zip(copies, bodies, strict=True) if files else ():
            # of two copies for one office the second gets a name of its own
            again = f"again/{copy_of.index}/" if handle in got[: copy_of.index - 1] else ""
            self.files[again + names[handle]] = encode_envelope(signed, copy_of, sealed)
        sent = Sent(note=made, id=sha256(signed.text).digest(), signed=signed, files=names)
        if keep:
            volume.append(sent.id)
            self.sent[made.number] = sent
            for handle in got:
                self.last[issuer, handle] = made.number
        return sent

    def remove(self, number: Number) -> None:
        for name in self.sent[number].files.values():
            del self.files[name]

    def put_note(self, sent: Sent, name: str) -> None:
        """Add a bare note."""
        self.files[name] = encode_signed(sent.signed)

    def state(self, handle: str, volume: str, date: datetime) -> bytes:
        """Sign a true statement of a volume."""
        known = self.closed.get((handle, volume)) or self.volumes[handle]
        return self.sign_statement(handle, volume, date, known.ids)

    def sign_statement(self, handle: str, volume: str, date: datetime, ids: Sequence[bytes]) -> bytes:
        return sign_statement(self.statement(handle, volume, date, ids), [self.key(handle)])

    def statement(self, handle: str, volume: str, date: datetime, ids: Sequence[bytes]) -> Statement:
        return Statement(
            issuer=handle, volume=volume, date=date, roster=roster_ref(self.roster), ids=tuple(ids)
        )

    def write(self, folder: Path, like: tuple[ForgedArchive, Path] | None = None) -> Path:
        """Write all files below a folder. Files that `like`, which is on disk, has too are linked."""
        made: set[str] = set()
        for name, data in self.files.items():
            parent, _, _ = name.rpartition("/")
            if parent not in made:
                (folder / parent).mkdir(parents=True, exist_ok=True)
                made.add(parent)
            if like is not None and like[0].files.get(name) is data:
                os.link(like[1] / name, folder / name)
            else:
                (folder / name).write_bytes(data)
        return folder

    def _volume(self, issuer: str, date: datetime) -> Volume:
        year = str(date.year)
        volume = self.volumes.setdefault(issuer, Volume(name=year))
        if volume.name[:4] < year:
            self.closed[issuer, volume.name] = volume
            volume = self.volumes[issuer] = Volume(name=year, before=volume.head)
        return volume


def slot(verb: Verb, office: str, period: str | None = None, event: int | None = None) -> bytes:
    """Blind a slot of the first circular: `monthly` for a period, `held` for an event, or the whole."""
    obligation = "monthly" if period else "held" if event else None
    return blind_slot(SLOT_KEY, verb, obligation, office, occasion_of(period, event))


def make_archive(branches: Sequence[str] = BRANCHES, months: int = MONTHS) -> ForgedArchive:
    """Make a clean archive."""
    archive = empty_archive(branches)
    line, secrets = circular_lines()
    archive.circular = line + secrets
    for month in range(months):
        first = START.replace(year=2025 + month // 12, month=month % 12 + 1)
        content = content_digest(line) if month == 0 else None
        circular = archive.send("cc", first, branches, content=content)
        for minute, branch in enumerate(branches):
            archive.send(
                branch,
                first + DAY + minute * timedelta(minutes=1),
                ["cc"],
                answers=[slot("acknowledge", branch)] if month == 0 else (),
                receipts=[circular.id],
            )
        if month:
            before = first - DAY
            _report(archive, branches, first + 2 * DAY, f"{before:%Y-%m}")
    return archive


def _report(archive: ForgedArchive, branches: Sequence[str], date: datetime, period: str) -> None:
    """Let the branches report, and let the centre receipt each report a day later."""
    reports = {
        branch: archive.send(
            branch,
            date + minute * timedelta(minutes=1),
            ["cc"],
            answers=[slot("report", branch, period)],
        )
        for minute, branch in enumerate(branches)
    }
    for branch, report in reports.items():
        archive.send("cc", date + DAY, [branch], receipts=[report.id])


def empty_archive(branches: Sequence[str]) -> ForgedArchive:
    """Make the keys and two versions of the roster; from the second one on b01 has another key."""
    root = key_of("root")
    keys = {handle: key_of(handle) for handle in ("cc", *branches)}
    cards = [card_by(handle, keys[handle]) for handle in keys]
    far = START.replace(year=2030)
    first = first_roster(realm="rkp", root=[root.verify_key], date=START - DAY, expires=far)
    first = add_offices(first, [(card, ("issue", "report")) for card in cards])
    first = set_group(first, "branches", branches)
    signed = sign_roster(first, [root])
    renewed = key_of(RENEWED)
    second = next_version(first, date=START.replace(year=2026) - DAY, expires=far)
    second = add_offices(second, [(card_by("b01", renewed), None)])
    archive = ForgedArchive(root=root, rosters=(signed, sign_roster(second, [root])), keys=keys)
    archive.keys[RENEWED] = renewed
    return archive


def card_by(handle: str, *signing: SigningKey) -> Card:
    """Make the card of an office that keeps its sealing key and has these signing keys."""
    own = SecretKeys(identities=named(handle).identities, signing_keys=signing)
    return card_of(handle, own, title=f"Губком {handle}")


def circular_lines(
    number: Number = CIRCULAR,
    date: datetime = START,
    to: Sequence[str] = ("@branches",),
    zone: str = "UTC",
    *,
    relations: Sequence[Relation] = (),
    obligations: Sequence[Obligation] | None = None,
) -> tuple[bytes, bytes]:
    """Write the message and the secrets of a circular. `obligations`: unless given, monthly reports."""
    if obligations is None:
        obligations = (
            obligation("monthly", every="month", from_="2025-01"),
            obligation("held", after="conference"),
        )
    message = make_message(
        Circular,
        number,
        date,
        to=tuple(to),
        subject="Отчёты / Reports",
        body="1. Report every month.\n",
        zone=zone,
        reply="acknowledgement",
        reply_within="P7D",
        relations=tuple(relations),
        obligations=tuple(obligations),
        forms=(Form(id="form", fields=()),),
    )
    return make_plaintext(message, SLOT_KEY)


def obligation(name: str, **fields: Any) -> Obligation:
    return make_obligation(name, form="form", by=("@branches",), **fields)


def _number(sent: Sent) -> Number:
    return sent.number
