"""The way in: what is registered, held, rejected or left where it lies, and how often."""

from __future__ import annotations

import dataclasses
import os
import pickle
import resource
import signal
import sqlite3
import subprocess
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from dispatch.errors import (
    EquivocationError,
    FutureError,
    NotForUsError,
    ProofError,
    RefusedError,
)
from dispatch.formats.envelope import encode_envelope, parse_envelope
from dispatch.formats.message import Letter
from dispatch.formats.note import FIRST_HEAD, Head, Note, Number
from dispatch.office import Office
from dispatch.store import Register
from dispatch.system.files import read_capped
from keys import age
from keys.errors import (
    CompromisedError,
    EndedKeyError,
    ExpiredError,
    NoMatchError,
    UnknownVersionError,
    UnlistedKeyError,
)
from keys.keyfile import generate, replace_keyfile
from keys.roster import add_office, revoke_key, set_group
from keys.signing import SigningKey
from tests.forge.dispatches import DAY, NOW, Forgery
from tests.forge.realm import Realm, draft, failed

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.office.results import Received
    from dispatch.store import Dispatch, HeldState, Waiting
    from keys.roster import Roster

MEBI = 1024 * 1024


def states(outcomes: tuple[Received, ...]) -> list[tuple[str, int]]:
    return [(outcome.state, outcome.code) for outcome in outcomes]


def entries(realm: Realm, handle: str) -> list[Dispatch]:
    with Register(realm.home(handle).register) as register:
        return list(register.newest(-1, ours=False))


def waiting(realm: Realm, handle: str, state: HeldState) -> list[Waiting]:
    with Register(realm.home(handle).register) as register:
        return list(register.waiting.list(state))


def only(outcomes: tuple[Received, ...]) -> Received:
    [outcome] = outcomes
    return outcome


class TestWhatIsTaken:
    def test_the_same_again_is_known_and_changes_nothing(self, realm: Realm) -> None:
        folder = realm.issue()
        assert states(realm.receive("tula", folder)) == [("new", 0)]
        before = entries(realm, "tula")
        file = folder / "cc-2026-1.tula.dispatch"
        assert states(realm.receive("tula", folder, file, file)) == [("known", 0)] * 3
        assert entries(realm, "tula") == before
        with Register(realm.home("tula").register) as register:
            assert len(list(register.copies(before[0]))) == 1

    def test_the_same_under_another_name_is_known(self, realm: Realm) -> None:
        folder = realm.issue()
        other = folder / "renamed.txt"
        other.write_bytes((folder / "cc-2026-1.tula.dispatch").read_bytes())
        assert states(realm.receive("tula", folder, other)) == [("new", 0), ("known", 0)]

    def test_files_in_any_order_are_taken_by_number(self, realm: Realm) -> None:
        """A batch that has both leaves no gap, whatever the order of its files."""
        folders = [realm.issue() for _ in range(11)]
        outcomes = realm.receive("tula", *reversed(folders))
        assert [outcome.number for outcome in outcomes] == [Number("cc", "2026", n) for n in range(1, 12)]
        assert [outcome.after for outcome in outcomes] == [None] * 11

    def test_a_dispatch_that_was_withheld_is_shown_by_the_next(self, realm: Realm) -> None:
        first, second = realm.issue(), realm.issue()
        outcome = only(realm.receive("tula", second))
        assert (outcome.state, outcome.after) == ("new", Number("cc", "2026", 1))
        assert only(realm.receive("tula", second)).after == Number("cc", "2026", 1)
        assert only(realm.receive("tula", first)).after is None
        assert only(realm.receive("tula", second)).after is None

    def test_what_is_held_or_was_rejected_is_no_gap(self, realm: Realm) -> None:
        realm.now = NOW + 2 * DAY
        held = realm.issue()
        first = Forgery(to=("penza",), content=lambda _: bytes(32))
        rejected = realm.put(realm.forge(first)) / "penza.dispatch"
        second = realm.put(realm.forge(Forgery(ordinal=2, after=lambda _: Number("cc", "2026", 1))), "second")
        realm.now = NOW
        assert [outcome.state for outcome in realm.receive("tula", held)] == ["held"]
        assert [outcome.state for outcome in realm.receive("penza", rejected)] == ["rejected"]
        for handle in ("tula", "penza"):
            outcome = only(realm.receive(handle, second / f"{handle}.dispatch"))
            assert (outcome.state, outcome.after) == ("new", None)

    def test_a_forgery_that_is_held_does_not_hide_a_gap(self, realm: Realm) -> None:
        """Who withholds cc/2026/1 can put a file in its place that nobody can judge yet."""
        realm.issue()
        second = realm.issue()
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc"]))
        forged = realm.put(realm.forge(Forgery(signers=[SigningKey.generate()]), newer)) / "tula.dispatch"
        outcomes = realm.receive("tula", forged, second)
        assert [(outcome.state, outcome.after) for outcome in outcomes] == [
            ("held", None),
            ("new", Number("cc", "2026", 1)),
        ]

    def test_a_dispatch_to_others_is_no_gap(self, realm: Realm) -> None:
        realm.issue(to=["tula"])
        realm.issue(to=["kursk"])
        assert only(realm.receive("penza", realm.issue(to=["penza"]))).after is None

    def test_what_comes_is_kept_as_it_came(self, realm: Realm) -> None:
        folder = realm.issue()
        realm.receive("tula", folder)
        office = realm.office("tula")
        envelope = parse_envelope((folder / "cc-2026-1.tula.dispatch").read_bytes())
        assert office.read(Number("cc", "2026", 1)).verified.verified_note.signed_note == envelope.signed_note
        assert office.read(Number("cc", "2026", 1)).verified.body == envelope.body


