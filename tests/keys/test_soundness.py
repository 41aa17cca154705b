"""Which signatures of a note count by the newest roster, and when it needs evidence of its age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from keys.errors import CompromisedError, EndedKeyError
from keys.roster import add_office, first_roster, next_version, set_threshold
from keys.soundness import LATE, Counted, check_first_arrival, count_signatures
from tests.forge.roster import card_of, numbered

if TYPE_CHECKING:
    from keys.roster import Roster

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
KEYS = tuple(numbered(number).signing_keys[0].verify_key for number in range(3))
END = START + 100 * DAY
"""The date of version 2, which ends keys."""


def roster(
    threshold: int,
    *,
    marks: tuple[datetime | None, ...] = (None, None, None),
    ended: tuple[int, ...] = (),
    closed: bool = False,
) -> Roster:
    """Make version 3 of a roster; keys end with version 2, and the office, if `closed`, with version 3."""
    one = first_roster(realm="rkp", root=[KEYS[0]], date=START, expires=START + 900 * DAY)
    one = set_threshold(add_office(one, card_of("tula", *map(numbered, range(3)))), "tula", threshold)
    three = next_version(
        next_version(one, date=END, expires=one.expires), date=END + DAY, expires=one.expires
    )
    [office] = three.offices
    lines = [key.line() for key in KEYS]
    signing = tuple(
        replace(
            entry,
            until=2 if lines.index(entry.value) in ended else None,
            compromised=marks[lines.index(entry.value)],
        )
        for entry in office.signing_entries
    )
    office = replace(office, signing_entries=signing, until=3 if closed else None)
    return replace(three, offices=(office,))


def count(of: Roster, *signers: int, date: datetime = START) -> Counted:
    keys = [KEYS[one] for one in signers]
    return count_signatures(of, issuer="tula", version=1, signers=keys, date=date)


def test_a_mark_takes_what_is_dated_from_its_moment_on() -> None:
    marked = roster(1, marks=(END, None, None))
    assert count(marked, 0, date=END - SECOND).forgeable_from == END
    for date in (END, END + DAY):
        with pytest.raises(CompromisedError):
            count(marked, 0, date=date)
        assert count(marked, 0, 1, date=date).forgeable_from is None


def test_with_a_marked_key_a_threshold_is_not_reached() -> None:
    with pytest.raises(CompromisedError):
        count(roster(2, marks=(START, None, None)), 0, 1, date=START)


@pytest.mark.parametrize(
    ("threshold", "signers", "moment"),
    [
        (1, (0,), 1),
        (1, (0, 1), 2),
        (1, (0, 1, 2), None),
        (2, (0, 1), 1),
        (2, (0, 2), 1),
        (2, (0, 1, 2), 2),
        (3, (0, 1, 2), 1),
    ],
)
def test_evidence_is_needed_from_the_mark_that_leaves_too_few(
    threshold: int, signers: tuple[int, ...], moment: int | None
) -> None:
    marks = (START + DAY, START + 2 * DAY, None)
    found = count(roster(threshold, marks=marks), *signers).forgeable_from
    assert found == (None if moment is None else START + moment * DAY)


def test_a_note_dated_thirty_days_after_the_end_of_its_key_still_counts() -> None:
    ended = roster(1, ended=(0,))
    count(ended, 0, date=END + LATE)
    with pytest.raises(EndedKeyError):
        count(ended, 0, date=END + LATE + SECOND)
    count(ended, 0, 1, date=END + LATE + SECOND)


def test_a_key_ends_with_its_office_if_not_before() -> None:
    closed = roster(1, ended=(0,), closed=True)
    count(closed, 1, date=END + DAY + LATE)
    for key, date in ((0, END + LATE), (1, END + DAY + LATE)):
        with pytest.raises(EndedKeyError):
            count(closed, key, date=date + SECOND)


def test_no_key_that_ended_long_ago_is_excused_by_another_in_force() -> None:
    ended = roster(2, ended=(0,))
    check_first_arrival(count(ended, 0, 1), END + LATE)
    with pytest.raises(EndedKeyError):
        check_first_arrival(count(ended, 0, 1), END + LATE + SECOND)
    check_first_arrival(count(ended, 0, 1, 2), END + 280 * DAY)
    check_first_arrival(count(ended, 1, 2), END + 280 * DAY)
