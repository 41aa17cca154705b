"""Slots and standings as JSON, for `due` and for audits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.duties.case import Case
    from dispatch.duties.slots import Slot
    from dispatch.duties.standings import Standing


def slot_json(slot: Slot) -> dict[str, Any]:
    """Give a slot for JSON."""
    filing = slot.filing
    return {
        "number": str(slot.number),
        "obligation": slot.obligation,
        "office": slot.office,
        "period": slot.period,
        "event": slot.event,
        "state": slot.state,
        "nil": filing.nil if filing else None,
        "due": _due_date(slot.due),
        "received": format_date(filing.received) if filing and filing.received else None,
        "report": str(filing.number) if filing else None,
        "id": encode_base64(filing.id) if filing else None,
        "sent": format_date(filing.sent) if filing else None,
        "sent_in_time": slot.was_sent_in_time,
        "reports": slot.filings,
    }


def _due_date(due: datetime | None) -> str | None:
    """Write a due moment. Before an event of 1970 it may lie earlier than `format_date` allows."""
    return f"{due:%Y-%m-%dT%H:%M:%SZ}" if due else None


def standing_json(case: Case, standing: Standing) -> dict[str, Any]:
    """Give an office's standing with a circular for JSON."""
    answer = standing.answer
    return {
        "number": str(case.number),
        "office": standing.office,
        "state": standing.state,
        "expected": case.circular.reply,
        "due": _due_date(standing.due),
        "overdue": standing.is_overdue,
        "reply": str(answer.number) if answer else None,
        "date": format_date(answer.date) if answer else None,
        "by": answer.by if answer else None,
        "reason": answer.reason if answer else None,
    }