class TestFolders:
    def test_copies_for_others_are_counted_and_passed_over(self, realm: Realm) -> None:
        folder = realm.issue(info=["kursk"])
        batch = realm.office("tula").receive([folder])
        assert batch.for_others == 3
        assert len(batch.received) == 1

    def test_a_copy_for_another_that_is_named_is_an_error(self, realm: Realm) -> None:
        outcome = only(realm.receive("kursk", realm.issue() / "cc-2026-1.tula.dispatch"))
        assert (outcome.state, outcome.code) == ("refused", 4)
        assert failed(outcome, NotForUsError)
        assert entries(realm, "kursk") == []

    def test_folders_are_searched_but_links_hidden_files_and_other_names_are_not(
        self, realm: Realm, tmp_path: Path
    ) -> None:
        data = (realm.issue() / "cc-2026-1.tula.dispatch").read_bytes()
        post = tmp_path / "post"
        (post / "deep" / "deeper").mkdir(parents=True)
        (post / ".hidden").mkdir()
        (post / "deep" / "deeper" / "a.dispatch").write_bytes(data)
        (post / ".hidden" / "b.dispatch").write_bytes(data)
        (post / ".c.dispatch").write_bytes(data)
        (post / "d.txt").write_bytes(data)
        (tmp_path / "e.dispatch").write_bytes(data)
        (post / "f.dispatch").symlink_to(tmp_path / "e.dispatch")
        (post / "loop").symlink_to(post)
        assert [outcome.file for outcome in realm.receive("tula", post)] == [
            str(post / "deep" / "deeper" / "a.dispatch")
        ]

    def test_every_file_is_tried_and_the_files_stay(self, realm: Realm) -> None:
        folder = realm.issue()
        (folder / "a.dispatch").write_bytes(b"rubbish")
        (folder / "b.dispatch").write_bytes(bytes(9 * 1024 * 1024))
        (folder / "c.dispatch").write_bytes((folder / "cc-2026-1.tula.dispatch").read_bytes()[:-100])
        before = sorted(folder.iterdir())
        outcomes = realm.receive("tula", folder / "nowhere", folder)
        assert sorted(outcome.code for outcome in outcomes) == [0, 1, 5, 5, 5]
        assert [outcome.number for outcome in outcomes if not outcome.error] == [Number("cc", "2026", 1)]
        assert all(outcome.state == "refused" for outcome in outcomes if outcome.error)
        assert sorted(folder.iterdir()) == before


class TestForged:
    """What its supposed sender did not sign is reported, and leaves no trace."""

    @pytest.mark.parametrize("handle", ["tula", "kursk"])
    def test_a_forgery_is_refused_and_not_kept(self, realm: Realm, handle: str) -> None:
        forged = Forgery(to=(handle,), signers=[SigningKey.generate()])
        outcome = only(realm.receive(handle, realm.put(realm.forge(forged)) / f"{handle}.dispatch"))
        assert failed(outcome, UnlistedKeyError)
        assert (outcome.state, outcome.code) == ("refused", 3)
        assert entries(realm, handle) == []
        assert waiting(realm, handle, "held") == waiting(realm, handle, "rejected") == []

    def test_a_copy_changed_on_the_way_does_not_keep_the_right_one_out(self, realm: Realm) -> None:
        file = realm.issue() / "cc-2026-1.tula.dispatch"
        good = file.read_bytes()
        file.write_bytes(good.replace(b"\nproof: ", b"\nproof: AAAA")[: len(good)])
        assert only(realm.receive("tula", file)).state == "refused"
        file.write_bytes(good.replace(b"to: tula", b"to: cc"))
        assert failed(only(realm.receive("cc", file)), ProofError)
        file.write_bytes(good)
        assert only(realm.receive("tula", file)).state == "new"


