"""Due moments as an iCalendar file (RFC 5545). Pure."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING

from icalendar import Calendar, Event

from dispatch.render.due import occasion_text
from dispatch.render.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dispatch.duties.slots import Slot

_LENGTH = timedelta(minutes=30)


def calendar(slots: Iterable[Slot], realm: str, now: datetime) -> bytes:
    """Give an event for each due moment that is still open, one for all offices that owe something then."""
    result = Calendar()
    result.add("prodid", "-//dispatch//due//EN")
    result.add("version", "2.0")
    still = [slot for slot in slots if slot.due and not slot.stands and slot.state != "waived"]
    still.sort(key=lambda slot: (*_moment(slot), slot.office))
    for (due, number, obligation, occasion), group in groupby(still, key=_moment):
        here = list(group)
        event = Event()
        place = f"{realm} {number} {obligation} {occasion} {due:%Y%m%dT%H%M%SZ}"
        event.add("uid", f"{sha256(place.encode()).hexdigest()[:32]}@dispatch")
        event.add("dtstamp", now)
        event.add("dtstart", due - _LENGTH)
        event.add("dtend", due)
        event.add("summary", clean(f"{number}#{obligation} {occasion_text(here[0])}: report due"))
        event.add("description", ", ".join(slot.office for slot in here))
        result.add_component(event)
    return bytes(result.to_ical())


def _moment(slot: Slot) -> tuple[datetime, str, str, str]:
    assert slot.due is not None  # noqa: S101 - the caller left those out
    return slot.due, str(slot.number), slot.obligation, slot.occasion
