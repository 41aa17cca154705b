from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from keys.errors import (
    ExpiredError,
    ForkError,
    FormatError,
    KeysError,
    NamespaceError,
    RealmError,
    RollbackError,
    SignatureError,
    ThresholdError,
    UnknownOfficeError,
    UnknownVersionError,
    UnlistedKeyError,
    UnpinnedError,
    UnpinnedRootError,
)
from keys.roster import (
    Roster,
    add_office,
    decode_roster,
    encode_roster,
    first_roster,
    next_version,
    revoke_key,
    set_group,
    set_root,
    set_threshold,
)
from keys.signed import SignedText, encode_signed, sign_text, verify_signed
from keys.signing import COMPOSITE, SigningKey
from keys.trust import (
    MAX_CHAIN,
    NoteKeys,
    SignedRoster,
    TrustedRoster,
    check_current,
    countersign_roster,
    encode_roster_file,
    fingerprints,
    judge_note,
    parse_roster_file,
    sign_roster,
    trust_pinned,
    trust_update,
)
from tests.forge.roster import card_of, numbered

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.card import Card

ROOT = tuple(numbered(200 + number).signing_keys[0] for number in range(6))
SIGNERS = tuple(numbered(number).signing_keys[0] for number in range(20))
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)


def card(handle: str, *keys: int) -> Card:
    return card_of(handle, *map(numbered, keys), title=handle.upper())


def after(roster: Roster) -> Roster:
    return next_version(roster, date=roster.date + DAY, expires=roster.expires + DAY)


def with_root(roster: Roster, *keys: int, threshold: int = 1) -> Roster:
    return set_root(roster, [ROOT[key].verify_key for key in keys], threshold=threshold)


def sign(roster: Roster, *keys: int) -> SignedRoster:
    return sign_roster(roster, [ROOT[key] for key in keys])


def pin(roster: Roster) -> str:
    return roster.root_fingerprint(roster.version)


def first(*keys: int, threshold: int = 1, realm: str = "rkp") -> Roster:
    root = [ROOT[key].verify_key for key in keys]
    roster = first_roster(realm=realm, root=root, threshold=threshold, date=START, expires=START + YEAR)
    roster = add_office(roster, card("cc", 0), ["issue", "report"])
    roster = add_office(roster, card("tula", 1, 2), ["report"])
    return set_group(roster, "provinces", ["tula"])


def trust(*chain: SignedRoster) -> TrustedRoster:
    return trust_pinned(chain, pin(chain[-1].roster))


ONE = first(0)
TWO = add_office(after(ONE), card("tula", 2, 3))  # key 1 ends, key 3 begins
THREE = add_office(after(TWO), card("kazan", 4))
SIGNED = tuple(sign(roster, 0) for roster in (ONE, TWO, THREE))


# The file


def test_a_file_of_one_and_of_several() -> None:
    for chain in (SIGNED[:1], SIGNED):
        data = encode_roster_file(chain)
        assert parse_roster_file(data) == chain
        assert data == b"\n".join(encode_signed(one.signed) for one in chain)


def test_a_file_out_of_order_or_of_two_realms() -> None:
    other = sign(next_version(first(0, realm="other"), date=START, expires=START + YEAR), 0)
    for chain in (SIGNED[::-1], (SIGNED[0], SIGNED[0]), (SIGNED[0], other), ()):
        data = b"\n".join(encode_signed(one.signed) for one in chain)
        with pytest.raises(FormatError):
            parse_roster_file(data)
        with pytest.raises(FormatError):
            encode_roster_file(chain)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *((b"\n\n{", b"\n\n\n{"), (b"\n\n{", b"\n{"), (b"\n\n{", b"\n\n {")),
        *((b"\n\n{", b"\r\n\r\n{"), (b"\n\n-", b"\n-")),
    ],
)
def test_rosters_are_parted_by_one_empty_line(old: bytes, new: bytes) -> None:
    data = encode_roster_file(SIGNED[:2])
    assert old in data
    with pytest.raises(FormatError):
        parse_roster_file(data.replace(old, new))


