"""Write the worked example: tests/vectors/example and section 18 of docs/FORMAT.md.

`--check` writes nothing and fails if they differ. All of it follows from the constants below, but for the
two age files, which are random: they are kept as long as they hold the plaintext. It takes every step
itself and uses nothing of the tests, so that it shows the whole way.
"""

from __future__ import annotations

import difflib
import hmac
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keys.age import X25519Identity
    from keys.card import Card
    from keys.roster import Roster
    from keys.signing import SigningKey

ROOT = Path(__file__).resolve().parent.parent
FORMAT = ROOT / "docs" / "FORMAT.md"
EXAMPLE = ROOT / "tests" / "vectors" / "example"
HEADING = "## 18 Worked example\n"

NAMES = ("root", "cc", "tula")
SEEDS = {"root": bytes([1]) * 32, "cc": bytes([2]) * 32, "tula": bytes([3]) * 32}
SECRETS = {"cc": bytes([4]) * 32, "tula": bytes([5]) * 32}
TITLES = {"cc": "Центральный комитет", "tula": "Тульский губком"}
SALT = bytes(range(32))
SLOT_KEY = bytes(range(32, 64))
REALM = "rkp"
DATE = datetime(2026, 11, 23, 9, tzinfo=UTC)
EXPIRES = datetime(2027, 11, 23, 9, tzinfo=UTC)
SUBJECT = "Отчёт"
BODY = "1. Циркуляр получен.\n"
SIZES = (1, 1024, 1025, 1100, 2000, 5000, 100_000, 4_194_305)
SLOTS = (
    ("report", "meetings", "tula", "period:2026-05"),
    ("extend", "conference", "tula", "event:3"),
    ("acknowledge", "-", "tula", "once"),
)
WARNING = "# A test key, published in docs/FORMAT.md: it protects nothing. Never use it.\n"

SECTION = """\
## 18 Worked example

A realm `rkp` of two classical offices, because Ed25519 signatures are the same every time, and one letter. \
The files lie in `tests/vectors/example`; `scripts/format-example` writes them and this section. The keys \
are test keys, and every value here is derived again by two implementations whenever the tests run.

**Keys.** The Ed25519 seeds are 32 bytes of 0x01 (root), 0x02 (`cc`) and 0x03 (`tula`), the X25519 secrets \
32 bytes of 0x04 (`cc`) and 0x05 (`tula`):

    root  {key_root}
    cc    {key_cc}
          {sealing_cc}
          {identity_cc}
    tula  {key_tula}
          {sealing_tula}
          {identity_tula}

Fingerprints of tula's keys, as a card is compared by voice:

    {print_signing}
    {print_sealing}

**Card** (`tula.card`), one line of JSON, an empty line, a signature:

{card}

**Root fingerprint.** The SHA-256 of these lines, and what is compared:

{root_lines}

    {root_print}

**Roster** (`rkp.roster`), version 1, signed by the root:

{roster}

The SHA-256 of its text, the JSON line with its LF:

    {roster_digest}

**Message line**, its `salt` the bytes 0x00 to 0x1f, and its digest, which is `content` in the note:

{message}

    {content}

**Secrets line.** Its digest is `secrets` in the message. With an empty `padding` the plaintext has {bare} \
bytes, so it is padded to {padded}:

{secrets}

Other sizes, n and what Padmé(max(n, 1024)) makes of it:

{sizes}

**Copies.** The plaintext is sealed for each office. The bodies are random; those of the example have these \
digests in base64. The leaf data of both copies, and SHA-256(0x00 || leaf data) in hexadecimal:

{leaf_cc}

    {leaf_hash_cc}

{leaf_tula}

    {leaf_hash_tula}

The root, SHA-256(0x01 || the first || the second), as the note has it:

    {copies_root}

**Note.** It is the first of its office, so the register is empty:

{note}

Its id, in base64 and in hexadecimal:

    {note_id}
    {note_id_hex}

**Signature.** The bytes that Ed25519 signs, in hexadecimal (`SSHSIG`, then four SSH strings, the last one \
SHA-512 of the note), and the block:

    {signed}

{block}

**Envelope** (`cc-2026-1.tula.dispatch`): the note, an empty line, this block, an empty line, then this, an \
empty line, and the armored body. The one digest of the proof is the other leaf's hash:

{copy}

**Register heads.** The next note of this office, `cc/2026/2`, has as its register line the root over one \
leaf, SHA-256(0x00 || id). With a second note of the id SHA-256("2"), the third has the root over two:

    {register_2}
    {register_3}

**Blinded slots** under the slot key 0x20 to 0x3f:

{slots}
"""