class TestHeld:
    def test_a_newer_roster_lets_it_in(self, realm: Realm) -> None:
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc", "tula"]))
        realm.adopt(newer, "cc")
        folder = realm.issue()
        outcome = only(realm.receive("tula", folder))
        assert (outcome.state, outcome.code) == ("held", 6)
        assert failed(outcome, UnknownVersionError)
        assert entries(realm, "tula") == []
        # the post may be gone by then
        for file in folder.iterdir():
            file.unlink()
        assert realm.receive("tula") == ()
        realm.adopt(newer, "tula")
        outcome = only(realm.receive("tula"))
        assert (outcome.state, outcome.number) == ("new", Number("cc", "2026", 1))
        assert waiting(realm, "tula", "held") == []
        assert realm.receive("tula") == ()

    def test_a_forgery_that_was_held_is_dropped_when_it_can_be_judged(self, realm: Realm) -> None:
        """Who names a roster version to come is held unseen; later it is found out."""
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc"]))
        files = realm.forge(Forgery(signers=[SigningKey.generate()]), newer)
        assert states(realm.receive("tula", realm.put(files) / "tula.dispatch")) == [("held", 6)]
        realm.adopt(newer)
        assert [outcome.code for outcome in realm.receive("tula")] == [3]
        assert entries(realm, "tula") == []
        assert waiting(realm, "tula", "held") == []
        assert realm.receive("tula") == ()

    def test_one_that_turns_out_wrong_moves_to_the_rejected(self, realm: Realm) -> None:
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc"]))
        files = realm.forge(Forgery(issuer="kursk", to=("tula",)), newer)
        assert states(realm.receive("tula", realm.put(files) / "tula.dispatch")) == [("held", 6)]
        realm.adopt(newer)
        assert states(realm.receive("tula")) == [("rejected", 7)]
        assert waiting(realm, "tula", "held") == []
        assert [one.code for one in waiting(realm, "tula", "rejected")] == [7]
        assert realm.receive("tula") == ()

    def test_with_an_expired_roster_everything_is_held(self, realm: Realm) -> None:
        folder = realm.issue()
        later = NOW + 365 * DAY
        outcome = only(realm.receive("tula", folder, now=later))
        assert (outcome.state, outcome.code) == ("held", 6)
        assert failed(outcome, ExpiredError)
        realm.adopt(realm.next_roster(lambda roster: roster, date=later))
        assert states(realm.receive("tula", now=later)) == [("new", 0)]

    def test_more_than_a_day_ahead_waits_for_its_day(self, realm: Realm) -> None:
        realm.now = NOW + DAY
        at_the_edge = realm.issue()
        realm.now = NOW + DAY + timedelta(seconds=1)
        ahead = realm.issue()
        realm.now = NOW
        outcomes = realm.receive("tula", at_the_edge, ahead)
        assert states(outcomes) == [("new", 0), ("held", 7)]
        assert failed(outcomes[1], FutureError)
        assert realm.receive("tula") == ()
        assert states(realm.receive("tula", now=NOW + timedelta(seconds=1))) == [("new", 0)]

    def test_a_locked_key_leaves_it_held(self, realm: Realm) -> None:
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc", "tula"]))
        realm.adopt(newer, "cc")
        assert states(realm.receive("tula", realm.issue())) == [("held", 6)]
        realm.adopt(newer, "tula")
        replace_keyfile(realm.home("tula").office_key, realm.keys("tula"), "right", work_factor=2)
        with Office(realm.home("tula"), now=NOW, ask_passphrase=lambda: "wrong") as office:
            assert office.receive([]).received == ()
        with Office(realm.home("tula"), now=NOW, ask_passphrase=lambda: "right") as office:
            assert states(office.receive([]).received) == [("new", 0)]

    def test_one_that_stays_held_does_not_block_those_after_it(self, realm: Realm) -> None:
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc", "tula"]))
        ahead = realm.forge(Forgery(date=NOW + 3 * DAY))
        unknown = realm.forge(Forgery(issuer="kursk", kind=Letter, to=("tula",)), newer)
        for name, files in (("ahead", ahead), ("unknown", unknown)):
            realm.receive("tula", realm.put(files, name) / "tula.dispatch")
        assert [str(one.number) for one in waiting(realm, "tula", "held")] == ["cc/2026/1", "kursk/2026/1"]
        realm.adopt(newer)
        assert [(one.state, str(one.number)) for one in realm.receive("tula")] == [("new", "kursk/2026/1")]

    def test_the_same_held_file_is_kept_once(self, realm: Realm) -> None:
        realm.now = NOW + 3 * DAY
        folder = realm.issue()
        realm.now = NOW
        for _ in range(3):
            assert only(realm.receive("tula", folder)).state == "held"
        assert len(waiting(realm, "tula", "held")) == 1
        assert waiting(realm, "tula", "held")[0].name == str(folder / "cc-2026-1.tula.dispatch")


