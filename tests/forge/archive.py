"""A forge of archives: a centre, twenty branches, two years of traffic, and whatever may be wrong with them.

Every month the centre sends a circular, the branches receipt it and report on the month before, and the
centre receipts their reports. The first circular asks for the monthly reports and has its text, so that
duties can be audited. Bodies are tiny and sealed to nobody: an auditor opens none. The keys are made from
seeds, so that two archives are the same bytes.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from dispatch.formats.blinding import Verb, blind_slot, occasion_of
from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, encode_envelope, file_name, leaf_data
from dispatch.formats.merkle import CompactRange, Tree, leaf_hash
from dispatch.formats.message import Circular, content_digest, encode_message
from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef, encode_note
from dispatch.formats.obligation import Form, Obligation
from dispatch.formats.plaintext import Secrets, encode_secrets
from dispatch.formats.statement import Statement, sign_statement
from keys.age import X25519Identity
from keys.card import make_card
from keys.codec import encode_base64
from keys.roster import add_offices, first_roster, next_version, set_group
from keys.signed import SignedText, encode_signed, sign_text
from keys.signing import SigningKey
from keys.text import format_date
from keys.trust import SignedRoster, encode_roster_file, sign_roster, trust_pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from dispatch.formats.message import Relation
    from keys.card import Card
    from keys.roster import Roster
    from keys.trust import TrustedRoster

BRANCHES = tuple(f"b{number:02}" for number in range(1, 21))
START = datetime(2025, 1, 1, 9, tzinfo=UTC)
END = datetime(2026, 12, 31, 9, tzinfo=UTC)
"""When the audit is held."""
MONTHS = 24
DAY = timedelta(days=1)
SLOT_KEY = sha256(b"slot key").digest()
CIRCULAR = Number("cc", "2025", 1)
RENEWED = "b01 in 2026"


def same(value: Any) -> Any:
    return value


def random_of(name: str) -> Callable[[int], bytes]:
    """Give a source of bytes that is the same every time."""
    return lambda size: sha256(name.encode()).digest()[:size]


def key_of(name: str) -> SigningKey:
    return SigningKey.generate("ssh-ed25519", random=random_of(name))


def sealing_of(name: str) -> X25519Identity:
    return X25519Identity(sha256(name.encode()).digest())


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One dispatch as it stands in an archive: where its files are, by addressee."""

    note: Note
    id: bytes
    signed: SignedText
    files: dict[str, str]

    @property
    def number(self) -> Number:
        return self.note.number


@dataclass(kw_only=True)
class Volume:
    """The register of one office as the forge keeps it: the newest volume."""

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
    """Files by name, and all that is needed to send more into it, or to make it wrong."""

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
        """Give one that can be made wrong without harm to this one."""
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
        """Give the roster version that an office has at a date."""
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
        keep: bool = True,
        files: bool = True,
    ) -> Sent:
        """Send a dispatch. `note`, `after`: what shall stand there; `keep`: count it in the register.

        `files`: write its files; without, it was issued and is not in the archive.
        """
        volume = self._volume(issuer, date)
        number = Number(issuer, volume.name, len(volume.ids) + 1)
        handles = sorted({issuer, *to})
        version = self.version_at(date)
        record = self.roster.version_record(version)
        place = f"{issuer}/{volume.name}"
        afters = {handle: after(handle, self.last.get((issuer, handle))) for handle in handles}
        bodies = {handle: f"age-encryption.org/v1\n{number} {handle}\n".encode() for handle in handles}
        copies = [
            Copy(index=index, to=to, after=afters[to], body=sha256(bodies[to]).digest(), proof=())
            for index, to in enumerate(handles, 1)
        ]
        tree = Tree(leaf_hash(leaf_data(one.index, one.to, one.after, one.body)) for one in copies)
        made = note(
            Note(
                number=number,
                date=date,
                roster=RosterRef(self.roster.realm, version, record.digest),
                register=volume.head,
                content=content or sha256(str(number).encode()).digest(),
                copies=Copies(len(copies), tree.root),
                answers=tuple(sorted(answers)),
                receipts=tuple(sorted(receipts)),
                voids=tuple(sorted(voids)),
            )
        )
        signed = sign(made, keys or (self.key(issuer, version),), namespace)
        names = {}
        for one in copies:
            names[one.to] = f"{place}/{file_name(made.number, one.to)}"
            if files:
                whole = replace(one, proof=tree.proof(one.index - 1))
                self.files[names[one.to]] = encode_envelope(signed, whole, bodies[one.to])
        sent = Sent(note=made, id=sha256(signed.text).digest(), signed=signed, files=names)
        if keep:
            volume.append(sent.id)
            self.sent[made.number] = sent
            for handle in handles:
                self.last[issuer, handle] = made.number
        return sent

    def remove(self, number: Number) -> None:
        for name in self.sent[number].files.values():
            del self.files[name]

    def put_note(self, sent: Sent, name: str) -> None:
        """Add a bare note."""
        self.files[name] = encode_signed(sent.signed)

    def state(self, handle: str, volume: str, date: datetime) -> bytes:
        """Sign a statement of a volume as it is."""
        known = self.closed.get((handle, volume)) or self.volumes[handle]
        return self.sign_statement(handle, volume, date, known.ids)

    def sign_statement(self, handle: str, volume: str, date: datetime, ids: Sequence[bytes]) -> bytes:
        return sign_statement(self.statement(handle, volume, date, ids), [self.key(handle)])

    def statement(self, handle: str, volume: str, date: datetime, ids: Sequence[bytes]) -> Statement:
        record = self.roster.version_record(self.roster.version)
        return Statement(
            issuer=handle,
            volume=volume,
            date=date,
            roster=RosterRef(self.roster.realm, record.version, record.digest),
            ids=tuple(ids),
        )

    def write(self, folder: Path, like: tuple[ForgedArchive, Path] | None = None) -> Path:
        """Write all files below a folder. `like`: another archive on disk whose equal files are linked."""
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