@pytest.mark.parametrize("end", [b"\n", b" ", b"\n\n", b"{", b"\n{}\n", b"\n-----BEGIN"])
def test_nothing_follows_the_last_roster(end: bytes) -> None:
    with pytest.raises(FormatError):
        parse_roster_file(encode_roster_file(SIGNED) + end)


def many(count: int) -> tuple[SignedRoster, ...]:
    roster = first_roster(realm="rkp", root=[ROOT[0].verify_key], date=START, expires=START + YEAR)
    chain = [sign(roster, 0)]
    while len(chain) < count:
        chain.append(sign(after(chain[-1].roster), 0))
    return tuple(chain)


def test_64_rosters_and_no_more() -> None:
    chain = many(MAX_CHAIN + 1)
    assert parse_roster_file(encode_roster_file(chain)) == chain[1:]
    data = b"\n".join(encode_signed(one.signed) for one in chain)
    with pytest.raises(FormatError):
        parse_roster_file(data)


def test_where_a_file_would_be_too_long_the_oldest_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(encode_roster_file(SIGNED[1:]))
    monkeypatch.setattr("keys.trust.MAX_ROSTER", size)
    assert parse_roster_file(encode_roster_file(SIGNED)) == SIGNED[1:]
    data = encode_roster_file(SIGNED[2:])
    monkeypatch.setattr("keys.trust.MAX_ROSTER", len(data) - 1)
    with pytest.raises(FormatError):
        encode_roster_file(SIGNED)
    with pytest.raises(FormatError):
        parse_roster_file(data)


# The first roster


def test_the_pin_is_the_root() -> None:
    trusted = trust_pinned(SIGNED[:1], pin(ONE))
    assert (trusted.roster, trusted.chain) == (ONE, SIGNED[:1])


def test_a_composite_root() -> None:
    key = SigningKey(type=COMPOSITE, seed=bytes(range(64)))
    roster = first_roster(realm="rkp", root=[key.verify_key], date=START, expires=START + YEAR)
    chain = parse_roster_file(encode_roster_file((sign_roster(roster, [key]),)))
    assert trust_pinned(chain, pin(roster)).roster == roster


@pytest.mark.parametrize("wrong", ["", "SHA256:", pin(first(1)), pin(ONE)[:-1], pin(ONE).lower()])
def test_without_the_right_pin_the_error_shows_the_root(wrong: str) -> None:
    with pytest.raises(UnpinnedError) as caught:
        trust_pinned(SIGNED[:1], wrong)
    assert isinstance(caught.value, UnpinnedRootError)
    assert caught.value.fingerprints == (pin(ONE),) == fingerprints(SIGNED)
    assert str(caught.value).endswith(f": {pin(ONE)}")
    assert "by voice" in caught.value.hint


def test_the_same_root_in_another_realm_is_not_what_was_pinned() -> None:
    with pytest.raises(UnpinnedError):
        trust_pinned((sign(first(0, realm="other"), 0),), pin(ONE))


def test_a_first_roster_must_be_signed_by_its_own_root() -> None:
    with pytest.raises(UnlistedKeyError):
        trust_pinned((sign(ONE, 1),), pin(ONE))
    with pytest.raises(UnlistedKeyError):
        trust_pinned((sign(ONE, 0, 1),), pin(ONE))  # a stranger beside it
    with pytest.raises(UnlistedKeyError):
        trust_pinned((sign_roster(ONE, [SIGNERS[0]]),), pin(ONE))  # an office's key is no root key


def test_a_first_roster_signed_for_another_purpose() -> None:
    block = sign_text(encode_roster(ONE), ROOT[0], "dispatch-note")
    signed = SignedText(text=encode_roster(ONE), signatures=(block,))
    with pytest.raises(NamespaceError):
        trust_pinned((SignedRoster(roster=ONE, signed=signed),), pin(ONE))


