"""Duties as a calendar, and in 80 columns."""

from __future__ import annotations

from datetime import date

from icalendar import Calendar

from dispatch.duties.as_json import slot_json
from dispatch.duties.slots import slots_of
from dispatch.render.calendar import calendar
from dispatch.render.due import case_text, own_text
from tests.duties.test_slots import DAY, DUE, ISSUED, case, filing, obligation


def test_a_calendar_has_an_event_for_each_moment_that_is_still_to_come() -> None:
    slots = slots_of(case(filings=(filing(),)), DUE + DAY)
    found = Calendar.from_ical(calendar(slots, "rkp", DUE))
    events = found.walk("VEVENT")
    # tula has reported for May, penza has not; both owe June
    assert [(str(one["summary"]), str(one["description"])) for one in events] == [
        ("cc/2026/4#monthly 2026-05: report due", "penza"),
        ("cc/2026/4#monthly 2026-06: report due", "penza, tula"),
    ]
    assert events[0].decoded("dtend") == DUE
    assert len({str(one["uid"]) for one in events}) == 2


def test_the_same_slots_give_the_same_calendar() -> None:
    slots = slots_of(case(), DUE)
    assert calendar(slots, "rkp", DUE) == calendar(reversed(slots), "rkp", DUE)


def test_many_periods_and_long_handles_fit_a_terminal() -> None:
    offices = tuple(sorted(f"{'very-long-name-' * 2}{number}" for number in range(3)))
    many = case(obligation(from_="2016-01"), offices=offices)
    text = case_text(many, slots_of(many, ISSUED), ISSUED, 80)
    assert max(map(len, text.split("\n"))) <= 80
    assert "of 124; --csv and --json have all" in text


def test_what_is_done_is_not_owed() -> None:
    one = case(filings=(filing(),), offices=("tula",))
    assert own_text(slots_of(one, DUE)[:1], (), 80) == "nothing is owed"
    assert "overdue" in own_text(slots_of(case(offices=("tula",)), DUE), (), 80)


def test_a_moment_before_an_event_of_1970_is_written() -> None:
    """Dates of notes begin with 1970; a branch may name an event of its first day all the same."""
    one = case(
        obligation(every=None, from_=None, before="conference"),
        filings=(filing(occasion="event:1", event_label="x", event_date=date(1970, 1, 1)),),
    )
    assert "1969-12-26T21:00:00Z" in [slot_json(slot)["due"] for slot in slots_of(one, DUE)]


def test_very_many_open_slots_are_cut_short() -> None:
    many = slots_of(case(obligation(from_="1970-01"), offices=("tula",)), DUE)
    assert len(many) > 600
    text = own_text(many, (), 80)
    assert len(text.split("\n")) == 502
    assert text.endswith(f"… and {len(many) - 500} more, due later; --json and --csv have all")


def test_json_has_every_key() -> None:
    [first, *_] = slots_of(case(), DUE)
    wanted = {
        "number",
        "obligation",
        "office",
        "period",
        "event",
        "state",
        "nil",
        "due",
        "received",
        "report",
    }
    assert wanted <= slot_json(first).keys()
