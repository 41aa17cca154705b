"""What comes is compared with what is held of the same register: dates, heads, and what went to us before."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from dispatch.checks.continuity import passes_over
from dispatch.errors import EquivocationError
from dispatch.formats.envelope import parse_envelope
from dispatch.formats.merkle import leaf_hash, root
from dispatch.formats.message import Letter
from dispatch.formats.note import FIRST_HEAD, Head, Number
from keys.roster import add_office, revoke_key
from keys.signing import SigningKey
from tests.forge.dispatches import NOW, Forgery
from tests.forge.realm import failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatch.formats.note import Note
    from dispatch.office.results import Received
    from keys.roster import Roster
    from tests.forge.realm import Realm

HOUR = timedelta(hours=1)
FAR = Head("2026", 999_999_998, bytes(32))
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


class Centre:
    """A centre that writes to tula what it likes: `ids` are those of its notes, in order."""

    def __init__(self, realm: Realm) -> None:
        self.realm = realm
        self.count = 0

    def write(
        self,
        ordinal: int,
        before: Sequence[bytes] | Head = (),
        *,
        after: int | Number | None = None,
        voids: Sequence[bytes] = (),
        **fields: Any,
    ) -> bytes:
        """Forge note `ordinal`. `before`: the ids that it pins, or its head; `after`: of its copy."""
        head = before if isinstance(before, Head) else Head("2026", len(before), root(map(leaf_hash, before)))
        named = Number("cc", "2026", after) if isinstance(after, int) else after

        def note(made: Note) -> Note:
            return dataclasses.replace(
                made, register=FIRST_HEAD if before == () else head, voids=tuple(voids)
            )

        default: dict[str, Any] = {"to": ("tula",), "kind": Letter, "text": f"{self.count}"}
        forgery = Forgery(ordinal=ordinal, note=note, after=lambda _: named, **(default | fields))
        return self.realm.forge(forgery)["tula"]

    def send(self, data: bytes, now: datetime = NOW) -> Received:
        self.count += 1
        folder = self.realm.put({"tula": data}, f"sent-{self.count}")
        [outcome] = self.realm.receive("tula", folder / "tula.dispatch", now=now)
        return outcome


@pytest.fixture
def centre(realm: Realm) -> Centre:
    return Centre(realm)


def id_of(data: bytes) -> bytes:
    return parse_envelope(data).signed_note.id


def taken(outcome: Received) -> tuple[str, Number | None]:
    """Give the state of one that contradicts nothing, and what it disputes."""
    assert (outcome.error, outcome.contradiction, outcome.code) == (None, "", 0)
    return outcome.state, outcome.disputed


def contradicts(outcome: Received, *words: str) -> bool:
    """Whether it is registered, and said to contradict something in these words."""
    assert (outcome.error, outcome.state in ("new", "known"), outcome.code) == (None, True, 3)
    return all(word in outcome.contradiction for word in words)


class TestDates:
    def test_a_date_before_that_of_an_earlier_number(self, centre: Centre) -> None:
        assert taken(centre.send(centre.write(3, [b"1" * 32] * 2))) == ("new", None)
        late = centre.write(5, [b"1" * 32] * 4, after=3, date=NOW - HOUR)
        for _ in range(2):  # the same again has the same outcome
            assert contradicts(centre.send(late), "cc/2026/5", "before cc/2026/3", "2026-11-23T08:00:00Z")

    def test_a_date_after_that_of_a_later_number(self, centre: Centre) -> None:
        assert taken(centre.send(centre.write(5, [b"1" * 32] * 4, date=NOW - HOUR))) == ("new", None)
        assert contradicts(centre.send(centre.write(3, [b"1" * 32] * 2)), "cc/2026/5", "before cc/2026/3")

    def test_the_same_date_and_any_that_fits(self, centre: Centre) -> None:
        for ordinal, before, date in ((3, 2, NOW), (5, 4, NOW), (4, 3, NOW), (2, 1, NOW - HOUR)):
            outcome = centre.send(centre.write(ordinal, [b"1" * 32] * before, after=1, date=date))
            assert (outcome.state, outcome.code) == ("new", 0), outcome.error


class TestHeads:
    def test_a_note_before_was_replaced(self, centre: Centre) -> None:
        """We have the one text of number 1, and the register goes on from another."""
        first = centre.write(1)
        centre.send(first)
        assert contradicts(centre.send(centre.write(2, [b"x" * 32], after=1)), "the head that cc/2026/2 pins")

    def test_the_true_one_is_taken(self, centre: Centre) -> None:
        first = centre.write(1)
        second = centre.write(2, [id_of(first)], after=1)
        third = centre.write(3, [id_of(first), id_of(second)], after=2)
        for data in (third, first, second):
            assert taken(centre.send(data)) == ("new", None)

    def test_a_late_one_that_is_not_what_a_later_head_holds(self, centre: Centre) -> None:
        first = centre.write(1)
        second = centre.write(2, [id_of(first)], after=1)
        third = centre.write(3, [id_of(first), id_of(second)], after=2)
        centre.send(third)
        centre.send(first)
        other = centre.write(2, [id_of(first)], after=1, text="another")
        assert contradicts(centre.send(other), "the head that cc/2026/3 pins")
        assert failed(centre.send(second), EquivocationError)

    def test_a_year_closed_with_another_head(self, centre: Centre) -> None:
        first = centre.write(1)
        centre.send(first)
        closing: dict[str, Any] = {"volume": "2027", "date": NEW_YEAR, "after": 1}
        wrong = centre.write(1, Head("2026", 1, bytes(32)), **closing)
        right = centre.write(1, Head("2026", 1, root([leaf_hash(id_of(first))])), **closing)
        assert taken(centre.send(right, NEW_YEAR)) == ("new", None)
        assert failed(centre.send(wrong, NEW_YEAR), EquivocationError)
        lettered = centre.write(
            1, Head("2026", 1, bytes(32)), volume="2027b", date=NEW_YEAR, after=Number("cc", "2027", 1)
        )
        assert contradicts(centre.send(lettered, NEW_YEAR), "the head that cc/2027b/1 pins")

    def test_where_a_note_is_not_here_nothing_can_be_said(self, centre: Centre) -> None:
        for ordinal in (2, 4, 5):
            data = centre.write(ordinal, [bytes([ordinal]) * 32] * (ordinal - 1), after=ordinal - 1)
            assert centre.send(data).state == "new"


class TestVoids:
    """A note declares that another was never released; the other is here."""

    def voiding(self, centre: Centre, *ids: bytes, ordinal: int = 2) -> bytes:
        return centre.write(ordinal, [b"1" * 32] * (ordinal - 1), after=1, voids=ids)

    def test_one_that_is_here(self, centre: Centre) -> None:
        first = centre.write(1)
        assert taken(centre.send(first)) == ("new", None)
        voiding = self.voiding(centre, id_of(first), ordinal=3)
        for _ in range(2):
            assert contradicts(centre.send(voiding), "cc/2026/3", "cc/2026/1 was never released")

    def test_one_that_comes_later(self, centre: Centre) -> None:
        first = centre.write(1)
        assert centre.send(self.voiding(centre, id_of(first), ordinal=3)).contradiction == ""
        for _ in range(2):
            assert contradicts(centre.send(first), "cc/2026/3", "cc/2026/1 was never released")

    def test_one_that_is_not_its_own(self, centre: Centre) -> None:
        """What another office sent us was released, whoever says otherwise."""
        realm = centre.realm
        sent = realm.issue("kursk", kind="letter", to=["tula"])
        realm.receive("tula", sent)
        [copy] = sent.glob("*.tula.dispatch")
        assert contradicts(centre.send(self.voiding(centre, id_of(copy.read_bytes()))), "kursk/2026/1")

    def test_a_stolen_keys_note_says_nothing(self, centre: Centre) -> None:
        realm, stolen = centre.realm, SigningKey.generate()
        card = realm.card("cc")
        both = replace(card, signing=(*card.signing, stolen.verify_key.line()))
        realm.adopt(realm.next_roster(lambda roster: add_office(roster, both)))
        first = centre.write(1)
        thief = centre.write(3, [b"1" * 32] * 2, after=1, voids=(id_of(first),), signers=[stolen])
        assert centre.send(thief).contradiction == ""
        assert contradicts(centre.send(first), "never released")
        key = stolen.verify_key.fingerprint()
        realm.adopt(
            realm.next_roster(lambda roster: revoke_key(roster, "cc", key, NOW - HOUR), date=NOW + 2 * HOUR)
        )
        assert taken(centre.send(first, now=NOW + 3 * HOUR)) == ("known", None)


class TestWhatWentToUsBefore:
    """Registered and said: an honest register that was restored from a backup does not know all it sent."""

    def test_a_copy_that_passes_over_what_we_have(self, centre: Centre) -> None:
        centre.send(centre.write(3, [b"1" * 32] * 2))
        later = centre.write(7, [b"1" * 32] * 6, after=2)
        for state in ("new", "known"):
            assert taken(centre.send(later)) == (state, Number("cc", "2026", 3))

    def test_a_late_one_that_is_passed_over(self, centre: Centre) -> None:
        centre.send(centre.write(7, [b"1" * 32] * 6, after=2))
        assert taken(centre.send(centre.write(3, [b"1" * 32] * 2))) == ("new", Number("cc", "2026", 7))

    def test_a_volume_closed_before_what_we_have(self, centre: Centre) -> None:
        centre.send(centre.write(9, [b"1" * 32] * 8))
        restored = centre.write(1, Head("2026", 5, bytes(32)), volume="2026b", after=9)
        assert taken(centre.send(restored)) == ("new", Number("cc", "2026", 9))

    @pytest.mark.parametrize(
        ("after", "head", "expected"),
        [
            (4, Head("2026", 8, b""), False),
            (5, Head("2026", 8, b""), False),
            (3, Head("2026", 8, b""), True),
            (None, Head("2026", 8, b""), True),
            (4, Head("2026", 4, b""), False),
            (4, Head("2026", 3, b""), True),
            (4, FIRST_HEAD, True),
            (4, Head("2025", 90, b""), True),
        ],
    )
    def test_either_tells(self, after: int | None, head: Head, *, expected: bool) -> None:
        named = Number("cc", "2026", after) if after else None
        assert passes_over(named, head, Number("cc", "2026", 4)) == expected


class TestTwins:
    def test_a_second_note_after_the_first_was_rejected(self, centre: Centre) -> None:
        """The text of the first was not the one that was signed: the second is the only one to read."""
        first = centre.send(centre.write(1, content=lambda _: bytes(32)))
        assert (first.state, first.code) == ("rejected", 3)
        second = centre.send(centre.write(1))
        assert second.state == "new"
        assert contradicts(second, "another dispatch, which was rejected", "cc/2026/1")

    def test_no_more_files_are_read_than_tell_its_note_from_another(self, centre: Centre) -> None:
        """There may be a thousand, of 8 MiB each: the first that stands is enough."""
        for _ in range(2):
            assert centre.send(centre.write(1, content=lambda _: bytes(32))).state == "rejected"
        number = Number("cc", "2026", 1)
        with centre.realm.office("tula") as office:
            _, last = office.register.waiting.rejected_twins(number, bytes(32))
        with sqlite3.connect(centre.realm.home("tula").register) as connection:
            connection.execute("UPDATE waiting SET file = x'00' WHERE digest = ?", (last,))
        connection.close()
        assert contradicts(centre.send(centre.write(1)), "another dispatch, which was rejected", "cc/2026/1")

    def test_of_one_that_is_only_held_it_is_said_when_it_can_be_judged(self, centre: Centre) -> None:
        day = timedelta(days=1)
        centre.send(centre.write(1, date=NOW + 3 * day))
        assert taken(centre.send(centre.write(1))) == ("new", None)
        with centre.realm.office("tula", now=NOW + 3 * day) as office:
            [again] = office.receive([]).received
        assert failed(again, EquivocationError)


class TestStolenKeys:
    """A thief comes first with a number that is far ahead: nothing true is kept out for it."""

    def test_what_is_true_is_registered_beside_it(self, centre: Centre) -> None:
        centre.send(centre.write(999_999_999, FAR))
        later = centre.write(2, [b"1" * 32], date=NOW + HOUR, after=1)
        assert contradicts(centre.send(later, NOW + HOUR), "cc/2026/999999999")

    def test_once_its_key_is_marked_nothing_is_said_of_it(self, centre: Centre) -> None:
        realm = centre.realm
        centre.send(centre.write(999_999_999, FAR))
        stolen = realm.keys("cc").signing_keys[0].verify_key.fingerprint()
        fresh = SigningKey.generate()
        card = replace(realm.card("cc"), signing=(fresh.verify_key.line(),))

        def rotate(roster: Roster) -> Roster:
            return add_office(revoke_key(roster, "cc", stolen, NOW - HOUR), card)

        realm.adopt(realm.next_roster(rotate, date=NOW + HOUR))
        true = centre.write(2, [b"1" * 32], date=NOW + 2 * HOUR, after=1, signers=[fresh])
        assert taken(centre.send(true, NOW + 2 * HOUR)) == ("new", None)
