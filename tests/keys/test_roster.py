from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from keys.age import HybridIdentity
from keys.card import Card, make_card
from keys.codec import encode_base64
from keys.errors import FormatError, KeyFormatError, UnknownOfficeError, UnknownVersionError
from keys.keyfile import SecretKeys
from keys.lines import encode_sealing
from keys.roster import (
    RIGHTS,
    Roster,
    add_office,
    decode_roster,
    encode_roster,
    first_roster,
    next_version,
    revoke_key,
    set_dates,
    set_group,
    set_root,
    set_threshold,
)
from keys.signing import COMPOSITE, SigningKey
from tests.forge.roster import card_of, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keys.roster import Entry

ROOT = tuple(numbered(200 + number).signing_keys[0].verify_key for number in range(4))
SIGNING = tuple(numbered(number).signing_keys[0].verify_key for number in range(20))
SEALING = tuple(numbered(number).identities[0].recipient() for number in range(20))
HYBRID = SecretKeys(
    identities=(HybridIdentity(bytes(range(32))),),
    signing_keys=(SigningKey(type=COMPOSITE, seed=bytes(range(64))),),
)
OTHER_SIGNING = SigningKey(type=COMPOSITE, seed=bytes(range(1, 65))).verify_key
OTHER_SEALING = HybridIdentity(bytes(range(1, 33))).recipient()
START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


def card(handle: str, *keys: int, title: str = "") -> Card:
    return card_of(handle, *map(numbered, keys), title=title or handle.upper())


def after(roster: Roster) -> Roster:
    day = timedelta(days=1)
    return next_version(roster, date=roster.date + day, expires=roster.expires + day)


def through_disk(roster: Roster) -> Roster:
    return decode_roster(encode_roster(roster))


def build() -> tuple[Roster, Roster, Roster]:
    """Three versions: two offices and a group; tula rotates; kazan joins, tula leaves the group."""
    one = first_roster(realm="rkp", root=ROOT[:1], date=START, expires=START + YEAR)
    one = add_office(one, card("cc", 0), ["report", "issue"])
    one = add_office(one, card("tula", 1), ["report"])
    one = set_group(one, "provinces", ["tula"])
    two = add_office(after(one), card("tula", 2, title="Тула"))
    three = add_office(after(two), card_of("kazan", HYBRID), ["report"])
    three = set_group(three, "provinces", ["kazan"])
    return one, two, three


ONE, TWO, THREE = build()


# Form


def test_version_1_is_this_line() -> None:
    roster = first_roster(realm="rkp", root=ROOT[:1], date=START, expires=START + YEAR)
    roster = add_office(roster, card("cc", 0))
    assert encode_roster(roster).decode() == (
        '{"format":"dispatch-roster/v1","realm":"rkp","version":1,'
        '"date":"2026-01-01T00:00:00Z","expires":"2027-01-01T00:00:00Z","versions":[],'
        '"root":{"threshold":[{"value":1,"since":1,"until":null}],'
        f'"keys":[{{"value":"{ROOT[0].line()}","since":1,"until":null}}]}},'
        '"offices":[{"handle":"cc","since":1,"until":null,'
        '"title":[{"value":"CC","since":1,"until":null}],"rights":[],'
        '"threshold":[{"value":1,"since":1,"until":null}],'
        '"classical":[{"value":true,"since":1,"until":null}],'
        f'"signing":[{{"value":"{SIGNING[0].line()}","since":1,"until":null,"compromised":null}}],'
        f'"sealing":[{{"value":"{encode_sealing(SEALING[0])}","since":1,"until":null}}]}}],"groups":[]}}\n'
    )


@pytest.mark.parametrize("roster", [ONE, TWO, THREE])
def test_round_trip(roster: Roster) -> None:
    assert through_disk(roster) == roster


def test_the_digest_is_of_the_text() -> None:
    assert THREE.digest == hashlib.sha256(encode_roster(THREE)).digest()
    assert [record.digest for record in THREE.versions] == [ONE.digest, TWO.digest]


# Questions as of a version


