"""Everything that may be wrong with an archive, one fault at a time, and exactly what the auditor finds.

Each fault changes a copy of the clean archive. `findings`: kinds and subjects, all of them; none where an
archive is unusual and nothing is wrong with it. docs/THREATS.md shows this table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from dispatch.envelope import encode_envelope, file_name, parse_envelope
from dispatch.merkle import leaf_hash, root
from dispatch.message import content_digest
from dispatch.note import FIRST_HEAD, Head, Note, Number
from keys.codec import encode_base64
from keys.roster import revoke_key, set_threshold
from tests.audit.archive import (
    BRANCHES,
    DAY,
    END,
    RENEWED,
    SLOT_KEY,
    Archive,
    circular_lines,
    key_of,
    sign,
    slot,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.audit.result import Report

LATE = datetime(2026, 12, 20, 9, tzinfo=UTC)
"""After all of the traffic, before the audit."""
RECEIPT, REPORT = Number("b03", "2026", 5), Number("b03", "2026", 6)
"""A branch's receipt, which nobody receipts, and its report, which the centre receipted."""
NEXT = "cc/2026/253"
"""The centre's next number."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which an archive differs from the clean one. `roster`: the version that the auditor has.

    `links`, `folders`, `absent`: made beside its files: links to the archive itself, empty folders, and
    paths that are not there.
    """

    name: str
    what: str
    make: Callable[[Archive], object]
    findings: tuple[tuple[str, str], ...]
    roster: int | None = None
    links: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    circular: Callable[[Archive], bytes] = lambda archive: archive.circular


def nothing(_: Archive) -> None:
    pass


def removed(*numbers: Number) -> Callable[[Archive], None]:
    def make(archive: Archive) -> None:
        for number in numbers:
            archive.remove(number)

    return make


def kept_statement(office: str, volume: str, date: datetime = LATE) -> Callable[[Archive], None]:
    def make(archive: Archive) -> None:
        archive.files[f"{office}-{volume}.register"] = archive.state(office, volume, date)

    return make


def both(*makers: Callable[[Archive], object]) -> Callable[[Archive], None]:
    def make(archive: Archive) -> None:
        for one in makers:
            one(archive)

    return make


def edited(
    change: Callable[[bytes], bytes], number: Number = REPORT, only: str | None = "cc"
) -> Callable[[Archive], None]:
    """Change the bytes of one copy of a dispatch, or of all."""

    def make(archive: Archive) -> None:
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
        signed = sign(envelope.signed_note.note, [key_of(key)])
        return encode_envelope(signed, envelope.copy, envelope.body)

    return change


def rewritten(number: Number) -> Callable[[Archive], None]:
    """Put another note of the office in the place of one, in every copy, and sign it truly."""

    def make(archive: Archive) -> None:
        sent = archive.sent[number]
        note = replace(sent.note, content=bytes(32))
        for name in sent.files.values():
            envelope = parse_envelope(archive.files[name])
            signed = sign(note, [archive.key(number.handle)])
            archive.files[name] = encode_envelope(signed, envelope.copy, envelope.body)

    return make


def sent(
    issuer: str, *, date: datetime = LATE, to: tuple[str, ...] = ("cc",), **hooks: Any
) -> Callable[[Archive], None]:
    """Send one more dispatch, with something wrong in it."""

    def make(archive: Archive) -> None:
        archive.send(issuer, date, to, **hooks)

    return make


def after(number: Number) -> Callable[[str, Number | None], Number | None]:
    """Name this as the dispatch before, in the copy for b01."""
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


def equivocated(archive: Archive) -> None:
    archive.send("b03", LATE, ["cc"], content=bytes(32), keep=False)
    twin = archive.files[file_of(Number("b03", "2026", 25), "cc")]
    archive.send("b03", LATE, ["cc"])
    archive.files["seized/b03-2026-25.cc.dispatch"] = twin


def forked(archive: Archive) -> None:
    """Show one branch one register and another branch another, two notes long."""
    other = archive.copy()
    other.files.clear()
    for branch, one in (("b01", archive), ("b02", other)):
        for _ in range(2):
            one.send("cc", LATE, [branch], content=sha256(branch.encode()).digest())
    archive.files.update({f"of-b02/{name}": data for name, data in other.files.items()})