@dataclass(frozen=True)
class Example:
    """The files of the example, and what section 18 shows, by the names in `SECTION`."""

    files: dict[str, bytes]
    values: dict[str, str]


def indented(text: str) -> str:
    """Indent a text that ends with LF, as a block of code; an empty line stays empty."""
    return "\n".join(f"    {line}" if line else "" for line in text.removesuffix("\n").split("\n"))


def section(values: dict[str, str]) -> str:
    """Fill section 18 in."""
    return SECTION.format(**values)


def signing_key(name: str) -> SigningKey:
    """Make one of the signing keys."""
    from keys.signing import ED25519, SigningKey

    return SigningKey(type=ED25519, seed=SEEDS[name])


def identity(name: str) -> X25519Identity:
    """Make one of the age identities."""
    from keys.age import X25519Identity

    return X25519Identity(SECRETS[name])


def key_file(name: str) -> bytes:
    """Write a key file, in clear; OpenSSH's check word, random elsewhere, is zero."""
    from keys.signing import encode_private

    text = WARNING + (f"{identity(name).secret_text()}\n" if name in SECRETS else "")
    return text.encode() + encode_private(signing_key(name), random=bytes)


def make_cards() -> dict[str, Card]:
    """Make the cards of both offices."""
    from keys.card import make_card

    return {
        name: make_card(
            handle=name,
            title=title,
            classical=True,
            signing=[signing_key(name).verify_key],
            sealing=[identity(name).recipient()],
        )
        for name, title in TITLES.items()
    }


def make_roster(cards: dict[str, Card]) -> Roster:
    """Make version 1, of both offices."""
    from keys.roster import add_office, first_roster

    roster = first_roster(realm=REALM, root=[signing_key("root").verify_key], date=DATE, expires=EXPIRES)
    for name, rights in (("cc", ["issue"]), ("tula", ["report"])):
        roster = add_office(roster, cards[name], rights)
    return roster


def make_plaintext() -> tuple[bytes, bytes, int]:
    """Write the message line and the secrets line of the letter; say how long both are without padding."""
    from msgspec.structs import replace

    from dispatch.formats.message import Letter, encode_message
    from dispatch.formats.plaintext import Secrets, encode_secrets
    from keys.canonical import encode_canonical
    from keys.codec import encode_base64
    from keys.text import format_date

    letter = Letter(
        format="dispatch-message/v1",
        salt=encode_base64(SALT),
        secrets=encode_base64(bytes(32)),
        number="cc/2026/1",
        date=format_date(DATE),
        from_="cc",
        to=("tula",),
        info=(),
        precedence="routine",
        subject=SUBJECT,
        attachments=(),
        body=BODY,
        relations=(),
    )
    secrets = Secrets(format="dispatch-secrets/v1", slot_key=None, attachments=(), padding="")
    size = len(encode_message(letter))
    secrets_line = encode_secrets(secrets, size)
    line = encode_message(replace(letter, secrets=encode_base64(sha256(secrets_line).digest())))
    return line, secrets_line, size + len(encode_canonical(secrets))


def make_body(name: str, plaintext: bytes) -> bytes:
    """Keep the body that is there, if it is this plaintext sealed to this office; else seal."""
    from dispatch.formats.envelope import parse_envelope
    from keys import age

    try:
        body = parse_envelope((EXAMPLE / f"cc-2026-1.{name}.dispatch").read_bytes()).body
        if age.decrypt(body, [identity(name)], only=frozenset({age.CLASSICAL})) == plaintext:
            return body
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the old one
        print(f"format-example: sealing a new copy for {name}: {error}", file=sys.stderr)
    return age.encrypt(plaintext, [identity(name).recipient()])


