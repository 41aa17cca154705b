"""docs/FORMAT.md is enough and does not rot: a second implementation, written from it, agrees with this one.

Both read what is right, what has one fault, and what was made by nobody's rules; they must give the same exit
code. Section 16 of the document is derived again by both, and compared byte for byte.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dispatch.checks import opening, verifier
from dispatch.checks.soundness import NoEvidence, check_stands
from dispatch.cli import main
from dispatch.errors import exit_code
from dispatch.formats import envelope as ours
from dispatch.formats.merkle import EMPTY_ROOT, Tree, leaf_hash
from dispatch.formats.message import MAX_MESSAGE, encode_message, parse_message
from dispatch.formats.note import MAX_NOTE, Copies, Note, RosterRef, encode_note, parse_note
from dispatch.formats.plaintext import MAX_SECRETS, parse_plaintext, parse_secrets
from keys import age, card, keyfile, roster, sshsig, trust
from keys.canonical import encode_canonical
from keys.codec import encode_base64
from keys.signed import encode_signed
from keys.signing import SigningKey
from keys.text import parse_date
from scripts import format_example
from tests.forge.dispatches import NOW, make_copies
from tests.forge.realm import Realm, make_realm
from tests.forge.roster import sign
from tests.independent import checker
from tests.independent import envelope as theirs
from tests.independent import message as their_message
from tests.independent import roster as their_roster
from tests.independent import signed as their_signed
from tests.independent import text as their_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
FORMAT = (ROOT / "docs" / "FORMAT.md").read_text("utf-8")
EXAMPLE = ROOT / "tests" / "vectors" / "example"
AT = "2026-11-23T09:00:00Z"
PIN = re.findall(r"^    (SHA256:\S+)$", FORMAT, re.MULTILINE)[2]
TULA, CENTRE = "cc-2026-1.tula.dispatch", "cc-2026-1.cc.dispatch"


ROOTS = ("root", "other")  # the second is a root key of version 2, whose threshold is 2
SEEDS = {**format_example.SEEDS, "other": bytes([9]) * 32}


def file(name: str) -> bytes:
    return (EXAMPLE / name).read_bytes()


# ---- Both implementations, asked the same


def code_of(check: Callable[[], object]) -> int:
    """Run a check of either implementation: 0, or the exit code of what it raised."""
    try:
        check()
    except their_text.RefusedError as error:
        return error.code
    except Exception as error:
        code = exit_code(error)
        if code == 1:  # not an error of ours, but a bug
            raise
        return code
    return 0


def agree(ours: Callable[[], object], theirs: Callable[[], object], what: object = "") -> int:
    """Demand that both give one exit code, and give it."""
    codes = code_of(ours), code_of(theirs)
    assert codes[0] == codes[1], f"this project: {codes[0]}, the other: {codes[1]}: {what!r}"
    return codes[0]


class Reader:
    """An office, or nobody in particular, that trusts a roster file under a pin, in both implementations."""

    def __init__(self, data: bytes, pin: str, at: str = AT) -> None:
        self.at = at
        self.trusted = trust.trust_pinned(trust.parse_roster_file(data), pin)
        self.roster = their_roster.trust(data, pin)
        self.verifier = verifier.Verifier(self.trusted)

    def verify(self, data: bytes, *, bare: bool = False) -> int:
        """Do steps 1 to 5."""

        def our_way() -> None:
            trust.check_current(self.trusted, parse_date(self.at))
            if bare:
                signed_note = ours.parse_signed_note(data)
                self.verifier.verify_note(signed_note)
            else:
                signed_note = ours.parse_envelope(data).signed_note
                self.verifier.verify(ours.parse_envelope(data))
            check_stands(signed_note, self.trusted.roster, NoEvidence())

        def their_way() -> None:
            checker.verify(theirs.read_envelope(data, bare=bare), self.roster, self.at)

        return agree(our_way, their_way, data)

    def open(self, data: bytes, us: str, identities: list[str]) -> int:
        """Do steps 1 to 11."""
        found = SimpleNamespace()

        def our_way() -> None:
            trust.check_current(self.trusted, parse_date(self.at))
            verified = self.verifier.verify(ours.parse_envelope(data))
            check_stands(verified.verified_note.signed_note, self.trusted.roster, NoEvidence())
            parsed = [age.parse_identity(identity) for identity in identities]
            opened = opening.open_envelope(verified, us, parsed, self.trusted.roster)
            found.ours = opened.line, encode_canonical(opened.secrets)

        def their_way() -> None:
            envelope = theirs.read_envelope(data)
            checker.verify(envelope, self.roster, self.at)
            lines = checker.open_copy(envelope, self.roster, us, identities)
            found.theirs = tuple(map(their_text.json_of, lines))

        code = agree(our_way, their_way, data)
        assert code or found.ours == found.theirs
        return code


def identities_in(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if line.startswith("AGE-SECRET-KEY-")]


def trust_both(data: bytes, pin: str) -> int:
    return agree(
        lambda: trust.trust_pinned(trust.parse_roster_file(data), pin),
        lambda: their_roster.trust(data, pin),
        data,
    )


def card_both(data: bytes) -> int:
    return agree(lambda: card.verify_card(data), lambda: their_roster.read_card(data), data)


# ---- The second implementation is one


def test_the_other_implementation_imports_nothing_of_ours() -> None:
    for path in (ROOT / "tests" / "independent").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & {"dispatch", "keys", "nacl", "msgspec"}
            assert all(name.startswith("tests.independent") for name in names if name.startswith("tests"))


def test_the_limits_are_those_of_the_document() -> None:
    [line] = re.findall(r"^\*\*Limits\*\* \(bytes\): (.+)\.$", FORMAT, re.MULTILINE)
    limits = [int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]+", line)]
    assert limits == [
        MAX_NOTE,
        roster.MAX_ROSTER,
        card.MAX_CARD,
        MAX_MESSAGE,
        MAX_SECRETS,
        ours.MAX_ENVELOPE,
        sshsig.MAX_ARMORED,
        keyfile.MAX_KEYFILE,
    ]
    names = ("note", "roster", "card", "message", "secrets", "envelope", "signature")
    assert limits[:-1] == [their_text.LIMITS[name] for name in names]


# ---- Section 16


def test_the_worked_example_is_what_the_script_writes() -> None:
    command = [sys.executable, "-m", "scripts.format_example", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run scripts/format-example\n{done.stdout}{done.stderr}"


def test_every_value_of_the_example_follows_for_the_other_implementation() -> None:
    start = FORMAT.index(format_example.HEADING)
    assert format_example.section(derived_anew()) == FORMAT[start:]


def ed25519_line(seed: bytes) -> str:
    blob = [b"ssh-ed25519", Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()]
    return f"ssh-ed25519 {their_text.base64_of(b''.join(map(their_signed.ssh_string, blob)))}"


def x25519_line(secret: bytes) -> str:
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return f"X25519 {their_text.base64_of(public)}"


def signed_anew(text: bytes, seed: bytes, namespace: str) -> tuple[bytes, str]:
    """Sign a text without the project: what is signed, and the block."""
    strings = [namespace.encode(), b"", b"sha512", hashlib.sha512(text).digest()]
    signed = b"SSHSIG" + b"".join(map(their_signed.ssh_string, strings))
    value = Ed25519PrivateKey.from_private_bytes(seed).sign(signed)
    inner = b"".join(map(their_signed.ssh_string, (b"ssh-ed25519", value)))
    key = their_text.bytes_of(ed25519_line(seed).partition(" ")[2])
    fields = (key, *strings[:3], inner)
    blob = b"SSHSIG\0\0\0\1" + b"".join(map(their_signed.ssh_string, fields))
    return signed, their_signed.armor("SSH SIGNATURE", blob, 70)


def derived_anew() -> dict[str, str]:
    """Derive what section 18 shows, from the seeds and the texts in the files, without the project's code."""
    base64_of, digest, indented = their_text.base64_of, their_text.sha256, format_example.indented
    seeds, secrets = format_example.SEEDS, format_example.SECRETS
    identities = {name: identities_in(EXAMPLE / f"{name}.key")[0] for name in secrets}
    [(roster_read, _)] = their_roster.read_rosters(file("rkp.roster"))
    texts = {
        "card": (their_text.json_of(their_roster.read_card(file("tula.card"))), "tula", "dispatch-card"),
        "roster": (their_text.json_of(roster_read), "root", "dispatch-roster"),
    }
    copies = {name: theirs.read_envelope(file(f"cc-2026-1.{name}.dispatch")) for name in secrets}
    leaves = {name: theirs.leaf_of(copy.copy) for name, copy in copies.items()}
    note_text = copies["tula"].signed.text
    note = theirs.read_note(note_text)
    note_id = digest(note_text)
    signed, block = signed_anew(note_text, seeds["cc"], "dispatch-note")
    lines = checker.open_copy(copies["tula"], roster_read, "tula", [identities["tula"]])
    message, secret = map(their_text.json_of, lines)
    bare = len(message) + len(their_text.json_of({**lines[1], "padding": ""}))
    root_lines = ["dispatch-root/v1", "rkp", "1", ed25519_line(seeds["root"]).partition(" ")[2]]
    copy = copies["tula"].copy
    return {
        **{f"key_{name}": ed25519_line(seed) for name, seed in seeds.items()},
        **{f"sealing_{name}": x25519_line(each) for name, each in secrets.items()},
        **{f"identity_{name}": identity for name, identity in identities.items()},
        "print_signing": their_signed.fingerprint(ed25519_line(seeds["tula"])),
        "print_sealing": their_signed.fingerprint(x25519_line(secrets["tula"])),
        **{
            name: indented(text.decode() + "\n" + signed_anew(text, seeds[signer], namespace)[1])
            for name, (text, signer, namespace) in texts.items()
        },
        "root_lines": indented("\n".join(root_lines) + "\n"),
        "root_print": "SHA256:" + base64_of(digest(("\n".join(root_lines) + "\n").encode())).rstrip("="),
        "roster_digest": base64_of(digest(texts["roster"][0])),
        "message": indented(message.decode()),
        "content": base64_of(digest(message)),
        "bare": str(bare),
        "padded": str(their_message.padme(max(bare, 1024))),
        "secrets": indented(secret.decode()),
        "sizes": indented(
            "".join(f"{n:>9,} {their_message.padme(max(n, 1024)):>9,}\n" for n in format_example.SIZES)
        ),
        **{f"leaf_{name}": indented(leaf.decode()) for name, leaf in leaves.items()},
        **{f"leaf_hash_{name}": theirs.leaf_hash(leaf).hex() for name, leaf in leaves.items()},
        "copies_root": base64_of(theirs.tree_root(list(leaves.values()))),
        "note": indented(note_anew(note)),
        "note_id": base64_of(note_id),
        "note_id_hex": note_id.hex(),
        "signed": signed.hex(),
        "block": indented(block),
        "copy": indented(leaves["tula"].decode() + copy["proof"]),
        "register_2": f"register: 2026/1 {base64_of(theirs.tree_root([note_id]))}",
        "register_3": f"register: 2026/2 {base64_of(theirs.tree_root([note_id, digest(b'2')]))}",
        "slots": "\n\n".join(map(slot_anew, format_example.SLOTS)),
    }