def swapped_bodies(archive: Archive) -> None:
    names = [file_of(Number("cc", "2026", 1), handle) for handle in ("b02", "b03")]
    first, second = (parse_envelope(archive.files[name]) for name in names)
    for name, one, other in ((names[0], first, second), (names[1], second, first)):
        archive.files[name] = encode_envelope(one.signed_note.signed, one.copy, other.body)


def other_proof(data: bytes) -> bytes:
    envelope = parse_envelope(data)
    copy = replace(envelope.copy, proof=(bytes(32), *envelope.copy.proof[1:]))
    return encode_envelope(envelope.signed_note.signed, copy, envelope.body)


def early_receipt(early: timedelta) -> Callable[[Archive], None]:
    def make(archive: Archive) -> None:
        circular = archive.send("cc", LATE, ["b05"])
        archive.send("b05", LATE - early, ["cc"], receipts=[circular.id])

    return make


def strangers_receipt(archive: Archive) -> None:
    letter = archive.send("cc", LATE, ["b01"])
    archive.send("b02", LATE, ["cc"], receipts=[letter.id])


def returned_and_filed_again(archive: Archive) -> None:
    archive.send("cc", LATE, ["b04"], answers=[slot("return", "b04", "2026-11")])
    archive.send("b04", LATE + DAY, ["cc"], answers=[slot("report", "b04", "2026-11")])


def compromised(since: datetime, *, then: bool) -> Callable[[Archive], None]:
    """Mark b02's key in a third roster; `then`: send something with it afterwards."""

    def make(archive: Archive) -> None:
        if then:
            archive.send("b02", LATE + DAY, ["cc"])
        print_of = archive.key("b02").verify_key.fingerprint()
        archive.next_roster(LATE + 2 * DAY, lambda draft: revoke_key(draft, "b02", print_of, since))

    return make


def too_few(archive: Archive) -> None:
    archive.next_roster(LATE, lambda draft: set_threshold(draft, "b02", 2))
    archive.send("b02", LATE + DAY, ["cc"])


def from_nowhere(archive: Archive) -> None:
    archive.keys["zz"] = key_of("zz")
    archive.send("zz", LATE, ["cc"])


def another_volume(at: int) -> Callable[[Archive], None]:
    """Open a lettered volume that closes the year at `at` notes."""

    def make(archive: Archive) -> None:
        head = Head("2026", at, root(map(leaf_hash, archive.volumes["cc"].ids[:at])))
        archive.send(
            "cc",
            LATE,
            ["b01"],
            note=lambda note: replace(note, number=Number("cc", "2026b", 1), register=head),
        )

    return make


def begun_anew(archive: Archive) -> None:
    number = Number("cc", "2026b", 1)
    archive.send("cc", LATE, ["b01"], note=lambda note: replace(note, number=number, register=FIRST_HEAD))


def closed_otherwise(archive: Archive) -> None:
    archive.send("cc", LATE, ["b01"])
    head = Head("2026", 252, bytes(32))
    archive.send("cc", END.replace(year=2027), ["b01"], note=lambda note: replace(note, register=head))


def voided(archive: Archive) -> None:
    """Number a note, never release it, and say so."""
    before = dict(archive.last)
    lost = archive.send("cc", LATE, ["b01"], files=False)
    archive.last = before
    archive.send("cc", LATE, ["b01"], voids=[lost.id])


def text_in(archive: Archive, **said: Any) -> bytes:
    line, secrets = circular_lines(**said)
    if not any(one.note.content == content_digest(line) for one in archive.sent.values()):
        raise AssertionError("the archive was to hold it")
    return line + secrets


def with_circular(
    to: tuple[str, ...] = ("b01",), **said: Any
) -> tuple[Callable[[Archive], None], Callable[[Archive], bytes]]:
    """Send a circular with this text; give what sends it and what gives its text."""
    said = {"number": Number("cc", "2026", 253), "date": LATE, **said}
    line, _ = circular_lines(**said)
    return sent("cc", to=to, content=content_digest(line)), lambda archive: text_in(archive, **said)


