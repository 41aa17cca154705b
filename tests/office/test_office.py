"""The public API: making an office, listing, reading, a thousand addressees."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from dispatch.audit.verdicts import verify_files
from dispatch.errors import DigestError, FutureError, RefusedError
from dispatch.formats.note import Number
from dispatch.formats.statement import parse_statement
from dispatch.realm.setup import create_office
from dispatch.store.home import HOME_VARIABLE, Home, find_home
from keys.card import verify_card
from keys.errors import (
    ExpiredError,
    FormatError,
    KeyFileError,
    NoMatchError,
    PassphraseError,
    UnpinnedError,
)
from keys.keyfile import generate, read_keyfile, replace_keyfile, write_keyfile
from tests.forge.dispatches import DAY, NOW, Forgery
from tests.forge.realm import Realm, draft
from tests.forge.roster import add_branches, branches, card_file

if TYPE_CHECKING:
    from pathlib import Path


FIRST = Number("cc", "2026", 1)


class TestMaking:
    def test_a_home_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "deep" / "home")
        create_office(home, handle="cc", title="ЦК", classical=False, realm="rkp", passphrase=None, now=NOW)
        assert home.path.stat().st_mode & 0o777 == 0o700
        assert [path.stat().st_mode & 0o777 for path in (home.office_key, home.root_key)] == [0o600] * 2
        assert verify_card(home.card.read_bytes()).handle == "cc"
        assert sorted(path.name for path in home.path.iterdir()) == [
            "card",
            "lock",
            "office.key",
            "root.key",
            "roster",
        ]

    def test_nothing_is_made_over_an_office(self, realm: Realm) -> None:
        before = realm.home("tula").office_key.read_bytes()
        with pytest.raises(RefusedError, match="lives here already"):
            create_office(
                realm.home("tula"),
                handle="x",
                title="x",
                classical=False,
                realm=None,
                passphrase=None,
                now=NOW,
            )
        assert realm.home("tula").office_key.read_bytes() == before

    @pytest.mark.parametrize(
        "left", [{"office.key"}, {"office.key", "root.key"}, {"office.key", "root.key", "roster"}]
    )
    def test_a_killed_init_is_carried_on_with_the_same_keys(self, realm: Realm, left: set[str]) -> None:
        home = realm.home("cc")
        keys = home.office_key.read_bytes()
        for path in home.path.iterdir():
            if path.name not in left:
                path.unlink()
        create_office(home, handle="cc", title="ЦК", classical=False, realm="rkp", passphrase=None, now=NOW)
        assert home.office_key.read_bytes() == keys
        assert realm.office("cc").trusted.roster.version == 1

    def test_a_passphrase_seals_both_key_files(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home")
        create_office(
            home, handle="cc", title="ЦК", classical=False, realm="rkp", passphrase="корабль", now=NOW
        )
        for path in (home.office_key, home.root_key):
            assert path.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
        with pytest.raises(PassphraseError):
            read_keyfile(home.office_key, lambda: "корабль ")
        assert read_keyfile(home.root_key, lambda: "корабль").identities == ()


class TestLooking:
    def test_a_list_opens_what_it_can(self, realm: Realm) -> None:
        realm.issue()
        realm.issue(kind="letter", to=["tula"])
        listed = realm.office("cc").list(10)
        assert [str(one.entry.number) for one in listed] == ["cc/2026/2", "cc/2026/1"]
        assert [one.message.kind for one in listed if one.message] == ["letter", "circular"]
        replace_keyfile(realm.home("cc").office_key, generate(), None)
        assert [one.message for one in realm.office("cc").list(10)] == [None, None]
        assert realm.office("cc").list(10, ours=False) == ()

    def test_what_is_read_is_checked_again(self, realm: Realm) -> None:
        """A register is a file like any other: one who altered it is found out on reading."""
        realm.receive("tula", realm.issue())
        office = realm.office("tula")
        with sqlite3.connect(realm.home("tula").register) as connection:
            connection.execute("UPDATE bodies SET data = zeroblob(1000)")
        with pytest.raises(DigestError):
            office.read(FIRST)

    def test_a_list_with_a_hole_is_never_signed(self, realm: Realm) -> None:
        for _ in range(3):
            realm.issue()
        office = realm.office("cc")
        assert office.signed_list("2026")
        with sqlite3.connect(realm.home("cc").register) as connection:
            connection.execute("UPDATE notes SET state = 'pending', signatures = NULL WHERE ordinal = 2")
        with pytest.raises(RefusedError, match="not signed yet"):
            office.signed_list("2026")

    def test_a_list_is_never_dated_before_its_last_note(self, realm: Realm) -> None:
        realm.issue()
        listed = parse_statement(realm.office("cc", now=NOW - 2 * DAY).signed_list("2026")).statement
        assert listed.date == realm.office("cc").register.newest(1)[0].date == NOW

    def test_what_is_not_signed_yet_is_not_read(self, realm: Realm) -> None:
        realm.issue()
        office = realm.office("cc")
        with sqlite3.connect(realm.home("cc").register) as connection:
            connection.execute("UPDATE notes SET state = 'pending', signatures = NULL")
        with pytest.raises(RefusedError, match="cc/2026/1 is not signed yet"):
            office.read(FIRST)
        assert [one.message for one in office.list(10)] == [None]

    def test_what_is_not_there(self, realm: Realm) -> None:
        with pytest.raises(RefusedError, match="the register has no"):
            realm.office("cc").read(FIRST)

    def test_opening_registers_nothing(self, realm: Realm) -> None:
        data = (realm.issue() / "cc-2026-1.tula.dispatch").read_bytes()
        office = realm.office("tula")
        assert office.open(data).message.number == "cc/2026/1"
        assert office.register.newest(-1) == ()

    def test_without_a_roster_nothing_is_opened(self, realm: Realm) -> None:
        data = (realm.issue() / "cc-2026-1.tula.dispatch").read_bytes()
        realm.home("tula").roster.unlink()
        with pytest.raises(UnpinnedError):
            realm.office("tula").open(data)

    def test_a_key_file_that_others_can_read_is_refused(self, realm: Realm) -> None:
        data = (realm.issue() / "cc-2026-1.tula.dispatch").read_bytes()
        realm.home("tula").office_key.chmod(0o640)
        with pytest.raises(KeyFileError):
            realm.office("tula").open(data)

    def test_a_forged_envelope_is_not_shown(self, realm: Realm) -> None:
        files = realm.forge(Forgery(content=lambda _: bytes(32)))
        with pytest.raises(DigestError):
            realm.office("tula").open(files["tula"])

    def test_checking_asks_for_no_secret(self, realm: Realm) -> None:
        realm.home("cc").office_key.unlink()
        addressees = realm.office("cc").check(draft(info=["kursk", "tula"])).addressees
        assert addressees is not None
        assert addressees.to == ("penza", "tula")
        assert addressees.info == ("kursk",)
        assert addressees.copies == ("cc", "kursk", "penza", "tula")


class TestExport:
    def test_all_of_ours_or_those_that_are_named(self, realm: Realm, tmp_path: Path) -> None:
        realm.issue()
        realm.issue(to=["tula"])
        realm.receive("cc", realm.issue("tula", kind="letter", to=["cc"]))
        office = realm.office("cc")
        # three copies of the circular, two of the other, two of the receipt
        assert len(office.export([], tmp_path / "all", notes=False)) == 7
        paths = office.export([Number("cc", "2026", 2)], tmp_path / "one", notes=False)
        assert sorted(path.name for path in paths) == ["cc-2026-2.cc.dispatch", "cc-2026-2.tula.dispatch"]
        notes = office.export([], tmp_path / "notes", notes=True)
        assert [path.name for path in notes] == ["cc-2026-1.note", "cc-2026-2.note", "cc-2026-3.note"]

    def test_what_another_sent_comes_out_as_it_came_in(self, realm: Realm, tmp_path: Path) -> None:
        folder = realm.issue()
        realm.receive("tula", folder)
        [path] = realm.office("tula").export([FIRST], tmp_path / "again", notes=False)
        assert path.name == "cc-2026-1.tula.dispatch"
        assert path.read_bytes() == (folder / path.name).read_bytes()


class TestHome:
    def test_the_chosen_one_comes_before_the_variable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "variable"))
        assert find_home(tmp_path / "chosen").path == tmp_path / "chosen"
        assert find_home(None).path == tmp_path / "variable"
        monkeypatch.setenv(HOME_VARIABLE, "")
        assert find_home(None).path.name == "dispatch"


def test_a_thousand_addressees(realm: Realm) -> None:
    """Issued, verified in one call, and opened by three of them."""
    members = branches(1000)
    realm.adopt(realm.next_roster(lambda roster: add_branches(roster, members, "all")))
    folder = realm.issue(to=["@all"])
    files = sorted(folder.iterdir())
    assert len(files) == 1001
    verdicts = list(verify_files(list(map(str, files)), realm.trusted))
    assert {verdict.error for verdict in verdicts} == {""}
    assert sorted(verdict.copy or 0 for verdict in verdicts) == list(range(1, 1002))
    assert len({verdict.id for verdict in verdicts}) == 1

    home = realm.home("kursk")
    lines = set()
    for handle in ("b00000", "b00500", "b00999"):
        home.card.write_bytes(card_file(handle, members[handle]))
        replace_keyfile(home.office_key, members[handle], None)
        data = (folder / f"cc-2026-1.{handle}.dispatch").read_bytes()
        lines.add(realm.office("kursk").open(data).line)
    assert len(lines) == 1
    replace_keyfile(home.office_key, members["b00001"], None)
    with pytest.raises(NoMatchError):
        realm.office("kursk").open(data)


def test_a_name_that_is_none_makes_no_keys(tmp_path: Path) -> None:
    """Keys that a refused `init` left in clear must not become those of an office with a passphrase."""
    home = Home(tmp_path / "home")
    with pytest.raises(FormatError):
        create_office(home, handle="Tula", title="Т", classical=False, realm=None, passphrase=None, now=NOW)
    assert not home.office_key.exists()


def test_keys_that_a_killed_init_left_in_clear_are_sealed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o700)
    write_keyfile(home.office_key, generate(), None)
    create_office(home, handle="tula", title="Т", classical=False, realm=None, passphrase="слово", now=NOW)
    assert home.office_key.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----")


def test_opening_refuses_what_receiving_would_hold(realm: Realm) -> None:
    folder = realm.issue()
    data = (folder / "cc-2026-1.tula.dispatch").read_bytes()
    with pytest.raises(ExpiredError):
        realm.office("tula", now=NOW + 366 * DAY).open(data)
    with pytest.raises(FutureError):
        realm.office("tula", now=NOW - 2 * DAY).open(data)