def note_anew(note: dict[str, str]) -> str:
    """Write the lines of a note that has no repeated ones."""
    return """dispatch/v1
number: {issuer}/{volume}/{ordinal}
date: {date}
roster: {realm}/{version} {roster}
register: {before}/{size} {register}
content: {content}
copies: {count} {root}
""".format(**note)


def slot_anew(slot: tuple[str, str, str, str]) -> str:
    lines = "".join(f"    {line}\n" for line in ("dispatch-slot/v1", *slot))
    answer = their_message.slot(format_example.SLOT_KEY, *slot)
    return f"{lines}\n    answers: {their_text.base64_of(answer)}"


def test_the_test_keys_are_those_of_the_seeds() -> None:
    for name, seed in format_example.SEEDS.items():
        text = file(f"{name}.key")
        assert text.startswith(b"# A test key")
        keys = keyfile.parse_secret_keys(text)
        assert [key.verify_key.line() for key in keys.signing_keys] == [ed25519_line(seed)]
        assert [identity.seed for identity in keys.identities] == (
            [format_example.SECRETS[name]] if name in format_example.SECRETS else []
        )


def test_both_accept_and_open_the_example() -> None:
    reader = Reader(file("rkp.roster"), PIN)
    assert card_both(file("tula.card")) == 0
    for name, us in ((TULA, "tula"), (CENTRE, "cc")):
        assert reader.verify(file(name)) == 0
        assert reader.open(file(name), us, identities_in(EXAMPLE / f"{us}.key")) == 0
    assert reader.open(file(TULA), "tula", identities_in(EXAMPLE / "cc.key")) == 4
    assert reader.open(file(TULA), "cc", identities_in(EXAMPLE / "cc.key")) == 4