def test_a_threshold_of_two() -> None:
    roster = first(0, 1, 2, threshold=2)
    assert trust(sign(roster, 2, 0)).roster == roster
    assert trust(countersign_roster(sign(roster, 2), [ROOT[0]])) == trust(sign(roster, 2, 0))
    with pytest.raises(ThresholdError):
        trust(sign(roster, 0))


def test_one_key_does_not_reach_a_threshold_of_two() -> None:
    with pytest.raises(SignatureError):
        trust(sign(first(0, 1, threshold=2), 0, 0))


def test_an_ended_root_key_does_not_count() -> None:
    roster = with_root(after(first(0, 1, threshold=2)), 1, 2, threshold=2)
    with pytest.raises(ThresholdError):
        trust(sign(roster, 0, 1))
    assert trust(sign(roster, 1, 2)).roster == roster
    assert trust(sign(roster, 0, 1, 2)).roster == roster  # it may stand beside those that do


# A later roster


def test_an_update_by_one_and_by_two_versions() -> None:
    trusted = trust(SIGNED[0])
    for chain in ((SIGNED[1],), (SIGNED[2],), SIGNED, SIGNED[1:]):
        assert trust_update(trusted, chain).roster == chain[-1].roster


def test_the_same_version_again_is_the_same_object() -> None:
    trusted = trust_update(trust(SIGNED[0]), SIGNED[1:])
    assert trust_update(trusted, (SIGNED[2],)) is trusted
    assert trust_update(trusted, SIGNED) is trusted


def test_another_realm() -> None:
    with pytest.raises(RealmError):
        trust_update(trust(SIGNED[0]), (sign(after(first(0, realm="other")), 0),))


def test_rollback_to_a_version_that_we_know_and_to_one_that_we_do_not() -> None:
    trusted = trust(SIGNED[2])
    with pytest.raises(RollbackError, match="an old one"):
        trust_update(trusted, SIGNED[:2])
    unknown = sign(set_group(after(ONE), "provinces", ["cc"]), 0)
    with pytest.raises(RollbackError, match="no part of its past"):
        trust_update(trusted, (unknown,))


def test_a_fork_at_the_same_version() -> None:
    with pytest.raises(ForkError):
        trust_update(trust(SIGNED[1]), (sign(set_group(after(ONE), "provinces", ["cc"]), 0),))


def test_a_fork_at_a_later_version() -> None:
    """A root that signs two versions 2 cannot join them again in a version 3."""
    other = after(set_group(after(ONE), "provinces", ["cc"]))
    with pytest.raises(ForkError):
        trust_update(trust(SIGNED[1]), (sign(other, 0),))


def test_a_chain_with_another_past_than_the_trusted_one() -> None:
    other = sign(set_group(after(ONE), "provinces", ["cc"]), 0)
    with pytest.raises(ForkError):
        trust_update(trust(SIGNED[1]), (other, SIGNED[2]))


def test_a_strangers_update() -> None:
    with pytest.raises(UnlistedKeyError):
        trust_update(trust(SIGNED[0]), (sign(TWO, 1),))
    with pytest.raises(UnlistedKeyError):
        trust_update(trust(SIGNED[0]), (sign(TWO, 0, 1),))
    stranger = with_root(TWO, 1)
    with pytest.raises(ThresholdError):  # its own root signs it, the trusted one does not
        trust_update(trust(SIGNED[0]), (sign(stranger, 1),))


def test_an_expired_roster_is_accepted_and_said_to_have_expired() -> None:
    trusted = trust(SIGNED[0])
    check_current(trusted, ONE.expires - timedelta(seconds=1))
    for at in (ONE.expires, ONE.expires + YEAR):  # at that moment already: a frozen roster ends there
        with pytest.raises(ExpiredError):
            check_current(trusted, at)


# Changes of the root


def rotation() -> tuple[SignedRoster, ...]:
    """Versions 1 to 5: the root changes at 2, and again at 4."""
    two = with_root(after(ONE), 1)
    three = add_office(after(two), card("kazan", 4))
    four = with_root(after(three), 2)
    five = add_office(after(four), card("pskov", 5))
    return sign(ONE, 0), sign(two, 0, 1), sign(three, 1), sign(four, 1, 2), sign(five, 2)


