"""`due` and `collate` over many reports, all of them opened: time as a ratio to the HPKE-open floor, and memory.

    scripts/duties-bench [--offices 100] [--months 120]

Needs the environment that scripts/test makes.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2016, 1, 5, 9, tzinfo=UTC)
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


def make(folder: Path, offices: int, months: int):  # noqa: ANN201 - a script's own
    """Let a centre issue a circular, and put a report of every office for every month into its register."""
    from hashlib import sha256

    from msgspec.structs import replace

    from dispatch.checks.verifier import believe_stored
    from dispatch.drafts import parse_draft, read_draft
    from dispatch.formats.envelope import Copy, Envelope, SignedNote, leaf_data
    from dispatch.formats.merkle import leaf_hash, root
    from dispatch.formats.message import encode_message
    from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef, encode_note, note_id
    from dispatch.formats.plaintext import Secrets, encode_secrets
    from dispatch.office import Office
    from dispatch.office.compose import outgoing_receipt, outgoing_report
    from dispatch.office.readiness import _message
    from dispatch.realm.setup import create_office
    from dispatch.store import Allotment
    from dispatch.store.home import Home
    from keys import age
    from keys.card import make_card
    from keys.codec import encode_base64
    from keys.keyfile import generate, read_keyfile
    from keys.roster import add_offices, next_version, set_group
    from keys.signed import SignedText, sign_text
    from keys.trust import encode_roster_file, sign_roster, trust_update

    home = Home(folder / "cc")
    create_office(home, handle="cc", title="cc", classical=False, realm="bench", passphrase=None, now=START)
    root_keys = read_keyfile(home.root_key, str).signing_keys
    names = [f"branch-{number:04}" for number in range(offices)]
    keys = {name: generate(classical=False) for name in names}
    cards = [
        make_card(
            handle=name,
            title=name,
            classical=False,
            signing=[key.verify_key for key in own.signing_keys],
            sealing=[identity.recipient() for identity in own.identities],
        )
        for name, own in keys.items()
    ]
    with Office(home, now=START, ask_passphrase=str) as office:
        trusted = office.trusted
        draft = next_version(trusted.roster, date=START, expires=START + timedelta(days=20 * 365))
        draft = set_group(add_offices(draft, [(card, ["report"]) for card in cards]), "all", names)
        trusted = trust_update(trusted, (*trusted.chain, sign_roster(draft, root_keys)))
    home.roster.write_bytes(encode_roster_file(trusted.chain))
    with Office(home, now=START, ask_passphrase=str) as office:
        office.issue(parse_draft(CIRCULAR.encode()), (), folder / "post")
    shutil.rmtree(folder / "post")
    reference = RosterRef(trusted.roster.realm, trusted.roster.version, trusted.roster.digest)
    ids = {name: [] for name in names}
    for month in range(months):
        year, number = 2016 + month // 12, month % 12 + 1
        date = datetime(year + number // 12, number % 12 + 1, 3, 9, tzinfo=UTC)
        text = (
            f'+++\nkind = "report"\nanswers = "cc/2016/1#monthly"\nperiod = "{year}-{number:02}"\n[values]\n'
        )
        text += 'meetings = 12\n[[values.demands]]\ndemand = "Топливо на зиму"\n+++\n'
        draft = read_draft(text.encode()).draft
        with Office(home, now=date, ask_passphrase=str) as office:
            circular = office.opened.find(Number("cc", "2016", 1))
            for name in names:
                outgoing, _ = outgoing_report(
                    draft, circular, name, earlier=None, roster=trusted.roster, now=date
                )
                own = ids[name]
                volume = f"{date.year}"
                here = [one for known, one in own if known == volume]
                allotment = Allotment(number=Number(name, volume, len(here) + 1), date=date, head=FIRST_HEAD)
                blank = encode_base64(bytes(32))
                message = _message(outgoing, allotment, encode_base64(os.urandom(32)), blank, ())
                secrets = Secrets(format="dispatch-secrets/v1", slot_key=None, attachments=(), padding="")
                secrets_line = encode_secrets(secrets, len(encode_message(message)))
                line = encode_message(replace(message, secrets=encode_base64(sha256(secrets_line).digest())))
                recipient = trusted.roster.office("cc").sealing_key(trusted.roster.version)
                body = age.encrypt(line + secrets_line, [recipient])
                handles = sorted(("cc", name))
                leaves = [
                    leaf_hash(leaf_data(i, to, None, sha256(body if to == "cc" else b"").digest()))
                    for i, to in enumerate(handles, 1)
                ]
                note = Note(
                    number=allotment.number,
                    date=date,
                    roster=reference,
                    register=Head(volume, len(here), root(map(leaf_hash, here))) if here else FIRST_HEAD,
                    content=sha256(line).digest(),
                    copies=Copies(2, root(leaves)),
                    answers=outgoing.answers,
                )
                signed_text = encode_note(note)
                own.append((volume, note_id(signed_text)))
                signature = sign_text(signed_text, keys[name].signing_keys[0], "dispatch-note")
                signed = SignedNote(
                    signed=SignedText(text=signed_text, signatures=(signature,)),
                    note=note,
                    id=note_id(signed_text),
                )
                copy = Copy(
                    index=handles.index("cc") + 1,
                    to="cc",
                    after=None,
                    body=sha256(body).digest(),
                    proof=(leaves[1 - handles.index("cc")],),
                )
                verified = believe_stored(Envelope(signed_note=signed, copy=copy, body=body))
                office.register.receive(verified, signature, (), date, wants_receipt=True)
            # one receipt a month for all: who receives month by month gives one to each office
            opened = [office.opened.open(entry) for entry in office.register.unreceipted()]
            office.outbox.number(outgoing_receipt(names[0], opened, trusted.roster), folder / "post")
            office.outbox.finish()
    return home


def measure(home: object, now: datetime, what: str) -> tuple[float, int]:
    """Run one question in a process of its own: processor seconds, and peak memory in KiB."""
    from dispatch.duties.slots import rates, slots_of
    from dispatch.formats.note import Number
    from dispatch.office import Office

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        began = time.process_time()
        with Office(home, now=now, ask_passphrase=str) as office:
            if what == "due":
                [case] = [one for one in office.cases() if one.circular.obligations]
                found = rates(slots_of(case, now)).actual
            else:
                found = office.collate(Number("cc", "2016", 1), "monthly", None, None).actual
        spent = time.process_time() - began
        os.write(write, f"{spent} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} {found}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    spent, memory, found = os.read(read, 100).decode().split()
    return float(spent), int(memory), int(found)


def floor() -> float:
    """Open one body with HPKE alone: seconds."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    sealed = suite.encrypt(b"x" * 1024, private.public_key(), b"bench")
    began = time.process_time()
    for _ in range(2000):
        suite.decrypt(sealed, private, b"bench")
    return (time.process_time() - began) / 2000


def main() -> None:
    """Make, measure at half and whole size, print, remove."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--offices", type=int, default=100)
    parser.add_argument("--months", type=int, default=120)
    options = parser.parse_args()
    least = floor()
    print(f"HPKE open alone {least * 1e6:.0f} us")
    for months in (options.months // 2, options.months):
        work = Path(tempfile.mkdtemp(prefix="duties-bench-"))
        try:
            home = make(work, options.offices, months)
            count = options.offices * months
            now = datetime(2016 + months // 12, 1, 5, tzinfo=UTC)
            for what in ("due", "collate"):
                spent, memory, found = measure(home, now, what)
                ratio = spent / (count * least)
                print(
                    f"{what} over {count:,} reports ({found:,} count): {spent:.1f} s, {ratio:.1f} x floor, {memory / 1024:.0f} MB"
                )
        finally:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