class TestKeysThatEnded:
    """Backdating: a key that was given up must not sign today what it dates from yesterday."""

    def rotate(self, realm: Realm, handle: str, date: Any) -> None:
        card = realm.card(handle)
        other = SigningKey.generate().verify_key.line()
        edited = replace(card, signing=(other,))
        realm.adopt(realm.next_roster(lambda roster: add_office(roster, edited), date=date))

    def test_late_by_more_than_thirty_days_is_held(self, realm: Realm) -> None:
        folder = realm.issue()
        self.rotate(realm, "cc", NOW + DAY)
        late = NOW + 31 * DAY + timedelta(seconds=1)
        outcome = only(realm.receive("tula", folder, now=late))
        assert (outcome.state, outcome.code) == ("held", 6)
        assert failed(outcome, ExpiredError)
        in_time = only(realm.receive("penza", folder, now=NOW + 31 * DAY))
        assert in_time.state == "new"

    def test_what_came_in_time_stays_known(self, realm: Realm) -> None:
        folder = realm.issue()
        realm.receive("tula", folder)
        self.rotate(realm, "cc", NOW + DAY)
        assert states(realm.receive("tula", folder, now=NOW + 300 * DAY)) == [("known", 0)]

    def test_what_came_in_time_is_not_late_when_it_is_tried_again(self, realm: Realm) -> None:
        """Held because its roster is not here yet; its key ended meanwhile: what counts is when it came."""
        realm.adopt(realm.next_roster(), "cc")
        folder = realm.issue()
        assert states(realm.receive("tula", folder)) == [("held", 6)]
        self.rotate(realm, "cc", NOW + DAY)
        assert states(realm.office("tula", now=NOW + 60 * DAY).inbox.retry_held()) == [("new", 0)]

    @pytest.mark.parametrize(("days", "state"), [(36, "new"), (37, "held")])
    def test_a_hold_because_of_the_future_is_no_arrival(self, realm: Realm, days: int, state: str) -> None:
        post = realm.path / "ahead"
        realm.office("cc", now=NOW + 5 * DAY).issue(draft(), [], post)
        assert states(realm.receive("tula", post)) == [("held", 7)]
        self.rotate(realm, "cc", NOW + 6 * DAY)
        [outcome] = realm.receive("tula", post / "cc-2026-1.tula.dispatch", now=NOW + days * DAY)[-1:]
        assert outcome.state == ("known" if state == "new" else state)

    def test_what_is_planted_for_long_after_the_end_of_its_key_never_counts(self, realm: Realm) -> None:
        post = realm.path / "ahead"
        realm.office("cc", now=NOW + 60 * DAY).issue(draft(), [], post)
        assert states(realm.receive("tula", post)) == [("held", 7)]
        self.rotate(realm, "cc", NOW + 5 * DAY)
        outcomes = realm.office("tula", now=NOW + 60 * DAY).inbox.retry_held()
        assert [(one.state, one.code) for one in outcomes] == [("refused", 6)]
        assert failed(only(outcomes), EndedKeyError)
        assert entries(realm, "tula") == []

    def test_a_key_in_other_hands_signs_nothing_new_at_whatever_date(self, realm: Realm) -> None:
        folder = realm.issue()
        realm.receive("penza", folder)
        key = realm.keys("cc").signing_keys[0].verify_key.fingerprint()

        def revoke(roster: Roster) -> Roster:
            return revoke_key(roster, "cc", key, NOW + DAY)

        realm.adopt(realm.next_roster(revoke, date=NOW + 2 * DAY))
        # dated before the compromise: what came before stays, what comes now waits for a human
        outcome = only(realm.receive("tula", folder, now=NOW + 2 * DAY))
        assert (outcome.state, outcome.code) == ("held", 6)
        assert failed(outcome, CompromisedError)
        assert states(realm.receive("penza", folder, now=NOW + 2 * DAY)) == [("known", 0)]

    @pytest.mark.parametrize(("text", "expected"), [("first", ("new", 0)), ("forged", ("held", 6))])
    def test_what_a_receipted_head_covers_is_taken_in_after_all(
        self, realm: Realm, text: str, expected: tuple[str, int]
    ) -> None:
        first, second = realm.issue(text="first"), realm.issue(text="second")
        realm.receive("tula", second)
        if text == "forged":
            first = realm.put(realm.forge(Forgery(text=text)))
        key = realm.keys("cc").signing_keys[0].verify_key.fingerprint()
        realm.adopt(
            realm.next_roster(lambda roster: revoke_key(roster, "cc", key, NOW + DAY), date=NOW + 2 * DAY)
        )
        [outcome] = [
            one
            for one in realm.receive("tula", first, now=NOW + 2 * DAY)
            if one.number == Number("cc", "2026", 1)
        ]
        assert (outcome.state, outcome.code) == expected

    def test_a_note_dated_after_the_compromise_is_refused(self, realm: Realm) -> None:
        old = realm.trusted
        key = realm.keys("cc").signing_keys[0].verify_key.fingerprint()
        realm.adopt(realm.next_roster(lambda roster: revoke_key(roster, "cc", key, NOW), date=NOW + DAY))
        files = realm.forge(Forgery(date=NOW), old)
        outcome = only(realm.receive("tula", realm.put(files) / "tula.dispatch", now=NOW + DAY))
        assert (outcome.state, outcome.code) == ("refused", 6)
        assert failed(outcome, CompromisedError)


