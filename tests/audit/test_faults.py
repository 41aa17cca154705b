"""One fault at a time: each yields exactly its finding, and the archive without a fault yields none."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dispatch.audit.collect import collect, find_sources
from dispatch.audit.duties import disclose
from dispatch.merkle import leaf_hash, root
from dispatch.note import Head, Number
from dispatch.slots import blind_slot
from dispatch.statement import NAMESPACE, Statement, encode_statement, parse_statement, sign_statement
from keys.keyfile import generate
from keys.roster import revoke_key
from keys.signed import SignedText, encode_signed, sign_text
from keys.trust import trust_pinned
from tests.audit.archive import DAY, END, START, Archive
from tests.dispatch.realm import Forgery

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS: dict[str, tuple[Callable[[Archive], Any], set[str]]] = {}


def fault(name: str, *kinds: str) -> Callable[[Callable[[Archive], Any]], Callable[[Archive], Any]]:
    """Name a fault and its findings. What the function gives is passed to the audit."""

    def keep(function: Callable[[Archive], Any]) -> Callable[[Archive], Any]:
        FAULTS[name] = (function, set(kinds))
        return function

    return keep


def slot_key(archive: Archive) -> bytes:
    sources, _ = find_sources([archive.post])
    [one], _ = disclose(collect(sources, archive.trusted), [("x", archive.circular)])
    return one.slot_key


def slot(archive: Archive, verb: Any, obligation: str | None, office: str, occasion: str) -> bytes:
    return blind_slot(slot_key(archive), verb, obligation, office, occasion)


def edit(archive: Archive, name: str, old: bytes, new: bytes) -> None:
    path = archive.post / name
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


@fault("nothing is wrong")
def nothing(archive: Archive) -> None:
    """The archive as it is."""


@fault("a note is removed, which others receipted", "gap", "receipt-of-unknown")
def removed(archive: Archive) -> None:
    for path in archive.files("b03/2026/3"):
        path.unlink()


@fault("a receipt is removed", "gap")
def removed_receipt(archive: Archive) -> None:
    for path in archive.files("b03/2026/1"):
        path.unlink()


@fault("one office's share, in which gaps are expected", "gap")
def partial(archive: Archive) -> dict[str, Any]:
    for path in archive.post.glob("*.dispatch"):
        if ".b01." not in path.name:
            path.unlink()
    return {"partial": True, "circulars": []}


@fault("a date is edited", "signature-invalid")
def edited(archive: Archive) -> None:
    edit(archive, "cc-2026-1.b01.dispatch", b"date: 2026-01-05T09:00:00Z", b"date: 2026-01-04T09:00:00Z")


@fault("a note is given another number", "malformed")
def renumbered(archive: Archive) -> None:
    edit(archive, "b01-2026-2.cc.dispatch", b"number: b01/2026/2\n", b"number: b01/2026/3\n")


@fault("a note is signed again by another office's key", "key-not-in-force")
def resigned(archive: Archive) -> None:
    note = archive.next_note("b01")
    archive.put(note, by=archive.realm.keys("b02").signing_keys)


@fault("a note is signed by a key of nobody", "key-not-in-force")
def by_nobody(archive: Archive) -> None:
    archive.put(archive.next_note("b01"), by=generate(classical=True).signing_keys)


@fault("a copy's body is altered", "body-altered")
def altered(archive: Archive) -> None:
    path = archive.post / "cc-2026-1.b01.dispatch"
    lines = path.read_text("ascii").split("\n")
    lines[-5] = lines[-5][:9] + ("A" if lines[-5][9] != "A" else "B") + lines[-5][10:]
    path.write_text("\n".join(lines), "ascii")


@fault("two copies change places", "proof-invalid")
def swapped(archive: Archive) -> None:
    edit(archive, "cc-2026-1.b01.dispatch", b"\nto: b01\n", b"\nto: b02\n")


@fault("a register is rewritten after its head was pinned", "head-contradicted")
def rewritten(archive: Archive) -> None:
    # a receipt of the centre in the middle of its volume, which nobody receipts
    number = next(
        number
        for number in (f"cc/2026/{n}" for n in range(2, 60))
        if archive.files(number) and archive.note(number).receipts
    )
    note = archive.note(number)
    for path in archive.files(number):
        path.unlink()
    archive.put(replace(note, content=bytes(32)))


@fault("a head is forked between two branches", "equivocation", "head-contradicted", "head-forked")
def forked(archive: Archive) -> None:
    note = archive.note("b05/2026/2")
    archive.put(replace(note, register=replace_root(note.register), receipts=(), answers=()))


def replace_root(head: Head) -> Head:
    return Head(head.volume, head.size, bytes(32))


@fault("two notes have one number", "equivocation")
def equivocated(archive: Archive) -> None:
    archive.put(replace(archive.note("b05/2026/2"), content=bytes(32), receipts=(), answers=()))


@fault("a receipt for an unknown note", "receipt-of-unknown")
def unknown_receipt(archive: Archive) -> None:
    archive.put(archive.next_note("b01", receipts=(bytes(32),)))


@fault("a receipt dated before its dispatch", "receipt-before-dispatch")
def early_receipt(archive: Archive) -> None:
    date = START - timedelta(hours=1)
    archive.put(archive.next_note("mute", date=date, receipts=(archive.ids("cc", "2026")[0],)))


@fault("a receipt by an office that got no copy", "receipt-without-copy")
def foreign_receipt(archive: Archive) -> None:
    archive.put(archive.next_note("b02", receipts=(archive.ids("b01", "2026")[2],)))


@fault("a report in another's slot", "answer-in-anothers-slot")
def anothers_slot(archive: Archive) -> None:
    answer = slot(archive, "report", "quarterly", "b02", "period:2027-Q3")
    archive.put(archive.next_note("b01", answers=(answer,)))


@fault("an undertaking in the name of another", "answer-in-anothers-slot")
def anothers_word(archive: Archive) -> None:
    archive.put(archive.next_note("b01", answers=(slot(archive, "undertake", None, "b19", "once"),)))


@fault("a decision by an office that did not issue the circular", "answer-in-anothers-slot")
def anothers_decision(archive: Archive) -> None:
    answer = slot(archive, "waive", "quarterly", "b01", "period:2027-Q3")
    archive.put(archive.next_note("b01", answers=(answer,)))


@fault("a slot filled twice", "slot-filled-twice")
def twice(archive: Archive) -> None:
    answer = slot(archive, "report", "quarterly", "b01", "period:2027-Q3")
    archive.put(archive.next_note("b01", answers=(answer,)))


@fault("a key is used after its end", "key-not-in-force")
def ended_key(archive: Archive) -> dict[str, Any]:
    key = archive.realm.keys("mute").signing_keys[0].verify_key
    newer = archive.realm.next_roster(
        lambda roster: revoke_key(roster, "mute", key.fingerprint(), END - 2 * DAY), date=END - DAY
    )
    note = archive.next_note("mute", date=END - timedelta(hours=1))
    roster = newer.roster
    note = replace(
        note,
        number=Number("mute", "2027", 1),
        roster=note.roster._replace(version=roster.version, digest=roster.digest),
    )
    archive.put(note)
    return {"trusted": newer}


@fault("a key was compromised later", "key-compromised", "key-compromised-later")
def compromised(archive: Archive) -> dict[str, Any]:
    """What others receipted before is proven; the last note of the office is not."""
    key = archive.realm.keys("b01").signing_keys[0].verify_key
    archive.put(archive.next_note("b01"))
    newer = archive.realm.next_roster(
        lambda roster: revoke_key(roster, "b01", key.fingerprint(), END - timedelta(hours=1)),
        date=END - timedelta(minutes=1),
    )
    return {"trusted": newer}


@fault("a note signed when its key was already compromised", "key-compromised-then", "key-compromised-later")
def compromised_then(archive: Archive) -> dict[str, Any]:
    key = archive.realm.keys("b01").signing_keys[0].verify_key
    archive.put(archive.next_note("b01"))
    newer = archive.realm.next_roster(
        lambda roster: revoke_key(roster, "b01", key.fingerprint(), END - 2 * DAY),
        date=END - timedelta(minutes=1),
    )
    return {"trusted": newer}


@fault("a roster that is older than the notes", "roster-too-old")
def old_roster(archive: Archive) -> dict[str, Any]:
    chain = archive.trusted.chain
    fingerprint = chain[0].roster.root_fingerprint(1)
    return {"trusted": trust_pinned(chain[:1], fingerprint), "circulars": [], "partial": True}


@fault("a note of another realm", "other-realm")
def other_realm(archive: Archive) -> None:
    note = archive.next_note("b01")
    archive.put(replace(note, roster=note.roster._replace(realm="other")))


@fault("a roster of the same name and another past", "roster-forked")
def forked_roster(archive: Archive) -> None:
    note = archive.next_note("b01")
    archive.put(replace(note, roster=note.roster._replace(digest=bytes(32))))


@fault("a note dated after the expiry of the roster that it names", "roster-expired")
def past_expiry(archive: Archive) -> None:
    note = archive.note("b01/2026/1")
    archive.put(replace(archive.next_note("b01"), roster=note.roster))


@fault("a file is cut off", "malformed")
def truncated(archive: Archive) -> None:
    path = archive.post / "cc-2026-1.b01.dispatch"
    path.write_bytes(path.read_bytes()[:-100])


@fault("an envelope ends after its signatures", "malformed")
def headless(archive: Archive) -> None:
    path = archive.post / "cc-2026-1.b01.dispatch"
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\n\ncopy: ") + 1])


@fault("a foreign file", "malformed")
def foreign(archive: Archive) -> None:
    (archive.post / "holiday.dispatch").write_bytes(os.urandom(5000))


@fault("an empty file", "malformed")
def empty_file(archive: Archive) -> None:
    (archive.post / "empty.note").write_bytes(b"")


@fault("an empty folder", "nothing-found")
def empty_folder(archive: Archive) -> dict[str, Any]:
    (archive.path / "empty").mkdir()
    return {"paths": [archive.path / "empty"], "circulars": []}


@fault("a folder that leads into itself by a link")
def loop(archive: Archive) -> None:
    (archive.post / "loop").symlink_to(archive.post)
    (archive.post / "link.dispatch").symlink_to(archive.files("cc/2026/1")[0])


@fault("the same files twice, from two folders")
def doubled(archive: Archive) -> dict[str, Any]:
    return {"paths": [archive.post, archive.post]}


@fault("dates decrease along a register", "dates-decrease")
def backwards(archive: Archive) -> None:
    archive.put(archive.next_note("b01", date=datetime(2027, 1, 2, tzinfo=START.tzinfo)))


@fault("a volume goes on after it was closed", "two-volumes")
def two_volumes(archive: Archive) -> None:
    ids = archive.ids("b01", "2026")
    last = archive.note(f"b01/2026/{len(ids)}")
    note = replace(
        last,
        number=Number("b01", "2026", len(ids) + 1),
        register=Head("2026", len(ids), root(map(leaf_hash, ids))),
        receipts=(),
        answers=(),
        content=bytes(32),
    )
    archive.put(note)


@fault("a volume is closed with a head that it does not have", "head-contradicted", "equivocation")
def wrong_close(archive: Archive) -> None:
    note = archive.note("b01/2027/1")
    archive.put(replace(note, register=replace_root(note.register), receipts=(), answers=()))


@fault("a copy skips the dispatch before it", "chain-broken")
def broken_chain(archive: Archive) -> None:
    note = archive.next_note("cc")
    forged = archive.realm.forge(
        Forgery(
            issuer="cc",
            volume="2027",
            ordinal=note.number.ordinal,
            date=note.date,
            to=("b01",),
            note=lambda made: replace(made, register=note.register),
        )
    )
    (archive.post / "skip.dispatch").write_bytes(forged["b01"])


@fault("a note that was declared never released", "void-released")
def void(archive: Archive) -> None:
    archive.put(archive.next_note("b01", voids=(archive.ids("b01", "2026")[1],)))


def statement(archive: Archive, *, change: bool = False) -> Statement:
    ids = archive.ids("b01", "2026")
    note = archive.note("b01/2027/1")
    return Statement(
        issuer="b01",
        volume="2026",
        date=note.date,
        roster=note.roster,
        ids=tuple([bytes(32), *ids[1:]] if change else ids),
    )


@fault("a signed list that fits")
def good_list(archive: Archive) -> None:
    data = sign_statement(statement(archive), archive.realm.keys("b01").signing_keys)
    (archive.post / "b01.register").write_bytes(data)


@fault("a signed list that names another id", "statement-contradicted")
def other_list(archive: Archive) -> None:
    data = sign_statement(statement(archive, change=True), archive.realm.keys("b01").signing_keys)
    (archive.post / "b01.register").write_bytes(data)


@fault("a list that is signed for something else", "signature-invalid")
def wrong_namespace(archive: Archive) -> None:
    text = encode_statement(statement(archive))
    assert NAMESPACE != "dispatch-note"
    key = archive.realm.keys("b01").signing_keys[0]
    signed = SignedText(text=text, signatures=(sign_text(text, key, "dispatch-note"),))
    (archive.post / "b01.register").write_bytes(encode_signed(signed))


@fault("a list whose ids do not have its root", "proof-invalid")
def wrong_root(archive: Archive) -> None:
    data = sign_statement(statement(archive), archive.realm.keys("b01").signing_keys)
    signed = parse_statement(data).signed
    lines = signed.text.split(b"\n")
    lines[4], lines[5] = lines[5], lines[4]
    key = archive.realm.keys("b01").signing_keys[0]
    text = b"\n".join(lines)
    signed = SignedText(text=text, signatures=(sign_text(text, key, NAMESPACE),))
    (archive.post / "b01.register").write_bytes(encode_signed(signed))


@fault("the text of another circular", "circular-unmatched")
def other_circular(archive: Archive) -> dict[str, Any]:
    line, secrets = archive.circular.split(b"\n", 1)
    changed = line.replace(b"quarterly", b"quarterlx")
    return {"circulars": [("x.circular", changed + b"\n" + secrets)]}


@fault("secrets of another circular", "circular-unmatched")
def other_secrets(archive: Archive) -> dict[str, Any]:
    line, secrets = archive.circular.split(b"\n", 1)
    at = secrets.index(b'"slot_key":"') + len(b'"slot_key":"')
    other = secrets[:at] + (b"A" if secrets[at : at + 1] != b"A" else b"B") + secrets[at + 1 :]
    return {"circulars": [("x.circular", line + b"\n" + other)]}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_exactly_its_finding(archive: Archive, name: str) -> None:
    make, kinds = FAULTS[name]
    changes = make(archive) or {}
    report = archive.audit(**changes)
    assert {one.kind for one in report.findings} == kinds, report.findings
    assert report.verdict != "clean" or not any(one.code for one in report.findings)


def test_there_are_faults_enough() -> None:
    assert len(FAULTS) >= 25
