"""Section 14: how a dispatch is checked, steps 2 to 11 (step 1 is `read_envelope`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tests.independent.envelope import leaf_hash, leaf_of, listed, order_of, proof_of, root_from
from tests.independent.message import RIGHTS, read_plaintext
from tests.independent.roster import in_force, offices_at, values
from tests.independent.sealed import decrypt
from tests.independent.signed import SEALING
from tests.independent.text import (
    NOT_ENTITLED,
    NOT_GENUINE,
    NOT_OURS,
    NOT_TRUSTED,
    RefusedError,
    base64_of,
    bytes_of,
    json_of,
    need,
    sha256,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.independent.envelope import Envelope
    from tests.independent.text import Json


def verify(envelope: Envelope, roster: Json, now: str) -> None:
    """Do steps 2 to 5, which need no secret, under a roster that is trusted."""
    note = envelope.note
    version = int(note["version"])
    check_version(note, roster, now)
    issuer = offices_at(roster, version).get(note["issuer"])
    if issuer is None:
        raise RefusedError(NOT_TRUSTED, "the issuer is no office")
    signers = envelope.signed.verify("dispatch-note")
    keys = {each["value"] for each in issuer["signing"] if in_force(each, version)}
    need({*signers} <= keys, NOT_GENUINE, "signed by a key that is not the issuer's")
    need(len(signers) >= values(issuer["threshold"], version)[0], NOT_GENUINE, "too few signatures")
    counting = count(note, signers, roster)
    need(counting.enough, NOT_TRUSTED, "too few signatures count")
    if envelope.copy:
        check_copy(envelope, roster)
    need(counting.moment is None, NOT_TRUSTED, "it needs evidence, and one file has none")


class Counting(NamedTuple):
    """What the newest roster says of a note's signatures: whether enough count, and M, or None."""

    enough: bool
    moment: str | None


def count(note: dict[str, str], signers: Iterable[str], roster: Json) -> Counting:
    """Find which signatures count, and when a note needs evidence."""
    office = next(each for each in roster["offices"] if each["handle"] == note["issuer"])
    threshold = values(office["threshold"], int(note["version"]))[0]
    dates = [*(each["date"] for each in roster["versions"]), roster["date"]]
    marks = []
    for entry in (each for each in office["signing"] if each["value"] in signers):
        ends = [dates[end - 1] for end in (entry["until"], office["until"]) if end is not None]
        in_time = all(seconds(note["date"]) - seconds(end) <= timedelta(seconds=2_592_000) for end in ends)
        if in_time and (entry["compromised"] is None or entry["compromised"] > note["date"]):
            marks.append(entry["compromised"])
    if len(marks) < threshold:
        return Counting(enough=False, moment=None)
    in_order = sorted(filter(None, marks)) + [None] * marks.count(None)
    return Counting(enough=True, moment=in_order[len(marks) - threshold])


def seconds(date: str) -> datetime:
    return datetime.fromisoformat(date)


def stands(note: dict[str, str], signers: Iterable[str], roster: Json, evidence: Iterable[str]) -> bool:
    """Tell whether a note stands. `evidence`: dates of receipts, and of its own registration in a home."""
    counting = count(note, signers, roster)
    moment = counting.moment
    return counting.enough and (moment is None or any(date < moment for date in evidence))


def check_version(note: dict[str, str], roster: Json, now: str) -> None:
    last = {name: roster[name] for name in ("version", "date", "expires")}
    table = [*roster["versions"], {**last, "digest": base64_of(sha256(json_of(roster)))}]
    need(note["realm"] == roster["realm"], NOT_TRUSTED, "another realm")
    need(int(note["version"]) <= len(table), NOT_TRUSTED, "held: a roster that we do not have yet")
    row = table[int(note["version"]) - 1]
    need(note["roster"] == row["digest"], NOT_TRUSTED, "another roster of this version")
    need(note["date"] < row["expires"], NOT_TRUSTED, "dated after its roster expired")
    need(now < roster["expires"], NOT_TRUSTED, "held: the roster has expired")


def check_copy(envelope: Envelope, roster: Json) -> None:
    note, copy = envelope.note, envelope.copy
    index, count = int(copy["index"]), int(note["count"])
    need(1 <= index <= count, NOT_GENUINE, "the copy's index is above the count")
    proof = [bytes_of(each) for each in proof_of(copy)]
    root = root_from(leaf_hash(leaf_of(copy)), index - 1, count, proof)
    need(root == bytes_of(note["root"]), NOT_GENUINE, "the proof does not lead to the root")
    need(copy["to"] in offices_at(roster, int(note["version"])), NOT_TRUSTED, "the addressee is no office")
    if copy["after"] != "-":
        same = copy["after"].split("/")[0] == note["issuer"]
        earlier = order_of(copy["after"]) < order_of(envelope.number)
        need(same and earlier, NOT_GENUINE, "after is not an earlier number of the issuer")
    need(sha256(envelope.body) == bytes_of(copy["body"]), NOT_GENUINE, "the body is another")


def addressees(message: Json, roster: Json, version: int) -> list[str]:
    """List the handles that get a copy, in order."""
    groups = {each["name"]: values(each["members"], version) for each in roster["groups"]}
    found = {message["from"]}
    for written in message["to"] + message["info"]:
        named = written.removeprefix("@")
        need(written == named or named in groups, NOT_GENUINE, "a group that the roster does not have")
        members = [named] if written == named else groups[named]
        need(members, NOT_GENUINE, "a group without members")
        found |= {*members}
    need(found <= {*offices_at(roster, version)}, NOT_GENUINE, "an addressee is no office")
    return sorted(found)


def open_copy(envelope: Envelope, roster: Json, us: str, identities: Iterable[str]) -> tuple[Json, Json]:
    """Do steps 6 to 11, for an envelope that is verified: its message and its secrets.

    Of step 11 the receipts: the rest needs other dispatches than this.
    """
    note, copy = envelope.note, envelope.copy
    version = int(note["version"])
    need(copy["to"] == us, NOT_OURS, "for another office")
    kind = SEALING[values(offices_at(roster, version)[us]["classical"], version)[0]]
    message, secrets = read_plaintext(note, decrypt(envelope.body, kind, identities))
    same = (message["number"], message["date"]) == (envelope.number, note["date"])
    need(same, NOT_GENUINE, "the message and its note differ")
    expected = addressees(message, roster, version)
    placed = int(note["count"]) == len(expected) and expected[int(copy["index"]) - 1] == us
    need(placed, NOT_GENUINE, "the copies are not those of to, info and the issuer")
    issuer = offices_at(roster, version)[note["issuer"]]
    right = RIGHTS.get(message["kind"])
    need(right is None or right in values(issuer["rights"], version), NOT_ENTITLED, f"no right to {right}")
    receipts = [each["id"] for each in message["items"]] if message["kind"] == "receipt" else []
    need(
        receipts == listed(note, "receipts"), NOT_ENTITLED, "the note's receipts are not those of the message"
    )
    return message, secrets


def open_attachment(sealed: bytes, listed: Json, identity: str) -> bytes:
    """Open an attachment's age file, whose digest names it, and check the content's size and digest."""
    need(sha256(sealed) == bytes_of(listed["sealed"]), NOT_GENUINE, "another age file")
    content = decrypt(sealed, "mlkem768x25519", [identity])
    same = sha256(content) == bytes_of(listed["digest"]) and len(content) == listed["size"]
    need(same, NOT_GENUINE, "another content")
    return content
