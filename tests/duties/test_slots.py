"""Who owes what: every state of a slot, extensions, returns, endings, events, rates, in any order."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.duties.case import Answer, Case, Effect, Filing, SlotDecision, settled_by
from dispatch.duties.events import events_of, report_on_event
from dispatch.duties.occasions import due_dates
from dispatch.duties.slots import Slot, next_occasion, rates, slots_of
from dispatch.duties.standings import standings_of
from dispatch.formats.message import Circular, PromiseMade
from dispatch.formats.note import Number
from dispatch.formats.obligation import Form, Obligation
from tests.forge.dispatches import make_obligation

ISSUED = datetime(2026, 4, 27, 9, tzinfo=UTC)
DUE = datetime(2026, 6, 5, 21, tzinfo=UTC)  # five days after May, at midnight in Moscow
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
OFFICES = ("penza", "tula")


def obligation(**changes: Any) -> Obligation:
    monthly = {"paragraph": 4, "form": "monthly", "every": "month", "from_": "2026-05", "by": ("@provinces",)}
    return make_obligation(**({"name": changes.pop("id", "monthly")} | monthly | changes))


def event(**changes: Any) -> Obligation:
    return obligation(**({"every": None, "from_": None, "nil": False, "due": "P7D"} | changes))


def circular(*obligations: Obligation, **changes: Any) -> Circular:
    default: dict[str, Any] = {
        "format": "dispatch-message/v1",
        "salt": "",
        "secrets": "",
        "number": "cc/2026/4",
        "date": "2026-04-27T09:00:00Z",
        "from_": "cc",
        "to": ("@provinces",),
        "info": (),
        "precedence": "routine",
        "subject": "Отчёты",
        "attachments": (),
        "body": "",
        "zone": "Europe/Moscow",
        "reply": "receipt",
        "reply_within": None,
        "relations": (),
        "promises": (),
        "obligations": obligations,
        "forms": (Form(id="monthly", fields=()),),
    }
    return Circular(**(default | changes))


def case(*obligations: Obligation, offices: tuple[str, ...] = OFFICES, **changes: Any) -> Case:
    message = changes.pop("circular", None) or circular(*(obligations or (obligation(),)))
    return Case(
        number=Number("cc", "2026", 4),
        id=bytes(32),
        date=ISSUED,
        circular=message,
        addressees=offices,
        info=(),
        owing={one.id: offices for one in message.obligations},
        **changes,
    )


def filing(ordinal: int = 1, *, received: datetime | None = DUE - DAY, **changes: Any) -> Filing:
    default: dict[str, Any] = {
        "number": Number("tula", "2026", ordinal),
        "id": ordinal.to_bytes(32, "big"),
        "sent": DUE - 2 * DAY,
        "office": "tula",
        "obligation": "monthly",
        "occasion": "period:2026-05",
        "received": received,
        "nil": False,
    }
    return Filing(**(default | changes))


def decided(decision: Any, ordinal: int = 9, **changes: Any) -> SlotDecision:
    default: dict[str, Any] = {
        "number": Number("cc", "2026", ordinal),
        "date": DUE,
        "decision": decision,
        "office": "tula",
        "obligation": "monthly",
        "occasion": "period:2026-05",
    }
    return SlotDecision(**(default | changes))


def slot(
    what: Case, now: datetime, office: str = "tula", occasion: str = "period:2026-05", of: str = "monthly"
) -> Slot:
    [found] = [
        one
        for one in slots_of(what, now)
        if (one.office, one.occasion, one.obligation) == (office, occasion, of)
    ]
    return found


class TestTime:
    @pytest.mark.parametrize(
        ("now", "state"),
        [
            (datetime(2026, 4, 30, tzinfo=UTC), "pending"),
            (datetime(2026, 5, 31, 20, 59, 59, tzinfo=UTC), "pending"),
            (datetime(2026, 5, 31, 21, tzinfo=UTC), "due"),  # midnight in Moscow
            (DUE - SECOND, "due"),
            (DUE, "overdue"),
        ],
    )
    def test_an_empty_slot_goes_from_pending_to_overdue(self, now: datetime, state: str) -> None:
        assert slot(case(), now).state == state

    @pytest.mark.parametrize(
        ("received", "state"), [(DUE - SECOND, "on-time"), (DUE, "late"), (DUE + 300 * DAY, "late")]
    )
    def test_what_counts_is_the_centres_receipt(self, received: datetime, state: str) -> None:
        found = slot(case(filings=(filing(received=received),)), DUE + 400 * DAY)
        assert found.state == state
        assert found.was_sent_in_time

    def test_without_a_receipt_a_report_does_not_count_and_is_shown(self) -> None:
        found = slot(case(filings=(filing(received=None),)), DUE + DAY)
        assert found.state == "overdue"
        assert found.filing is not None
        assert found.filing.received is None

    def test_a_slot_for_once(self) -> None:
        once = obligation(every=None, from_=None, once="2026-12-31", due="P7D")
        found = slot(case(once), datetime(2027, 1, 7, 20, 59, 59, tzinfo=UTC), occasion="once")
        assert (found.state, found.due) == ("due", datetime(2027, 1, 7, 21, tzinfo=UTC))
        assert (
            slot(case(once), datetime(2026, 12, 31, 20, 59, 59, tzinfo=UTC), occasion="once").state
            == "pending"
        )

    def test_periods_end_with_until_and_the_first_is_shown_before_it_begins(self) -> None:
        some = case(obligation(until="2026-07"), offices=("tula",))
        assert [one.period for one in slots_of(some, ISSUED)] == ["2026-05"]
        assert [one.period for one in slots_of(some, ISSUED + 900 * DAY)] == ["2026-05", "2026-06", "2026-07"]

    def test_periods_may_lie_in_the_past(self) -> None:
        past = case(obligation(from_="2025-11"), offices=("tula",))
        states = [one.state for one in slots_of(past, ISSUED)]
        assert states == ["overdue"] * 5 + ["pending"]

    def test_what_check_announces(self) -> None:
        found = due_dates(obligation(), "Europe/Moscow", ISSUED, 2)
        assert found == (("2026-05", DUE), ("2026-06", datetime(2026, 7, 5, 21, tzinfo=UTC)))
        assert due_dates(obligation(until="2026-05"), "Europe/Moscow", DUE) == ()
        assert due_dates(event(before="conference"), "UTC", ISSUED) == ((None, None),)
        once = obligation(every=None, from_=None, once="2026-12-31", due="P7D")
        due = datetime(2027, 1, 7, 21, tzinfo=UTC)
        assert due_dates(once, "Europe/Moscow", ISSUED) == ((None, due),)


class TestRulings:
    def test_an_extension_moves_the_due_moment_and_the_newest_counts(self) -> None:
        extended = case(
            filings=(filing(received=DUE + 5 * DAY),),
            decisions=(
                decided("extend", 9, until=DUE + 2 * DAY),
                decided("extend", 10, until=DUE + 9 * DAY),
            ),
        )
        assert slot(extended, DUE).state == "on-time"
        assert slot(replace(extended, decisions=extended.decisions[:1]), DUE).state == "late"
        assert slot(replace(extended, filings=()), DUE + 3 * DAY).state == "due"
        assert slot(extended, DUE, office="penza").state == "overdue"

    def test_a_waiver_expects_nothing_whatever_came(self) -> None:
        waived = case(decisions=(decided("waive"),))
        assert slot(waived, DUE + DAY).state == "waived"
        assert slot(replace(waived, filings=(filing(),)), DUE + DAY).state == "waived"
        assert rates(slots_of(replace(waived, filings=(filing(),)), DUE)) == (1, 0, 0, 0)

    def test_a_returned_report_waits_for_its_correction(self) -> None:
        returned = case(filings=(filing(),), decisions=(decided("return", report=filing().id),))
        assert slot(returned, DUE).state == "returned"
        corrected = replace(returned, filings=(filing(), filing(2, received=DUE + DAY)))
        assert slot(corrected, DUE).state == "late"
        assert slot(replace(corrected, decisions=()), DUE).state == "on-time"

    def test_a_report_is_returned_in_a_slot_that_was_extended(self) -> None:
        both = (decided("extend", 9, until=DUE + 2 * DAY), decided("return", 10, report=filing().id))
        assert slot(case(filings=(filing(),), decisions=both), DUE).state == "returned"

    def test_a_correction_that_is_returned_does_not_bring_back_what_it_corrected(self) -> None:
        returned = case(
            filings=(filing(), filing(2, received=DUE + DAY)),
            decisions=(decided("return", report=filing(2).id),),
        )
        assert slot(returned, DUE).state == "returned"
        assert rates(slots_of(returned, DUE)) == (2, 0, 0, 0)

    def test_who_cannot_read_the_decision_takes_the_report_that_was_there(self) -> None:
        blind = case(
            filings=(filing(1, received=DUE - 3 * DAY), filing(2, received=DUE + DAY)),
            decisions=(decided("return", date=DUE),),
        )
        found = slot(blind, DUE)
        assert found.state == "late"
        assert found.filing is not None
        assert found.filing.number.ordinal == 2

    def test_an_accepted_report_is_as_it_was(self) -> None:
        assert (
            slot(case(filings=(filing(),), decisions=(decided("accept", report=filing().id),)), DUE).state
            == "on-time"
        )

    def test_where_the_extension_is_not_known_nothing_is_called_late(self) -> None:
        extended = case(filings=(filing(received=DUE + DAY),), decisions=(decided("extend", until=None),))
        assert slot(extended, DUE + DAY).state == "filed"
        assert slot(replace(extended, filings=()), DUE + DAY).state == "due"


class TestRevisions:
    def test_the_newest_counts_and_a_correction_is_not_punished(self) -> None:
        revised = case(filings=(filing(1), filing(3, received=DUE + 30 * DAY)))
        found = slot(revised, DUE)
        assert found.state == "on-time"
        assert found.filings == 2
        assert found.filing is not None
        assert found.filing.number.ordinal == 3

    def test_the_same_report_doubled_counts_once(self) -> None:
        doubled = case(filings=(filing(), filing(), filing()))
        assert rates(slots_of(doubled, DUE)) == (2, 1, 1, 0)


class TestEndings:
    def ended(self, when: datetime, paragraph: int | None = None, kind: Any = "cancels") -> Case:
        effect = Effect(
            type=kind,
            target=Number("cc", "2026", 4),
            target_id=None,
            by=Number("cc", "2026", 8),
            date=when,
            paragraph=paragraph,
        )
        return case(effects=(effect,), offices=("tula",))

    def test_what_was_due_survives_and_nothing_new_is_raised(self) -> None:
        periods = [one.period for one in slots_of(self.ended(DUE + 60 * DAY), DUE + 300 * DAY)]
        assert periods == ["2026-05", "2026-06", "2026-07"]

    @pytest.mark.parametrize("kind", ["cancels", "supersedes"])
    def test_before_anything_is_due_all_of_it_goes(self, kind: str) -> None:
        assert slots_of(self.ended(ISSUED + DAY, kind=kind), DUE + 300 * DAY) == ()

    @pytest.mark.parametrize("kind", ["amends", "amplifies", "refers"])
    def test_what_does_not_end_it_does_not(self, kind: str) -> None:
        assert len(slots_of(self.ended(ISSUED + DAY, kind=kind), DUE)) == 2

    def test_a_paragraph_alone(self) -> None:
        assert slots_of(self.ended(ISSUED + DAY, paragraph=4), DUE) == ()
        assert len(slots_of(self.ended(ISSUED + DAY, paragraph=3), DUE)) == 2

    def test_what_was_reported_before_stays(self) -> None:
        early = self.ended(datetime(2026, 5, 20, tzinfo=UTC))
        sent = filing(sent=datetime(2026, 5, 19, tzinfo=UTC))
        assert slot(replace(early, filings=(sent,)), DUE).state == "on-time"

    def test_what_was_reported_at_the_very_moment_stays(self) -> None:
        moment = datetime(2026, 5, 20, tzinfo=UTC)
        early = self.ended(moment)
        assert slot(replace(early, filings=(filing(sent=moment),)), DUE).state == "on-time"
        assert slots_of(replace(early, filings=(filing(sent=moment + SECOND),)), DUE) == ()

    def test_an_office_that_ended_owes_no_more(self) -> None:
        ended = replace(case(), ended_offices={"tula": DUE - DAY})
        assert [one.office for one in slots_of(ended, DUE) if one.period == "2026-05"] == ["penza"]
        stayed = replace(case(), ended_offices={"tula": DUE})
        assert slot(stayed, DUE + DAY).state == "overdue"


class TestEvents:
    both = (event(id="before", before="conference"), event(id="after", after="conference", due="P3D"))
    held = date(2026, 6, 12)

    def before(self, ordinal: int = 1, count: int = 1, **changes: Any) -> Filing:
        default: dict[str, Any] = {
            "obligation": "before",
            "occasion": f"event:{count}",
            "event_date": self.held,
        }
        return filing(ordinal, **(default | {"received": datetime(2026, 6, 1, tzinfo=UTC)} | changes))

    def after(self, ordinal: int = 2, count: int = 1, **changes: Any) -> Filing:
        default: dict[str, Any] = {
            "obligation": "after",
            "occasion": f"event:{count}",
            "event_date": self.held,
        }
        return filing(ordinal, **(default | {"received": datetime(2026, 6, 13, tzinfo=UTC)} | changes))

    def test_no_event_no_slot(self) -> None:
        assert slots_of(case(*self.both), DUE) == ()
        assert events_of(case(*self.both)) == ()

    def test_an_announced_event_owes_the_report_after_it(self) -> None:
        announced = case(*self.both, filings=(self.before(),))
        due = datetime(2026, 6, 15, 21, tzinfo=UTC)  # three days after the 12th, in Moscow
        found = slot(announced, due - SECOND, occasion="event:1", of="after")
        assert (found.state, found.due) == ("due", due)
        assert slot(announced, due, occasion="event:1", of="after").state == "overdue"
        assert slot(announced, due, occasion="event:1", of="before").state == "on-time"
        assert [tuple(one) for one in events_of(announced)] == [("tula", "conference", 1, 0, 0, 0)]

    def test_an_event_that_was_never_announced_owes_the_report_before_it(self) -> None:
        silent = case(*self.both, filings=(self.after(),))
        found = slot(silent, DUE + 30 * DAY, occasion="event:1", of="before")
        assert (found.state, found.due) == ("overdue", datetime(2026, 6, 4, 21, tzinfo=UTC))
        assert [tuple(one) for one in events_of(silent)] == [("tula", "conference", 0, 1, 0, 1)]

    def test_a_report_before_that_comes_too_late_is_late(self) -> None:
        late = case(*self.both, filings=(self.before(received=datetime(2026, 6, 4, 21, tzinfo=UTC)),))
        assert slot(late, DUE, occasion="event:1", of="before").state == "late"

    def test_an_event_that_was_put_off_is_judged_by_its_new_day(self) -> None:
        later = date(2026, 7, 12)
        moved = case(*self.both, filings=(self.before(), self.after(event_date=later)))
        assert slot(moved, DUE, occasion="event:1", of="after").due == datetime(2026, 7, 15, 21, tzinfo=UTC)
        again = case(*self.both, filings=(self.before(), self.before(3, event_date=later)))
        assert slot(again, DUE, occasion="event:1", of="before").due == datetime(2026, 7, 4, 21, tzinfo=UTC)

    def test_counts_of_announced_reported_paired_and_unreport_on_event(self) -> None:
        reports = (
            self.before(1, 1),
            self.before(2, 2),
            self.after(3, 2),
            self.after(4, 3),
            self.after(5, 3),
        )
        found = events_of(case(*self.both, filings=reports))
        assert [tuple(one) for one in found] == [("tula", "conference", 2, 2, 1, 1)]

    def test_who_does_not_know_the_day_says_nothing_about_time(self) -> None:
        blind = case(*self.both, filings=(self.before(event_date=None),))
        assert slot(blind, DUE + 99 * DAY, occasion="event:1", of="before").state == "filed"
        assert slot(blind, DUE + 99 * DAY, occasion="event:1", of="after").state == "due"


class TestNextReport:
    """For which period or event an office is offered a form."""

    later = DUE + 40 * DAY  # May and June are over

    def test_the_oldest_period_that_is_open(self) -> None:
        monthly = obligation()
        assert next_occasion(case(monthly), monthly, "tula", self.later) == ("2026-05", None)
        reported = case(monthly, filings=(filing(),))
        assert next_occasion(reported, monthly, "tula", self.later) == ("2026-06", None)
        assert next_occasion(reported, monthly, "penza", self.later) == ("2026-05", None)

    def test_a_returned_report_comes_before_what_was_never_reported(self) -> None:
        monthly = obligation()
        returned = case(monthly, filings=(filing(),), decisions=(decided("return", report=filing().id),))
        assert next_occasion(returned, monthly, "tula", self.later) == ("2026-05", None)

    def test_the_newest_period_where_all_is_reported(self) -> None:
        monthly = obligation(until="2026-06")
        both = (filing(1), filing(2, occasion="period:2026-06"))
        assert next_occasion(case(monthly, filings=both), monthly, "tula", self.later) == ("2026-06", None)

    def test_the_first_period_where_nothing_is_asked_for(self) -> None:
        monthly = obligation()
        left = case(monthly, ended_offices={"tula": ISSUED})
        assert next_occasion(left, monthly, "tula", self.later) == ("2026-05", None)

    def test_a_report_once_has_neither(self) -> None:
        once = obligation(every=None, from_=None, once="2026-05-31")
        assert next_occasion(case(once), once, "tula", self.later) == (None, None)

    def test_a_new_event_before_it_is_held_but_the_oldest_afterwards(self) -> None:
        """Nothing can be announced any more once it is overdue; a report afterwards only comes late."""
        events = TestEvents()
        before, after = events.both
        assert next_occasion(case(before, after), before, "tula", self.later) == (None, 1)
        held = (events.after(1, 1), events.after(2, 2))
        unannounced = case(before, after, filings=held)
        assert next_occasion(unannounced, before, "tula", self.later) == (None, 3)
        assert next_occasion(unannounced, after, "tula", self.later) == (None, 3)
        ahead = case(before, after, filings=(events.before(1, 1), events.before(2, 2)))
        assert next_occasion(ahead, after, "tula", self.later) == (None, 1)
        assert next_occasion(ahead, before, "tula", self.later) == (None, 3)

    def test_a_returned_announcement_is_corrected(self) -> None:
        events = TestEvents()
        before, after = events.both
        sent = (events.before(1, 1), events.before(2, 2))
        sent_back = decided("return", report=sent[0].id, obligation="before", occasion="event:1")
        returned = case(before, after, filings=sent, decisions=(sent_back,))
        assert next_occasion(returned, before, "tula", self.later) == (None, 1)

    def test_an_event_is_called_as_it_was_last(self) -> None:
        events = TestEvents()
        before, after = events.both
        first, newest = events.before(1), events.before(3, event_date=date(2026, 7, 12))
        others = (events.before(4, 2), events.before(5, office="penza"))
        known = case(before, after, filings=(newest, first, *others))
        assert report_on_event(known, after, "tula", 1) == newest
        assert report_on_event(known, after, "tula", 3) is None
        assert report_on_event(known, after, "tula", None) is None

    def test_events_of_another_kind_are_others(self) -> None:
        events = TestEvents()
        congress = event(id="congress", after="congress")
        known = case(*events.both, congress, filings=(events.before(),))
        assert report_on_event(known, congress, "tula", 1) is None


class TestStandings:
    def answer(self, ordinal: int, state: Any, office: str = "tula") -> Answer:
        return Answer(number=Number(office, "2026", ordinal), date=ISSUED, office=office, state=state)

    def state(self, *answers: Answer, reply: str = "undertaking", now: datetime = ISSUED) -> Any:
        message = circular(reply=reply, reply_within="P7D")
        [found] = standings_of(case(circular=message, offices=("tula",), answers=answers), now)
        return found

    def test_silent(self) -> None:
        assert self.state().state == "silent"

    def test_the_newest_word_counts_and_a_mere_receipt_takes_nothing_back(self) -> None:
        undertook, refused = self.answer(2, "undertaken"), self.answer(3, "refused")
        assert self.state(refused, undertook, self.answer(4, "received")).state == "refused"
        assert self.state(undertook, self.answer(4, "received")).state == "undertaken"

    @pytest.mark.parametrize(
        ("reply", "state", "is_met"),
        [
            ("receipt", "received", True),
            ("acknowledgement", "received", False),
            ("acknowledgement", "acknowledged", True),
            ("acknowledgement", "undertaken", True),
            ("undertaking", "acknowledged", False),
            ("undertaking", "undertaken", True),
            ("undertaking", "refused", True),
        ],
    )
    def test_what_is_demanded(self, reply: str, state: str, is_met: bool) -> None:  # noqa: FBT001 - a table
        assert self.state(self.answer(1, state), reply=reply).is_met is is_met

    def test_overdue_from_the_moment_on(self) -> None:
        due = ISSUED + 7 * DAY
        assert not self.state(now=due - SECOND).is_overdue
        assert self.state(now=due).is_overdue
        assert not self.state(self.answer(1, "refused"), now=due).is_overdue


def test_promises_are_open_until_a_circular_amplifies() -> None:
    promising = case(circular=circular(promises=(PromiseMade(text="Инструкция"),)))
    assert settled_by(promising) is None
    effect = Effect(
        type="amplifies",
        target=promising.number,
        target_id=promising.id,
        by=Number("cc", "2026", 7),
        date=ISSUED,
        paragraph=None,
    )
    assert settled_by(replace(promising, effects=(effect,))) == effect


moments = st.integers(-60, 300).map(lambda days: DUE + days * DAY)
filings = st.builds(
    filing,
    st.integers(1, 40),
    received=st.none() | moments,
    office=st.sampled_from(OFFICES),
    occasion=st.sampled_from([f"period:2026-{month:02}" for month in range(5, 10)]),
)
decisions = st.builds(
    decided,
    st.sampled_from(["accept", "return", "extend", "waive"]),
    st.integers(10, 60),
    office=st.sampled_from(OFFICES),
    occasion=st.sampled_from([f"period:2026-{month:02}" for month in range(5, 10)]),
    report=st.none() | st.integers(1, 40).map(lambda ordinal: ordinal.to_bytes(32, "big")),
    until=st.none() | moments,
)
effects = st.builds(
    Effect,
    type=st.sampled_from(["cancels", "supersedes", "amends", "amplifies"]),
    target=st.just(Number("cc", "2026", 4)),
    target_id=st.none(),
    by=st.integers(10, 60).map(lambda ordinal: Number("cc", "2026", ordinal)),
    date=moments,
    paragraph=st.none() | st.just(4),
)


def distinct(filed: list[Filing]) -> tuple[Filing, ...]:
    """One report for each number, as in a register."""
    return tuple({(one.office, one.number): one for one in filed}.values())


@given(
    filed=st.lists(filings, max_size=30),
    ruled=st.lists(decisions, max_size=10, unique_by=lambda one: one.number),
    touched=st.lists(effects, max_size=2, unique_by=lambda one: one.by),
    ended=st.dictionaries(st.sampled_from(OFFICES), moments),
    now=moments,
    seed=st.integers(0, 2**32),
)
def test_rates_stay_within_bounds_and_no_order_matters(
    *,
    filed: list[Filing],
    ruled: list[SlotDecision],
    touched: list[Effect],
    ended: dict[str, datetime],
    now: datetime,
    seed: int,
) -> None:
    found_case = case(
        filings=distinct(filed), decisions=tuple(ruled), effects=tuple(touched), ended_offices=ended
    )
    slots = slots_of(found_case, now)
    figures = rates(slots)
    assert 0 <= figures.on_time <= figures.actual <= figures.expected <= len(slots)
    for rate in (figures.reporting_rate, figures.reporting_rate_on_time):
        assert rate is None or 0 <= rate <= 100
    assert len({(one.office, one.occasion) for one in slots}) == len(slots)
    draw = random.Random(seed)

    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(draw.sample(items, len(items)))

    again = replace(
        found_case,
        filings=shuffled(found_case.filings),
        decisions=shuffled(found_case.decisions),
        effects=shuffled(found_case.effects),
    )
    assert slots_of(again, now) == slots
