"""What a small file must not do: take much memory, or time that grows with its square.

Each input is as bad as its grammar allows, and within its cap. `FACTOR` bounds the memory at the peak, in
bytes a byte of input; the time is bounded loosely, because what it guards against takes minutes.
"""

from __future__ import annotations

import tracemalloc
from time import process_time
from typing import TYPE_CHECKING

import pytest

from dispatch.drafts import read_draft
from dispatch.errors import DispatchError
from dispatch.formats.envelope import parse_envelope, parse_signed_note
from dispatch.formats.message import parse_message
from dispatch.formats.note import parse_note
from dispatch.formats.plaintext import parse_plaintext
from keys import age
from keys.age.header import parse_header
from keys.card import parse_card
from keys.codec import decode_base64, decode_bech32
from keys.errors import KeysError
from keys.keyfile import parse_secret_keys
from keys.roster import decode_roster
from keys.signed import parse_signed
from keys.sshsig import parse
from keys.trust import parse_roster_file

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 64
FLOOR = 16 * 1024 * 1024
SECONDS = 20

MIB = 1024 * 1024
ROSTER = (
    b'{"format":"dispatch-roster/v1","realm":"r","version":%d,"date":"2026-01-01T00:00:00Z",'
    b'"expires":"2027-01-01T00:00:00Z","versions":[],"root":{"threshold":[],"keys":[]},"offices":[],"groups":[]}\n'
)
BLOCK = b"-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n"
BEGIN_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n"


FORM = b'[[form]]\nid = "m"\n'
FIELD = b'[[form.field]]\nname = "a"\ntype = "select"\n'


def draft(fields: bytes, body: bytes = b"Text") -> bytes:
    return b'+++\nkind = "letter"\nsubject = "S"\nto = ["cc"]\n' + fields + b"\n+++\n" + body + b"\n"


def demands(fields: bytes) -> bytes:
    return draft(fields).replace(b'"letter"', b'"circular"')


def read_header(data: bytes) -> object:
    return parse_header(b"age-encryption.org/v1\n" + data)


def read_signed(data: bytes) -> object:
    return parse_signed(data, max_text=MIB)


