"""How to make an archive wrong, one fault at a time. The table in faults.py names these functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from dispatch.formats.envelope import Copy, encode_envelope, file_name, leaf_data, parse_envelope
from dispatch.formats.merkle import leaf_hash, root
from dispatch.formats.message import Letter, content_digest, encode_message, parse_message
from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number
from dispatch.formats.plaintext import Secrets, encode_secrets
from dispatch.formats.statement import REGISTER_NAMESPACE, encode_statement
from keys.age import HybridIdentity
from keys.age.header import Stanza, encode_header
from keys.age.header import encode_signed as encode_signed_header
from keys.age.wrapping import SHARE_SIZE
from keys.codec import encode_base64, encode_base64_raw
from keys.keyfile import SecretKeys
from keys.roster import add_offices, revoke_key, set_threshold
from keys.signed import encode_signed
from keys.signing import COMPOSITE, SigningKey
from tests.forge.archive import (
    BRANCHES,
    END,
    RENEWED,
    SLOT_KEY,
    ForgedArchive,
    card_by,
    circular_lines,
    key_of,
    slot,
    tiny_body,
)
from tests.forge.dispatches import DAY, sign_note
from tests.forge.roster import card_of, sign

if TYPE_CHECKING:
    from collections.abc import Callable

LATE = datetime(2026, 12, 20, 9, tzinfo=UTC)
"""After all other traffic, and before the audit."""
RECEIPT, REPORT = Number("b03", "2026", 5), Number("b03", "2026", 6)
"""A receipt of a branch, and a report of it. The centre receipts the report only."""
NEXT = "cc/2026/253"
"""The next number of the centre."""


def nothing(_: ForgedArchive) -> None:
    pass


def removed(*numbers: Number) -> Callable[[ForgedArchive], None]:
    def make(archive: ForgedArchive) -> None:
        for number in numbers:
            archive.remove(number)

    return make


def kept_statement(office: str, volume: str, date: datetime = LATE) -> Callable[[ForgedArchive], None]:
    def make(archive: ForgedArchive) -> None:
        archive.files[f"{office}-{volume}.register"] = archive.state(office, volume, date)

    return make


def both(*makers: Callable[[ForgedArchive], object]) -> Callable[[ForgedArchive], None]:
    def make(archive: ForgedArchive) -> None:
        for one in makers:
            one(archive)

    return make


def edited(
    change: Callable[[bytes], bytes], number: Number = REPORT, only: str | None = "cc"
) -> Callable[[ForgedArchive], None]:
    """Change the bytes of one copy of a dispatch, or of all."""

    def make(archive: ForgedArchive) -> None:
        for handle, name in archive.sent[number].files.items():
            if only in (None, handle):
                archive.files[name] = change(archive.files[name])

    return make


def file_of(number: Number, handle: str) -> str:
    return f"{number.handle}/{number.volume}/{file_name(number, handle)}"


def dated_otherwise(data: bytes) -> bytes:
    return data.replace(b"date: 2026-03-03", b"date: 2026-03-02", 1)


def resigned(key: str) -> Callable[[bytes], bytes]:
    """Sign the note of an envelope with another key."""

    def change(data: bytes) -> bytes:
        envelope = parse_envelope(data)
        signed = sign_note(envelope.signed_note.note, [key_of(key)])
        return encode_envelope(signed, envelope.copy, envelope.body)

    return change


def rewritten(number: Number) -> Callable[[ForgedArchive], None]:
    """Replace the note in every copy of a dispatch by another one, which the office truly signed."""

    def make(archive: ForgedArchive) -> None:
        sent = archive.sent[number]
        note = replace(sent.note, content=bytes(32))
        for name in sent.files.values():
            envelope = parse_envelope(archive.files[name])
            signed = sign_note(note, [archive.key(number.handle)])
            archive.files[name] = encode_envelope(signed, envelope.copy, envelope.body)

    return make


def sent(
    issuer: str, *, date: datetime = LATE, to: tuple[str, ...] = ("cc",), **hooks: Any
) -> Callable[[ForgedArchive], None]:
    """Send one more dispatch with something wrong in it."""

    def make(archive: ForgedArchive) -> None:
        archive.send(issuer, date, to, **hooks)

    return make


def after(number: Number) -> Callable[[str, Number | None], Number | None]:
    """Name another dispatch as the one before, in the copy for b01."""
    return lambda to, last: number if to == "b01" else last


def renumbered(note: Note) -> Note:
    ordinal = note.number.ordinal + 1
    return replace(
        note,
        number=note.number._replace(ordinal=ordinal),
        register=note.register._replace(size=ordinal - 1),
    )


def other_head(note: Note) -> Note:
    return replace(note, register=note.register._replace(root=bytes(32)))


def other_realm(note: Note) -> Note:
    return replace(note, roster=note.roster._replace(realm="other"))


def other_roster(note: Note) -> Note:
    return replace(note, roster=note.roster._replace(digest=bytes(32)))


def equivocated(archive: ForgedArchive) -> None:
    archive.send("b03", LATE, ["cc"], content=bytes(32), keep=False)
    twin = archive.files[file_of(Number("b03", "2026", 25), "cc")]
    archive.send("b03", LATE, ["cc"])
    archive.files["seized/b03-2026-25.cc.dispatch"] = twin


def forked(archive: ForgedArchive) -> None:
    """Show two branches two registers of the centre, which differ in their last two notes."""
    other = archive.copy()
    other.files.clear()
    for branch, one in (("b01", archive), ("b02", other)):
        for _ in range(2):
            one.send("cc", LATE, [branch], content=sha256(branch.encode()).digest())
    archive.files.update({f"of-b02/{name}": data for name, data in other.files.items()})


def swapped_bodies(archive: ForgedArchive) -> None:
    names = [file_of(Number("cc", "2026", 1), handle) for handle in ("b02", "b03")]
    first, second = (parse_envelope(archive.files[name]) for name in names)
    for name, one, other in ((names[0], first, second), (names[1], second, first)):
        archive.files[name] = encode_envelope(one.signed_note.signed, one.copy, other.body)


def other_proof(data: bytes) -> bytes:
    envelope = parse_envelope(data)
    copy = replace(envelope.copy, proof=(bytes(32), *envelope.copy.proof[1:]))
    return encode_envelope(envelope.signed_note.signed, copy, envelope.body)


def sealed_as(kind: str, shares: int = 1, share: int = SHARE_SIZE) -> Callable[[Number, str], bytes]:
    """Write the body of the copy for b03 with stanzas of another type, or of another number or size."""

    def body(number: Number, handle: str) -> bytes:
        if handle != "b03":
            return tiny_body(number, handle)
        stanza = Stanza(kind, (encode_base64_raw(bytes([1]) * share),), bytes(32))
        return encode_header(encode_signed_header((stanza,) * shares), bytes(32)) + bytes(32)

    return body


def sealed_classically(archive: ForgedArchive) -> None:
    """Enrol a hybrid office, and seal to it as if it were classical."""
    seed = sha256(b"h01").digest()
    keys = SecretKeys(
        identities=(HybridIdentity(seed),), signing_keys=(SigningKey(type=COMPOSITE, seed=seed * 2),)
    )
    card = card_of("h01", keys)
    archive.next_roster(LATE - DAY, lambda draft: add_offices(draft, [(card, ("report",))]))
    archive.send("cc", LATE, ["h01"])


def no_age_file(number: Number, handle: str) -> bytes:
    return f"the text for {handle}".encode() if handle == "b03" else tiny_body(number, handle)


def header_alone(number: Number, handle: str) -> bytes:
    return tiny_body(number, handle)[:-32] if handle == "b03" else tiny_body(number, handle)


def sent_to(*handles: str) -> Callable[[ForgedArchive], None]:
    """Let the centre send copies to exactly these, in this order."""
    return sent("cc", to=handles, handles=lambda _: list(handles))


def some_here(places: tuple[str, ...], *handles: str) -> Callable[[ForgedArchive], None]:
    """Let the centre send copies to these, in this order, and keep only those for `places`."""

    def make(archive: ForgedArchive) -> None:
        made = archive.send("cc", LATE, handles, handles=lambda _: list(handles))
        for handle in set(handles) - set(places):
            del archive.files[made.files[handle]]

    return make


def more_copies_than_offices(archive: ForgedArchive) -> None:
    """Let a copy say that it is the last of a thousand million; it leads to the root."""
    count = 999_999_999
    body = tiny_body(Number("cc", "2026", 253), "cc")
    alone = Copy(index=count, to="cc", after=archive.last["cc", "cc"], body=sha256(body).digest(), proof=())
    leaf = leaf_hash(leaf_data(alone.index, alone.to, alone.after, alone.body))
    proof = (bytes(32),) * (count - 1).bit_count()
    top = leaf
    for sibling in proof:
        top = sha256(b"\x01" + sibling + top).digest()
    claimed = archive.send(
        "cc", LATE, [], note=lambda note: replace(note, copies=Copies(count, top)), files=False
    )
    archive.files["last.dispatch"] = encode_envelope(claimed.signed, replace(alone, proof=proof), body)


def early_receipt(early: timedelta) -> Callable[[ForgedArchive], None]:
    def make(archive: ForgedArchive) -> None:
        circular = archive.send("cc", LATE, ["b05"])
        archive.send("b05", LATE - early, ["cc"], receipts=[circular.id])

    return make


def strangers_receipt(archive: ForgedArchive) -> None:
    letter = archive.send("cc", LATE, ["b01"])
    archive.send("b02", LATE, ["cc"], receipts=[letter.id])


def returned_and_filed_again(archive: ForgedArchive) -> None:
    archive.send("cc", LATE, ["b04"], answers=[slot("return", "b04", "2026-11")])
    archive.send("b04", LATE + DAY, ["cc"], answers=[slot("report", "b04", "2026-11")])


def compromised(since: datetime, *, then: bool) -> Callable[[ForgedArchive], None]:
    """Mark the key of b02 as compromised in a third roster. `then`: b02 sends something with it first."""

    def make(archive: ForgedArchive) -> None:
        if then:
            archive.send("b02", LATE + DAY, ["cc"])
        print_of = archive.key("b02").verify_key.fingerprint()
        archive.next_roster(LATE + 2 * DAY, lambda draft: revoke_key(draft, "b02", print_of, since))

    return make


def too_few(archive: ForgedArchive) -> None:
    archive.next_roster(LATE, lambda draft: set_threshold(draft, "b02", 2))
    archive.send("b02", LATE + DAY, ["cc"])


def from_nowhere(archive: ForgedArchive) -> None:
    archive.keys["zz"] = key_of("zz")
    archive.send("zz", LATE, ["cc"])


def another_volume(at: int, date: datetime = LATE) -> Callable[[ForgedArchive], None]:
    """Open a lettered volume whose first note says that the year before it had `at` notes."""

    def make(archive: ForgedArchive) -> None:
        head = Head("2026", at, root(map(leaf_hash, archive.volumes["cc"].ids[:at])))
        archive.send(
            "cc",
            date,
            ["b01"],
            note=lambda note: replace(note, number=Number("cc", "2026b", 1), register=head),
        )

    return make


def begun_anew(archive: ForgedArchive) -> None:
    number = Number("cc", "2026b", 1)
    archive.send("cc", LATE, ["b01"], note=lambda note: replace(note, number=number, register=FIRST_HEAD))


def closed_otherwise(archive: ForgedArchive) -> None:
    archive.send("cc", LATE, ["b01"])
    head = Head("2026", 252, bytes(32))
    archive.send("cc", END.replace(year=2027), ["b01"], note=lambda note: replace(note, register=head))


def voided(count: int) -> Callable[[ForgedArchive], None]:
    """Number notes, never release them, and say so."""

    def make(archive: ForgedArchive) -> None:
        before = dict(archive.last)
        lost = [archive.send("cc", LATE, ["b01"], files=False).id for _ in range(count)]
        archive.last = before
        archive.send("cc", LATE, ["b01"], voids=sorted(lost))

    return make


def text_in(archive: ForgedArchive, **said: Any) -> bytes:
    line, secrets = circular_lines(**said)
    if not any(one.note.content == content_digest(line) for one in archive.sent.values()):
        raise AssertionError("the archive was to hold it")
    return line + secrets


def with_circular(
    copies_to: tuple[str, ...] = ("b01",), **said: Any
) -> tuple[Callable[[ForgedArchive], None], Callable[[ForgedArchive], bytes]]:
    """Give a function that sends a circular, and one that gives its text."""
    said = {"number": Number("cc", "2026", 253), "date": LATE, **said}
    line, _ = circular_lines(**said)
    return sent("cc", to=copies_to, content=content_digest(line)), lambda archive: text_in(archive, **said)


def tampered_statement(archive: ForgedArchive) -> None:
    data = archive.state("cc", "2025", LATE)
    first = encode_base64(archive.closed["cc", "2025"].ids[0]).encode()
    archive.files["cc-2025.register"] = data.replace(first, encode_base64(bytes(32)).encode())


def strangers_statement(archive: ForgedArchive) -> None:
    archive.keys["cc"] = key_of("a stranger")
    archive.files["cc-2025.register"] = archive.state("cc", "2025", LATE)


def contradicting_statements(archive: ForgedArchive) -> None:
    ids = list(archive.volumes["cc"].ids)
    archive.files["a/cc-2026.register"] = archive.sign_statement("cc", "2026", LATE, [*ids, bytes(32)])
    archive.files["b/cc-2026.register"] = archive.sign_statement("cc", "2026", LATE, [*ids, bytes([1]) * 32])


def other_secrets(archive: ForgedArchive) -> bytes:
    line, secrets = archive.circular.split(b"\n")[:2]
    key = encode_base64(SLOT_KEY).encode()
    return line + b"\n" + secrets.replace(key, encode_base64(bytes(32)).encode()) + b"\n"


def one_year_of_b07(archive: ForgedArchive) -> None:
    for number in [one for one in archive.sent if (one.handle, one.volume) == ("b07", "2025")]:
        archive.remove(number)


def nothing_left(archive: ForgedArchive) -> None:
    archive.files.clear()


def put(name: str, data: bytes) -> Callable[[ForgedArchive], None]:
    def make(archive: ForgedArchive) -> None:
        archive.files[name] = data

    return make


def again_elsewhere(archive: ForgedArchive) -> None:
    """Put some of the files into a second folder too."""
    chosen = [name for name in archive.files if name.startswith("cc/2026/cc-2026-1.")]
    archive.files.update({f"again/{name}": archive.files[name] for name in chosen})


def share_of(handle: str) -> Callable[[ForgedArchive], None]:
    """Leave only the copies for one office."""

    def make(archive: ForgedArchive) -> None:
        for name in [one for one in archive.files if not one.endswith(f".{handle}.dispatch")]:
            del archive.files[name]

    return make


def other_body(data: bytes) -> bytes:
    envelope = parse_envelope(data)
    body = envelope.body[:-1] + bytes([envelope.body[-1] ^ 1])
    return encode_envelope(envelope.signed_note.signed, envelope.copy, body)


def twin(number: Number, change: Callable[[Note], Note]) -> Callable[[ForgedArchive], None]:
    """Let the office sign a second note under the number of an earlier one."""

    def make(archive: ForgedArchive) -> None:
        note = change(replace(archive.sent[number].note, receipts=(), answers=()))
        archive.files["seized/twin.note"] = encode_signed(sign_note(note, [archive.key(number.handle)]))

    return make


def other_content(note: Note) -> Note:
    return replace(note, content=bytes(32))


def numbered_far(note: Note) -> Note:
    ordinal = 999_999_999
    return replace(
        note,
        number=note.number._replace(ordinal=ordinal),
        register=note.register._replace(size=ordinal - 1),
    )


def gone_on(archive: ForgedArchive) -> None:
    """Add a note to a year that is closed already."""
    closed = archive.closed["b03", "2025"]
    number = Number("b03", "2025", len(closed.ids) + 1)
    late = archive.send(
        "b03",
        datetime(2025, 12, 31, 9, tzinfo=UTC),
        ["cc"],
        note=lambda note: replace(note, number=number, register=closed.head),
        keep=False,
        files=False,
    )
    archive.put_note(late, "seized/late.note")


def closed_twice(archive: ForgedArchive) -> None:
    date = datetime(2027, 1, 2, 9, tzinfo=UTC)
    first = archive.send("cc", date, ["b01"])
    twin(first.number, other_head)(archive)


def closed_by_two(archive: ForgedArchive) -> None:
    """Close the year with a lettered volume, and again, otherwise, with the next year."""
    head = archive.volumes["cc"].head
    another_volume(252)(archive)
    date = datetime(2027, 1, 2, 9, tzinfo=UTC)
    archive.send("cc", date, ["b01"], note=lambda note: replace(note, register=head._replace(root=bytes(32))))


def later_roster(archive: ForgedArchive) -> None:
    archive.next_roster(LATE)
    archive.send("b03", LATE + DAY, ["cc"])


def past_its_roster(archive: ForgedArchive) -> None:
    """Let a note name an older roster after that one expired."""
    older = archive.newest("b03").note.roster
    archive.next_roster(LATE, expires=datetime(2032, 1, 1, tzinfo=UTC))
    date = datetime(2030, 6, 1, tzinfo=UTC)
    archive.send("b03", date, ["cc"], note=lambda note: replace(note, roster=older))


def with_rights(handle: str, *rights: str) -> Callable[[ForgedArchive], None]:
    """Give an office other rights in a third roster."""

    def make(archive: ForgedArchive) -> None:
        card = card_by(handle, archive.key(handle))
        archive.next_roster(LATE - DAY, lambda draft: add_offices(draft, [(card, rights)]))

    return make


def two_keys(*signing: int, marked: dict[int, datetime], receipted: bool) -> Callable[[ForgedArchive], None]:
    """Give b02 a second key, sign a note with the keys at these places, then mark some as compromised.

    `receipted`: by the centre, a day later.
    """

    def make(archive: ForgedArchive) -> None:
        keys = (archive.key("b02"), second_key(archive))
        note = archive.send("b02", LATE, ["cc"], keys=[keys[place] for place in signing])
        if receipted:
            archive.send("cc", LATE + DAY, ["b02"], receipts=[note.id])
        for place, since in sorted(marked.items()):
            revoke(archive, "b02", keys[place], since)

    return make


def second_key(archive: ForgedArchive) -> SigningKey:
    """Give b02 a second key in a third roster."""
    second = key_of("b02, the second")
    card = card_by("b02", archive.key("b02"), second)
    archive.next_roster(LATE - DAY, lambda draft: add_offices(draft, [(card, None)]))
    return second


def revoke(archive: ForgedArchive, handle: str, key: SigningKey, since: datetime) -> None:
    fingerprint = key.verify_key.fingerprint()
    archive.next_roster(LATE + 5 * DAY, lambda draft: revoke_key(draft, handle, fingerprint, since))


def planted_ahead(archive: ForgedArchive) -> None:
    """Let b02 date a note ahead, before the next roster gives it another key."""
    archive.send("b02", LATE, ["cc"])
    card = card_by("b02", key_of("b02, the second"))
    archive.next_roster(
        LATE - 30 * DAY - timedelta(seconds=1), lambda draft: add_offices(draft, [(card, None)])
    )


def revoked(handle: str, since: datetime) -> Callable[[ForgedArchive], None]:
    return lambda archive: revoke(archive, handle, archive.key(handle), since)


def signed_anew(archive: ForgedArchive) -> None:
    """Let one copy of a note have one signature and another have two. One of the two keys is compromised."""
    first, second = archive.key("b02"), second_key(archive)
    note = archive.send("b02", LATE, ["cc"], keys=[first])
    name = note.files["cc"]
    envelope = parse_envelope(archive.files[name])
    both_signed = sign_note(note.note, [first, second])
    archive.files[name] = encode_envelope(both_signed, envelope.copy, envelope.body)
    revoke(archive, "b02", first, LATE + DAY)


def receipted_by_a_victim(archive: ForgedArchive) -> None:
    """Let b03 receipt a note of b02. The key of b03 is stolen too, after the centre receipted its notes."""
    key = second_key(archive)
    note = archive.send("b02", LATE, ["b03"], keys=[key])
    archive.send("b03", LATE + DAY, ["b02"], receipts=[note.id])
    later = archive.send("b03", LATE + DAY, ["cc"])
    archive.send("cc", LATE + DAY, ["b03"], receipts=[later.id])
    revoke(archive, "b02", key, LATE + 2 * DAY)
    revoke(archive, "b03", archive.key("b03"), LATE + 3 * DAY)


def receipted_by_itself(archive: ForgedArchive) -> None:
    key = second_key(archive)
    note = archive.send("b02", LATE, ["b03"], keys=[key])
    archive.send("b02", LATE + DAY, ["b03"], receipts=[note.id])
    revoke(archive, "b02", key, LATE + 2 * DAY)


def covered_by_a_later_note(head: Callable[[Note], Note]) -> Callable[[ForgedArchive], None]:
    """Let the centre receipt the note after another one: its register head pins the earlier note."""

    def make(archive: ForgedArchive) -> None:
        key = second_key(archive)
        archive.send("b02", LATE, ["b03"], keys=[key])
        later = archive.send("b02", LATE, ["cc"], keys=[key], note=head)
        archive.send("cc", LATE + DAY, ["b02"], receipts=[later.id])
        revoke(archive, "b02", key, LATE + 2 * DAY)

    return make


def covered_by_the_next_year(archive: ForgedArchive) -> None:
    """Let the centre receipt not the last note of a year, but the first of the next, which closes it."""
    key = second_key(archive)
    archive.send("b02", LATE, ["b03"], keys=[key])
    date = datetime(2027, 1, 2, 9, tzinfo=UTC)
    first = archive.send("b02", date, ["cc"], keys=[key])
    archive.send("cc", date + DAY, ["b02"], receipts=[first.id])
    revoke(archive, "b02", key, date + 2 * DAY)


def forged_and_receipted(archive: ForgedArchive) -> None:
    """Let the centre receipt a note that a stranger signed."""
    forged = archive.send("b03", LATE, ["cc"], keys=[key_of("a stranger")])
    archive.send("cc", LATE + DAY, ["b03"], receipts=[forged.id])


def letter_text(_: ForgedArchive) -> bytes:
    """Write both lines of a letter with all that the first circular has in common with one."""
    circular = parse_message(circular_lines()[0])
    letter = Letter(**{name: getattr(circular, name) for name in Letter.__struct_fields__})
    secrets = Secrets(format="dispatch-secrets/v1", slot_key=None, attachments=(), padding="")
    line = encode_secrets(secrets, len(encode_message(letter)))
    digest = encode_base64(sha256(line).digest())
    return encode_message(msgspec.structs.replace(letter, secrets=digest)) + line


def another_past(archive: ForgedArchive) -> None:
    ids = [bytes(32), *archive.volumes["b03"].ids[1:]]
    archive.files["b03-2026.register"] = archive.sign_statement("b03", "2026", LATE, ids)


def two_pasts(archive: ForgedArchive) -> None:
    """Keep two statements of a year whose notes are gone. The file of the false one is read first."""
    kept_statement("b07", "2025")(archive)
    ids = list(archive.closed["b07", "2025"].ids)
    ids[2] = bytes(32)
    archive.files["a.register"] = archive.sign_statement("b07", "2025", LATE, ids)
    one_year_of_b07(archive)


def signed_statement(text: Callable[[bytes], bytes], namespace: str) -> Callable[[ForgedArchive], None]:
    """Sign a statement of the register of b03 with something wrong in it."""

    def make(archive: ForgedArchive) -> None:
        ids = archive.volumes["b03"].ids
        said = text(encode_statement(archive.statement("b03", "2026", LATE, ids)))
        signed = sign(said, [archive.key("b03")], namespace)
        archive.files["b03-2026.register"] = encode_signed(signed)

    return make


def of_another_root(text: bytes) -> bytes:
    lines = text.split(b"\n")
    lines[4], lines[5] = lines[5], lines[4]
    return b"\n".join(lines)


def listed(
    change: Callable[[list[bytes]], list[bytes]], date: datetime = LATE, volume: str = "2026"
) -> Callable[[ForgedArchive], None]:
    """Let b03 sign a list of its register with other ids in it, or of another date or volume."""

    def make(archive: ForgedArchive) -> None:
        ids = change(list(archive.volumes["b03"].ids))
        archive.files["b03.register"] = archive.sign_statement("b03", volume, date, ids)

    return make


def anothers_note_listed(archive: ForgedArchive) -> None:
    """Let b03 list a note of the centre as the first of its own in a year of which nothing is here."""
    ids = [archive.sent[Number("cc", "2026", 1)].id]
    date = END.replace(year=2027)
    archive.files["b03.register"] = archive.sign_statement("b03", "2027", date, ids)


def by_an_ended_key(archive: ForgedArchive) -> None:
    archive.keys[RENEWED] = key_of("b01")
    archive.files["b01-2025.register"] = archive.state("b01", "2025", LATE)


AS_IT_IS = signed_statement(bytes, REGISTER_NAMESPACE)
FOR_ANOTHER_PURPOSE = signed_statement(bytes, "dispatch-note")
OF_ANOTHER_ROOT = signed_statement(of_another_root, REGISTER_NAMESPACE)
WRONG_NUMBER = with_circular(number=Number("cc", "2026", 7))
WRONG_ADDRESSEES = with_circular()
OTHER_ADDRESSEES = with_circular(to=("b02",))
NO_ZONE = with_circular(BRANCHES, zone="Nowhere/At_all")
NO_RIGHT = with_circular(BRANCHES)
