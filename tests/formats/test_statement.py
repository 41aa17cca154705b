"""A signed list of ids: one form, ids under the root that it names, signatures as of its roster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.checks.verifier import verify_statement
from dispatch.errors import DispatchError, MalformedError, ProofError
from dispatch.formats.note import RosterRef
from dispatch.formats.statement import Statement, encode_statement, parse_statement, sign_statement
from keys.errors import ExpiredError, KeysError, SignatureError
from keys.signed import encode_signed
from keys.signing import SigningKey
from tests.forge.dispatches import DAY, NOW
from tests.forge.roster import sign

if TYPE_CHECKING:
    from tests.forge.realm import Realm

KEY = SigningKey.generate("ssh-ed25519")
IDS = tuple(bytes([n]) * 32 for n in range(3))
GOOD = Statement(issuer="cc", volume="2026", date=NOW, roster=RosterRef("rkp", 2, bytes(32)), ids=IDS)


def signed(text: bytes, namespace: str = "dispatch-register") -> bytes:
    return encode_signed(sign(text, [KEY], namespace))


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=20))
def test_what_is_written_is_read(ids: list[bytes]) -> None:
    statement = replace(GOOD, ids=tuple(ids))
    assert parse_statement(sign_statement(statement, [KEY])).statement == statement


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b"dispatch-register/v1", b"dispatch-register/v2", MalformedError),
        (b"register: cc/2026 3 ", b"register: cc/2026 2 ", MalformedError),
        (b"register: cc/2026 3 ", b"register: cc/2026 03 ", MalformedError),
        (b"register: cc/2026", b"register: CC/2026", MalformedError),
        (b"register: cc/2026", b"register: cc/26", MalformedError),
        (b"register: cc/2026", b"register: cc", MalformedError),
        (b"date: ", b"dated: ", MalformedError),
        (b"T09:00:00Z", b"T09:00Z", MalformedError),
        (b"roster: rkp/2 ", b"roster: rkp ", MalformedError),
        (b"id: AAAA", b"id:AAAA", MalformedError),
        (b"id: AAAA", b"id: AAAB", ProofError),
        (encode_statement(GOOD), b"dispatch-register/v1\nregister\ndate\nroster\n", MalformedError),
        (encode_statement(GOOD), b"dispatch-register/v1\n", MalformedError),
    ],
)
def test_another_form_is_refused(old: bytes, new: bytes, error: type[Exception]) -> None:
    text = encode_statement(GOOD)
    assert old in text
    with pytest.raises(error):
        parse_statement(signed(text.replace(old, new, 1)))


def test_any_byte_flipped_is_refused(realm: Realm) -> None:
    roster = realm.trusted.roster
    statement = replace(GOOD, roster=RosterRef(roster.realm, roster.version, roster.digest), issuer="penza")
    data = sign_statement(statement, realm.keys("penza").signing_keys)
    assert verify_statement(parse_statement(data), realm.trusted) == statement
    for place in range(len(data)):
        wrong = bytearray(data)
        wrong[place] ^= 1
        with pytest.raises((DispatchError, KeysError)):
            verify_statement(parse_statement(bytes(wrong)), realm.trusted)


def test_it_is_judged_like_a_note(realm: Realm) -> None:
    roster = realm.trusted.roster
    statement = replace(GOOD, roster=RosterRef(roster.realm, roster.version, roster.digest))
    with pytest.raises(SignatureError):
        verify_statement(parse_statement(sign_statement(statement, [KEY])), realm.trusted)
    late = replace(statement, date=NOW + 400 * DAY)
    with pytest.raises(ExpiredError):
        verify_statement(parse_statement(sign_statement(late, realm.keys("cc").signing_keys)), realm.trusted)
    other = signed(encode_statement(statement), "dispatch-note")
    with pytest.raises(SignatureError):
        verify_statement(parse_statement(other), realm.trusted)
