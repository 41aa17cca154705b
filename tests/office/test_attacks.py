"""Every attack as an office and an auditor meet it: on the command line, with its code and one clear line.

What stops each, the tests of the single modules show through the library; here is what a clerk sees.
"""

from __future__ import annotations

import dataclasses
import io
import re
import shlex
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass, replace
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dispatch.cli.main import run
from dispatch.formats.envelope import encode_envelope, parse_envelope
from dispatch.formats.merkle import Tree
from dispatch.formats.message import Letter
from dispatch.formats.note import Number, RosterRef
from keys import age
from keys.canonical import encode_canonical
from keys.card import NAMESPACE as CARD_NAMESPACE
from keys.codec import encode_base64
from keys.keyfile import generate
from keys.roster import MAX_ROSTER, add_office, revoke_key
from keys.signed import encode_signed
from keys.signing import SigningKey
from keys.trust import encode_roster_file
from tests.forge.dispatches import DAY, NOW, Forgery, seal_anyhow
from tests.forge.roster import card_file, need_two, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keys.roster import Roster
    from keys.trust import TrustedRoster
    from tests.forge.realm import Realm

HOLDS = (0, "")
TIMELY = 10
"""Seconds that nothing hostile may take; the largest takes a tenth of one."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A file for `office`; what `receive` and `verify` make of it: the exit code, and the one line."""

    make: Callable[[Realm], bytes]
    receive: tuple[int, str]
    verify: tuple[int, str]
    office: str = "tula"


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_NOW", f"{NOW:%Y-%m-%dT%H:%M:%SZ}")


