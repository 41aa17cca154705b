"""The names of occasions: what a report is for."""

from __future__ import annotations

import pytest

from dispatch.formats.blinding import event_in, occasion_of, period_in
from dispatch.formats.message import Answered, Event, Report, SlotRef


@pytest.mark.parametrize(
    ("period", "event", "name"),
    [("2026-05", None, "period:2026-05"), (None, 12, "event:12"), (None, None, "once")],
)
def test_an_occasion_is_named_and_its_name_is_read_again(
    period: str | None, event: int | None, name: str
) -> None:
    assert occasion_of(period, event) == name
    assert (period_in(name), event_in(name)) == (period, event)
    slot = SlotRef(number="cc/2026/4", id="", obligation="a", office="tula", period=period, event=event)
    assert slot.occasion == name
    report = Report(
        format="dispatch-message/v1",
        salt="",
        secrets="",
        number="tula/2026/1",
        date="2026-06-01T09:00:00Z",
        from_="tula",
        to=("cc",),
        info=(),
        precedence="routine",
        subject="a",
        attachments=(),
        body="",
        answers=Answered(number="cc/2026/4", id="", obligation="a", form=""),
        period=period,
        event=Event(count=event, label="a", date="2026-06-12") if event else None,
        nil=True,
        values={},
        revises=None,
        revision_reason=None,
    )
    assert report.occasion == name