CASES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "a roster of a version that it has no table for": (decode_roster, ROSTER % 500_000_000),
    "a roster of the highest version": (decode_roster, ROSTER % (2**53 - 1)),
    "a roster file of empty rosters": (parse_roster_file, b"\n\n{" * MIB),
    "a key file of empty lines within a key": (parse_secret_keys, BEGIN_KEY + b"\n" * (MIB // 4)),
    "a key file of comments": (parse_secret_keys, b"#\n" * (MIB // 8)),
    "a draft of opened marks": (read_draft, draft(b"", b"{++" * (MIB // 3))),
    "a draft of closed marks": (read_draft, draft(b"", b"{++++}\n" * (MIB // 7))),
    "a draft of placeholders": (read_draft, draft(b"", b"[Replace this:\n" * (MIB // 15))),
    "a draft with a dotted name": (read_draft, draft(b"a" + b".a" * 100_000 + b" = 1")),
    "a draft with a dotted name in quotes": (read_draft, draft(b'"a"' + b" . 'a'" * 100_000 + b" = 1")),
    "a draft with a dotted name in a table": (read_draft, draft(b"x = {a" + b".a" * 100_000 + b" = 1}")),
    "a draft with a dotted table": (read_draft, draft(b"[a" + b".a" * 100_000 + b"]")),
    "a draft with one long name": (read_draft, draft(b"a" * (MIB // 8) + b" = 1")),
    "a draft of many names": (read_draft, draft(b"".join(b"a%d = 1\n" % n for n in range(3000)))),
    "a draft of brackets": (read_draft, draft(b"x = " + b"[" * 100_000)),
    "a draft of braces": (read_draft, draft(b"x = " + b"{a=" * 100_000)),
    "a draft of digits": (read_draft, draft(b"x = " + b"1" * 100_000)),
    "a draft of quotes": (read_draft, draft(b"x = " + b'"' * 100_000)),
    "a draft of escapes": (read_draft, draft(b'x = """' + b"\\\\" * 100_000)),
    "a draft of carriage returns": (read_draft, draft(b"\r" * MIB)),
    "a draft of a long list": (read_draft, draft(b"x = [" + b"1," * (MIB // 8) + b"]")),
    "a draft of lists in lists": (read_draft, draft(b"x = [" + (b"[" * 90 + b"]" * 90 + b",") * 900 + b"]")),
    "a draft of tables in a line": (read_draft, demands(b"obligation = [" + b"{}," * (MIB // 16) + b"]")),
    "a draft of relations": (read_draft, demands(b"[[relation]]\n" * (MIB // 32))),
    "a draft of obligations": (read_draft, demands(b"[[obligation]]\n" * (MIB // 32))),
    "a draft of choices": (read_draft, demands(FORM + FIELD + b"choices = [" + b'"a",' * (MIB // 16) + b"]")),
    "a draft of unknown names": (
        read_draft,
        demands(FORM + FIELD + b"".join(b"a%d = 1\n" % n for n in range(9000))),
    ),
    "a draft of fields": (read_draft, demands(FORM + FIELD * (MIB // 128))),
    "a draft of fences": (read_draft, b"+++\n" * (MIB // 16)),
    "a message of brackets": (parse_message, b'{"kind":"letter","format":' + b"[" * MIB),
    "a message of tables in tables": (
        parse_message,
        b'{"kind":"circular","forms":[' + b'{"id":"a","fields":[' + b'{"columns":[' * 100_000,
    ),
    "a message of long integers": (parse_message, b"[" + b"1" * MIB + b"]\n"),
    "a message of empty strings": (parse_message, b'{"kind":"letter","to":[' + b'"",' * (MIB // 3) + b"]"),
    "a message of escapes": (parse_message, b'{"kind":"letter","body":"' + b"\\u0041" * (MIB // 6) + b'"}\n'),
    "a card of keys": (parse_card, b'{"signing":[' + b'"",' * 30_000 + b'""]}\n\n' + BLOCK),
    "a signed text of blocks": (read_signed, b"a\n\n" + BLOCK * 16_000),
    "a signed text of empty lines": (read_signed, b"a\n" + b"\n" * MIB),
    "an SSH signature of line ends": (parse, b"-----BEGIN SSH SIGNATURE-----\n" + b"\n" * 8000),
    "a note of lines": (parse_note, b"dispatch/v1\n" + b"a: \n" * 32_000),
    "a bare note of blocks": (parse_signed_note, b"dispatch/v1\n\n" + BLOCK * 16_000),
    "an envelope of copies": (parse_envelope, b"dispatch/v1\n" + b"\n\ncopy: " * MIB),
    "an envelope of proofs": (parse_envelope, b"a\n\n\ncopy: 1\n" + b"proof: \n" * MIB + b"\n"),
    "a plaintext of line ends": (parse_plaintext, b"\n" * MIB),
    "an age header of stanzas": (read_header, b"-> a\n\n" * 40_000 + b"--- \n"),
    "an age header of arguments": (read_header, b"->" + b" a" * 120_000 + b"\n\n--- " + b"A" * 43 + b"\n"),
    "an age header of full lines": (read_header, b"-> a\n" + (b"A" * 64 + b"\n") * 4000 + b"\n--- \n"),
    "age armor of line ends": (age.decode_armor, b"-----BEGIN AGE ENCRYPTED FILE-----" + b"\r\n" * MIB),
    "base64": (decode_base64, b"A" * 8 * MIB),
    "bech32": (lambda data: decode_bech32(data.decode()), b"a1" + b"q" * (MIB // 8)),
    "bech32 of separators": (lambda data: decode_bech32(data.decode()), b"1" * MIB),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_small_stays_small(name: str) -> None:
    parse_it, data = CASES[name]
    started = process_time()
    tracemalloc.start()
    try:
        parse_it(data)
    except (KeysError, DispatchError):
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak <= max(FLOOR, FACTOR * len(data)), f"{peak / len(data):.0f} bytes a byte of input"
    assert process_time() - started < SECONDS