class Terminal:
    """Runs command lines, and takes from what they print the warning about the clock."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *words: object) -> tuple[int, str, list[str]]:
        code = run([str(word) for word in words])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return code, out, [line for line in err.splitlines() if "the clock is set to" not in line]

    def errors(self, *words: object) -> tuple[int, list[str]]:
        """Give the exit code and the errors, without the hints and where a file is kept."""
        code, _, said = self.run(*words)
        return code, [line for line in said if line.startswith("dispatch: error: ")]


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def forged(handle: str = "tula", **fields: Any) -> Callable[[Realm], bytes]:
    return lambda realm: realm.forge(Forgery(**fields))[handle]


def changed(**fields: Any) -> Callable[[Any], Any]:
    return lambda value: replace(value, **fields)


def changed_message(**fields: Any) -> Callable[[Any], Any]:
    return lambda message: msgspec.structs.replace(message, **fields)


def edited(old: bytes, new: bytes, **fields: Any) -> Callable[[Realm], bytes]:
    """Edit the bytes of an envelope on its way."""

    def make(realm: Realm) -> bytes:
        data = realm.forge(Forgery(**fields))["tula"]
        assert old in data
        return data.replace(old, new)

    return make


def said(old: str, new: str) -> Callable[[Realm], bytes]:
    """Let the message line hold what no encoder of ours writes; everything about it is signed."""

    def swap(line: bytes, secrets: bytes) -> tuple[bytes, bytes]:
        assert line.count(old.encode()) == 1
        size = len(line) - len(old.encode()) + len(new.encode())
        bare = secrets.partition(b'"padding":"')[0] + b'"padding":"'
        bare += b"0" * (1024 - size - len(bare) - 3) + b'"}\n'
        line = re.sub(rb'"secrets":"[^"]+"', b'"secrets":"%s"' % _digest(bare), line)
        return line.replace(old.encode(), new.encode()), bare

    return forged(plaintext=swap)


def _digest(data: bytes) -> bytes:
    return encode_base64(sha256(data).digest()).encode()


def with_name(name: str) -> Callable[[Realm], bytes]:
    """Let a message list an attachment of this name."""
    digest = "A" * 43 + "="
    entry = {"name": name, "size": 0, "digest": digest, "sealed": digest}
    return said('"attachments":[]', f'"attachments":[{msgspec.json.encode(entry).decode()}]')


def _taken_apart(realm: Realm) -> tuple[Any, Any]:
    first, second = (parse_envelope(realm.forge(Forgery(text=text))["tula"]) for text in ("one", "two"))
    return first, second


def under_another_note(realm: Realm) -> bytes:
    first, second = _taken_apart(realm)
    return encode_envelope(first.signed_note.signed, second.copy, second.body)


def another_body(realm: Realm) -> bytes:
    first, second = _taken_apart(realm)
    return encode_envelope(first.signed_note.signed, first.copy, second.body)


def sealed_again(realm: Realm) -> bytes:
    envelope = parse_envelope(realm.forge(Forgery())["tula"])
    text = age.decrypt(envelope.body, realm.keys("tula").identities)
    body = age.encrypt(text, [realm.keys("kursk").identities[0].recipient()])
    copy = replace(envelope.copy, to="kursk", body=sha256(body).digest())
    return encode_envelope(envelope.signed_note.signed, copy, body)


def signed_again(realm: Realm) -> bytes:
    body = parse_envelope(realm.forge(Forgery(kind=Letter))["tula"]).body
    line, _, secrets = age.decrypt(body, realm.keys("tula").identities).partition(b"\n")
    stolen = Forgery(issuer="tula", kind=Letter, to=("cc",), plaintext=lambda *_: (line + b"\n", secrets))
    return realm.forge(stolen)["cc"]


def with_proof(change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Callable[[Realm], bytes]:
    return forged(copy=lambda copy: replace(copy, proof=change(copy.proof)))


def signed_twice(realm: Realm) -> bytes:
    return realm.forge(Forgery(signers=realm.keys("cc").signing_keys * 2))["tula"]


def one_key_of_two(realm: Realm) -> bytes:
    """Every home takes a roster in which two keys must sign for the centre; one signs twice."""
    second = SigningKey.generate()
    realm.adopt(realm.next_roster(lambda roster: need_two(roster, realm.card("cc"), second)))
    return realm.forge(Forgery(signers=[second, second]))["tula"]


def too_few_of_two(realm: Realm) -> bytes:
    one_key_of_two(realm)
    return realm.forge(Forgery())["tula"]


def by_a_key_that_ended(realm: Realm) -> bytes:
    """The note names the roster in which the key has ended."""
    card = msgspec.structs.replace(realm.card("cc"), signing=(SigningKey.generate().verify_key.line(),))
    realm.adopt(realm.next_roster(lambda roster: add_office(roster, card)))
    return realm.forge(Forgery())["tula"]


def by_a_key_in_other_hands(realm: Realm) -> bytes:
    old = realm.trusted
    key = realm.keys("cc").signing_keys[0].verify_key.fingerprint()
    realm.adopt(realm.next_roster(lambda roster: revoke_key(roster, "cc", key, NOW)))
    return realm.forge(Forgery(date=NOW), old)["tula"]


def by_an_office_that_was_none_yet(realm: Realm) -> bytes:
    old = realm.trusted.roster.version_record(1)
    ref = RosterRef("rkp", 1, old.digest)
    return realm.forge(Forgery(issuer="kursk", kind=Letter, to=("tula",), note=changed(roster=ref)))["tula"]


def of_a_roster(**fields: Any) -> Callable[[Realm], bytes]:
    def make(realm: Realm) -> bytes:
        roster = realm.trusted.roster
        ref = RosterRef(roster.realm, roster.version, roster.digest)._replace(**fields)
        return realm.forge(Forgery(note=changed(roster=ref)))["tula"]

    return make


def flooded(realm: Realm) -> bytes:
    head, copy, rest = realm.forge(Forgery())["tula"].partition(b"\n\ncopy: ")
    text, blank, block = head.partition(b"\n\n")
    return text + blank + (block + b"\n") * 1000 + copy[1:] + rest


def sealed_to(*kinds: str, handle: str = "tula") -> Callable[[Realm], bytes]:
    def make(realm: Realm) -> bytes:
        [ours] = realm.keys(handle).identities
        other = (age.HybridIdentity if handle == "penza" else age.X25519Identity).generate()
        recipients = [(ours if kind == "ours" else other).recipient() for kind in kinds]
        return realm.forge(Forgery(seal=lambda _, text: seal_anyhow(text, recipients)))[handle]

    return make


def by_who_has_no_right(realm: Realm) -> bytes:
    return realm.forge(Forgery(issuer="kursk", to=("tula",)))["tula"]


def bare_note(realm: Realm) -> bytes:
    return encode_signed(parse_envelope(realm.forge(Forgery())["tula"]).signed_note.signed)


PROOF = (3, "the proof does not lead to the signed root")
LENGTH = (3, "the proof has the wrong length for this place in the tree")
COPIES = (3, "the copies are not exactly those for the message's addressees")
NO_STANZA = (5, "an age header without recipients")
STANZA = (3, "not sealed to exactly one recipient of an allowed kind")
NOT_JSON = (5, "the message: JSON that is not canonical")
ARMOR = (5, "the lines that begin and end age armor are not in their places")

ATTACKS = {
    "another office's copy": Attack(
        make=forged("penza"), receive=(4, "this copy is for penza, not for tula"), verify=HOLDS
    ),
    "another office's copy under our name": Attack(
        make=edited(b"\nto: tula\n", b"\nto: kursk\n"), office="kursk", receive=PROOF, verify=PROOF
    ),
    "a copy under another note": Attack(make=under_another_note, receive=PROOF, verify=PROOF),
    "a body sealed again": Attack(make=sealed_again, office="kursk", receive=PROOF, verify=PROOF),
    "a text signed again": Attack(
        make=signed_again,
        office="cc",
        receive=(3, "the message has another number or date than its note"),
        verify=HOLDS,
    ),
    "another body": Attack(
        make=another_body,
        receive=(3, "the body is not the one that was signed"),
        verify=(3, "the body is not the one that was signed"),
    ),
    "another text": Attack(
        make=forged(content=lambda _: bytes(32)),
        receive=(3, "the text is not the one that was signed"),
        verify=HOLDS,
    ),
    "a proof that is too short": Attack(
        make=with_proof(lambda proof: proof[:-1]), receive=LENGTH, verify=LENGTH
    ),
    "a proof that is too long": Attack(
        make=with_proof(lambda proof: (*proof, bytes(32))), receive=LENGTH, verify=LENGTH
    ),
    "a proof for another index": Attack(
        make=edited(b"\ncopy: 3\n", b"\ncopy: 2\n"), receive=LENGTH, verify=LENGTH
    ),
    "an index outside": Attack(
        make=edited(b"\ncopy: 3\n", b"\ncopy: 4\n"),
        receive=(3, "the copy's index is outside its tree"),
        verify=(3, "the copy's index is outside its tree"),
    ),
    "a proof for another tree": Attack(
        make=with_proof(lambda proof: (bytes(32), *proof[1:])), receive=PROOF, verify=PROOF
    ),
    "the last leaf twice": Attack(
        make=forged(leaves=lambda leaves: [*leaves, leaves[-1]]), receive=LENGTH, verify=LENGTH
    ),
    "a node as a leaf": Attack(
        make=forged("cc", leaves=lambda leaves: [Tree(leaves[:2]).root, leaves[2]]),
        office="cc",
        receive=LENGTH,
        verify=LENGTH,
    ),
    "a second copy for one office": Attack(
        make=forged(to=("tula",), handles=lambda _: ("cc", "tula", "tula")), receive=COPIES, verify=HOLDS
    ),
    "more copies than addressees": Attack(
        make=forged(to=("tula",), handles=lambda _: ("cc", "penza", "tula")), receive=COPIES, verify=HOLDS
    ),
    "fewer copies than addressees": Attack(
        make=forged(handles=lambda _: ("cc", "tula")), receive=COPIES, verify=HOLDS
    ),
    "one signature twice": Attack(
        make=signed_twice,
        receive=(3, "two signatures by the same key"),
        verify=(3, "two signatures by the same key"),
    ),
    "one key twice towards a threshold": Attack(
        make=one_key_of_two,
        receive=(3, "two signatures by the same key"),
        verify=(3, "two signatures by the same key"),
    ),
    "too few signatures": Attack(
        make=too_few_of_two,
        receive=(3, "1 signatures where at least 2 are due"),
        verify=(3, "1 signatures where at least 2 are due"),
    ),
    "a key of nobody": Attack(
        make=lambda realm: realm.forge(Forgery(signers=[SigningKey.generate()]))["tula"],
        receive=(3, "a signature by a key that does not count here"),
        verify=(3, "a signature by a key that does not count here"),
    ),
    "a key of another office": Attack(
        make=lambda realm: realm.forge(Forgery(signers=realm.keys("tula").signing_keys))["tula"],
        receive=(3, "a signature by a key that does not count here"),
        verify=(3, "a signature by a key that does not count here"),
    ),
    "a key that has ended": Attack(
        make=by_a_key_that_ended,
        receive=(3, "a signature by a key that does not count here"),
        verify=(3, "a signature by a key that does not count here"),
    ),
    "a key in other hands": Attack(
        make=by_a_key_in_other_hands,
        receive=(6, "the note is signed by a key that was compromised at its date"),
        verify=(6, "the note is signed by a key that was compromised at its date"),
    ),
    "a signature for another purpose": Attack(
        make=forged(namespace="dispatch-roster"),
        receive=(3, "a signature made for another purpose"),
        verify=(3, "a signature made for another purpose"),
    ),
    "a roster version that does not list its issuer": Attack(
        make=by_an_office_that_was_none_yet,
        receive=(6, "kursk is no office as of version 1"),
        verify=(6, "kursk is no office as of version 1"),
    ),
    "another realm": Attack(
        make=of_a_roster(realm="rkp-2"),
        receive=(6, "a note of the realm rkp-2, where rkp is trusted"),
        verify=(6, "a note of the realm rkp-2, where rkp is trusted"),
    ),
    "another roster of that version": Attack(
        make=of_a_roster(digest=bytes(32)),
        receive=(6, "the note has another version 2 of the roster than the trusted one"),
        verify=(6, "the note has another version 2 of the roster than the trusted one"),
    ),
    "a roster version to come": Attack(
        make=of_a_roster(version=3),
        receive=(6, "version 3 of the roster of rkp is not known here: ours is 2"),
        verify=(6, "version 3 of the roster of rkp is not known here: ours is 2"),
    ),
    "a flood of signatures": Attack(
        make=flooded, receive=(5, "too many signatures"), verify=(5, "too many signatures")
    ),
    "mixed stanzas": Attack(make=sealed_to("ours", "other"), receive=STANZA, verify=STANZA),
    "doubled stanzas": Attack(make=sealed_to("ours", "ours"), receive=STANZA, verify=STANZA),
    "no stanza": Attack(make=sealed_to(), receive=NO_STANZA, verify=NO_STANZA),
    "a classical body for a hybrid office": Attack(make=sealed_to("other"), receive=STANZA, verify=STANZA),
    "a hybrid body for a classical office": Attack(
        make=sealed_to("other", handle="penza"), office="penza", receive=STANZA, verify=STANZA
    ),
    "a circular without the right": Attack(
        make=by_who_has_no_right, receive=(7, "kursk has no right to issue"), verify=HOLDS
    ),
    "a date far ahead": Attack(
        make=forged(date=NOW + 2 * DAY),
        receive=(7, "dated 2026-11-25T09:00:00Z, more than a day ahead of our clock"),
        verify=HOLDS,
    ),
    "a date past the roster's expiry": Attack(
        make=forged(date=NOW + 366 * DAY, volume="2027"),
        receive=(6, "the note is dated after the expiry of version 2 of the roster"),
        verify=(6, "the note is dated after the expiry of version 2 of the roster"),
    ),
    "a dispatch before this one that is none": Attack(
        make=forged(after=lambda _: Number("cc", "2026", 7)),
        receive=(3, "`after` does not name an earlier dispatch of this office"),
        verify=(3, "`after` does not name an earlier dispatch of this office"),
    ),
    "a bare note": Attack(
        make=bare_note,
        receive=(5, "no copy after the signatures: cut off, or not an envelope"),
        verify=(5, "no copy after the signatures: cut off, or not an envelope"),
    ),
    "carriage returns": Attack(
        make=edited(b"\n", b"\r\n"),
        receive=(5, "no copy after the signatures: cut off, or not an envelope"),
        verify=(5, "no copy after the signatures: cut off, or not an envelope"),
    ),
    "a byte order mark": Attack(
        make=edited(b"dispatch/v1\n", b"\xef\xbb\xbfdispatch/v1\n"),
        receive=(5, "the note is not plain ASCII text"),
        verify=(5, "the note is not plain ASCII text"),
    ),
    "bytes at the end": Attack(make=lambda realm: forged()(realm) + b"x", receive=ARMOR, verify=ARMOR),
    "NULs at the end": Attack(make=lambda realm: forged()(realm) + bytes(512), receive=ARMOR, verify=ARMOR),
    "a NUL in the note": Attack(
        make=edited(b"number: cc/", b"number: cc\0/"),
        receive=(5, "the note's number line: not a handle"),
        verify=(5, "the note's number line: not a handle"),
    ),
    "digits of another script": Attack(
        make=edited(b"\ncopy: 3\n", "\ncopy: \u0663\n".encode()),
        receive=(5, "the copy's lines: "),
        verify=(5, "the copy's lines: "),
    ),
    "a letter of another script in a handle": Attack(
        make=edited(b"number: cc/", "number: c\u0441/".encode()),
        receive=(5, "the note is not plain ASCII text"),
        verify=(5, "the note is not plain ASCII text"),
    ),
    "a member of the message twice": Attack(
        make=said('"info":[],', '"info":[],"info":[],'), receive=NOT_JSON, verify=HOLDS
    ),
    "a member of the message too many": Attack(
        make=said('"info":[],', '"info":[],"bcc":[],'), receive=(5, "the message: not the JSON"), verify=HOLDS
    ),
    "an escape in a subject": Attack(
        make=said('"subject":"Отчёт"', '"subject":"\\u001b[31m"'),
        receive=(5, "a line of text with the control character U+001B"),
        verify=HOLDS,
    ),
    "a bidirectional control in a subject": Attack(
        make=said('"subject":"Отчёт"', '"subject":"a\u202etxt"'),
        receive=(5, "a line of text with the control character U+202E"),
        verify=HOLDS,
    ),
    "a path for an attachment": Attack(
        make=with_name("../../.ssh/authorized_keys"),
        receive=(5, "an attachment's name is not a plain file name"),
        verify=HOLDS,
    ),
    "a path of Windows for an attachment": Attack(
        make=with_name("..\\x"), receive=(5, "an attachment's name is not a plain file name"), verify=HOLDS
    ),
    "an attachment named with an escape": Attack(
        make=with_name("a\x1b[2Jb"),
        receive=(5, "a line of text with the control character U+001B"),
        verify=HOLDS,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_one_clear_line_and_the_right_code(name: str, realm: Realm, terminal: Terminal) -> None:
    attack = ATTACKS[name]
    path = realm.path / "post" / "a.dispatch"
    path.parent.mkdir()
    path.write_bytes(attack.make(realm))
    before = registered(realm, attack.office)
    roster = realm.home("cc").roster
    pin = realm.trusted.roster.root_fingerprint(realm.trusted.roster.version)
    for words, (code, line) in (
        (["--home", realm.home(attack.office).path, "receive", path], attack.receive),
        (["verify", path, "--roster", roster, "--root", pin], attack.verify),
    ):
        started = perf_counter()
        found, errors = terminal.errors(*words)
        assert perf_counter() - started < TIMELY
        assert (found, len(errors)) == (code, 1 if code else 0), errors
        assert all(error.startswith(f"dispatch: error: {path}: ") and line in error for error in errors), (
            errors
        )
    assert registered(realm, attack.office) == before


def registered(realm: Realm, handle: str) -> list[str]:
    with realm.office(handle) as office:
        return [str(item.entry.number) for item in office.list(-1, ours=False)]


# What a roster can be that is not to be trusted


def newer(realm: Realm, change: Callable[[Roster], Roster] = lambda draft: draft) -> TrustedRoster:
    return realm.next_roster(change)


def older(realm: Realm) -> bytes:
    data = encode_roster_file(realm.trusted.chain[:1])
    assert realm.trusted.chain[0].roster.version == 1
    return data


def forked(realm: Realm) -> bytes:
    """The keeper signed two rosters of version 3, and every home has the other."""
    other = newer(realm)
    key = realm.keys("cc").signing_keys[0].verify_key.fingerprint()
    realm.adopt(newer(realm, lambda roster: revoke_key(roster, "cc", key, NOW)))
    return encode_roster_file(other.chain)


def by_a_stranger(realm: Realm) -> bytes:
    return realm.roster_file(realm.draft_roster(), generate(sealing=False).signing_keys)


def by_one_key_twice(realm: Realm) -> bytes:
    return realm.roster_file(realm.draft_roster(), realm.root.signing_keys * 2)


def with_another_past(realm: Realm) -> bytes:
    """The keeper gives kursk the right to issue, from before."""
    draft = realm.draft_roster()
    offices = tuple(
        msgspec.structs.replace(
            office,
            rights_entries=tuple(
                msgspec.structs.replace(one, value="issue") for one in office.rights_entries
            ),
        )
        if office.handle == "kursk"
        else office
        for office in draft.offices
    )
    return realm.roster_file(msgspec.structs.replace(draft, offices=offices), realm.root.signing_keys)


def cut_off(realm: Realm) -> bytes:
    return encode_roster_file(newer(realm).chain)[:-100]


ROSTERS: dict[str, tuple[Callable[[Realm], bytes], tuple[int, str], tuple[int, str]]] = {
    "an older one": (
        older,
        (6, "version 1 of the roster, where version 2 is trusted: an old one"),
        (6, "version 2 of the roster of rkp is not known here: ours is 1"),
    ),
    "another of the same version": (
        forked,
        (6, "the roster file has another version 3 of the roster than the trusted one"),
        HOLDS,
    ),
    "one signed by a stranger": (
        by_a_stranger,
        (3, "a signature by a key that does not count here"),
        (3, "a signature by a key that does not count here"),
    ),
    "one signed by one key twice": (
        by_one_key_twice,
        (3, "two signatures by the same key"),
        (3, "two signatures by the same key"),
    ),
    "one with another past": (
        with_another_past,
        (6, "the past of the roster was altered: the office kursk: rights"),
        (6, "the past of the roster was altered: the office kursk: rights"),
    ),
    "one that is cut off": (
        cut_off,
        (5, "no END line after the last signature"),
        (5, "no END line after the last signature"),
    ),
}


@pytest.mark.parametrize("name", ROSTERS)
def test_a_roster_that_is_not_to_be_trusted(name: str, realm: Realm, terminal: Terminal) -> None:
    make, imported, verified = ROSTERS[name]
    envelope = realm.issue() / "cc-2026-1.tula.dispatch"
    pin = realm.trusted.roster.root_fingerprint(realm.trusted.roster.version)
    file = realm.path / "other.roster"
    file.write_bytes(make(realm))
    before = realm.home("tula").roster.read_bytes()
    for words, (code, line) in (
        (["--home", realm.home("tula").path, "roster", "import", file], imported),
        (["verify", envelope, "--roster", file, "--root", pin], verified),
    ):
        found, errors = terminal.errors(*words)
        assert (found, len(errors)) == (code, 1 if code else 0), errors
        assert all(line in error for error in errors), errors
    assert realm.home("tula").roster.read_bytes() == before


@pytest.mark.parametrize("pin", [[], ["--root", ""], ["--root", "SHA256:" + "A" * 43]])
def test_a_verifier_that_was_told_nobody_or_another(
    pin: list[str], realm: Realm, terminal: Terminal, tmp_path: Path
) -> None:
    envelope = realm.issue() / "cc-2026-1.tula.dispatch"
    words = ["--home", tmp_path / "none", "verify", envelope, "--roster", realm.home("cc").roster, *pin]
    code, errors = terminal.errors(*words)
    assert (code, len(errors)) == (6, 1)


# What comes twice, or under a number that is taken


def test_two_under_one_number_and_the_same_twice(realm: Realm, terminal: Terminal) -> None:
    paths = [realm.put(realm.forge(Forgery(text=text)), text) / "tula.dispatch" for text in ("a", "b")]
    home = realm.home("tula").path
    assert terminal.errors("--home", home, "receive", paths[0]) == (0, [])
    assert terminal.errors("--home", home, "receive", paths[0]) == (0, [])
    code, errors = terminal.errors("--home", home, "receive", paths[1])
    assert (code, len(errors)) == (3, 1)
    assert "cc/2026/1 was received before with another text: both are kept" in errors[0]
    assert registered(realm, "tula") == ["cc/2026/1"]


def test_one_that_was_withheld(realm: Realm, terminal: Terminal) -> None:
    """It is said until it comes, and no longer."""
    first, second = realm.issue(), realm.issue()
    warning = "dispatch: warning: cc/2026/2 follows cc/2026/1, which never came: withheld or lost"
    for folder, expected in ((second, [warning]), (second, [warning]), (first, []), (second, [])):
        code, _, lines = terminal.run("--home", realm.home("tula").path, "receive", folder)
        assert (code, [line for line in lines if "warning" in line]) == (0, expected)
    assert registered(realm, "tula") == ["cc/2026/1", "cc/2026/2"]


def received_one_after_another(
    realm: Realm, terminal: Terminal, *forgeries: Forgery
) -> tuple[int, list[str]]:
    """Let tula receive them; give the exit code for the last, and what was said of it."""
    found: tuple[int, list[str]] = (0, [])
    for count, forgery in enumerate(forgeries):
        path = realm.put(realm.forge(forgery), f"post-{count}") / "tula.dispatch"
        code, _, lines = terminal.run("--home", realm.home("tula").path, "receive", path)
        found = (
            code,
            [line for line in lines if line.startswith(("dispatch: error: ", "dispatch: warning: "))],
        )
    return found


def test_dates_that_go_backwards(realm: Realm, terminal: Terminal) -> None:
    later = Forgery(ordinal=9, date=NOW)
    backwards = Forgery(ordinal=12, date=NOW - DAY, after=lambda _: Number("cc", "2026", 9))
    code, lines = received_one_after_another(realm, terminal, later, backwards)
    assert (code, len(lines)) == (3, 1)
    assert "cc/2026/12 is dated 2026-11-22T09:00:00Z, before cc/2026/9 of 2026-11-23T09:00:00Z" in lines[0]
    assert registered(realm, "tula") == ["cc/2026/12", "cc/2026/9"]


def test_a_register_that_goes_on_from_another_text(realm: Realm, terminal: Terminal) -> None:
    first = Number("cc", "2026", 1)
    code, lines = received_one_after_another(
        realm, terminal, Forgery(), Forgery(ordinal=2, after=lambda _: first)
    )
    assert (code, len(lines)) == (3, 1)
    assert "the head that cc/2026/2 pins is not that of the notes before it, which are all here" in lines[0]


def test_a_second_dispatch_under_the_number_of_one_that_was_rejected(
    realm: Realm, terminal: Terminal
) -> None:
    wrong = Forgery(content=lambda _: bytes(32))
    code, lines = received_one_after_another(realm, terminal, wrong, Forgery())
    assert (code, len(lines)) == (3, 1)
    assert "another dispatch, which was rejected, is signed with the number cc/2026/1 too" in lines[0]
    assert registered(realm, "tula") == ["cc/2026/1"]


def test_a_copy_that_does_not_know_of_what_we_have(realm: Realm, terminal: Terminal) -> None:
    code, lines = received_one_after_another(
        realm, terminal, Forgery(ordinal=4), Forgery(ordinal=9, text="Later")
    )
    assert (code, len(lines)) == (0, 1)
    assert "cc/2026/9 passes over cc/2026/4, and both are here: the register of cc was forked" in lines[0]


@pytest.mark.parametrize(
    ("forgery", "code", "line"),
    [
        (Forgery(), 0, ""),
        (Forgery(issuer="kursk", to=("tula",)), 7, "kursk has no right to issue"),
        (Forgery(handles=lambda handles: handles[:2]), 3, "the copies are not exactly those"),
        (Forgery(message=changed_message(number="cc/2026/9")), 3, "another number or date"),
    ],
)
def test_a_publication_of_what_no_receiver_takes(
    forgery: Forgery, code: int, line: str, realm: Realm, terminal: Terminal
) -> None:
    """A text and a note that agree in their digest may still be none that anybody had to follow."""
    lines: list[bytes] = []

    def keep(line: bytes, secrets: bytes) -> tuple[bytes, bytes]:
        lines.append(line)
        return line, secrets

    envelope = parse_envelope(realm.forge(dataclasses.replace(forgery, plaintext=keep))[forgery.issuer])
    (realm.path / "x.message").write_bytes(lines[0])
    (realm.path / "x.note").write_bytes(encode_signed(envelope.signed_note.signed))
    pin = realm.trusted.roster.root_fingerprint(2)
    trust = ["--roster", realm.home("cc").roster, "--root", pin]
    found, errors = terminal.errors(
        "verify", "--content", realm.path / "x.message", realm.path / "x.note", *trust
    )
    assert (found, len(errors)) == (code, 1 if code else 0), errors
    assert all(line in error for error in errors)


# Closed streams


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", ">/dev/full"])
def test_what_is_done_is_done_whoever_listens(closed: str, realm: Realm) -> None:
    (realm.path / "draft.md").write_text('+++\nkind = "letter"\nsubject = "S"\nto = ["tula"]\n+++\nx\n')
    issue = ["issue", str(realm.path / "draft.md"), "-o", str(realm.path / "post")]
    words = shlex.join([sys.executable, "-m", "dispatch", "--home", str(realm.home("cc").path), *issue])
    done = subprocess.run(["sh", "-c", f"{words} {closed}"], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if "full" in closed else 0), done.stderr
    assert "unexpected" not in done.stderr
    assert ("cc/2026/1 is issued all the same" in done.stderr) == ("full" in closed)
    assert len(list((realm.path / "post").glob("cc-2026-1.*"))) == 2


# Cards


def test_a_card_that_was_given_up_is_played_again(realm: Realm, terminal: Terminal) -> None:
    """Tula changes its keys, and somebody sends the old card to the keeper."""
    file = realm.path / "tula.card"
    file.write_bytes(card_file("tula", generate(), realm.keys("tula"), title="Тульский губком"))
    words = ["--home", realm.home("cc").path, "roster", "add"]
    assert terminal.errors(*words, file)[0] == 0
    assert terminal.errors("--home", realm.home("cc").path, "roster", "sign")[0] == 0
    code, errors = terminal.errors(*words, realm.home("tula").card)
    assert (code, len(errors)) == (3, 1)
    assert "no signing key that is in force for this office has signed its new card" in errors[0]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"title": "a\x1b[31mb"}, "the control character U+001B"),
        ({"title": "a\u202eb"}, "the control character U+202E"),
        ({"title": "a\u2028b"}, "the control character U+2028"),
        ({"handle": "tulа"}, "not a handle: 'tul\\u0430'"),  # the last letter is Cyrillic
        ({"handle": "Tula"}, "not a handle: 'Tula'"),
        ({"handle": "../tula"}, "not a handle: '../tula'"),
    ],
)
def test_a_card_that_would_steer_or_mislead(
    fields: dict[str, str], line: str, realm: Realm, terminal: Terminal
) -> None:
    text = encode_canonical(msgspec.structs.replace(realm.card("tula"), **fields))
    file = realm.path / "a.card"
    file.write_bytes(encode_signed(sign(text, realm.keys("tula").signing_keys, CARD_NAMESPACE)))
    code, errors = terminal.errors("--home", realm.home("cc").path, "roster", "add", file)
    assert (code, len(errors)) == (5, 1)
    assert line in errors[0]


# Names of files

HOSTILE = "a\x1b[2J\x9b31m\u202e\ndispatch: holds.dispatch"


def test_a_file_name_steers_no_terminal(realm: Realm, terminal: Terminal) -> None:
    path = realm.path / "post" / HOSTILE
    path.parent.mkdir()
    path.write_bytes(b"nothing")
    roster = realm.home("cc").roster
    for words in (
        ["--home", realm.home("tula").path, "receive", path.parent],
        ["--home", realm.home("tula").path, "receive", path.parent, "--json"],
        ["--home", realm.home("tula").path, "open", path],
        ["--home", realm.home("tula").path, "verify", path, "--roster", roster],
        ["--home", realm.home("tula").path, "verify", path, "--roster", roster, "--json"],
        ["verify", realm.home("cc").card, "--roster", path],
        [f"--{HOSTILE}"],
        [HOSTILE],
        ["receive", f"-{HOSTILE}"],
        ["verify", f"--{HOSTILE}"],
        ["issue", path, HOSTILE],
        ["roster", HOSTILE],
        ["draft", HOSTILE],
    ):
        code, out, lines = terminal.run(*words)
        assert code
        assert not any(character in out + "".join(lines) for character in "\x1b\x9b\u202e"), words
        assert not any(line.startswith("dispatch: holds") for line in [*out.splitlines(), *lines]), words


def test_json_is_the_same_value_for_all_that_is_escaped(realm: Realm, terminal: Terminal) -> None:
    path = realm.path / "post" / HOSTILE
    path.parent.mkdir()
    path.write_bytes(b"nothing")
    _, out, _ = terminal.run("--home", realm.home("tula").path, "receive", path, "--json")
    [item] = msgspec.json.decode(out)
    assert item["file"] == str(path)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_long_line_puts_nothing_at_the_left_edge(
    stream: str, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SigSpoof without a line end: 80 columns of blanks, and the terminal begins a line of theirs."""
    words = "from        cc"
    output = Screen()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, stream, output)
    if stream == "stdout":
        folder = realm.issue(text=" x" + " " * 77 + words, kind="letter", to=["tula"])
        home = str(realm.home("tula").path)
        assert run(["--home", home, "receive", str(folder)]) == 0
        assert run(["--home", home, "read", "cc/2026/1"]) == 0
    else:
        # wherever the name begins, one of these would put the words at the edge
        names = ["x" + " " * blanks + words for blanks in range(100, 180)]
        pin = realm.trusted.roster.root_fingerprint(2)
        trust = ["--roster", str(realm.home("cc").roster), "--root", pin, "--at", "2026-11-24T09:00:00Z"]
        assert run(["verify", *names, *trust]) != 0
        assert run([words.center(300)]) != 0
    lines = output.getvalue().splitlines()
    edges = [line[at : at + 80] for line in lines for at in range(0, len(line), 80)]
    assert sum(edge.startswith(words) for edge in edges) == (stream == "stdout")  # the one that is ours