class TestRejected:
    """What was truly sent to us and is wrong is kept as evidence."""

    def test_two_dispatches_with_one_number(self, realm: Realm) -> None:
        for text in ("first", "second"):
            folder = realm.put(realm.forge(Forgery(text=text)), text)
            outcome = only(realm.receive("tula", folder / "tula.dispatch"))
        assert (outcome.state, outcome.code) == ("rejected", 3)
        assert failed(outcome, EquivocationError)
        evidence = waiting(realm, "tula", "rejected")
        assert [one.digest for one in evidence] == [sha256((folder / "tula.dispatch").read_bytes()).digest()]
        # what was there first stays what it was
        [entry] = entries(realm, "tula")
        assert b"first" in realm.office("tula").read(entry.number).line
        # the same wrong file again has the same outcome, and is kept once
        assert states(realm.receive("tula", folder / "tula.dispatch")) == [("rejected", 3)]
        assert len(waiting(realm, "tula", "rejected")) == 1

    def test_a_circular_without_the_right(self, realm: Realm) -> None:
        files = realm.forge(Forgery(issuer="kursk", to=("tula",)))
        assert states(realm.receive("tula", realm.put(files) / "tula.dispatch")) == [("rejected", 7)]
        assert entries(realm, "tula") == []

    def test_another_text_than_was_signed(self, realm: Realm) -> None:
        files = realm.forge(Forgery(content=lambda _: bytes(32)))
        assert states(realm.receive("tula", realm.put(files) / "tula.dispatch")) == [("rejected", 3)]
        assert len(waiting(realm, "tula", "rejected")) == 1

    def test_a_copy_that_no_key_of_ours_opens(self, realm: Realm) -> None:
        other = age.HybridIdentity.generate().recipient()
        files = realm.forge(Forgery(seal=lambda _, plaintext: age.encrypt(plaintext, [other])))
        outcome = only(realm.receive("tula", realm.put(files) / "tula.dispatch"))
        assert (outcome.state, outcome.code) == ("rejected", 4)
        assert failed(outcome, NoMatchError)

    def test_a_number_of_ours_that_our_register_does_not_have(self, realm: Realm) -> None:
        files = realm.forge(Forgery(issuer="cc"))
        outcome = only(realm.receive("cc", realm.put(files) / "cc.dispatch"))
        assert failed(outcome, RefusedError)
        assert (outcome.state, outcome.code) == ("rejected", 7)
        assert entries(realm, "cc") == []
        # and so the next number is still the first
        assert (realm.issue() / "cc-2026-1.cc.dispatch").exists()

    def test_our_own_file_copy_is_known(self, realm: Realm) -> None:
        folder = realm.issue()
        assert states(realm.receive("cc", folder)) == [("known", 0)]
        with Register(realm.home("cc").register) as register:
            assert [entry.state for entry in register.newest(-1)] == ["released"]

    def test_another_dispatch_under_a_number_of_ours(self, realm: Realm) -> None:
        """Somebody else has our key, or another copy of our home."""
        realm.issue()
        files = realm.forge(Forgery(text="not ours"))
        assert states(realm.receive("cc", realm.put(files) / "cc.dispatch")) == [("rejected", 3)]


def test_a_locked_key_rejects_nothing(realm: Realm) -> None:
    """A wrong passphrase is nobody's fault but ours: the file is as good as not seen."""
    replace_keyfile(realm.home("tula").office_key, realm.keys("tula"), "right", work_factor=2)
    folder = realm.issue()
    office = Office(realm.home("tula"), now=NOW, ask_passphrase=lambda: "wrong")
    batch = office.receive([folder])
    office.close()
    assert states(batch.received) == [("refused", 8)]
    assert waiting(realm, "tula", "rejected") == waiting(realm, "tula", "held") == []
    assert entries(realm, "tula") == []
    office = Office(realm.home("tula"), now=NOW, ask_passphrase=lambda: "right")
    batch = office.receive([folder])
    office.close()
    assert states(batch.received) == [("new", 0)]