def test_what_is_parsed_encodes_to_the_same_bytes() -> None:
    for name, us in ((TULA, "tula"), (CENTRE, "cc")):
        envelope = ours.parse_envelope(file(name))
        signed = envelope.signed_note.signed
        assert ours.encode_envelope(signed, envelope.copy, envelope.body) == file(name)
        assert encode_note(parse_note(signed.text)) == signed.text
        plaintext = age.decrypt(envelope.body, keyfile.parse_secret_keys(file(f"{us}.key")).identities)
        line, secrets_line = parse_plaintext(plaintext)
        message = parse_message(line)
        assert encode_message(message) == line
        assert encode_canonical(parse_secrets(secrets_line, message, len(line))) == secrets_line
    chain = trust.parse_roster_file(file("rkp.roster"))
    assert trust.encode_roster_file(chain) == file("rkp.roster")
    assert roster.encode_roster(roster.decode_roster(chain[0].signed.text)) == chain[0].signed.text
    parsed = card.parse_card(file("tula.card"))
    assert card.encode_card(parsed.card) == parsed.signed.text
    assert encode_signed(parsed.signed) == file("tula.card")


# ---- What the commands and the office make


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Realm:
    """Offices of both kinds; see tests/forge/realm.py."""
    return make_realm(tmp_path_factory.mktemp("realm"))


def reader_of(realm: Realm) -> Reader:
    data = realm.home("cc").roster.read_bytes()
    return Reader(data, realm.trusted.roster.root_fingerprint(realm.trusted.roster.version))


def test_both_accept_what_offices_issue(realm: Realm, tmp_path: Path) -> None:
    reader = reader_of(realm)
    attached = tmp_path / "план.txt"
    attached.write_text("план\n" * 20_000, "utf-8")
    folders = [
        realm.issue("cc", attach=[attached], info=["kursk"]),
        realm.issue("cc", to=["tula"], text="x" * 100_000),
        realm.issue("penza", kind="letter", to=["cc", "tula"]),
    ]
    seen = []
    for folder in folders:
        for path in sorted(folder.glob("*.dispatch")):
            us = path.name.split(".")[1]
            identities = identities_in(realm.home(us).office_key)
            assert reader.verify(path.read_bytes()) == 0
            assert reader.open(path.read_bytes(), us, identities) == 0
            message, secrets = checker.open_copy(
                theirs.read_envelope(path.read_bytes()), reader.roster, us, identities
            )
            for listed, identity in zip(message["attachments"], secrets["attachments"], strict=True):
                sealed = folder / f"{their_text.bytes_of(listed['sealed']).hex()}.age"
                content = checker.open_attachment(sealed.read_bytes(), listed, identity)
                assert content == attached.read_bytes()
            seen.append(us)
    assert seen == ["cc", "kursk", "penza", "tula", "cc", "tula", "cc", "penza", "tula"]
    for handle in ("cc", "tula", "penza"):
        assert card_both(realm.home(handle).card.read_bytes()) == 0