def tampered_statement(archive: Archive) -> None:
    data = archive.state("cc", "2025", LATE)
    first = encode_base64(archive.closed["cc", "2025"].ids[0]).encode()
    archive.files["cc-2025.register"] = data.replace(first, encode_base64(bytes(32)).encode())


def strangers_statement(archive: Archive) -> None:
    archive.keys["cc"] = key_of("a stranger")
    archive.files["cc-2025.register"] = archive.state("cc", "2025", LATE)


def contradicting_statements(archive: Archive) -> None:
    ids = list(archive.volumes["cc"].ids)
    archive.files["a/cc-2026.register"] = archive.sign_statement("cc", "2026", LATE, [*ids, bytes(32)])
    archive.files["b/cc-2026.register"] = archive.sign_statement("cc", "2026", LATE, [*ids, bytes([1]) * 32])


def other_secrets(archive: Archive) -> bytes:
    line, secrets = archive.circular.split(b"\n")[:2]
    key = encode_base64(SLOT_KEY).encode()
    return line + b"\n" + secrets.replace(key, encode_base64(bytes(32)).encode()) + b"\n"


def one_year_of_b07(archive: Archive) -> None:
    for number in [one for one in archive.sent if (one.handle, one.volume) == ("b07", "2025")]:
        archive.remove(number)


WRONG_NUMBER = with_circular(number=Number("cc", "2026", 7))
WRONG_ADDRESSEES = with_circular()
NO_ZONE = with_circular(to=BRANCHES, zone="Nowhere/At_all")

