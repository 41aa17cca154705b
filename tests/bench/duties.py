"""`due` and `collate` over many reports, all of them opened: processor time and memory.

    scripts/duties-bench [--offices 100] [--months 120]

The floor is HPKE alone, once for each report. Half of the months are measured first, to show how both grow.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from dispatch.checks.verifier import believe_stored
from dispatch.drafts import parse_draft
from dispatch.duties.slots import rates
from dispatch.formats.blinding import blind_slot, occasion_of
from dispatch.formats.envelope import Envelope, SignedNote
from dispatch.formats.message import Answered, Circular, Report, content_digest
from dispatch.formats.note import Number, note_id
from dispatch.office.compose import outgoing_receipt
from keys import age
from keys.codec import decode_base64, encode_base64
from tests.bench.clock import apart
from tests.bench.work import SUITE
from tests.forge.archive import Volume
from tests.forge.dispatches import (
    DAY,
    make_copies,
    make_message,
    make_note,
    make_plaintext,
    roster_ref,
    sign_note,
)
from tests.forge.realm import Realm, make_realm
from tests.forge.roster import add_branches, branches

if TYPE_CHECKING:
    from dispatch.checks.opening import OpenedMessage
    from dispatch.checks.verifier import VerifiedEnvelope
    from keys.keyfile import SecretKeys
    from keys.roster import Roster

START = datetime(2016, 1, 5, 9, tzinfo=UTC)
NUMBER = Number("cc", "2016", 1)
CIRCULAR = """\
+++
kind = "circular"
subject = "Отчёты"
to = ["@all"]
[[obligation]]
id = "monthly"
every = "month"
from = "2016-01"
due = "P10D"
[[form]]
id = "monthly"
[[form.field]]
name = "meetings"
type = "integer"
[[form.field]]
name = "demands"
type = "table"
[[form.field.column]]
name = "demand"
type = "text"
+++
1. Text
"""
VALUES = {"meetings": 12, "demands": ({"demand": "Топливо на зиму"},)}
OPENED = 2000


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch that reports: its keys, and its register of this year."""

    handle: str
    keys: SecretKeys
    volume: Volume

    def report(
        self, circular: OpenedMessage, roster: Roster, period: str, date: datetime
    ) -> VerifiedEnvelope:
        """Report to the centre. Gives the copy for the centre; the branch's own copy has an empty body."""
        number = Number(self.handle, self.volume.name, len(self.volume.ids) + 1)
        line, secrets = make_plaintext(_message(circular, number, period, date))
        recipient = roster.office("cc").sealing_key(roster.version)
        assert recipient is not None
        assert circular.secrets.slot_key is not None
        body = age.encrypt(line + secrets, [recipient])
        copies, said = make_copies(sorted({"cc": body, self.handle: b""}.items()))
        key = decode_base64(circular.secrets.slot_key)
        note = make_note(
            number,
            date,
            roster_ref(roster),
            said,
            register=self.volume.head,
            content=content_digest(line),
            answers=(blind_slot(key, "report", "monthly", self.handle, occasion_of(period, None)),),
        )
        signed = sign_note(note, self.keys.signing_keys)
        self.volume.append(note_id(signed.text))
        [copy] = [one for one in copies if one.to == "cc"]
        signed_note = SignedNote(signed=signed, note=note, id=note_id(signed.text))
        return believe_stored(Envelope(signed_note=signed_note, copy=copy, body=body))


def _message(circular: OpenedMessage, number: Number, period: str, date: datetime) -> Report:
    assert isinstance(circular.message, Circular)
    answers = Answered(
        number=circular.message.number,
        id=encode_base64(circular.verified.id),
        obligation="monthly",
        form=circular.message.forms[0].digest(),
    )
    return make_message(Report, number, date, to=("cc",), answers=answers, period=period, values=VALUES)


def make(folder: Path, offices: int, months: int) -> None:
    """Let a centre issue a circular, and receive and receipt a report of every office for every month."""
    keys = branches(offices)
    realm = make_realm(folder, [("cc", "Centre", False)], {}, START)
    realm.adopt(realm.next_roster(lambda draft: add_branches(draft, keys, "all"), validity=20 * 365 * DAY))
    roster = realm.trusted.roster
    with realm.office("cc") as office:
        office.issue(parse_draft(CIRCULAR.encode()), (), folder / "post")
        circular = office.read(NUMBER)
    this_year: list[Branch] = []
    for month in range(months):
        year, ordinal = 2016 + month // 12, month % 12 + 1
        date = datetime(year + ordinal // 12, ordinal % 12 + 1, 3, 9, tzinfo=UTC)
        if not this_year or date.month == 1:
            this_year = [
                Branch(handle=handle, keys=own, volume=Volume(name=f"{date.year}"))
                for handle, own in keys.items()
            ]
        with realm.office("cc", now=date) as office:
            for branch in this_year:
                report = branch.report(circular, roster, f"{year}-{ordinal:02}", date)
                signature = report.verified_note.signed_note.signed.signatures[0]
                office.register.receive(report, signature, (), date, wants_receipt=True)
            # one receipt for all, where `receive` would send one to each branch: that makes it faster
            opened = [office.read(one.number) for one in office.register.unreceipted()]
            office.send(outgoing_receipt(this_year[0].handle, opened, roster), (), folder / "post")
    realm.close()


def measure(folder: Path, now: datetime, what: str) -> tuple[float, int, int]:
    """Answer one question: processor seconds, peak memory in bytes, and how many reports count."""
    began = time.process_time()
    with Realm(folder, now).office("cc") as office:
        if what == "due":
            [duties] = [one for one in office.due() if one.case.circular.obligations]
            found = rates(duties.slots).actual
        else:
            found = office.collate(NUMBER, "monthly", None, None).actual
    spent = time.process_time() - began
    return spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, found


def floor() -> float:
    """Open one body with HPKE alone: seconds."""
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    sealed = SUITE.encrypt(b"x" * 1024, private.public_key(), b"bench")
    began = time.process_time()
    for _ in range(OPENED):
        SUITE.decrypt(sealed, private, b"bench")
    return (time.process_time() - began) / OPENED


def main() -> None:
    """Make, measure at half and at whole size, print, remove."""
    parser = argparse.ArgumentParser(prog="scripts/duties-bench")
    parser.add_argument("--offices", type=int, default=100)
    parser.add_argument("--months", type=int, default=120)
    options = parser.parse_args()
    least = floor()
    print(f"HPKE open alone: {least * 1e6:.0f} us")
    for months in (options.months // 2, options.months):
        with tempfile.TemporaryDirectory(prefix="duties-bench-") as name:
            apart(make, Path(name), options.offices, months)
            count = options.offices * months
            now = datetime(2016 + months // 12, 1, 5, tzinfo=UTC)
            for what in ("due", "collate"):
                spent, memory, found = apart(measure, Path(name), now, what)
                print(
                    f"{what} over {count:,} reports, {found:,} of which count: {spent:.1f} s, "
                    f"{spent / (count * least):.1f} times the floor, {memory / 1e6:.0f} MB"
                )


if __name__ == "__main__":
    main()