def test_both_accept_what_the_commands_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPATCH_NOW", AT)

    def run(line: str) -> None:
        assert main.run(line.split()) == 0

    (tmp_path / "letter.md").write_text('+++\nkind = "letter"\nsubject = "A"\nto = ["tula"]\n+++\nText\n')
    run("--home cc init cc --title Centre --classical --root --realm rkp --no-passphrase")
    run("--home tula init tula --title Tula --no-passphrase")
    run("--home tula card -o tula.card")
    run("--home cc roster add tula.card")
    run("--home cc roster sign")
    run("--home cc roster export -o roster")
    run("--home cc issue letter.md -o post")
    data = (tmp_path / "roster").read_bytes()
    chain = trust.parse_roster_file(data)
    reader = Reader(data, trust.fingerprints(chain)[-1])
    for us in ("cc", "tula"):
        envelope = (tmp_path / "post" / f"cc-2026-1.{us}.dispatch").read_bytes()
        assert reader.open(envelope, us, identities_in(tmp_path / us / "office.key")) == 0
    assert card_both((tmp_path / "tula.card").read_bytes()) == 0


# ---- One fault each


def spoilt(data: bytes) -> Iterator[bytes]:
    """Give the bytes with one fault each: bits, ends, lines."""
    for place in range(len(data)):
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
    for place in range(0, len(data), 7):
        yield data[:place]
    lines = data.splitlines(keepends=True)
    for at, line in enumerate(lines):
        for others in ([], [line, line], [b"\n", line], [b" " + line], [line[:-1] + b"\r\n"], [line[:-1]]):
            yield b"".join([*lines[:at], *others, *lines[at + 1 :]])
        yield b"".join([*lines[:at], *lines[at : at + 2][::-1], *lines[at + 2 :]])
    yield from (
        data + b"\n",
        data + b" ",
        b"\n" + data,
        b"\xef\xbb\xbf" + data,
        data + data,
        b"",
        b"\n",
        b"\n\n",
    )


def test_an_envelope_with_one_fault() -> None:
    reader = Reader(file("rkp.roster"), PIN)
    codes = {reader.verify(data) for data in spoilt(file(TULA)) if data != file(TULA)}
    assert codes == {3, 5, 6}


def test_a_bare_note_with_one_fault() -> None:
    reader = Reader(file("rkp.roster"), PIN)
    note = encode_signed(ours.parse_envelope(file(TULA)).signed_note.signed)
    assert reader.verify(note, bare=True) == 0
    assert reader.verify(note) == 5
    assert reader.verify(file(TULA), bare=True) == 5
    assert {reader.verify(data, bare=True) for data in spoilt(note) if data != note} == {3, 5, 6}


def test_a_hybrid_envelope_with_one_fault(realm: Realm) -> None:
    reader = reader_of(realm)
    data = next(realm.issue("tula", kind="letter", to=["cc"]).glob("*.cc.dispatch")).read_bytes()
    assert reader.verify(data) == 0
    faults = [each for each in spoilt(data) if each != data]
    assert {reader.verify(each) for each in faults[::29]} == {3, 5}


def test_a_roster_with_one_fault() -> None:
    data = file("rkp.roster")
    codes = {trust_both(each, PIN) for each in spoilt(data) if each != data}
    assert codes == {3, 5, 6}


def test_a_card_with_one_fault() -> None:
    data = file("tula.card")
    assert {card_both(each) for each in spoilt(data) if each != data} == {3, 5}


def test_a_body_with_one_fault() -> None:
    """Signed as it is, and spoilt inside: what step 7 is for."""
    body = theirs.read_envelope(file(TULA)).body
    press = Press()
    assert press.open(press_body=body) == 0
    faults = [each for each in spoilt(body) if each != body]
    assert {press.open(press_body=each) for each in faults[::2]} == {3, 4, 5}


def test_a_signature_with_a_point_of_small_order_is_refused_by_both() -> None:
    """R of order 1, S = ka: the group equation holds, and some implementations take it."""
    order = 2**252 + 27742317777372353535851937790883648493
    seed = format_example.SEEDS["cc"]
    half = bytearray(hashlib.sha512(seed).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    data = file(TULA)
    text, block = data.split(b"\n\n")[:2]
    signed, honest = signed_anew(text + b"\n", seed, "dispatch-note")
    assert honest.encode() == block + b"\n"
    point = (1).to_bytes(32, "little")
    hashed = hashlib.sha512(point + public.public_bytes_raw() + signed).digest()
    scalar = int.from_bytes(hashed, "little") * int.from_bytes(half, "little") % order
    weak = point + scalar.to_bytes(32, "little")
    public.verify(weak, signed)  # OpenSSL does
    blob = their_text.bytes_of("".join(honest.split("\n")[1:-2]))
    forged = their_signed.armor("SSH SIGNATURE", blob[:-64] + weak, 70).encode()
    assert Reader(file("rkp.roster"), PIN).verify(data.replace(block + b"\n", forged)) == 3


# ---- Well signed, and wrong


def with_each_value(value: Any) -> Iterator[Any]:
    """Give a JSON value with one thing in it changed, everywhere and in many ways."""
    yield from (
        None,
        [],
        {},
        "",
        "x",
        0,
        1,
        -1,
        2**53,
        True,
        False,
        1.5,
        "2026-11-23T09:00:00Z",
        "tula",
        [""],
    )
    if isinstance(value, str):
        yield from (
            f" {value}",
            f"{value} ",
            f"{value}\n",
            f"\u202e{value}",
            value.upper(),
            value[:-1],
            value * 300,
        )
        yield from (f"{value[:1]}\u2028{value}", f"{value}\x7f", f"{value}\u200b", f"@{value}", f"{value}A=")
    if isinstance(value, int):
        yield from (value + 1, value - 1, float(value), str(value))
    if isinstance(value, list):
        yield from (value[::-1], value + value, value + value[:1], [*value, None])
        for at, item in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], other, *value[at + 1 :]] for other in with_each_value(item))
    if isinstance(value, dict):
        yield from ({**value, "more": None}, dict(reversed(value.items())))
        for name, item in value.items():
            yield {other: each for other, each in value.items() if other != name}
            yield {other if other != name else f"{name}_": each for other, each in value.items()}
            yield from ({**value, name: other} for other in with_each_value(item))