def test_the_newest_roster_answers_for_every_earlier_version() -> None:
    tula = THREE.office("tula")
    assert [tula.signing_keys(version) for version in (1, 2)] == [(SIGNING[1],), (SIGNING[2],)]
    assert [tula.sealing_key(version) for version in (1, 2, 3)] == [SEALING[1], SEALING[2], SEALING[2]]
    assert [tula.title(version) for version in (1, 2)] == ["TULA", "Тула"]
    assert [THREE.members("provinces", version) for version in (2, 3)] == [("tula",), ("kazan",)]
    assert [THREE.handles(version) for version in (2, 3)] == [("cc", "tula"), ("cc", "kazan", "tula")]
    assert [THREE.has_office("kazan", version) for version in (1, 2, 3)] == [False, False, True]
    assert THREE.office("cc").rights(1) == {"issue", "report"}
    assert (tula.threshold(1), tula.is_classical(1)) == (1, True)


def test_a_hybrid_office() -> None:
    kazan = THREE.office("kazan")
    assert not kazan.is_classical(3)
    assert (kazan.signing_keys(3), kazan.sealing_key(3)) == (
        (HYBRID.signing_keys[0].verify_key,),
        HYBRID.identities[0].recipient(),
    )


def test_the_record_of_every_version_its_own_included() -> None:
    for roster in (ONE, TWO, THREE):
        record = THREE.version_record(roster.version)
        assert (record.date, record.expires, record.digest) == (roster.date, roster.expires, roster.digest)
    for version in (0, -1, 4):
        with pytest.raises(UnknownVersionError):
            THREE.version_record(version)


def test_who_is_not_listed() -> None:
    with pytest.raises(UnknownOfficeError):
        THREE.office("pskov")
    with pytest.raises(UnknownOfficeError):
        THREE.office("kazan").signing_keys(2)
    assert not THREE.has_office("pskov", 3)
    assert THREE.members("nobody", 3) == ()


def test_the_entry_of_a_key() -> None:
    tula = THREE.office("tula")
    entry = tula.signing_entry(SIGNING[1])
    assert entry is not None
    assert (entry.since, entry.until) == (1, 2)
    assert tula.signing_entry(SIGNING[0]) is None


def test_an_office_without_a_sealing_key_in_force() -> None:
    data = mutated(THREE, lambda roster: roster["offices"][0].update(sealing=[]))
    assert decode_roster(data).office("cc").sealing_key(3) is None


def test_a_sealing_key_of_the_right_length_that_is_none() -> None:
    """Ten thousand keys are not all tried when a roster is read, but one is when it is asked for."""
    line = "mlkem768x25519 " + encode_base64(b"\xff" * 1216)
    data = mutated(THREE, lambda roster: roster["offices"][1]["sealing"][0].update(value=line))
    recipient = decode_roster(data).office("kazan").sealing_key(3)
    assert recipient is not None
    with pytest.raises(KeyFormatError):
        recipient.check()


def test_the_root_fingerprint_is_over_these_lines() -> None:
    roster = set_root(ONE, ROOT[:3], threshold=2)
    blobs = sorted(encode_base64(key.blob) for key in ROOT[:3])
    text = f"dispatch-root/v1\nrkp\n2\n{blobs[0]}\n{blobs[1]}\n{blobs[2]}\n"
    expected = "SHA256:" + encode_base64(hashlib.sha256(text.encode()).digest()).rstrip("=")
    assert roster.root_fingerprint(1) == expected
    assert set_root(ONE, reversed(ROOT[:3]), threshold=2).root_fingerprint(1) == expected
    assert set_root(ONE, ROOT[:3], threshold=1).root_fingerprint(1) != expected


def test_the_root_as_of_a_version() -> None:
    four = set_root(after(THREE), ROOT[1:3], threshold=2)
    assert four.root_fingerprint(3) == THREE.root_fingerprint(3) != four.root_fingerprint(4)
    assert (four.root.keys(3), four.root.keys(4)) == (ROOT[:1], ROOT[1:3])
    assert (four.root.threshold(3), four.root.threshold(4)) == (1, 2)
    assert four.root.listed_keys() == ROOT[:3]


# Rules


def mutated(roster: Roster, change: Callable[[dict[str, Any]], object]) -> bytes:
    members = json.loads(encode_roster(roster))
    change(members)
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def entry(value: object, since: int = 1, until: int | None = None) -> dict[str, Any]:
    return {"value": value, "since": since, "until": until}


CC, KAZAN, TULA = 0, 1, 2