def sign(note: Note, keys: Iterable[SigningKey], namespace: str = NOTE_NAMESPACE) -> SignedText:
    text = encode_note(note)
    return SignedText(text=text, signatures=tuple(sign_text(text, key, namespace) for key in keys))


def slot(verb: Verb, office: str, period: str | None = None, event: int | None = None) -> bytes:
    """Blind a slot of the first circular: `monthly`, or (`event`) `held`; without either, of the whole."""
    obligation = "monthly" if period else "held" if event else None
    return blind_slot(SLOT_KEY, verb, obligation, office, occasion_of(period, event))


def make_archive(branches: Sequence[str] = BRANCHES, months: int = MONTHS) -> ForgedArchive:
    """Make a clean archive."""
    archive = _make_realm(branches)
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
    """Let the branches report, and the centre receipt it a day later."""
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


def _make_realm(branches: Sequence[str]) -> ForgedArchive:
    """Make keys and two versions of the roster; from the second on b01 has another key."""
    root = key_of("root")
    keys = {handle: key_of(handle) for handle in ("cc", *branches)}
    cards = [card_of(handle, keys[handle]) for handle in keys]
    far = START.replace(year=2030)
    first = first_roster(realm="rkp", root=[root.verify_key], date=START - DAY, expires=far)
    first = add_offices(first, [(card, ("issue", "report")) for card in cards])
    first = set_group(first, "branches", branches)
    signed = sign_roster(first, [root])
    renewed = key_of(RENEWED)
    second = next_version(first, date=START.replace(year=2026) - DAY, expires=far)
    second = add_offices(second, [(card_of("b01", renewed), None)])
    archive = ForgedArchive(root=root, rosters=(signed, sign_roster(second, [root])), keys=keys)
    archive.keys[RENEWED] = renewed
    return archive


def card_of(handle: str, *keys: SigningKey) -> Card:
    return make_card(
        handle=handle,
        title=f"Губком {handle}",
        classical=True,
        signing=[key.verify_key for key in keys],
        sealing=[sealing_of(handle).recipient()],
    )


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
    message = Circular(
        format="dispatch-message/v1",
        salt=encode_base64(bytes(32)),
        secrets=encode_base64(bytes(32)),
        number=str(number),
        date=format_date(date),
        from_=number.handle,
        to=tuple(to),
        info=(),
        precedence="routine",
        subject="Отчёты / Reports",
        attachments=(),
        body="1. Report every month.\n",
        zone=zone,
        reply="acknowledgement",
        reply_within="P7D",
        relations=tuple(relations),
        promises=(),
        obligations=tuple(obligations),
        forms=(Form(id="form", fields=()),),
    )
    secrets = Secrets(
        format="dispatch-secrets/v1", slot_key=encode_base64(SLOT_KEY), attachments=(), padding=""
    )
    secrets_line = encode_secrets(secrets, len(encode_message(message)))
    digest = encode_base64(sha256(secrets_line).digest())
    return encode_message(msgspec.structs.replace(message, secrets=digest)), secrets_line


def obligation(
    name: str,
    *,
    every: Literal["month"] | None = None,
    from_: str | None = None,
    after: str | None = None,
    once: str | None = None,
) -> Obligation:
    return Obligation(
        id=name,
        paragraph=1,
        form="form",
        every=every,
        before=None,
        after=after,
        once=once,
        from_=from_,
        until=None,
        due="P5D",
        nil=True,
        undertaking=False,
        by=("@branches",),
    )


def _number(sent: Sent) -> Number:
    return sent.number