def spelled(line: bytes) -> Iterator[bytes]:
    """Give a line of JSON in other spellings, which no reader may take."""
    yield from (line[:-1], line + b"\n", b" " + line, line[:-1] + b" \n", line[:-2] + b",}\n", line + line)
    yield from (
        line.replace(b":", b": ", 1),
        line.replace(b",", b", ", 1),
        line.replace(b'"f', b'"\\u0066', 1),
    )
    yield from (
        line.replace(b":1,", b":1.0,", 1),
        line.replace(b":1,", b":1e0,", 1),
        line.replace(b":1,", b":01,", 1),
    )
    yield from (
        line.replace(b"{", b'{"format":null,', 1),
        line.replace(b"null", b"Null", 1),
        b"[" + line[:-1] + b"]\n",
    )
    yield from (
        line.replace(b"/", b"\\/", 1),
        line.replace(b'"2', b'"\xff2', 1),
        line.replace(b'"2', b'"\\ud8002', 1),
    )
    yield from (
        line.replace(b'"2', b'"\x002', 1),
        b"[" * 5000 + b"]" * 5000 + b"\n",
        b"NaN\n",
        b"{}\n",
        b"-0\n",
    )


def dumped(value: Any) -> bytes:
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
    )


def variants(value: Any) -> Iterator[bytes]:
    yield from map(dumped, with_each_value(value))
    yield from spelled(dumped(value))


def resigned(text: bytes, namespace: str, *names: str) -> bytes:
    """Sign any bytes, which need not be a text that the project would sign."""
    blocks = [signed_anew(text, SEEDS[name], namespace)[1] for name in names]
    return text + b"\n" + "".join(blocks).encode()


def test_a_card_that_is_signed_and_wrong() -> None:
    value = json.loads(file("tula.card").split(b"\n")[0])
    codes = {card_both(resigned(text, "dispatch-card", "tula")) for text in variants(value)}
    assert codes == {0, 5}  # 0: another title


@pytest.fixture(scope="module")
def rosters() -> tuple[bytes, bytes]:
    """Two versions of a roster, the second with something of everything in it."""
    [first] = trust.parse_roster_file(file("rkp.roster"))
    cards = format_example.make_cards()
    key = format_example.signing_key("cc").verify_key
    second = roster.next_version(first.roster, date=NOW, expires=format_example.EXPIRES)
    keys = [SigningKey(type="ssh-ed25519", seed=SEEDS[name]).verify_key for name in ROOTS]
    second = roster.set_root(second, keys, threshold=2)
    second = roster.add_office(second, cards["tula"], ["report", "audit"])
    second = roster.set_group(second, "provinces", ["cc", "tula"])
    second = roster.revoke_key(second, "cc", key.fingerprint(), NOW)
    return first.signed.text, roster.encode_roster(second)


def test_a_roster_that_is_signed_and_wrong(rosters: tuple[bytes, bytes]) -> None:
    for text in rosters:
        value = json.loads(text)
        pin = their_roster.root_fingerprint(value, value["version"])
        assert trust_both(resigned(text, "dispatch-roster", *ROOTS[: value["version"]]), pin) == 0
        codes = set()
        for other in variants(value):
            codes.add(trust_both(resigned(other, "dispatch-roster", *ROOTS[: value["version"]]), pin))
        assert codes >= {0, 5, 6}


def test_a_roster_that_does_not_extend_the_one_before(rosters: tuple[bytes, bytes]) -> None:
    first, second = rosters
    before = resigned(first, "dispatch-roster", "root") + b"\n"
    later = [resigned(each, "dispatch-roster", *ROOTS) for each in variants(json.loads(second))]
    assert {trust_both(before + each, PIN) for each in later} == {0, 5, 6}


def test_a_roster_that_others_sign(rosters: tuple[bytes, bytes]) -> None:
    first, second = rosters
    before = resigned(first, "dispatch-roster", "root") + b"\n"
    later = PIN, their_roster.root_fingerprint(json.loads(second), 2)
    for names, code in (
        (("root", "other"), 0),
        (("other", "root"), 0),
        (("root",), 3),
        (("other",), 3),
        (("root", "root"), 3),
        (("root", "other", "other"), 3),
        (("root", "other", "cc"), 3),
        (("cc", "tula"), 3),
    ):
        data = resigned(second, "dispatch-roster", *names)
        assert {trust_both(before + data, pin) for pin in later} == {code}
        assert trust_both(data, later[1]) == code
        assert trust_both(data, PIN) == 6
        assert trust_both(data + b"\n" + before[:-1], PIN) == 5
    assert trust_both(resigned(first, "dispatch-roster", "cc"), PIN) == 3