def office(number: int, **members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["offices"][number].update(members)


def in_list(number: int, name: str, index: int, **members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["offices"][number][name][index].update(members)


def root(**members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["root"].update(members)


def group(*members: dict[str, Any]) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster["groups"][0].update(members=list(members))


def top(**members: object) -> Callable[[dict[str, Any]], object]:
    return lambda roster: roster.update(members)


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another format": top(format="dispatch-roster/v2"),
    "realm": top(realm="RKP"),
    "version below 1": top(version=0, versions=[]),
    "expires at its date": lambda roster: roster.update(expires=roster["date"]),
    "date with a fraction": top(date="2026-01-03T00:00:00.5Z"),
    "date with six digits of it": top(date="2026-01-03T00:00:00.500000Z"),
    "date in another zone": top(date="2026-01-03T00:00:00+03:00"),
    "date without a zone": top(date="2026-01-03T00:00:00"),
    "date spelled otherwise": top(date="2026-01-03 00:00:00Z"),
    "date before 1970": top(date="1969-01-01T00:00:00Z"),
    "date before the last": top(date="2026-01-01T00:00:00Z"),
    "a version missing": lambda roster: roster["versions"].pop(),
    "a version twice": lambda roster: roster["versions"].append(roster["versions"][-1]),
    "versions out of order": lambda roster: roster["versions"].reverse(),
    "versions whose dates decrease": lambda roster: roster["versions"][0].update(date="2026-01-02T00:00:01Z"),
    "a past version expires at its date": lambda roster: roster["versions"][0].update(
        expires=roster["versions"][0]["date"]
    ),
    "digest too short": lambda roster: roster["versions"][0].update(digest="AAAA"),
    "digest not canonical": lambda roster: roster["versions"][0].update(digest="A" * 42 + "B="),
    "digest without padding": lambda roster: roster["versions"][0].update(digest="A" * 43),
    "root threshold above its keys": root(threshold=[entry(2)]),
    "root threshold 0": root(threshold=[entry(0)]),
    "root threshold missing": root(threshold=[]),
    "root threshold until a later version": root(threshold=[entry(1, 1, 4), entry(1, 4)]),
    "root key since 0": lambda roster: roster["root"]["keys"][0].update(since=0),
    "root key until a later version": lambda roster: roster["root"]["keys"][0].update(until=4),
    "root threshold later": root(threshold=[entry(1, 2)]),
    "root threshold ended": root(threshold=[entry(1, 1, 3)]),
    "root threshold twice": root(threshold=[entry(1), entry(1)]),
    "root key ended, none in force": lambda roster: roster["root"]["keys"][0].update(until=2),
    "root key begins later": lambda roster: roster["root"]["keys"][0].update(since=2),
    "root key of no type": root(keys=[entry("ssh-rsa AAAA")]),
    "root key twice": lambda roster: roster["root"]["keys"].append(entry(ROOT[0].line(), 3)),
    "root key with a comment": root(keys=[entry(ROOT[0].line("me"))]),
    "root key is an office's": root(keys=[entry(SIGNING[0].line())]),
    "offices out of order": lambda roster: roster["offices"].reverse(),
    "an office twice": lambda roster: roster["offices"].append(roster["offices"][-1]),
    "handle": office(CC, handle="cC"),
    "office since 0": office(TULA, since=0),
    "office since later than its entries": office(TULA, since=2),
    "office since a later version": office(KAZAN, since=4),
    "office until at its since": office(TULA, until=1),
    "office until a later version": office(TULA, until=4),
    "an entry after the office's end": office(CC, until=2, rights=[entry("issue", 2)]),
    "title missing": office(CC, title=[]),
    "title twice": office(CC, title=[entry("a"), entry("b")]),
    "title with a gap": office(CC, title=[entry("a", 1, 2), entry("b", 3)]),
    "title overlapping": office(CC, title=[entry("a", 1, 3), entry("b", 2)]),
    "title ended": office(CC, title=[entry("a", 1, 2)]),
    "title that is no line": office(CC, title=[entry("a\nb")]),
    "title with a bidi control": office(CC, title=[entry("a\u202eb")]),
    "right that is none": office(CC, rights=[entry("rule")]),
    "right twice at a time": office(CC, rights=[entry("issue"), entry("issue", 2)]),
    "right twice, the first ended too late": office(CC, rights=[entry("issue", 1, 3), entry("issue", 2)]),
    "entries out of order": office(CC, rights=[entry("issue", 2), entry("report")]),
    "since 0": office(CC, rights=[entry("issue", 0)]),
    "since later": office(CC, rights=[entry("issue", 4)]),
    "until at since": office(CC, rights=[entry("issue", 2, 2)]),
    "until before since": office(CC, rights=[entry("issue", 2, 1)]),
    "until later": office(CC, rights=[entry("issue", 2, 4)]),
    "threshold missing": office(CC, threshold=[]),
    "threshold twice": office(CC, threshold=[entry(1), entry(1)]),
    "threshold 0": office(CC, threshold=[entry(0)]),
    "threshold 17": office(CC, threshold=[entry(17)]),
    "threshold true": office(CC, threshold=[entry(value=True)]),
    "threshold a string": office(CC, threshold=[entry("1")]),
    "classical missing": office(CC, classical=[]),
    "classical twice": office(CC, classical=[entry(value=True), entry(value=True)]),
    "classical against its keys": office(CC, classical=[entry(value=False)]),
    "classical against them for a while": office(CC, classical=[entry(True, 1, 2), entry(False, 2)]),  # noqa: FBT003
    "signing key of no type": in_list(CC, "signing", 0, value="ssh-rsa AAAA"),
    "signing key with a comment": in_list(CC, "signing", 0, value=SIGNING[0].line("me")),
    "signing key with another name": in_list(CC, "signing", 0, value="ssh." + SIGNING[0].line()[4:]),
    "signing key that is weak": in_list(
        CC, "signing", 0, value="ssh-ed25519 " + encode_base64(SIGNING[0].blob[:-32] + b"\x01" + bytes(31))
    ),
    "signing key of the other type": in_list(CC, "signing", 0, value=OTHER_SIGNING.line()),
    "signing key of another office": in_list(CC, "signing", 0, value=SIGNING[1].line()),
    "signing key that returns": lambda roster: roster["offices"][TULA]["signing"].append(
        roster["offices"][TULA]["signing"][0] | {"since": 3, "until": None}
    ),
    "signing key without compromised": lambda roster: roster["offices"][CC]["signing"][0].pop("compromised"),
    "compromised that is no date": in_list(CC, "signing", 0, compromised="2026-01-01"),
    "compromised in another zone": in_list(CC, "signing", 0, compromised="2026-01-01T00:00:00+03:00"),
    "sealing key of no type": in_list(CC, "sealing", 0, value="x25519 " + "A" * 43 + "="),
    "sealing key of the other type": in_list(CC, "sealing", 0, value=encode_sealing(OTHER_SEALING)),
    "sealing key too short": in_list(CC, "sealing", 0, value="X25519 AAAA"),
    "sealing key not canonical": in_list(CC, "sealing", 0, value="X25519 " + "A" * 42 + "B="),
    "sealing key of another office": in_list(CC, "sealing", 0, value=encode_sealing(SEALING[1])),
    "groups out of order": lambda roster: roster["groups"].insert(0, {"name": "zeta", "members": []}),
    "a group twice": lambda roster: roster["groups"].append(roster["groups"][0]),
    "group name": lambda roster: roster["groups"][0].update(name="@provinces"),
    "member that is no office": group(entry("pskov")),
    "member before it is an office": group(entry("kazan", 2)),
    "member until a later version": group(entry("tula", 1, 4)),
    "members out of order": group(entry("tula", 2), entry("cc", 1)),
    "member twice at a time": group(entry("tula", 1), entry("tula", 2)),
    "member after its office ended": lambda roster: (
        office(TULA, until=3)(roster),
        in_list(TULA, "title", 1, until=3)(roster),
        group(entry("tula"))(roster),
    ),
    "extra member": top(extra=None),
    "missing member": lambda roster: roster.pop("groups"),
    "moved member": lambda roster: roster.update(format=roster.pop("format")),
    "null for an empty list": top(groups=None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_roster_that_breaks_a_rule(name: str) -> None:
    data = mutated(THREE, FAULTS[name])
    assert data != encode_roster(THREE)
    with pytest.raises(FormatError):
        decode_roster(data)


@pytest.mark.parametrize(
    "change",
    [
        office(CC, rights=[entry("issue", 1, 2), entry("issue", 2)]),
        office(CC, title=[entry("a", 1, 2), entry("b", 2, 3), entry("a", 3)]),
        office(CC, threshold=[entry(16)]),  # more than it has keys: it cannot sign
        office(TULA, until=3),  # its entries need not end with it
        lambda roster: (office(TULA, until=3)(roster), in_list(TULA, "title", 1, until=3)(roster)),
        office(TULA, signing=[], sealing=[]),
        top(date="2026-01-02T00:00:00Z"),  # on the day of version 2
        lambda roster: roster["versions"][1].update(date="2026-01-01T00:00:00Z"),
        in_list(TULA, "signing", 0, compromised="2025-12-31T23:59:59Z"),
        group(entry("tula", 1, 2), entry("tula", 3)),
        lambda roster: roster["groups"].append({"name": "zeta", "members": []}),
        lambda roster: roster["offices"][TULA]["sealing"].pop(0),
    ],
)
def test_a_roster_that_does_not(change: Callable[[dict[str, Any]], object]) -> None:
    data = mutated(THREE, change)
    assert encode_roster(decode_roster(data)) == data


def test_a_key_stands_twice_whoever_has_it() -> None:
    with pytest.raises(FormatError, match="stands twice"):
        encode_roster(add_office(ONE, card("pskov", 0)))
    with pytest.raises(FormatError, match="stands twice"):
        encode_roster(set_root(ONE, [SIGNING[0]], threshold=1))


def test_the_error_names_the_office() -> None:
    with pytest.raises(FormatError, match="office tula: title"):
        decode_roster(mutated(THREE, office(TULA, title=[])))


# Drafts


def spans(entries: Iterable[Entry[Any]]) -> list[tuple[Any, int, int | None]]:
    return [(one.value, one.since, one.until) for one in entries]


def test_edits_do_not_change_what_they_are_given() -> None:
    before = encode_roster(ONE)
    draft = add_office(after(ONE), card("pskov", 5), ["report"])
    set_group(draft, "provinces", ["pskov"])
    assert encode_roster(ONE) == before
    assert not draft.members("pskov", 2)


def test_a_draft_is_edited_again_after_it_was_kept() -> None:
    draft = through_disk(add_office(after(ONE), card("tula", 2, title="Тула"), ["report", "audit"]))
    again = through_disk(add_office(draft, card("tula", 3, title="Тула II"), ["report"]))
    tula = again.office("tula")
    assert spans(tula.signing_entries) == [(SIGNING[1].line(), 1, 2), (SIGNING[3].line(), 2, None)]
    assert spans(tula.title_entries) == [("TULA", 1, 2), ("Тула II", 2, None)]
    assert spans(tula.rights_entries) == [("report", 1, None)]


def test_an_edit_taken_back_leaves_no_trace() -> None:
    draft = after(ONE)
    changed = add_office(draft, card("tula", 2, title="Тула"), ["audit"])
    changed = set_threshold(set_group(changed, "provinces", ["cc"]), "tula", 2)
    changed = set_group(set_root(changed, ROOT[1:3], threshold=2), "new", ["cc", "tula"])
    assert changed != draft
    back = set_threshold(add_office(through_disk(changed), card("tula", 1), ["report"]), "tula", 1)
    back = set_group(set_group(back, "provinces", ["tula"]), "new", [])
    assert set_root(back, ROOT[:1], threshold=1) == draft


def test_rotation_ends_the_keys_that_the_card_does_not_name() -> None:
    draft = add_office(after(ONE), card("tula", 1, 2))
    assert draft.office("tula").signing_keys(2) == (SIGNING[1], SIGNING[2])
    assert draft.office("tula").sealing_key(2) == SEALING[2]
    third = add_office(after(draft), card("tula", 2))
    assert third.office("tula").signing_keys(3) == (SIGNING[2],)
    assert third.office("tula").signing_keys(2) == (SIGNING[1], SIGNING[2])
    assert third.office("tula").rights(3) == {"report"}


def test_an_office_changes_its_algorithms() -> None:
    draft = through_disk(add_office(after(ONE), card_of("tula", HYBRID)))
    assert [draft.office("tula").is_classical(version) for version in (1, 2)] == [True, False]


def test_a_key_never_comes_back() -> None:
    with pytest.raises(FormatError, match="has ended"):
        add_office(after(TWO), card("tula", 1))


def test_the_last_sealing_key_of_a_card_is_sealed_to_or_the_card_refused() -> None:
    both = make_card(
        handle="tula",
        title="Тула",
        classical=True,
        signing=[SIGNING[1]],
        sealing=[SEALING[7], SEALING[1]],
    )
    with pytest.raises(FormatError, match="older"):
        add_office(after(ONE), both)


def test_rights() -> None:
    draft = add_office(after(ONE), card("cc", 0), ["audit", "issue"])
    assert draft.office("cc").rights(1) == {"issue", "report"}
    assert draft.office("cc").rights(2) == {"audit", "issue"}
    assert add_office(after(draft), card("cc", 0)).office("cc").rights(3) == {"audit", "issue"}
    assert add_office(after(ONE), card("pskov", 5)).office("pskov").rights(2) == frozenset()
    assert add_office(after(ONE), card("cc", 0), iter(RIGHTS)).office("cc").rights(2) == set(RIGHTS)
    for wrong in ("rule", "Issue"):
        with pytest.raises(FormatError):
            add_office(after(ONE), card("cc", 0), [*RIGHTS, wrong])


def test_groups() -> None:
    draft = set_group(after(THREE), "provinces", ["tula", "kazan", "tula"])
    assert through_disk(draft).members("provinces", 4) == ("kazan", "tula")
    empty = set_group(after(draft), "provinces", [])
    assert through_disk(empty).members("provinces", 5) == ()
    assert empty.members("provinces", 4) == ("kazan", "tula")
    with pytest.raises(UnknownOfficeError):
        set_group(draft, "provinces", ["pskov"])
    with pytest.raises(FormatError):
        set_group(draft, "@provinces", ["tula"])


def test_dates_never_decrease_even_if_the_clock_runs_behind() -> None:
    draft = next_version(ONE, date=START - YEAR, expires=START + 2 * YEAR)
    assert draft.date == START
    assert set_dates(draft, date=START + YEAR, expires=START + 2 * YEAR).date == START + YEAR
    with pytest.raises(FormatError):
        encode_roster(set_dates(draft, date=START, expires=START))


def test_a_key_is_revoked() -> None:
    moment = START + timedelta(days=3)
    fingerprint = SIGNING[2].fingerprint()
    draft = through_disk(revoke_key(after(THREE), "tula", fingerprint, moment))
    tula = draft.office("tula")
    entry = tula.signing_entry(SIGNING[2])
    assert entry is not None
    assert (entry.until, entry.compromised) == (4, moment)
    assert (tula.signing_keys(3), tula.signing_keys(4)) == ((SIGNING[2],), ())
    assert tula.is_marked(SIGNING[2])
    for wrong in (SIGNING[0].fingerprint(), fingerprint):  # none of tula's; marked already
        with pytest.raises(FormatError):
            revoke_key(draft, "tula", wrong, moment)


def test_a_revoked_key_does_not_return_by_a_card_in_the_same_draft() -> None:
    draft = revoke_key(after(THREE), "tula", SIGNING[2].fingerprint(), START)
    with pytest.raises(FormatError, match="has ended"):
        add_office(draft, card("tula", 2))
    assert encode_roster(add_office(draft, card("tula", 3)))


def test_revoking_a_key_undoes_the_card_that_it_may_have_vouched_for() -> None:
    """A thief's card comes first, and the stolen key is revoked in the same draft."""
    stolen = card("tula", 3)
    revoked = revoke_key(after(THREE), "tula", SIGNING[2].fingerprint(), START)
    assert revoke_key(add_office(after(THREE), stolen), "tula", SIGNING[2].fingerprint(), START) == revoked
    assert revoked.office("tula").signing_keys(4) == ()
    assert revoked.office("tula").sealing_key(4) == THREE.office("tula").sealing_key(3)


def test_marking_a_key_that_had_ended_before_undoes_no_card() -> None:
    draft = add_office(after(THREE), card("tula", 3))
    marked = revoke_key(draft, "tula", SIGNING[1].fingerprint(), START)
    assert marked.office("tula").signing_keys(4) == draft.office("tula").signing_keys(4)


def test_a_key_that_never_was_in_force_is_not_revoked() -> None:
    draft = add_office(after(THREE), card("tula", 2, 3))
    with pytest.raises(FormatError, match="not in force yet"):
        revoke_key(draft, "tula", SIGNING[3].fingerprint(), START)


def test_an_office_that_has_ended_never_returns() -> None:
    ended = decode_roster(mutated(THREE, office(TULA, until=3)))
    with pytest.raises(FormatError, match="never returns"):
        add_office(after(ended), card("tula", 7))
    with pytest.raises(UnknownOfficeError):
        set_group(after(ended), "provinces", ["tula"])


def test_a_key_that_ended_long_ago_can_be_marked() -> None:
    draft = revoke_key(after(THREE), "tula", SIGNING[1].fingerprint(), START)
    entry = draft.office("tula").signing_entry(SIGNING[1])
    assert entry is not None
    assert (entry.until, entry.compromised) == (2, START)
    assert encode_roster(draft)