# First one file and its bytes, then trust, registers, receipts, duties.
FAULTS = (
    Fault(
        name="truncated-file",
        what="an envelope that ends too early",
        make=edited(lambda data: data[:-40]),
        findings=(("truncated-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="empty-file",
        what="an envelope of no bytes",
        make=edited(lambda _: b""),
        findings=(("truncated-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="foreign-file",
        what="a picture under the name of an envelope",
        make=edited(lambda _: b"\x89PNG\r\n"),
        findings=(("foreign-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="other-line-ends",
        what="an envelope with CRLF line ends in its copy",
        make=edited(lambda data: data.replace(b"\nto: cc\n", b"\r\nto: cc\n")),
        findings=(("malformed-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="bare-note-as-envelope",
        what="an envelope cut down to its note and signatures",
        make=edited(lambda data: data[: data.index(b"\n\ncopy: ") + 1]),
        findings=(("truncated-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="not-there",
        what="a PATH that does not exist",
        make=nothing,
        findings=(("unreadable-file", "absent"),),
        absent=("absent",),
    ),
    Fault(
        name="empty-folder",
        what="a folder with nothing in it",
        make=nothing,
        findings=(("nothing-to-audit", "empty"),),
        folders=("empty",),
    ),
    Fault(
        name="link-loop",
        what="a link to the archive within it",
        make=nothing,
        findings=(("link-not-followed", "loop"),),
        links=("loop",),
    ),
    Fault(
        name="edited-note",
        what="a note whose date was edited, in one copy",
        make=edited(dated_otherwise),
        findings=(("signature-broken", str(REPORT)),),
    ),
    Fault(
        name="edited-everywhere",
        what="a note whose date was edited in every copy",
        make=edited(dated_otherwise, only=None),
        findings=(("signature-broken", str(REPORT)),),
    ),
    Fault(
        name="re-signed",
        what="a note signed again by a key of nobody's",
        make=edited(resigned("a stranger")),
        findings=(("key-unlisted", str(REPORT)),),
    ),
    Fault(
        name="re-signed-by-another",
        what="a note signed again by another office",
        make=edited(resigned("b04")),
        findings=(("key-unlisted", str(REPORT)),),
    ),
    Fault(
        name="signed-for-another-purpose",
        what="a signature made over a note as if it were a card",
        make=sent("b03", namespace="dispatch-card"),
        findings=(("signature-of-another-purpose", "b03/2026/25"),),
    ),
    Fault(
        name="copy-swapped",
        what="the bodies of two branches' copies exchanged",
        make=swapped_bodies,
        findings=(("body-broken", "cc/2026/1 to b02"), ("body-broken", "cc/2026/1 to b03")),
    ),
    Fault(
        name="proof-altered",
        what="a copy with another proof",
        make=edited(other_proof),
        findings=(("proof-broken", f"{REPORT} to cc"),),
    ),
    Fault(
        name="copy-for-another",
        what="a copy whose addressee was altered",
        make=edited(lambda data: data.replace(b"\nto: cc\n", b"\nto: b04\n")),
        findings=(("proof-broken", f"{REPORT} to b04"),),
    ),
    Fault(
        name="addressee-of-nowhere",
        what="a copy for an office that the roster does not list",
        make=sent("cc", to=("zz",)),
        findings=(("unknown-office", f"{NEXT} to zz"),),
    ),
    Fault(
        name="issuer-of-nowhere",
        what="a note by an office that the roster does not list",
        make=from_nowhere,
        findings=(("unknown-office", "zz/2026/1"),),
    ),
    Fault(
        name="roster-too-old",
        what="a roster older than half of the notes",
        make=nothing,
        findings=(("unknown-roster-version", "rkp/2"),),
        roster=1,
    ),
    Fault(
        name="another-realm",
        what="a note that names another realm",
        make=sent("b03", note=other_realm),
        findings=(("another-realm", "other/2"),),
    ),
    Fault(
        name="another-roster",
        what="a note that names another text of a roster version",
        make=sent("b03", note=other_roster),
        findings=(("roster-contradicted", "rkp/2"),),
    ),
    Fault(
        name="roster-expired",
        what="a note dated after its roster version expired",
        make=sent("b03", date=datetime(2030, 6, 1, tzinfo=UTC)),
        findings=(("roster-expired", "b03/2030/1"),),
    ),
    Fault(
        name="key-after-its-end",
        what="a note signed with a key that had ended",
        make=sent("b01", keys=(key_of("b01"),)),
        findings=(("key-not-in-force", "b01/2026/25"),),
    ),
    Fault(
        name="key-before-its-beginning",
        what="a note of the first year signed again with the key of the second",
        make=edited(resigned(RENEWED), Number("b01", "2025", 2)),
        findings=(("key-not-in-force", "b01/2025/2"),),
    ),
    Fault(
        name="too-few-signatures",
        what="one signature where the office's threshold is two",
        make=too_few,
        findings=(("too-few-signatures", "b02/2026/25"),),
    ),
    Fault(
        name="key-compromised",
        what="a note dated after its key was compromised",
        make=compromised(LATE, then=True),
        findings=(("key-compromised", "b02/2026/25"),),
    ),
    Fault(
        name="compromised-before-its-receipt",
        what="a key compromised after its last notes, and before anybody receipted them",
        make=compromised(datetime(2026, 12, 3, 20, tzinfo=UTC), then=False),
        findings=(
            ("compromised-without-evidence", "b02/2026/23"),
            ("compromised-without-evidence", "b02/2026/24"),
        ),
    ),
    Fault(
        name="compromised-later",
        what="a key compromised after others' receipts cover all that it signed",
        make=compromised(LATE, then=False),
        findings=(),
    ),
    Fault(
        name="report-removed",
        what="a report gone, and its receipt there: the id is known",
        make=removed(REPORT),
        findings=(("missing-note", str(REPORT)),),
    ),
    Fault(
        name="note-removed",
        what="a note gone that nobody receipted: no head after it can be recomputed",
        make=removed(RECEIPT),
        findings=(("missing-id-list", "b03/2026"), ("missing-note", str(RECEIPT))),
    ),
    Fault(
        name="note-removed-statement-kept",
        what="a note gone, and a signed statement of the register there",
        make=both(removed(RECEIPT), kept_statement("b03", "2026")),
        findings=(("missing-note", str(RECEIPT)),),
    ),
    Fault(
        name="last-note-removed",
        what="the last note of a register gone, which only a statement knows",
        make=both(kept_statement("b03", "2026"), removed(Number("b03", "2026", 24))),
        findings=(("missing-note", "b03/2026/24"),),
    ),
    Fault(
        name="year-removed",
        what="a whole volume gone, and its signed statement kept: another year's audit",
        make=both(kept_statement("b07", "2025"), one_year_of_b07),
        findings=(),
    ),
    Fault(
        name="voided",
        what="a number without a note, which the issuer declared never released",
        make=voided,
        findings=(),
    ),
    Fault(
        name="voided-and-released",
        what="a note here that its issuer declared never released",
        make=lambda archive: archive.send("cc", LATE, ["b01"], voids=[archive.newest("cc").id]),
        findings=(("voided-note-released", "cc/2026/252"),),
    ),
    Fault(
        name="re-numbered",
        what="a note that leaves out a number",
        make=sent("b03", note=renumbered),
        findings=(("missing-id-list", "b03/2026"), ("missing-note", "b03/2026/25")),
    ),
    Fault(
        name="two-notes-one-number",
        what="two notes with one number",
        make=equivocated,
        findings=(("two-notes-one-number", "b03/2026/25"),),
    ),
    Fault(
        name="register-forked",
        what="two branches shown two registers, two notes long",
        make=forked,
        findings=(
            ("heads-differ", "cc/2026/253"),
            ("two-notes-one-number", NEXT),
            ("two-notes-one-number", "cc/2026/254"),
        ),
    ),
    Fault(
        name="register-rewritten",
        what="a note replaced, truly signed, after later notes pinned it",
        make=rewritten(RECEIPT),
        findings=(("head-broken", "b03/2026/5"),),
    ),
    Fault(
        name="receipted-note-rewritten",
        what="a note replaced, truly signed, after it was receipted and pinned",
        make=rewritten(REPORT),
        findings=(
            ("head-broken", "b03/2026/6"),
            ("receipt-for-unknown-note", "REPORT"),
        ),
    ),
    Fault(
        name="statement-contradicted",
        what="the last note replaced, and a statement of the register kept",
        make=both(kept_statement("cc", "2026"), rewritten(Number("cc", "2026", 252))),
        findings=(("register-rewritten", "cc/2026/252"),),
    ),
    Fault(
        name="two-statements",
        what="two statements of one register that say different things",
        make=contradicting_statements,
        findings=(("missing-note", NEXT), ("register-rewritten", NEXT)),
    ),
    Fault(
        name="statement-tampered",
        what="a statement with an altered id",
        make=tampered_statement,
        findings=(("proof-broken", "cc-2025.register"),),
    ),
    Fault(
        name="statement-forged",
        what="a statement signed by a key of nobody's",
        make=strangers_statement,
        findings=(("key-unlisted", "cc-2025.register"),),
    ),
    Fault(
        name="wrong-head",
        what="a note that pins a head which is none",
        make=sent("cc", to=("b01",), note=other_head),
        findings=(("head-broken", "cc/2026/252"),),
    ),
    Fault(
        name="volume-closed-otherwise",
        what="a year closed one note short, and with another head",
        make=closed_otherwise,
        findings=(("heads-differ", "cc/2026/252"), ("two-volumes-at-once", "cc/2027/1")),
    ),
    Fault(
        name="two-volumes-at-once",
        what="a lettered volume that closes the year at fewer notes than there are",
        make=another_volume(200),
        findings=(("two-volumes-at-once", "cc/2026b/1"),),
    ),
    Fault(
        name="volume-restored",
        what="a lettered volume that closes the year where it stands",
        make=another_volume(252),
        findings=(),
    ),
    Fault(
        name="register-begun-anew",
        what="a second volume that says it is the first",
        make=begun_anew,
        findings=(("two-volumes-at-once", "cc/2026b/1"),),
    ),
    Fault(
        name="dates-decrease",
        what="a note dated before the one that precedes it",
        make=sent("b06", date=datetime(2026, 11, 1, tzinfo=UTC)),
        findings=(("dates-decrease", "b06/2026/25"),),
    ),
    Fault(
        name="dispatch-passed-over",
        what="a copy that passes over the dispatch before it to the same office",
        make=sent("cc", to=("b01",), after=after(Number("cc", "2025", 1))),
        findings=(("after-broken", f"{NEXT} to b01"),),
    ),
    Fault(
        name="dispatch-made-up",
        what="a copy that names a dispatch which its office never got",
        make=sent("cc", to=("b01",), after=after(Number("cc", "2026", 252))),
        findings=(("after-broken", f"{NEXT} to b01"),),
    ),
    Fault(
        name="receipt-forged",
        what="a receipt signed by another branch",
        make=sent("b05", keys=(key_of("b06"),), receipts=[bytes(32)]),
        findings=(("key-unlisted", "b05/2026/25"),),
    ),
    Fault(
        name="receipt-before-dispatch",
        what="a receipt dated days before what it acknowledges",
        make=early_receipt(3 * DAY),
        findings=(("receipt-before-dispatch", "b05/2026/25"),),
    ),
    Fault(
        name="receipt-by-a-slow-clock",
        what="a receipt dated an hour before what it acknowledges",
        make=early_receipt(timedelta(hours=1)),
        findings=(("receipt-before-dispatch", "b05/2026/25"),),
    ),
    Fault(
        name="receipt-for-unknown-note",
        what="a receipt for a note that is not here",
        make=sent("b05", receipts=[bytes(32)]),
        findings=(("receipt-for-unknown-note", encode_base64(bytes(32))),),
    ),
    Fault(
        name="receipt-from-a-stranger",
        what="a receipt by an office that got no copy",
        make=strangers_receipt,
        findings=(("receipt-from-stranger", "b02/2026/25"),),
    ),
    Fault(
        name="report-in-anothers-slot",
        what="a report in the slot of another branch",
        make=sent("b04", answers=[slot("report", "b05", "2026-12")]),
        findings=(("report-in-anothers-slot", "b04/2026/25"),),
    ),
    Fault(
        name="slot-filled-twice",
        what="a second report in one slot",
        make=sent("b04", answers=[slot("report", "b04", "2026-11")]),
        findings=(("slot-filled-twice", "b04/2026/25"),),
    ),
    Fault(
        name="slot-filled-again",
        what="a second report in one slot, after the first was returned",
        make=returned_and_filed_again,
        findings=(),
    ),
    Fault(
        name="decision-by-another",
        what="a branch that waives its own slot",
        make=sent("b04", answers=[slot("waive", "b04", "2026-11")]),
        findings=(("decision-by-another", "b04/2026/25"),),
    ),
    Fault(
        name="reply-for-another",
        what="a reply to a circular in the name of another branch",
        make=sent("b04", answers=[slot("refuse", "b05")]),
        findings=(("reply-for-another", "b04/2026/25"),),
    ),
    Fault(
        name="circular-of-nobody",
        what="a circular's text to which no note commits",
        make=nothing,
        findings=(("circular-not-found", "circular"),),
        circular=lambda _: b"".join(circular_lines(number=Number("cc", "2026", 7))),
    ),
    Fault(
        name="circular-torn",
        what="a circular's text without its second line",
        make=nothing,
        findings=(("circular-malformed", "circular"),),
        circular=lambda archive: archive.circular.split(b"\n")[0] + b"\n",
    ),
    Fault(
        name="circular-with-other-secrets",
        what="a circular's text with the second line of another",
        make=nothing,
        findings=(("circular-secrets-differ", "circular"),),
        circular=other_secrets,
    ),
    Fault(
        name="circular-contradicts-note",
        what="a circular whose text has another number than its note",
        make=WRONG_NUMBER[0],
        findings=(("circular-contradicts-note", "circular"),),
        circular=WRONG_NUMBER[1],
    ),
    Fault(
        name="circular-addressees-differ",
        what="a circular for all that was sent to one",
        make=WRONG_ADDRESSEES[0],
        findings=(("circular-addressees-differ", "circular"),),
        circular=WRONG_ADDRESSEES[1],
    ),
    Fault(
        name="circular-of-an-unknown-zone",
        what="a circular in a time zone that this machine does not know",
        make=NO_ZONE[0],
        findings=(("circular-not-judged", NEXT),),
        circular=NO_ZONE[1],
    ),
)


def kinds_and_subjects(report: Report) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one.kind, one.subject) for one in report.findings))