def test_a_full_disk_costs_only_what_was_to_be_kept(realm: Realm) -> None:
    realm.now = NOW + 3 * DAY
    ahead = realm.issue()
    realm.now = NOW
    file = ahead / "cc-2026-1.tula.dispatch"
    good = realm.put(realm.forge(Forgery(issuer="penza", kind=Letter, to=("tula",))))
    assert states(realm.receive("tula", file)) == [("held", 7)]
    with sqlite3.connect(realm.home("tula").register) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON waiting BEGIN"
            " SELECT RAISE(FAIL, 'database or disk is full'); END"
        )
    connection.close()
    outcomes = realm.receive("tula", file, good / "tula.dispatch")
    assert sorted((one.state, one.code, str(one.number)) for one in outcomes) == [
        ("held", 1, "cc/2026/1"),
        ("new", 0, "penza/2026/1"),
        ("refused", 1, "cc/2026/1"),
    ]
    assert [one.code for one in waiting(realm, "tula", "held")] == [7]


def test_a_key_that_is_not_ours_any_more_is_told_apart(realm: Realm) -> None:
    folder = realm.issue()
    replace_keyfile(realm.home("tula").office_key, generate(), None)
    assert states(realm.receive("tula", folder)) == [("rejected", 4)]


def test_an_attachment_that_comes_later_is_taken_in(realm: Realm, tmp_path: Path) -> None:
    plan = tmp_path / "план.txt"
    plan.write_text("план", "utf-8")
    folder = realm.issue(attach=[plan])
    [sealed] = folder.glob("*.age")
    elsewhere = sealed.rename(tmp_path / sealed.name)
    outcome = only(realm.receive("tula", folder))
    assert (outcome.state, [digest.hex() for digest in outcome.missing]) == ("new", [sealed.stem])
    # another file under its name is as good as none
    sealed.write_bytes(elsewhere.read_bytes()[:-1] + b"x")
    assert [digest.hex() for digest in only(realm.receive("tula", folder)).missing] == [sealed.stem]
    elsewhere.replace(sealed)
    assert only(realm.receive("tula", folder)).missing == ()
    assert (realm.home("tula").attachments / sealed.name).read_bytes() == sealed.read_bytes()


def test_a_huge_file_in_the_place_of_an_attachment_costs_nothing(realm: Realm, tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_bytes(b"plan")
    folder = realm.issue(attach=[plan])
    [sealed] = folder.glob("*.age")
    os.truncate(sealed, 1 << 40)  # to copy or hash a tebibyte would take hours
    outcome = only(realm.receive("tula", folder))
    assert (outcome.state, outcome.code) == ("new", 0)
    assert [digest.hex() for digest in outcome.missing] == [sealed.stem]
    assert not realm.home("tula").attachments.exists()
    # nor does the one who issued it hash what somebody put in its place in the post
    realm.office("cc").export([Number("cc", "2026", 1)], folder)
    assert sealed.stat().st_size == (realm.home("cc").attachments / sealed.name).stat().st_size


class TestRegisteredAndThen:
    """What fails once a dispatch is registered does not hide that it is."""

    def test_an_attachment_that_finds_no_room(self, realm: Realm, tmp_path: Path) -> None:
        plan, small = tmp_path / "plan.txt", tmp_path / "small.txt"
        plan.write_bytes(bytes(200_000))
        small.write_bytes(b"small")
        folder = realm.issue(attach=[plan, small])
        [sealed] = [path for path in folder.glob("*.age") if path.stat().st_size > 200_000]
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        deaf = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        # more than the register takes
        resource.setrlimit(resource.RLIMIT_FSIZE, (190_000, limits[1]))
        try:
            outcome = only(realm.receive("tula", folder))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, deaf)
        assert (outcome.state, outcome.code, outcome.kind) == ("new", 1, "circular")
        assert [digest.hex() for digest in outcome.missing] == [sealed.stem]
        assert outcome.error is not None
        assert sealed.name in outcome.error.text
        assert [entry.number for entry in entries(realm, "tula")] == [outcome.number]
        again = only(realm.receive("tula", folder))
        assert (again.state, again.code, again.missing) == ("known", 0, ())

    def test_what_waited_cannot_be_dropped(self, realm: Realm) -> None:
        realm.now = NOW + 3 * DAY
        folder = realm.issue()
        realm.now = NOW
        assert states(realm.receive("tula", folder)) == [("held", 7)]
        with sqlite3.connect(realm.home("tula").register) as connection:
            connection.execute(
                "CREATE TRIGGER full BEFORE DELETE ON waiting BEGIN"
                " SELECT RAISE(FAIL, 'database or disk is full'); END"
            )
        connection.close()
        outcomes = realm.receive("tula", now=NOW + 3 * DAY)
        # it is still there, and so it is tried once more for what may have waited for it
        assert states(outcomes) == [("new", 1), ("known", 1)]
        assert [entry.number for entry in entries(realm, "tula")] == [outcomes[0].number]

    def test_a_path_that_nothing_can_have(self, realm: Realm) -> None:
        """What was held is registered before it is looked at."""
        realm.now = NOW + 3 * DAY
        folder = realm.issue()
        realm.now = NOW
        assert states(realm.receive("tula", folder)) == [("held", 7)]
        outcomes = realm.receive("tula", realm.path / ("x" * 300), now=NOW + 3 * DAY)
        assert states(outcomes) == [("new", 0), ("refused", 1)]

    def test_the_lock_for_receipts_cannot_be_made(self, realm: Realm) -> None:
        folder = realm.issue()
        home = realm.home("tula")
        home.lock.unlink(missing_ok=True)
        home.lock.mkdir()
        reception = realm.office("tula").receive([folder])
        assert [(one.state, one.code) for one in reception.received] == [("new", 0)]
        [failure] = reception.failures
        assert isinstance(failure, IsADirectoryError)