class Screen(io.StringIO):
    """What a terminal gets."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_signed_line_steers_no_terminal(
    realm: Realm, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    """What a program reads are the bytes that were signed; what a terminal shows is the same value."""
    folder = realm.issue(text="a\u202etxt.exe", kind="letter", to=["tula"])
    home = str(realm.home("tula").path)
    assert run(["--home", home, "receive", str(folder)]) == 0
    output = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    monkeypatch.setattr(output, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stdout", output)
    assert run(["--home", home, "read", "cc/2026/1", "--json"]) == 0
    data = output.buffer.getvalue()
    assert ("\u202e".encode() in data) is not is_terminal
    assert "a\u202etxt.exe" in msgspec.json.decode(data)["body"]


def test_a_file_without_an_end_is_not_read_to_it(realm: Realm, terminal: Terminal) -> None:
    home, roster = realm.home("tula").path, realm.trusted.roster
    pin = roster.root_fingerprint(roster.version)
    for words in (
        ["--home", home, "open", "/dev/zero"],
        ["--home", home, "check", "/dev/zero"],
        ["--home", home, "roster", "import", "/dev/zero"],
        ["verify", realm.home("cc").card, "--roster", "/dev/zero"],
        ["verify", "/dev/zero", "--roster", realm.home("cc").roster, "--root", pin],
    ):
        tracemalloc.start()
        try:
            code, errors = terminal.errors(*words)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (code, len(errors)) == (5, 1)
        assert peak < 4 * MAX_ROSTER