def test_a_file_of_two_rosters_with_one_fault(rosters: tuple[bytes, bytes]) -> None:
    data = two_rosters(rosters)
    assert trust_both(data, PIN) == 0
    faults = [each for each in spoilt(data) if each != data]
    assert {trust_both(each, PIN) for each in faults[::5]} >= {3, 5}


def two_rosters(rosters: tuple[bytes, bytes]) -> bytes:
    first, second = rosters
    return resigned(first, "dispatch-roster", "root") + b"\n" + resigned(second, "dispatch-roster", *ROOTS)


class Press:
    """Prints letters of the centre to tula, of any plaintext, any body, any note, all well signed."""

    def __init__(self, reader: Reader | None = None) -> None:
        self.reader = reader or Reader(file("rkp.roster"), PIN)
        self.envelope = ours.parse_envelope(file(TULA))
        [self.identity] = identities_in(EXAMPLE / "tula.key")
        self.recipient = age.X25519Identity(format_example.SECRETS["tula"]).recipient()
        plaintext = age.decrypt(self.envelope.body, [age.parse_identity(self.identity)])
        self.message, self.secrets = map(json.loads, plaintext.splitlines())

    def lines(self, message: Any, secrets: Any = None) -> tuple[bytes, bytes]:
        """Dump both lines, the secrets padded and their digest in the message."""
        line = dumped({**message, "secrets": "A" * 43 + "="})
        slot_key = encode_base64(bytes(32)) if message.get("kind") == "circular" else None
        secrets_line = dumped(padded(secrets or {**self.secrets, "slot_key": slot_key}, len(line)))
        return dumped({**message, "secrets": encode_base64(sha256(secrets_line).digest())}), secrets_line

    def note(self, **fields: Any) -> Note:
        """Change these fields of the note of the example."""
        return replace(self.envelope.signed_note.note, **fields)

    def copies(self, body: bytes) -> tuple[ours.Copy, Copies]:
        """Give the copy for tula and what the note says, where cc gets the same body."""
        (_, copy), said = make_copies([("cc", body), ("tula", body)])
        return copy, said

    def open(
        self,
        line: bytes = b"",
        secrets_line: bytes = b"",
        *,
        press_body: bytes | None = None,
        note: Note | None = None,
        change: Callable[[bytes], bytes] = lambda text: text,
        signers: tuple[str, ...] = ("cc",),
    ) -> int:
        """Print, and let both open it: two lines or else a body; the bytes of the note may be changed."""
        body = age.encrypt(line + secrets_line, [self.recipient]) if press_body is None else press_body
        copy, said = self.copies(body)
        note = replace(note or self.note(), copies=said)
        if line:
            note = replace(note, content=sha256(line).digest())
        text = change(encode_note(note))
        armored = age.encode_armor(body)
        data = resigned(text, "dispatch-note", *signers) + b"\n" + ours.encode_copy(copy) + b"\n" + armored
        return self.reader.open(data, "tula", [self.identity])


def padded(secrets: Any, size: int) -> Any:
    bare = size + len(dumped({**secrets, "padding": ""}))
    return {**secrets, "padding": "0" * (their_message.padme(max(bare, 1024)) - bare)}


ID = encode_base64(bytes(32))
CELL = {"label": "Число", "required": True, "minimum": "0", "maximum": "99.5", "target": None}
COUNT = {"name": "count", "type": "integer", **CELL, "choices": [], "columns": []}
COUNT = {name: COUNT[name] for name in ("name", "label", "type", *list(CELL)[1:], "choices", "columns")}
PLACE = {**COUNT, "name": "place", "type": "select", "minimum": None, "maximum": None, "choices": ["a", "b"]}
TABLE = {**PLACE, "name": "all", "type": "table", "choices": [], "columns": [COUNT, PLACE]}
OBLIGATION = {
    "id": "meetings",
    "paragraph": 4,
    "form": "f",
    "every": "month",
    "before": None,
    "after": None,
    "once": None,
    "from": "2026-05",
    "until": "2026-12",
    "due": "P10D",
    "nil": True,
    "undertaking": False,
    "by": ["@provinces", "tula"],
}
RELATION = {"type": "amends", "number": "cc/2025b/3", "id": ID, "paragraph": 2}
SLOT = {
    "number": "cc/2026/1",
    "id": ID,
    "obligation": "meetings",
    "office": "tula",
    "period": "2026-W53",
    "event": None,
}
ITEM = {"number": "cc/2026/1", "id": ID, "state": "refused", "by": "Иванов", "reason": "нет"}
KINDS: dict[str, list[dict[str, Any]]] = {
    "letter": [{"body": "1. Текст\n\tи ещё\n", "relations": [RELATION, {**RELATION, "id": None}]}],
    "circular": [
        {
            "body": "1. Текст\n",
            "zone": "Europe/Moscow",
            "reply": "undertaking",
            "reply_within": "PT36H",
            "relations": [RELATION],
            "promises": [{"text": "Инструкция"}],
            "obligations": [
                OBLIGATION,
                {**OBLIGATION, "id": "b", "every": None, "before": "c", "from": None, "until": None},
                {**OBLIGATION, "id": "o", "every": None, "once": "2026-02-28", "from": None, "until": None},
            ],
            "forms": [{"id": "f", "fields": [COUNT, PLACE, TABLE]}],
        }
    ],
    "report": [
        {
            "body": "",
            "answers": {"number": "cc/2026/1", "id": ID, "obligation": "meetings", "form": ID},
            "period": period,
            "event": event,
            "nil": not values,
            "values": values,
            "revises": revises,
            "revision_reason": reason,
        }
        for period, event, values, revises, reason in (
            ("2026-Q2", None, {"count": 3, "text": "a\nb", "yes": True, "all": [{"count": 1}, {}]}, ID, "r"),
            (None, {"count": 1, "label": "c", "date": "2026-02-28"}, {}, None, None),
        )
    ],
    "receipt": [{"items": [ITEM, {**ITEM, "id": encode_base64(bytes([1] * 32)), "state": "received"}]}],
    "decision": [
        {"body": "", "decision": name, "report": report, "slot": slot, "until": until, "reason": reason}
        for name, report, slot, until, reason in (
            ("accept", {"number": "tula/2026/1", "id": ID}, None, None, None),
            ("return", {"number": "tula/2026/1", "id": ID}, None, None, "r"),
            ("extend", None, SLOT, AT, None),
            ("waive", None, {**SLOT, "period": None, "event": 3}, None, "r"),
        )
    ],
}
KINDS["receipt"][0]["items"][1] |= {"by": None, "reason": None}