class TestGaps:
    def test_what_is_held_is_not_called_lost(self, realm: Realm) -> None:
        first = Number("cc", "2026", 1)
        held = Forgery(date=NOW + 3 * DAY)
        later = Forgery(ordinal=2, after=lambda _: first, note=changed_head)
        realm.receive("tula", realm.put(realm.forge(held), "held"))
        [outcome] = [
            one for one in realm.receive("tula", realm.put(realm.forge(later), "later")) if one.state == "new"
        ]
        assert outcome.after is None


def changed_head(note: Note) -> Note:
    return dataclasses.replace(note, register=Head("2026", 1, bytes(32)))


class TestStrangers:
    def test_a_pipe_in_a_folder_is_no_file(self, realm: Realm) -> None:
        folder = realm.issue()
        os.mkfifo(folder / "pipe.dispatch")
        assert states(realm.receive("tula", folder)) == [("new", 0)]

    @pytest.mark.parametrize("at", [1, 2])
    def test_a_pipe_put_in_the_place_of_a_file_is_not_waited_for(
        self, realm: Realm, monkeypatch: pytest.MonkeyPatch, at: int
    ) -> None:
        """Between the listing and the first look at it, and between that and the second."""
        file = realm.issue() / "cc-2026-1.tula.dispatch"
        calls: list[Path] = []

        def swap(path: Path, *arguments: int, **options: bool) -> bytes:
            calls.append(path)
            if calls.count(file) == at and path == file:
                file.unlink()
                os.mkfifo(file)
            return read_capped(path, *arguments, **options)

        monkeypatch.setattr("dispatch.system.folders.read_capped", swap)
        assert states(realm.receive("tula", file.parent)) == [("refused", 1)]

    def test_a_flood_of_what_cannot_be_checked_yet_pushes_out_only_itself(
        self, realm: Realm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dispatch.store.waiting.MAX_UNVERIFIED", 2)
        ahead = Forgery(issuer="penza", kind=Letter, to=("tula",), date=NOW + 3 * DAY)
        realm.receive("tula", realm.put(realm.forge(ahead), "ahead"))
        for ordinal in (1, 2, 3):
            unknown = Forgery(
                ordinal=ordinal,
                note=lambda note: dataclasses.replace(
                    note, roster=note.roster._replace(version=9), register=_head_before(note.number)
                ),
            )
            [outcome] = states(realm.receive("tula", realm.put(realm.forge(unknown), f"{ordinal}")))[-1:]
            assert outcome == ("held", 6)
        held = [str(one.number) for one in waiting(realm, "tula", "held")]
        assert held == ["penza/2026/1", "cc/2026/2", "cc/2026/3"]

    def test_a_strangers_flood_grows_the_register_by_little(self, realm: Realm) -> None:
        realm.receive("tula", realm.issue())
        register = realm.home("tula").register
        before = register.stat().st_size
        unknown = Forgery(
            to=("tula",), note=lambda note: dataclasses.replace(note, roster=note.roster._replace(version=9))
        )
        data = realm.forge(unknown)["tula"]
        envelope = parse_envelope(data)
        signed, copy = envelope.signed_note.signed, envelope.copy
        folder = realm.path / "flood"
        folder.mkdir()
        for count in range(120):
            # nobody looks at the body before the roster is here
            body = age.MAGIC + count.to_bytes(2, "big") + bytes((count * 7919) % 1_500_000)
            (folder / f"{count:03}.dispatch").write_bytes(encode_envelope(signed, copy, body))
        outcomes = realm.receive("tula", folder)
        assert states(outcomes) == [("held", 6)] * 120
        assert register.stat().st_size - before < 4 * MEBI
        held = waiting(realm, "tula", "held")
        # the newest stay, as many as there is room for
        assert [one.name[-12:-9] for one in held] == [f"{n:03}" for n in range(120 - len(held), 120)]
        assert len(held) >= 2

    def test_what_is_longer_than_all_the_room_stays_where_it_lies(self, realm: Realm) -> None:
        unknown = Forgery(
            to=("tula",), note=lambda note: dataclasses.replace(note, roster=note.roster._replace(version=9))
        )
        small = realm.forge(unknown)["tula"]
        envelope = parse_envelope(small)
        large = encode_envelope(envelope.signed_note.signed, envelope.copy, age.MAGIC + bytes(3 * MEBI))
        folder = realm.put({"small": small, "large": large}, "post")
        assert states(realm.receive("tula", folder / "small.dispatch", folder / "large.dispatch")) == [
            ("refused", 6),
            ("held", 6),
        ]
        assert len(waiting(realm, "tula", "held")) == 1
        assert (folder / "large.dispatch").exists()

    def test_what_cannot_be_checked_yet_finds_room_beside_all_that_was_checked(
        self, realm: Realm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dispatch.store.waiting.MAX_WAITING", 1)
        newer = realm.next_roster(lambda roster: set_group(roster, "all", ["cc"]))
        forged = [
            *(realm.forge(Forgery(ordinal=ordinal, date=NOW + 3 * DAY)) for ordinal in (1, 2)),
            realm.forge(Forgery(ordinal=3), newer),
        ]
        folders = [realm.put(files, f"{at}") for at, files in enumerate(forged)]
        outcomes = [only(realm.receive("tula", folder / "tula.dispatch")) for folder in folders]
        assert [outcome.state for outcome in outcomes] == ["held", "refused", "held"]

    def test_evidence_of_an_equivocation_always_finds_room(
        self, realm: Realm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dispatch.store.waiting.MAX_WAITING", 0)
        for text in ("first", "second"):
            folder = realm.put(realm.forge(Forgery(text=text)), text)
            outcome = only(realm.receive("tula", folder / "tula.dispatch"))
        assert (outcome.state, outcome.code) == ("rejected", 3)

    def test_only_so_much_evidence_of_one_number_finds_room(
        self, realm: Realm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dispatch.store.waiting.MAX_WAITING", 0)
        outcomes = [
            only(
                realm.receive("tula", realm.put(realm.forge(Forgery(text=f"{n}")), f"{n}") / "tula.dispatch")
            )
            for n in range(6)
        ]
        assert [outcome.state for outcome in outcomes] == ["new", *["rejected"] * 3, *["refused"] * 2]
        assert {outcome.code for outcome in outcomes[1:]} == {3}
        assert len(waiting(realm, "tula", "rejected")) == 3

    def test_what_is_refused_does_not_stay_in_memory(self, realm: Realm) -> None:
        """The frames of an error hold the file, and a post may hold very many."""
        files = realm.forge(Forgery(signers=[SigningKey.generate()]))
        outcome = only(realm.receive("tula", realm.put(files) / "tula.dispatch"))
        held = only(realm.receive("tula", realm.put(realm.forge(Forgery(date=NOW + 3 * DAY)), "held")))
        for one in (outcome, held):
            assert one.error is not None
            assert len(pickle.dumps(one)) < 2000 < len(files["tula"])

    def test_a_hostile_name_or_folder_costs_only_itself(self, realm: Realm) -> None:
        """A name that is no text, a folder deeper than Python recurses, a path that is too long."""
        folder = realm.issue()
        unknown = Forgery(
            ordinal=7,
            note=lambda note: dataclasses.replace(
                note, roster=note.roster._replace(version=9), register=Head("2026", 6, bytes(32))
            ),
        )
        (folder / os.fsdecode(b"x\xff.dispatch")).write_bytes(realm.forge(unknown)["tula"])
        deep = os.open(folder, os.O_RDONLY)
        for _ in range(1200):
            os.mkdir("d" * 4, dir_fd=deep)
            below = os.open("d" * 4, os.O_RDONLY, dir_fd=deep)
            os.close(deep)
            deep = below
        os.close(deep)
        try:
            outcomes = states(realm.receive("tula", folder))
        finally:
            # deeper than what cleans up after a test goes: left behind, it would fail a later run
            subprocess.run(["rm", "-rf", folder / "dddd"], check=True)
        assert ("new", 0) in outcomes
        assert len(waiting(realm, "tula", "held")) == 1

    def test_an_ending_in_capitals_is_one(self, realm: Realm) -> None:
        folder = realm.issue()
        (folder / "cc-2026-1.tula.dispatch").rename(folder / "CC-2026-1.TULA.DISPATCH")
        assert states(realm.receive("tula", folder)) == [("new", 0)]


def _head_before(number: Number) -> Head:
    return FIRST_HEAD if number.ordinal == 1 else Head(number.volume, number.ordinal - 1, bytes(32))


def test_what_was_rejected_and_then_opens_is_rejected_no_longer(realm: Realm) -> None:
    folder = realm.issue()
    keys = realm.keys("tula")
    replace_keyfile(realm.home("tula").office_key, generate(), None)
    assert states(realm.receive("tula", folder)) == [("rejected", 4)]
    replace_keyfile(realm.home("tula").office_key, keys, None)
    assert states(realm.receive("tula", folder)) == [("new", 0)]
    assert waiting(realm, "tula", "rejected") == []
