"""The register: three states in three transactions, dense numbers, first signatures stand."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from dispatch.checks.verifier import Verifier
from dispatch.errors import EquivocationError, RefusedError, StorageError
from dispatch.formats.envelope import parse_envelope
from dispatch.formats.merkle import leaf_hash, root
from dispatch.formats.note import FIRST_HEAD, Head, Number
from dispatch.store import Register, StoredCopy, Waiting
from keys.text import format_date
from tests.forge.dispatches import DAY, NOW, Forgery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from dispatch.checks.verifier import VerifiedEnvelope
    from tests.forge.realm import Realm


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with Register(tmp_path / "register.db") as register:
        yield register


def put(
    register: Register, issuer: str = "cc", *, now: datetime = NOW, to: tuple[str, ...] = ("tula",)
) -> Number:
    """Number one dispatch, as the way out does, with invented bytes."""
    with register.transaction():
        allotment = register.allot(issuer, now)
        text = f"{allotment.number}".encode()
        seq, first_copy = register.reserve()
        for place, handle in enumerate(to):
            register.store_body(first_copy + place, f"body for {handle}".encode())
        register.store_note(
            seq=seq,
            note_id=sha256(text).digest(),
            number=allotment.number,
            date=allotment.date,
            text=text,
            signatures=None,
            state="pending",
            directory="/post",
            now=now,
        )
        copies = [
            StoredCopy(
                index=place,
                to=handle,
                after=register.previous_to(issuer, handle),
                digest=sha256(handle.encode()).digest(),
                proof=(bytes(32), bytes([1]) * 32),
                body=None,
            )
            for place, handle in enumerate(to, 1)
        ]
        register.store_copies(seq, first_copy, copies)
        register.store_attachments(seq, [bytes(32), bytes(32)])
    return allotment.number


def verified(realm: Realm, **forgery: str) -> VerifiedEnvelope:
    data = realm.forge(Forgery(text=forgery.get("text", "Text")))["tula"]
    return Verifier(realm.trusted).verify(parse_envelope(data))


class TestNumbers:
    def test_they_count_from_one_and_pin_what_came_before(self, register: Register) -> None:
        first = register.allot("cc", NOW)
        assert (first.number, first.date, first.head) == (Number("cc", "2026", 1), NOW, FIRST_HEAD)
        ids = []
        for ordinal in range(1, 6):
            number = put(register)
            assert number == Number("cc", "2026", ordinal)
            ids.append(register.get(number).id)
            assert register.allot("cc", NOW).head == Head("2026", ordinal, root(map(leaf_hash, ids)))

    def test_what_was_only_allotted_uses_no_number(self, register: Register) -> None:
        def fail() -> None:
            with register.transaction():
                register.allot("cc", NOW)
                register.store_body(1, b"x")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()
        assert put(register) == Number("cc", "2026", 1)

    def test_a_year_opens_a_volume(self, register: Register) -> None:
        put(register)
        put(register)
        closing = register.allot("cc", NOW + 100 * DAY)
        assert closing.number == Number("cc", "2027", 1)
        assert (closing.head.volume, closing.head.size) == ("2026", 2)

    def test_a_volume_with_a_letter_goes_on_until_its_year_ends(self, register: Register) -> None:
        put(register)
        with register.transaction():
            register.store_note(
                seq=2,
                note_id=bytes(32),
                number=Number("cc", "2026b", 1),
                date=NOW,
                text=b"",
                signatures=None,
                state="pending",
                directory=None,
                now=NOW,
            )
        assert register.allot("cc", NOW).number == Number("cc", "2026b", 2)
        assert register.allot("cc", NOW + 100 * DAY).number == Number("cc", "2027", 1)

    def test_dates_never_decrease_even_over_the_new_year(self, register: Register) -> None:
        put(register, now=NOW + 100 * DAY)
        behind = register.allot("cc", NOW)
        assert (behind.number, behind.date) == (Number("cc", "2027", 2), NOW + 100 * DAY)

    def test_what_others_sent_does_not_count(self, register: Register, realm: Realm) -> None:
        register.receive(verified(realm), b"", (), NOW, wants_receipt=True)
        assert register.allot("tula", NOW).number == Number("tula", "2026", 1)

    def test_a_number_is_stored_once(self, register: Register) -> None:
        number = put(register)
        with pytest.raises(StorageError), register.transaction():
            register.store_note(
                seq=99,
                note_id=bytes(32),
                number=number,
                date=NOW,
                text=b"",
                signatures=None,
                state="pending",
                directory=None,
                now=NOW,
            )

    def test_writers_at_once_wait_for_one_another(self, tmp_path: Path) -> None:
        Register(tmp_path / "register.db").close()

        def write() -> None:
            with Register(tmp_path / "register.db") as register:
                for _ in range(10):
                    put(register)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Register(tmp_path / "register.db") as register:
            assert sorted(entry.number.ordinal for entry in register.newest(-1)) == list(range(1, 41))


class TestStates:
    def test_pending_then_signed_then_released(self, register: Register) -> None:
        number = put(register)
        assert [entry.state for entry in register.unfinished()] == ["pending"]
        assert register.own() == ()
        register.store_signatures(register.get(number).id, b"signature")
        assert [(entry.state, entry.signatures) for entry in register.unfinished()] == [
            ("signed", b"signature")
        ]
        assert [entry.number for entry in register.own()] == [number]
        register.mark_released(register.get(number).id)
        assert register.unfinished() == ()
        assert register.get(number).state == "released"

    def test_the_first_signatures_stand(self, register: Register) -> None:
        number = put(register)
        register.store_signatures(register.get(number).id, b"first")
        register.store_signatures(register.get(number).id, b"second")
        register.mark_released(register.get(number).id)
        register.store_signatures(register.get(number).id, b"third")
        assert (register.get(number).signatures, register.get(number).state) == (b"first", "released")

    def test_what_is_not_signed_cannot_be_released(self, register: Register) -> None:
        number = put(register)
        register.mark_released(register.get(number).id)
        assert register.get(number).state == "pending"

    def test_the_oldest_is_finished_first(self, register: Register) -> None:
        numbers = [put(register) for _ in range(12)]
        assert [entry.number for entry in register.unfinished()] == numbers


class TestCopies:
    def test_they_come_back_as_they_were_stored(self, register: Register) -> None:
        number = put(register, to=("cc", "penza", "tula"))
        copies = list(register.copies(register.get(number)))
        assert [(copy.index, copy.to, copy.body) for copy in copies] == [
            (1, "cc", b"body for cc"),
            (2, "penza", b"body for penza"),
            (3, "tula", b"body for tula"),
        ]
        assert {copy.proof for copy in copies} == {(bytes(32), bytes([1]) * 32)}
        assert register.copy_for(register.get(number), "penza") == copies[1]
        assert register.copy_for(register.get(number), "moscow") is None

    def test_the_previous_dispatch_is_that_to_the_same_office(self, register: Register) -> None:
        put(register, to=("cc", "tula"))
        put(register, to=("cc", "penza"))
        assert register.previous_to("cc", "tula") == Number("cc", "2026", 1)
        assert register.previous_to("cc", "cc") == Number("cc", "2026", 2)
        assert register.previous_to("cc", "moscow") is None
        assert register.previous_to("penza", "tula") is None

    def test_attachments_are_listed_once(self, register: Register) -> None:
        assert register.attachments(register.get(put(register))) == (bytes(32),)


class TestReceived:
    def test_once_however_often_it_comes(self, register: Register, realm: Realm) -> None:
        envelope = verified(realm)
        assert register.receive(envelope, b"s", (bytes(32),), NOW, wants_receipt=True) is True
        assert register.receive(envelope, b"s", (bytes(32),), NOW + DAY, wants_receipt=True) is False
        entry = register.get(envelope.note.number)
        assert (entry.state, entry.id, entry.signatures) == ("received", envelope.id, b"s")
        [copy] = register.copies(entry)
        assert copy.place() == envelope.copy
        assert copy.body == envelope.body

    def test_another_note_with_its_number_is_equivocation(self, register: Register, realm: Realm) -> None:
        envelope = verified(realm)
        register.receive(envelope, b"s", (), NOW, wants_receipt=True)
        with pytest.raises(EquivocationError):
            register.receive(verified(realm, text="Other"), b"s", (), NOW, wants_receipt=True)
        assert register.get(envelope.note.number).id == envelope.id

    def test_the_newest_come_first_and_can_be_told_apart(self, register: Register, realm: Realm) -> None:
        register.receive(verified(realm), b"s", (), NOW, wants_receipt=True)
        put(register, "tula")
        put(register, "tula")
        assert [str(entry.number) for entry in register.newest(2)] == ["tula/2026/2", "tula/2026/1"]
        assert [str(entry.number) for entry in register.newest(9, ours=False)] == ["cc/2026/1"]
        assert [entry.number.ordinal for entry in register.newest(9, ours=True)] == [2, 1]

    def test_what_is_not_there(self, register: Register) -> None:
        assert register.find(Number("cc", "2026", 1)) is None
        with pytest.raises(RefusedError, match="the register has no cc/2026/1"):
            register.get(Number("cc", "2026", 1))


def test_what_waits_is_kept_once_with_its_newest_code(register: Register) -> None:
    digest = sha256(b"file").digest()
    for state, code in (("held", 6), ("rejected", 3)):
        waiting = Waiting(
            digest=digest,
            name="a",
            number=Number("cc", "2026", 1),
            note_id=bytes(32),
            version=2,
            is_verified=True,
            state="held" if state == "held" else "rejected",
            code=code,
            first_seen=NOW,
        )
        register.waiting.put(waiting, b"file")
    assert register.waiting.list("held") == ()
    assert [one.code for one in register.waiting.list("rejected")] == [3]
    assert register.waiting.file(digest) == b"file"
    register.waiting.drop(digest)
    assert register.waiting.list("rejected") == ()


class TestTheFile:
    def test_it_outlives_its_process(self, tmp_path: Path) -> None:
        with Register(tmp_path / "register.db") as register:
            number = put(register)
        with Register(tmp_path / "register.db") as register:
            assert register.get(number).date == NOW

    def test_only_its_owner_reads_it(self, tmp_path: Path) -> None:
        with Register(tmp_path / "register.db") as register:
            put(register)
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        assert set(modes.values()) == {0o600}

    def test_one_of_a_later_version_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "register.db"
        Register(path).close()
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StorageError, match="later version"):
            Register(path)

    def test_one_that_is_no_register(self, tmp_path: Path) -> None:
        (tmp_path / "register.db").write_bytes(b"not a database, and long enough to be looked at" * 20)
        with pytest.raises(StorageError, match="cannot be used"):
            Register(tmp_path / "register.db")

    def test_many_may_make_it_at_once(self, tmp_path: Path) -> None:
        """Of two that switch to a write-ahead log at the same moment SQLite lets one fail."""
        for number in range(100):
            gate = threading.Barrier(8)
            with ThreadPoolExecutor(8) as pool:
                made = [pool.submit(_make, tmp_path / f"{number}.db", gate) for _ in range(8)]
            assert [one.exception() for one in made] == [None] * 8

    def test_it_survives_power_loss_by_its_settings(self, register: Register, tmp_path: Path) -> None:
        put(register)
        connection = register._database  # noqa: SLF001 - settings of the connection, not of the file
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert (tmp_path / "register.db-wal").exists()

    def test_wrong_types_are_refused_by_the_tables(self, register: Register, tmp_path: Path) -> None:
        put(register)
        connection = sqlite3.connect(tmp_path / "register.db", isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in (
            "UPDATE notes SET text = 'text'",
            "UPDATE notes SET ordinal = 'x'",
            "UPDATE notes SET state = 'lost'",
            "UPDATE copies SET note = 99",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)


def _make(path: Path, gate: threading.Barrier) -> None:
    gate.wait()
    Register(path).close()


def test_a_moment_is_kept_to_the_second(register: Register) -> None:
    number = put(register, now=NOW + timedelta(seconds=1))
    assert register.get(number).date == NOW + timedelta(seconds=1)


REASON = "Собрания should be a whole number"


class TestOlderRegisters:
    """One that an earlier version wrote: everything in it is there, and what it owes is owed."""

    def make(self, path: Path, realm: Realm) -> None:
        """Make a register as the first version made it, with one dispatch that came in and one held."""
        script = files("dispatch.store").joinpath("migrations", "0001-first-tables.sql").read_text("utf-8")
        here = verified(realm)
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA secure_delete = OFF")  # as it is but for a few builds of SQLite
            connection.executescript(script + "; PRAGMA user_version = 1")
            connection.execute(
                "INSERT INTO notes VALUES (1, ?, 'cc', '2026', 1, ?, ?, ?, 'received', NULL, ?)",
                (here.id, format_date(NOW), b"text", b"s", format_date(NOW)),
            )
            row = "INSERT INTO waiting VALUES (?, ?, 'name', ?, 'cc', 'cc/2026/9', 3, 1, ?, 6, ?, ?)"
            for seq, digest, file, state, why in (
                (7, b"digest", b"the file", "held", REASON),
                (8, b"another", realm.forge(Forgery(ordinal=9))["tula"], "rejected", REASON),
                (9, b"dropped", b"x", "rejected", f"{REASON}, and then it was dropped"),
            ):
                connection.execute(row, (seq, digest, file, state, why, format_date(NOW)))
            connection.commit()
            connection.execute("DELETE FROM waiting WHERE seq = 9")
        connection.close()

    def test_receipts_are_owed(self, realm: Realm, tmp_path: Path) -> None:
        self.make(tmp_path / "old.db", realm)
        with Register(tmp_path / "old.db") as register:
            assert [str(entry.number) for entry in register.unreceipted()] == ["cc/2026/1"]

    def test_what_is_held_stays_held(self, realm: Realm, tmp_path: Path) -> None:
        self.make(tmp_path / "old.db", realm)
        with Register(tmp_path / "old.db") as register:
            [held] = register.waiting.list("held")
            assert (held.digest, str(held.number), held.version) == (b"digest", "cc/2026/9", 3)
            assert register.waiting.file(b"digest") == b"the file"
            assert register.waiting.has(Number("cc", "2026", 9))

    def test_the_reasons_that_were_stored_are_gone(self, realm: Realm, tmp_path: Path) -> None:
        """They quoted what was sealed; and what is deleted in SQLite stays in the file."""
        self.make(tmp_path / "old.db", realm)
        assert (tmp_path / "old.db").read_bytes().count(REASON.encode()) == 3
        Register(tmp_path / "old.db").close()
        assert [path.name for path in tmp_path.glob("old.db*")] == ["old.db"]
        assert REASON.encode() not in (tmp_path / "old.db").read_bytes()

    def test_one_that_was_killed_before_its_end_is_cleaned_by_the_next(
        self, realm: Realm, tmp_path: Path
    ) -> None:
        path = tmp_path / "old.db"
        self.make(path, realm)
        script = """if True:
            import os, sys
            from pathlib import Path
            from dispatch.store import Register, database
            read = database._script
            database._script = lambda name: os._exit(9) if name.startswith("0005") else read(name)
            Register(Path(sys.argv[1]))
        """
        assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == 9
        assert REASON.encode() in path.read_bytes() + path.with_name("old.db-wal").read_bytes()
        Register(path).close()
        assert REASON.encode() not in path.read_bytes()

    def test_the_id_of_what_was_rejected_is_known(self, realm: Realm, tmp_path: Path) -> None:
        self.make(tmp_path / "old.db", realm)
        number = Number("cc", "2026", 9)
        with Register(tmp_path / "old.db") as register:
            [rejected] = register.waiting.list("rejected")
            assert rejected.note_id is not None
            assert not register.waiting.rejected_twins(number, rejected.note_id)
            assert register.waiting.rejected_twins(number, bytes(32))


@pytest.mark.usefixtures("register")
def test_what_is_said_of_a_waiting_file_is_read_without_it(tmp_path: Path) -> None:
    """SQLite walks through all columns before the one that it needs, and a file may have 8 MiB."""
    connection = sqlite3.connect(tmp_path / "register.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(waiting)")]
    connection.close()
    assert columns[-1] == "file"
