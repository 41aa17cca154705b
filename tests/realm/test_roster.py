"""The keeper of the roster: edits count when signed; homes trust by the pin and by what they trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dispatch.errors import RefusedError
from dispatch.realm.roster import RosterEditor
from dispatch.realm.trusted import accept_roster, load_trusted
from dispatch.render.roster import allowed_signers, describe_changes
from dispatch.store.home import Home
from keys.errors import (
    ForkError,
    FormatError,
    KeysError,
    PassphraseError,
    RollbackError,
    SignatureError,
    ThresholdError,
    UnknownOfficeError,
    UnlistedKeyError,
    UnpinnedError,
)
from keys.keyfile import SecretKeys, generate, replace_keyfile
from keys.roster import encode_roster, next_version, revoke_key, set_group, set_root, set_threshold
from keys.trust import encode_roster_file, fingerprints, parse_roster_file
from tests.forge.dispatches import DAY, NOW
from tests.forge.realm import Realm, make_realm
from tests.forge.roster import card_file

if TYPE_CHECKING:
    from pathlib import Path

    from keys.roster import Roster


def keeper(realm: Realm, handle: str = "cc") -> RosterEditor:
    return RosterEditor(realm.home(handle), now=realm.now, ask_passphrase=lambda: "")


def put_pending(realm: Realm, draft: Roster) -> None:
    write_private(realm.home("cc").pending_roster, encode_roster(draft))


def write_private(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


def print_of(keys: SecretKeys) -> str:
    return keys.signing_keys[0].verify_key.fingerprint()


class TestEdits:
    def test_they_count_for_nothing_until_they_are_signed(self, realm: Realm) -> None:
        keeper(realm).group("all", ["cc", "tula"])
        assert realm.trusted.roster.version == 2
        assert realm.trusted.roster.members("all", 3) == ()
        trusted = keeper(realm).sign()
        assert trusted.roster.version == 3
        assert trusted.roster.members("all", 3) == ("cc", "tula")
        assert realm.trusted.roster == trusted.roster
        assert keeper(realm).pending() is None

    def test_they_gather_over_several_runs(self, realm: Realm) -> None:
        keeper(realm).group("a", ["cc"])
        keeper(realm).add(card_file("moscow", generate()), ["report", "audit"])
        keeper(realm).group("b", ["moscow"])
        roster = keeper(realm).sign().roster
        assert roster.members("a", 3) == ("cc",)
        assert roster.members("b", 3) == ("moscow",)
        assert roster.office("moscow").rights(3) == {"report", "audit"}

    def test_without_edits_there_is_nothing_to_sign(self, realm: Realm) -> None:
        with pytest.raises(RefusedError, match="no edits"):
            keeper(realm).sign()

    def test_a_roster_that_came_since_makes_them_void(self, realm: Realm) -> None:
        keeper(realm).group("a", ["cc"])
        realm.adopt(realm.next_roster(lambda roster: set_group(roster, "b", ["cc"])))
        assert keeper(realm).pending() is None
        with pytest.raises(RefusedError, match="no edits"):
            keeper(realm).sign()

    def test_a_group_of_one_who_is_no_office(self, realm: Realm) -> None:
        with pytest.raises(UnknownOfficeError):
            keeper(realm).group("a", ["cc", "moscow"])
        assert keeper(realm).pending() is None

    def test_a_home_without_the_root_key_edits_nothing(self, realm: Realm) -> None:
        with pytest.raises(RefusedError, match="no root key"):
            keeper(realm, "tula").group("a", ["cc"])
        assert not realm.home("tula").pending_roster.exists()

    def test_a_new_version_lasts_a_year_from_when_it_is_signed(self, realm: Realm) -> None:
        keeper(realm).group("a", ["cc"])
        realm.now = NOW + 10 * DAY
        roster = keeper(realm).sign().roster
        assert (roster.date, roster.expires) == (NOW + 10 * DAY, NOW + 375 * DAY)

    def test_a_wrong_passphrase_signs_nothing_and_loses_nothing(self, realm: Realm) -> None:
        replace_keyfile(realm.home("cc").root_key, realm.root, "right", work_factor=2)
        keeper(realm).group("a", ["cc"])
        with pytest.raises(PassphraseError):
            RosterEditor(realm.home("cc"), now=NOW, ask_passphrase=lambda: "wrong").sign()
        assert realm.trusted.roster.version == 2
        assert (
            RosterEditor(realm.home("cc"), now=NOW, ask_passphrase=lambda: "right").sign().roster.version == 3
        )

    def test_a_crash_between_trusting_and_tidying_up_does_no_harm(self, realm: Realm) -> None:
        keeper(realm).group("a", ["cc"])
        pending = realm.home("cc").pending_roster.read_bytes()
        keeper(realm).sign()
        write_private(realm.home("cc").pending_roster, pending)
        assert keeper(realm).pending() is None
        keeper(realm).group("b", ["tula"])
        assert keeper(realm).sign().roster.members("a", 4) == ("cc",)


class TestCards:
    def test_a_listed_office_needs_a_key_in_force_to_vouch_for_new_ones(self, realm: Realm) -> None:
        new = generate()
        with pytest.raises(SignatureError):
            keeper(realm).add(card_file("tula", new), None)
        with pytest.raises(SignatureError):
            keeper(realm).add(card_file("tula", new, realm.keys("kursk")), None)
        assert keeper(realm).pending() is None
        keeper(realm).add(card_file("tula", new, realm.keys("tula")), None)
        roster = keeper(realm).sign().roster
        assert roster.office("tula").signing_keys(3) == tuple(key.verify_key for key in new.signing_keys)
        assert roster.office("tula").rights(3) == {"report"}

    def test_a_new_office_is_vouched_for_by_nobody_else(self, realm: Realm) -> None:
        with pytest.raises(UnlistedKeyError):
            keeper(realm).add(card_file("moscow", generate(), realm.keys("tula")), None)

    def test_a_key_of_another_office_is_refused(self, realm: Realm) -> None:
        with pytest.raises(KeysError):
            keeper(realm).add(card_file("moscow", realm.keys("tula")), None)

    def test_a_key_that_is_marked_in_the_same_draft_vouches_for_nothing(self, realm: Realm) -> None:
        """A thief sends a new card, and the keeper is about to sign that the stolen key is in other hands."""
        thief, tula = generate(), generate()
        put_pending(realm, revoke_key(realm.draft_roster(), "tula", print_of(realm.keys("tula")), NOW))
        with pytest.raises(UnlistedKeyError):
            keeper(realm).add(card_file("tula", thief, realm.keys("tula")), None)
        keeper(realm).add(card_file("tula", tula), None)
        assert keeper(realm).sign().roster.office("tula").signing_keys(3) == tuple(
            key.verify_key for key in tula.signing_keys
        )

    def test_while_one_key_is_marked_another_one_in_force_still_has_to_vouch(self, realm: Realm) -> None:
        first, second = realm.keys("tula"), generate()
        both = SecretKeys(
            identities=first.identities, signing_keys=(*first.signing_keys, *second.signing_keys)
        )
        keeper(realm).add(card_file("tula", both), None)
        keeper(realm).sign()
        put_pending(realm, revoke_key(realm.draft_roster(), "tula", print_of(first), NOW))
        new = generate()
        with pytest.raises(ThresholdError):
            keeper(realm).add(card_file("tula", new), None)
        with pytest.raises(UnlistedKeyError):
            keeper(realm).add(card_file("tula", new, both), None)
        keeper(realm).add(card_file("tula", new, second), None)

    def test_a_second_card_of_a_pending_office_needs_a_key_of_the_first(self, realm: Realm) -> None:
        """A stranger sends a card with a handle that the keeper has just added."""
        first, stranger, renewed = generate(), generate(), generate()
        keeper(realm).add(card_file("moscow", first), ["audit"])
        before = keeper(realm).pending()
        with pytest.raises(RefusedError, match="another card of moscow is pending"):
            keeper(realm).add(card_file("moscow", stranger), None)
        assert keeper(realm).pending() == before
        keeper(realm).add(card_file("moscow", renewed, first), None)
        with pytest.raises(RefusedError):
            keeper(realm).add(card_file("moscow", first), None)
        keeper(realm).add(card_file("moscow", first), None, replace=True)
        roster = keeper(realm).sign().roster
        assert roster.office("moscow").rights(3) == {"audit"}
        assert [entry.value for entry in roster.office("moscow").signing_entries] == [
            key.verify_key.line() for key in first.signing_keys
        ]

    def test_a_second_card_of_an_office_with_a_pending_one(self, realm: Realm) -> None:
        """Who has the old key sends another new card: the keeper has to choose."""
        old, first, second = realm.keys("tula"), generate(), generate()
        keeper(realm).add(card_file("tula", first, old), None)
        with pytest.raises(RefusedError, match="another card of tula is pending"):
            keeper(realm).add(card_file("tula", second, old), None)
        for unvouched in (card_file("tula", second), card_file("tula", second, first)):
            with pytest.raises(SignatureError):
                keeper(realm).add(unvouched, None, replace=True)
        keeper(realm).add(card_file("tula", second, old), None, replace=True)
        tula = keeper(realm).sign().roster.office("tula")
        assert tula.signing_keys(3) == tuple(key.verify_key for key in second.signing_keys)
        assert tula.signing_keys(2) == tuple(key.verify_key for key in old.signing_keys)

    def test_two_cards_of_one_office_are_not_enrolled_together(self, realm: Realm) -> None:
        with pytest.raises(RefusedError, match="two cards of one office"):
            keeper(realm).enrol([card_file("moscow", generate()), card_file("moscow", generate())])
        assert realm.trusted.roster.version == 2

    def test_the_same_card_again_changes_nothing(self, realm: Realm) -> None:
        """It was signed by the key that it ends, which is in force until the draft is signed."""
        data = card_file("tula", generate(), realm.keys("tula"))
        keeper(realm).add(data, None)
        before = keeper(realm).pending()
        keeper(realm).add(data, None)
        assert keeper(realm).pending() == before

    def test_a_card_that_was_altered(self, realm: Realm) -> None:
        data = realm.home("tula").card.read_bytes()
        with pytest.raises(SignatureError):
            keeper(realm).add(data.replace(b'"handle":"tula"', b'"handle":"tulb"'), None)
        with pytest.raises(FormatError):
            keeper(realm).add(data + b"\n", None)

    def test_a_handle_that_looks_like_another(self, realm: Realm) -> None:
        for handle in ("tulа", "TULA", "tula ", "ｔｕｌａ"):
            with pytest.raises(FormatError):
                keeper(realm).add(card_file(handle, generate()), None)


class TestTrusting:
    def test_nothing_without_the_pin_and_the_error_names_it(self, realm: Realm) -> None:
        home = realm.home("tula")
        data = home.roster.read_bytes()
        home.roster.unlink()
        [root] = fingerprints(parse_roster_file(data))
        for pin in (None, "", "SHA256:" + "A" * 43, root.lower(), root[:-1]):
            with pytest.raises(UnpinnedError, match="SHA256:") as caught:
                accept_roster(home, data, pin)
            assert root in str(caught.value)
            assert not home.roster.exists()
        with pytest.raises(UnpinnedError):
            load_trusted(home)
        assert accept_roster(home, data, root).roster.version == 2

    def test_a_later_one_needs_no_pin_but_is_held_to_one_that_is_given(self, realm: Realm) -> None:
        home, newer = realm.home("tula"), realm.next_roster(lambda roster: roster)
        data = encode_roster_file(newer.chain)
        with pytest.raises(UnpinnedError):
            accept_roster(home, data, "SHA256:" + "A" * 43)
        assert load_trusted(home).roster.version == 2
        assert accept_roster(home, data, None).roster.version == 3
        assert load_trusted(home).roster.version == 3

    def test_an_older_one_is_a_rollback(self, realm: Realm) -> None:
        home = realm.home("tula")
        old = home.roster.read_bytes()
        accept_roster(home, encode_roster_file(realm.next_roster(lambda roster: roster).chain), None)
        for pin in (None, fingerprints(parse_roster_file(old))[0]):
            with pytest.raises(RollbackError):
                accept_roster(home, old, pin)
        assert load_trusted(home).roster.version == 3

    def test_two_of_one_version_are_a_fork(self, realm: Realm) -> None:
        home = realm.home("tula")
        one = realm.next_roster(lambda roster: set_group(roster, "a", ["cc"]))
        other = realm.next_roster(lambda roster: set_group(roster, "b", ["cc"]))
        accept_roster(home, encode_roster_file(one.chain), None)
        with pytest.raises(ForkError):
            accept_roster(home, encode_roster_file(other.chain), None)
        assert load_trusted(home).roster == one.roster

    def test_another_realm_even_with_its_pin(self, realm: Realm, tmp_path: Path) -> None:
        other = make_realm(tmp_path / "other").trusted
        data = encode_roster_file(other.chain)
        with pytest.raises(KeysError):
            accept_roster(realm.home("tula"), data, fingerprints(other.chain)[0])
        assert realm.office("tula").trusted.roster == realm.trusted.roster

    def test_a_roster_file_changed_on_the_disk_is_not_trusted(self, realm: Realm) -> None:
        home = realm.home("tula")
        data = home.roster.read_bytes()
        home.roster.write_bytes(data.replace("Тульский".encode(), "Тамбовск".encode()))
        with pytest.raises(KeysError):
            load_trusted(home)


def test_a_folder_without_an_office_keeps_no_roster(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no office lives here"):
        RosterEditor(Home(tmp_path / "nobody"), now=NOW, ask_passphrase=lambda: "")


def test_allowed_signers_end_where_a_key_ends(realm: Realm) -> None:
    keeper(realm).add(card_file("tula", generate(), realm.keys("tula")), None)
    realm.now = NOW + DAY
    lines = allowed_signers(keeper(realm).sign().roster).splitlines()
    old = realm.keys("tula").signing_keys[0].verify_key.line()
    [ended] = [line for line in lines if line.endswith(old)]
    assert ended.startswith('tula namespaces="dispatch-note",valid-before="20261124090000Z" ')
    assert len(lines) == 5
    assert sum("valid-before" in line for line in lines) == 1


def test_edits_that_change_the_root_are_never_signed(realm: Realm) -> None:
    """Somebody who can write in the home adds a root key to the file of the edits."""
    keeper(realm).group("all", ["cc"])
    draft = keeper(realm).pending()
    assert draft is not None
    stranger = generate(sealing=False).signing_keys[0].verify_key
    keys = [*draft.root.keys(draft.version), stranger]
    realm.home("cc").pending_roster.write_bytes(encode_roster(set_root(draft, keys, threshold=1)))
    with pytest.raises(RefusedError, match="change the root"):
        keeper(realm).sign()
    assert realm.trusted.roster.version == 2


def test_what_is_signed_is_said(realm: Realm) -> None:
    before = realm.trusted.roster
    keeper(realm).add(card_file("moscow", generate(), title="Название"), ["issue"])
    keeper(realm).group("provinces", ["tula", "moscow"])
    changes = describe_changes(before, keeper(realm).sign().roster)
    assert [line for line in changes if "moscow" in line and "key" not in line and "SHA256" not in line] == [
        "+ moscow: right issue",
        "+ moscow: title Название",
        "+ @provinces: moscow",
    ]
    assert "- @provinces: penza" in changes
    assert sum("SHA256:" in line for line in changes) == 2


def test_thresholds_and_marks_of_compromise_are_said(realm: Realm) -> None:
    """Somebody who can write in the home could lower the one, and set the other on a key that goes on."""
    before = realm.trusted.roster
    tula = before.office("tula").signing_keys(2)[0].fingerprint()
    draft = next_version(set_threshold(before, "kursk", 2), date=NOW, expires=NOW + DAY)
    after = revoke_key(set_threshold(draft, "kursk", 1), "tula", tula, NOW)
    changes = describe_changes(set_threshold(before, "kursk", 2), after)
    assert "- kursk: threshold 2" in changes
    assert f"+ tula: {tula} compromised since 2026-11-23T09:00:00Z" in changes
    assert "+ kursk: threshold 2" in describe_changes(before, draft)


def test_a_clock_that_ran_ahead_once_does_not_end_the_realm(realm: Realm) -> None:
    keeper(realm).group("a", ["cc"])
    RosterEditor(realm.home("cc"), now=NOW + 3650 * DAY, ask_passphrase=lambda: "").sign()
    keeper(realm).group("b", ["cc"])
    assert keeper(realm).sign().roster.version == 4