ROTATION = rotation()


def test_a_change_of_root_needs_the_old_and_the_new() -> None:
    trusted, two = trust(ROTATION[0]), ROTATION[1].roster
    assert trust_update(trusted, (ROTATION[1],)).roster == two
    for key in (0, 1):
        with pytest.raises(ThresholdError):
            trust_update(trusted, (sign(two, key),))


def test_a_change_of_threshold_needs_the_old_and_the_new() -> None:
    trusted = trust(sign(first(0, 1), 0))
    two = with_root(after(trusted.roster), 0, 1, threshold=2)
    assert trust_update(trusted, (sign(two, 0, 1),)).roster == two
    with pytest.raises(ThresholdError):
        trust_update(trusted, (sign(two, 0),))
    three = with_root(after(two), 0, 1, threshold=1)
    trusted = trust_update(trusted, (sign(two, 0, 1),))
    with pytest.raises(ThresholdError):
        trust_update(trusted, (sign(three, 0),))
    assert trust_update(trusted, (sign(three, 0, 1),)).roster == three


def test_a_chain_of_roots() -> None:
    newest = ROTATION[4].roster
    assert trust_update(trust(ROTATION[0]), ROTATION).roster == newest
    export = (ROTATION[0], ROTATION[1], ROTATION[3], ROTATION[4])
    assert trust_update(trust(ROTATION[0]), export).roster == newest
    assert trust_pinned(export, pin(ONE)).roster == newest


def test_without_the_change_in_between_an_update_is_refused() -> None:
    for chain in ((ROTATION[4],), ROTATION[3:], ROTATION[2:], (ROTATION[1], ROTATION[4])):
        with pytest.raises(ThresholdError):
            trust_update(trust(ROTATION[0]), chain)
    with pytest.raises(ThresholdError):
        trust_pinned((ROTATION[0], ROTATION[4]), pin(ONE))


def test_an_old_pin_needs_the_roster_that_had_that_root() -> None:
    """What a roster says of its past root is no proof that this root ever signed it."""
    assert ROTATION[4].roster.root_fingerprint(1) == pin(ONE)
    with pytest.raises(UnpinnedError):
        trust_pinned(ROTATION[1:], pin(ONE))


@pytest.mark.parametrize("index", range(5))
def test_the_pin_may_be_of_any_roster_in_the_file(index: int) -> None:
    assert trust_pinned(ROTATION, pin(ROTATION[index].roster)).roster == ROTATION[4].roster


def test_what_comes_before_the_pinned_roster_must_hold_too() -> None:
    forged = sign(first(0), 3)
    with pytest.raises(UnlistedKeyError):
        trust_pinned((forged, *ROTATION[1:]), pin(ROTATION[4].roster))
    other = sign(add_office(first(3), card("kazan", 9)), 3)
    with pytest.raises(ForkError):
        trust_pinned((other, *ROTATION[1:]), pin(ROTATION[4].roster))


def test_what_is_exported_is_the_changes_of_root_and_the_newest() -> None:
    step_by_step = trust(ROTATION[0])
    for one in ROTATION[1:]:
        step_by_step = trust_update(step_by_step, (one,))
    export = (ROTATION[0], ROTATION[1], ROTATION[3], ROTATION[4])
    assert step_by_step.chain == export
    assert trust_pinned(ROTATION, pin(ONE)).chain == export
    assert trust_update(trust(SIGNED[0]), SIGNED).chain == (SIGNED[0], SIGNED[2])
    assert trust_pinned(parse_roster_file(encode_roster_file(export)), pin(ONE)).roster == ROTATION[4].roster


# Extension: every fault is signed as it should be, and refused nevertheless


def altered(roster: Roster, change: Callable[[dict[str, Any]], object]) -> SignedRoster:
    members = json.loads(encode_roster(roster))
    change(members)
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    return sign(decode_roster(text), 0)