def make_example() -> Example:
    """Make all files, and derive what the section shows, with the project's own code."""
    from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, encode_copy, encode_envelope, leaf_data
    from dispatch.formats.merkle import Tree, leaf_hash
    from dispatch.formats.merkle import root as tree_root
    from dispatch.formats.message import content_digest
    from dispatch.formats.note import FIRST_HEAD, Copies, Note, Number, RosterRef, encode_note, note_id
    from dispatch.formats.plaintext import padded_size
    from keys import sshsig
    from keys.card import sign_card
    from keys.codec import encode_base64, put_string
    from keys.lines import encode_sealing, sealing_fingerprint
    from keys.signed import SignedText, sign_text
    from keys.trust import encode_roster_file, sign_roster

    cards = make_cards()
    roster = make_roster(cards)
    signed_roster = sign_roster(roster, [signing_key("root")])
    line, secrets, bare = make_plaintext()
    bodies = {name: make_body(name, line + secrets) for name in TITLES}
    leaves = {
        name: leaf_data(index, name, None, sha256(body).digest())
        for index, (name, body) in enumerate(bodies.items(), 1)
    }
    tree = Tree(leaf_hash(data) for data in leaves.values())
    note = Note(
        number=Number("cc", "2026", 1),
        date=DATE,
        roster=RosterRef(REALM, roster.version, roster.digest),
        register=FIRST_HEAD,
        content=content_digest(line),
        copies=Copies(len(leaves), tree.root),
    )
    text = encode_note(note)
    block = sign_text(text, signing_key("cc"), NOTE_NAMESPACE)
    copies = {
        name: Copy(
            index=at + 1, to=name, after=None, body=sha256(bodies[name]).digest(), proof=tree.proof(at)
        )
        for at, name in enumerate(bodies)
    }
    files = {f"{name}.key": key_file(name) for name in NAMES}
    files["tula.card"] = sign_card(cards["tula"], [signing_key("tula")])
    files["rkp.roster"] = encode_roster_file((signed_roster,))
    for name, copy in copies.items():
        envelope = encode_envelope(SignedText(text=text, signatures=(block,)), copy, bodies[name])
        files[f"cc-2026-1.{name}.dispatch"] = envelope
    fields = (NOTE_NAMESPACE.encode(), b"", b"sha512", sshsig.digest(text))
    ids = [leaf_hash(note_id(text)), leaf_hash(sha256(b"2").digest())]
    root_line = signing_key("root").verify_key.line()
    return Example(
        files=files,
        values={
            **{f"key_{name}": signing_key(name).verify_key.line() for name in NAMES},
            **{f"sealing_{name}": encode_sealing(identity(name).recipient()) for name in SECRETS},
            **{f"identity_{name}": identity(name).secret_text() for name in SECRETS},
            "print_signing": signing_key("tula").verify_key.fingerprint(),
            "print_sealing": sealing_fingerprint(encode_sealing(identity("tula").recipient())),
            "card": indented(files["tula.card"].decode()),
            "root_lines": indented(f"dispatch-root/v1\n{REALM}\n1\n{root_line.partition(' ')[2]}\n"),
            "root_print": roster.root_fingerprint(1),
            "roster": indented(files["rkp.roster"].decode()),
            "roster_digest": encode_base64(roster.digest),
            "message": indented(line.decode()),
            "content": encode_base64(content_digest(line)),
            "bare": str(bare),
            "padded": str(padded_size(bare)),
            "secrets": indented(secrets.decode()),
            "sizes": indented("".join(f"{size:>9,} {padded_size(size):>9,}\n" for size in SIZES)),
            **{f"leaf_{name}": indented(data.decode()) for name, data in leaves.items()},
            **{f"leaf_hash_{name}": leaf_hash(data).hex() for name, data in leaves.items()},
            "copies_root": encode_base64(tree.root),
            "note": indented(text.decode()),
            "note_id": encode_base64(note_id(text)),
            "note_id_hex": note_id(text).hex(),
            "signed": (b"SSHSIG" + b"".join(map(put_string, fields))).hex(),
            "block": indented(block.decode()),
            "copy": indented(encode_copy(copies["tula"]).decode()),
            "register_2": f"register: 2026/1 {encode_base64(tree_root(ids[:1]))}",
            "register_3": f"register: 2026/2 {encode_base64(tree_root(ids))}",
            "slots": "\n\n".join(map(shown_slot, SLOTS)),
        },
    )


def shown_slot(slot: tuple[str, ...]) -> str:
    """Show the lines of a slot, and their HMAC as a note has it."""
    from keys.codec import encode_base64

    lines = "".join(f"{line}\n" for line in ("dispatch-slot/v1", *slot))
    digest = hmac.digest(SLOT_KEY, lines.encode(), "sha256")
    return f"{indented(lines)}\n\n    answers: {encode_base64(digest)}"


def main() -> int:
    """Write the files and the section, or say how they differ."""
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: scripts/format-example [--check]", file=sys.stderr)
        return 2
    example = make_example()
    there = FORMAT.read_text("utf-8")
    text = there.partition(HEADING)[0].rstrip("\n") + "\n\n" + section(example.values)
    wanted = {FORMAT: text.encode(), **{EXAMPLE / name: data for name, data in example.files.items()}}
    differing = [path for path, data in wanted.items() if not path.exists() or path.read_bytes() != data]
    if sys.argv[1:]:
        diff = difflib.unified_diff(
            there.splitlines(), text.splitlines(), "docs/FORMAT.md", "due", lineterm=""
        )
        print(*diff, *(path.relative_to(ROOT) for path in differing), sep="\n", end="")
        return int(bool(differing))
    for path in differing:
        path.write_bytes(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