def message_both(line: bytes) -> int:
    return agree(
        lambda: parse_message(line), lambda: their_text.read_json(line, their_message.is_message), line
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_is_wrong(kind: str) -> None:
    press = Press()
    common = {name: press.message[name] for name in list(press.message)[: -len(KINDS["letter"][0])]}
    receipts = (bytes(32), bytes([1] * 32)) if kind == "receipt" else ()
    for members in KINDS[kind]:
        message = {**common, "kind": kind, **members}
        # the centre has no right to report
        right = 7 if kind == "report" else 0
        assert press.open(*press.lines(message), note=press.note(receipts=receipts)) == right
        assert {message_both(line) for line in variants(message)} == {0, 5}


def test_a_letter_that_is_sealed_signed_and_wrong() -> None:
    press = Press()
    codes = {
        press.open(*press.lines(each)) for each in with_each_value(press.message) if isinstance(each, dict)
    }
    line, secrets_line = press.lines(press.message)
    codes |= {press.open(each, secrets_line) for each in spelled(line)}
    assert codes == {0, 3, 5}


def test_secrets_that_are_sealed_signed_and_wrong() -> None:
    press = Press()
    message = {**press.message, "attachments": [{"name": "a", "size": 1, "digest": ID, "sealed": ID}]}
    secrets = {**press.secrets, "attachments": [age.HybridIdentity(bytes(32)).secret_text()]}
    assert press.open(*press.lines(message, secrets)) == 0
    codes = set()
    for other in with_each_value(secrets):
        if isinstance(other, dict) and isinstance(other.get("padding"), str):
            identities = other.get("attachments")
            if isinstance(identities, list) and len(identities) == 1 and identities != secrets["attachments"]:
                continue  # see the next test
            codes.add(press.open(*press.lines(message, other)))
    line, secrets_line = press.lines(message, secrets)
    unpadded = secrets_line.replace(b"0", b"")
    for other_line in (*spelled(secrets_line), unpadded, b"", secrets_line.replace(b'"0', b'"1')):
        digest = encode_base64(sha256(other_line).digest())
        codes.add(press.open(dumped({**json.loads(line), "secrets": digest}), other_line))
        codes.add(press.open(line, other_line))
    assert codes == {0, 3, 5}


@pytest.mark.parametrize("identity", ["", "x", "age1", age.X25519Identity(bytes(32)).secret_text()])
def test_an_identity_of_an_attachment_that_is_none(identity: str) -> None:
    press = Press()
    message = {**press.message, "attachments": [{"name": "a", "size": 1, "digest": ID, "sealed": ID}]}
    assert press.open(*press.lines(message, {**press.secrets, "attachments": [identity]})) == 5


def test_a_body_that_is_armored_once_more() -> None:
    press = Press()
    assert press.open(press_body=age.encode_armor(press.envelope.body)) == 5


def test_what_the_roster_decides(rosters: tuple[bytes, bytes]) -> None:
    """Another realm, version, digest, a date beyond the expiry, keys that ended or were compromised."""
    data = two_rosters(rosters)
    first, second = (trust.parse_roster_file(data)[at].roster for at in (0, 1))
    at_first, at_second = (RosterRef("rkp", each.version, each.digest) for each in (first, second))
    lines = Press().lines(Press().message)
    before = parse_date("2026-11-23T08:59:59Z")
    for file_of, at, date, ref, signers, code in (
        (data, AT, before, at_first, ("cc",), 6),  # compromised a second later, and nothing proves it older
        (data, AT, NOW, at_first, ("cc",), 6),  # compromised at this very moment
        (data, AT, before, at_second, ("cc",), 3),  # its key has ended
        (data, AT, NOW, at_first, ("cc", "tula"), 3),
        (data, AT, NOW, at_first, ("cc", "cc"), 3),
        (data, AT, NOW, at_first, ("tula",), 3),
        (file("rkp.roster"), AT, NOW, at_first, ("cc",), 0),
        (file("rkp.roster"), AT, NOW, at_second, ("cc",), 6),
        (file("rkp.roster"), AT, NOW, RosterRef("rkp", 1, second.digest), ("cc",), 6),
        (file("rkp.roster"), AT, NOW, RosterRef("rkp-2", 1, first.digest), ("cc",), 6),
        (file("rkp.roster"), "2027-11-23T08:59:59Z", NOW, at_first, ("cc",), 0),
        (file("rkp.roster"), "2027-11-23T09:00:00Z", NOW, at_first, ("cc",), 6),
    ):
        press = Press(Reader(file_of, PIN, at))
        assert press.open(*lines, note=press.note(date=date, roster=ref), signers=signers) == code


def test_a_note_that_is_signed_and_wrong() -> None:
    """Every line of a note that has some of each kind, in other spellings and with other values."""
    press = Press()
    digests = tuple(bytes([n] * 32) for n in (1, 2))
    body, note = press.envelope.body, press.note(answers=digests, voids=digests)
    assert press.open(press_body=body, note=replace(note, receipts=digests)) == 7
    assert press.open(press_body=body, note=note) == 0
    codes = set()
    for old, new in changes(encode_note(replace(note, copies=press.copies(body)[1]))):
        codes.add(press.open(press_body=body, note=note, change=partial(_replaced, old, new)))
    assert codes == {0, 3, 5, 6}  # 0: without an answer, after another year


def _replaced(old: bytes, new: bytes, text: bytes) -> bytes:
    return text.replace(old, new, 1)


def changes(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    lines = text.splitlines(keepends=True)
    for line, following in zip(lines, [*lines[1:], b""], strict=True):
        yield from ((line, b""), (line, line * 2), (line + following, following + line), (line, b" " + line))
        for number in re.findall(rb"\d+", line):
            for other in (b"0", b"1", b"2", b"+1", b"01", b"1_0", b"999999999", b"1000000000", b"\xd9\xa3"):
                yield line, line.replace(number, other, 1)
        for old, new in (
            (b"=\n", b"\n"),
            (b": ", b":"),
            (b" ", b"  "),
            (b"/", b""),
            (b"cc", b"CC"),
            (b"Z", b"z"),
        ):
            yield line, line.replace(old, new, 1) if old in line else b"more: x\n" + line
    empty = encode_base64(EMPTY_ROOT).encode()
    for head in (
        b"0000/1 ",
        b"0000/5 ",
        b"0000a/1 ",
        b"2025/0 ",
        b"2025/5 ",
        b"2026/1 ",
        b"2026a/1 ",
        b"1999z/7 ",
    ):
        yield b"register: 0000/0 " + empty, b"register: " + head + empty
        yield b"register: 0000/0 " + empty, b"register: 0000/0 " + encode_base64(bytes(32)).encode()
    for number in (b"cc/2026/2", b"cc/2026b/1", b"cc/2027/1", b"cc/0000/1", b"tula/2026/1", b"moscow/2026/1"):
        yield b"number: cc/2026/1\n", b"number: " + number + b"\n"


def test_a_copy_in_the_wrong_place() -> None:
    reader = Reader(file("rkp.roster"), PIN)
    data = file(TULA)
    codes = set()
    for value in ("0", "1", "3", "02", "999999999", "1000000000", "-", ""):
        codes.add(reader.verify(data.replace(b"\ncopy: 2\n", f"\ncopy: {value}\n".encode())))
    for value in ("cc/2026/1", "cc/2025/9", "cc/0000/1", "tula/2025/1", "", "cc/2026/0", "--"):
        codes.add(reader.verify(data.replace(b"\nafter: -\n", f"\nafter: {value}\n".encode())))
    proof = re.findall(rb"proof: .+\n", data)[0]
    for count in (0, 2, 3, 60, 61, 100):
        codes.add(reader.verify(data.replace(proof, proof * count)))
    assert codes == {3, 5}


@pytest.mark.parametrize("handle", ["cc", "tula"])
@pytest.mark.parametrize("after", ["cc/2026/1", "cc/2026/2", "cc/2025z/9", "tula/2025/1", "cc/2026a/1"])
def test_an_earlier_number_that_is_none(handle: str, after: str) -> None:
    """In the tree and well signed: only then does `after` decide."""
    press = Press()
    tree_of = [
        f"copy: {index}\nto: {name}\nafter: {after}\nbody: {encode_base64(sha256(b'').digest())}\n".encode()
        for index, name in enumerate(("cc", "tula"), 1)
    ]
    tree = Tree(map(leaf_hash, tree_of))
    text = encode_note(press.note(copies=Copies(2, tree.root)))
    at = ["cc", "tula"].index(handle)
    proof = "".join(f"proof: {encode_base64(each)}\n" for each in tree.proof(at)).encode()
    armored = age.encode_armor(b"")
    data = resigned(text, "dispatch-note", "cc") + b"\n" + tree_of[at] + proof + b"\n" + armored
    assert press.reader.verify(data) == (0 if after == "cc/2025z/9" else 3)
    signed = sign(text, [format_example.signing_key("cc")], "dispatch-note")
    assert data.startswith(encode_signed(signed))