def entry(value: object, since: int, until: int | None = None) -> dict[str, Any]:
    return {"value": value, "since": since, "until": until}


def in_list(office: int, name: str, index: int, **members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["offices"][office][name][index].update(members)


def office(number: int, **members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["offices"][number].update(members)


def in_version(index: int, **members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["versions"][index].update(members)


CC, KAZAN, TULA = 0, 1, 2

# Of version 3, while version 2 is trusted: kazan is new in it.
ALTERATIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "the digest of version 1": in_version(0, digest="A" * 43 + "="),
    "the digest of the trusted version": in_version(1, digest="A" * 43 + "="),
    "the date of the trusted version": in_version(1, date="2026-01-02T00:00:01Z"),
    "the expiry of version 1": in_version(0, expires="2027-06-01T00:00:00Z"),
    "an office gone": lambda roster: (roster["offices"].pop(TULA), roster["groups"].clear()),
    "an office since earlier": lambda roster: backdate(roster["offices"][KAZAN], 2),
    "an office ended in the past": office(CC, until=2),
    "a title": in_list(CC, "title", 0, value="Другой"),
    "a title put before": office(CC, title=[entry("Другой", 1, 2), entry("CC", 2)]),
    "a title ended in the past": office(CC, title=[entry("CC", 1, 2), entry("Другой", 2)]),
    "a right gone": lambda roster: roster["offices"][CC]["rights"].pop(),
    "a right for another": in_list(TULA, "rights", 0, value="issue"),
    "a right added to the past": lambda roster: roster["offices"][TULA]["rights"].append(entry("issue", 2)),
    "a right since later": office(CC, rights=[entry("issue", 2), entry("report", 2)]),
    "a right ended in the past": in_list(CC, "rights", 0, until=2),
    "a threshold": in_list(CC, "threshold", 0, value=2),
    "the algorithms of an office without keys": office(
        TULA, classical=[entry(value=False, since=1)], signing=[], sealing=[]
    ),
    "a signing key gone": lambda roster: roster["offices"][TULA]["signing"].pop(0),
    "a signing key for another": in_list(TULA, "signing", 0, value=SIGNERS[9].verify_key.line()),
    "a signing key ended later": in_list(TULA, "signing", 0, until=3),
    "a signing key that goes on": in_list(TULA, "signing", 0, until=None),
    "a signing key ended in the past": in_list(TULA, "signing", 1, until=2),
    "a signing key added to the past": lambda roster: roster["offices"][TULA]["signing"].append(
        entry(SIGNERS[9].verify_key.line(), 2) | {"compromised": None}
    ),
    "signing keys in another order": lambda roster: roster["offices"][TULA]["signing"].insert(
        0, roster["offices"][TULA]["signing"].pop(1)
    ),
    "a sealing key that goes on": in_list(TULA, "sealing", 0, until=None),
    "a sealing key since later": in_list(TULA, "sealing", 1, since=2),
    "a sealing key added to the past": lambda roster: roster["offices"][CC]["sealing"].append(
        entry("X25519 " + "A" * 43 + "=", 2)
    ),
    "a group gone": lambda roster: roster["groups"].clear(),
    "a group renamed": lambda roster: roster["groups"][0].update(name="oblasts"),
    "a member gone": lambda roster: roster["groups"][0]["members"].clear(),
    "a member added to the past": lambda roster: roster["groups"][0]["members"].append(entry("cc", 2)),
    "a group put into the past": lambda roster: roster["groups"].append(
        {"name": "zeta", "members": [entry("cc", 2)]}
    ),
    "a root key added to the past": lambda roster: roster["root"]["keys"].append(
        entry(ROOT[1].verify_key.line(), 2)
    ),
    "a root key put before": lambda roster: roster["root"]["keys"].insert(
        0, entry(ROOT[1].verify_key.line(), 1)
    ),
}


def backdate(members: dict[str, Any], since: int) -> None:
    members["since"] = since
    for name in ("title", "rights", "threshold", "classical", "signing", "sealing"):
        for one in members[name]:
            one["since"] = since


@pytest.mark.parametrize("name", ALTERATIONS)
def test_the_past_cannot_be_altered(name: str) -> None:
    trusted = trust_update(trust(SIGNED[0]), (SIGNED[1],))
    newer = altered(THREE, ALTERATIONS[name])
    assert newer.roster != THREE
    with pytest.raises(ForkError):
        trust_update(trusted, (newer,))


@pytest.mark.parametrize(
    "change",
    [
        office(CC, until=3),
        office(CC, title=[entry("CC", 1, 3), entry("Другой", 3)]),
        in_list(CC, "rights", 0, until=3),
        in_list(TULA, "signing", 1, until=3),
        in_list(TULA, "signing", 0, compromised="2026-01-01T12:00:00Z"),
        lambda roster: roster["offices"][TULA]["sealing"].pop(0),  # it ended at version 2
        lambda roster: roster["offices"][TULA]["sealing"].pop(1),  # it ends now
        lambda roster: roster["groups"][0]["members"].append(entry("cc", 3)),
        lambda roster: roster["groups"].append({"name": "zeta", "members": []}),
    ],
)
def test_what_may_change(change: Callable[[dict[str, Any]], object]) -> None:
    newer = altered(THREE, change)
    trusted = trust_update(trust(SIGNED[0]), (SIGNED[1],))
    assert trust_update(trusted, (newer,)).roster == newer.roster != THREE


def test_the_past_of_the_root_cannot_be_altered() -> None:
    trusted = trust(sign(first(0, 1), 0))
    two = with_root(after(trusted.roster), 0, 1, threshold=2)
    for entries in ([entry(2, 1)], [entry(2, 1, 2), entry(1, 2)]):
        newer = altered(two, root_threshold(entries))
        with pytest.raises(ForkError):
            trust_update(trusted, (countersign_roster(newer, [ROOT[1]]),))


def root_threshold(entries: list[dict[str, Any]]) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["root"].update(threshold=entries)


def test_the_past_of_an_office_without_keys_cannot_be_altered() -> None:
    trusted = trust(altered(ONE, office(1, signing=[], sealing=[])))
    newer = altered(after(trusted.roster), office(1, classical=[entry(value=False, since=1)]))
    with pytest.raises(ForkError):
        trust_update(trusted, (newer,))


def test_a_mark_of_compromise_cannot_be_moved_or_taken_back() -> None:
    marked = revoke_key(after(TWO), "tula", SIGNERS[3].verify_key.fingerprint(), START)
    trusted = trust_update(trust(SIGNED[0]), (sign(marked, 0),))
    for date in (None, "2026-01-02T00:00:00Z"):
        newer = altered(after(marked), in_list(1, "signing", 2, compromised=date))
        with pytest.raises(ForkError):
            trust_update(trusted, (newer,))


# Notes


def judge(trusted: TrustedRoster, version: int, issuer: str = "tula", **changes: Any) -> NoteKeys:
    record = trusted.roster.version_record(version)
    says: dict[str, Any] = {"realm": "rkp", "digest": record.digest, "date": record.date}
    return judge_note(trusted, version=version, issuer=issuer, **(says | changes))


TRUSTED = trust_update(trust(SIGNED[0]), SIGNED[1:])
KEYS = tuple(signer.verify_key for signer in SIGNERS)


def test_another_process_of_the_run_gets_the_newest_roster_without_its_chain() -> None:
    there = pickle.loads(pickle.dumps(TRUSTED))  # noqa: S301 - our own
    assert there.roster == TRUSTED.roster
    assert there.roster.digest == sha256(SIGNED[-1].signed.text).digest()
    assert there.chain == ()


def test_keys_are_those_in_force_as_of_the_version_named() -> None:
    assert judge(TRUSTED, 1).keys == (KEYS[1], KEYS[2])
    assert judge(TRUSTED, 2).keys == (KEYS[2], KEYS[3])
    assert judge(TRUSTED, 3, "kazan").keys == (KEYS[4],)
    assert judge(TRUSTED, 3).threshold == 1


def test_a_threshold_as_of_the_version_named() -> None:
    trusted = trust_update(TRUSTED, (sign(set_threshold(after(THREE), "tula", 2), 0),))
    assert [judge(trusted, version).threshold for version in (3, 4)] == [1, 2]


def test_a_note_of_another_realm() -> None:
    with pytest.raises(RealmError):
        judge(TRUSTED, 1, realm="other")


@pytest.mark.parametrize("version", [0, 4, 999_999_999])
def test_a_version_that_we_do_not_have(version: int) -> None:
    with pytest.raises(UnknownVersionError):
        judge_note(TRUSTED, realm="rkp", version=version, digest=THREE.digest, date=START, issuer="tula")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_another_digest_than_that_of_the_version(version: int) -> None:
    for digest in (bytes(32), TRUSTED.roster.version_record(version % 3 + 1).digest, b""):
        with pytest.raises(ForkError):
            judge(TRUSTED, version, digest=digest)


def test_the_date_lies_before_the_expiry_of_the_version_named() -> None:
    assert judge(TRUSTED, 1, date=ONE.expires - timedelta(seconds=1)).threshold == 1
    for date in (ONE.expires, ONE.expires + timedelta(hours=1)):
        with pytest.raises(ExpiredError):
            judge(TRUSTED, 1, date=date)
        assert judge(TRUSTED, 3, date=date).threshold == 1


def test_an_issuer_that_is_no_office_as_of_the_version() -> None:
    with pytest.raises(UnknownOfficeError):
        judge(TRUSTED, 3, "pskov")
    with pytest.raises(UnknownOfficeError):
        judge(TRUSTED, 2, "kazan")
    ended = trust_update(TRUSTED, (altered(after(THREE), end_tula),))
    assert judge(ended, 3).keys
    with pytest.raises(UnknownOfficeError):
        judge(ended, 4)


def end_tula(roster: dict[str, Any]) -> None:
    roster["offices"][TULA]["until"] = 4
    roster["groups"][0]["members"][0]["until"] = 4


def test_a_key_of_another_version_does_not_verify() -> None:
    """Backdating with a rotated key, and dating ahead with a future one."""
    text = b"a note\n"
    for version, key in ((2, 1), (1, 3), (3, 1)):
        signed = SignedText(text=text, signatures=(sign_text(text, SIGNERS[key], "dispatch-note"),))
        allowed = judge(TRUSTED, version)
        with pytest.raises(UnlistedKeyError):
            verify_signed(signed, "dispatch-note", allowed.keys, allowed.threshold)


# Damage


SMALL = encode_roster_file(
    (sign(first_roster(realm="r", root=[ROOT[0].verify_key], date=START, expires=START + YEAR), 0),)
)


def test_every_truncation_is_refused() -> None:
    expected = fingerprints(parse_roster_file(SMALL))[0]
    assert trust_pinned(parse_roster_file(SMALL), expected).roster.realm == "r"
    for size in range(len(SMALL)):
        with pytest.raises(KeysError):
            trust_pinned(parse_roster_file(SMALL[:size]), expected)


def test_every_flipped_bit_is_refused() -> None:
    expected = fingerprints(parse_roster_file(SMALL))[0]
    for index in range(len(SMALL)):
        for bit in range(8):
            wrong = bytearray(SMALL)
            wrong[index] ^= 1 << bit
            with pytest.raises(KeysError):
                trust_pinned(parse_roster_file(bytes(wrong)), expected)


def test_every_truncation_of_a_chain_is_refused_or_is_an_older_chain() -> None:
    data = encode_roster_file(SIGNED[:2])
    whole = len(encode_signed(SIGNED[0].signed))
    for size in range(0, len(data), 7):
        with pytest.raises(KeysError):
            trust_pinned(parse_roster_file(data[:size]), pin(ONE))
    assert parse_roster_file(data[:whole]) == SIGNED[:1]
    with pytest.raises(RollbackError):
        trust_update(trust_pinned(SIGNED[:2], pin(ONE)), parse_roster_file(data[:whole]))
