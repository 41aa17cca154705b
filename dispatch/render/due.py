"""Who owes what, as a terminal shows it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.duties.case import ended_at, settled_by
from dispatch.duties.events import events_of
from dispatch.duties.slots import rates
from dispatch.duties.standings import standings_of
from dispatch.render.terminal import clean, dtg, table, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dispatch.duties.case import Case
    from dispatch.duties.slots import Rates, Slot
    from dispatch.duties.standings import Standing
    from dispatch.formats.obligation import Obligation

COLUMNS = ("number", "obligation", "office", "period", "event", "state", "nil", "due", "received", "report")

_SHOWN = {
    "pending": ".",
    "due": "due",
    "on-time": "yes",
    "late": "late",
    "overdue": "OVERDUE",
    "returned": "back",
    "waived": "waived",
    "filed": "filed",
}
LEGEND = ". not over · due · yes on time · late · OVERDUE · back: returned for correction · nil · waived"
_CELL = 10
_MOST_ROWS = 500
_REPLIES = ("undertaken", "acknowledged", "refused", "received", "silent")


def own_text(slots: Iterable[Slot], answers: Iterable[tuple[Case, Standing]], width: int) -> str:
    """Show what an office owes, the soonest first: replies and reports. What is done is left out."""
    open_slots = [slot for slot in slots if not slot.stands and slot.state != "waived"]
    rows = [
        (slot.due, slot.state, f"{slot.number}#{slot.obligation}", occasion_text(slot), _sent_text(slot))
        for slot in open_slots
    ]
    rows += [
        (one.due, "overdue" if one.is_overdue else "due", str(case.number), case.circular.reply, "-")
        for case, one in answers
    ]
    # rows without a due moment come last
    rows.sort(key=lambda row: (row[0] is None, row[0] and row[0].timestamp(), row[2:]))
    if not rows:
        return "nothing is owed"
    cells = [(dtg(row[0]) if row[0] else "-", *row[1:]) for row in rows[:_MOST_ROWS]]
    text = table(("due", "state", "what", "for", "report"), cells, width, "what")
    more = len(rows) - len(cells)
    return f"{text}\n… and {more} more, due later; --json and --csv have all" if more else text


def occasion_text(slot: Slot) -> str:
    """Name the occasion of a slot in a word."""
    if slot.period:
        return slot.period
    return "once" if slot.event is None else f"event {slot.event}"


def occasion_head(occasion: str) -> str:
    """Name an occasion at the head of a column: `2026-05`, `3` or `once`."""
    return occasion.rpartition(":")[2]


def case_text(case: Case, slots: Sequence[Slot], now: datetime, width: int) -> str:
    """Show how a circular is answered: replies, promises, and a table for each obligation."""
    lines = [f"{case.number}  {clean(case.circular.subject)}"[:width]]
    ended = ended_at(case, None)
    if ended is not None:
        by = min((effect for effect in case.effects if effect.ends), key=lambda effect: effect.date).by
        lines.append(f"  ended by {by} of {dtg(ended)}")
    for line in (*_replies_text(case, now), *_promises_text(case)):
        lines += wrapped(line, width)
    for obligation in case.circular.obligations:
        here = [slot for slot in slots if slot.obligation == obligation.id]
        lines += ["", *_obligation_text(obligation, here, width)]
    events = events_of(case)
    if events:
        rows = [(one.office, clean(one.kind), *map(str, one[2:])) for one in events]
        columns = ("office", "event", "announced", "reported", "paired", "unannounced")
        lines += ["", table(columns, rows, width, "event")]
    return "\n".join(lines)


def rates_text(figures: Rates) -> str:
    """Say the figures of an obligation under their DHIS2 names."""

    def percent(rate: float | None) -> str:
        return "-" if rate is None else f"{rate:.1f}%"

    on_time = f"{figures.on_time}" + (f" ({figures.untimed} not known)" if figures.untimed else "")
    return (
        f"expected reports {figures.expected}, actual {figures.actual}, on time {on_time}; "
        f"reporting rate {percent(figures.reporting_rate)}, on time {percent(figures.reporting_rate_on_time)}"
    )


def _sent_text(slot: Slot) -> str:
    if slot.filing is None:
        return "-"
    if slot.filing.received is None:
        return f"{slot.filing.number}, no receipt yet"
    return str(slot.filing.number)


def _replies_text(case: Case, now: datetime) -> list[str]:
    standings = standings_of(case, now)
    due = standings[0].due if standings else None
    by = f" by {dtg(due)}" if due else ""
    lines = [f"  {case.circular.reply} expected{by} from {len(standings)}"]
    for state in _REPLIES:
        offices = [one for one in standings if one.state == state]
        if offices:
            late = sum(one.is_overdue for one in offices)
            names = ", ".join(one.office for one in offices)
            lines.append(
                f"    {state:<13}{len(offices):>4}  {names}" + (f"  ({late} OVERDUE)" if late else "")
            )
    lines += [
        f"    {one.office} refuses: {clean(one.answer.reason)} ({clean(one.answer.by or '')})"
        for one in standings
        if one.answer is not None and one.state == "refused" and one.answer.reason is not None
    ]
    return lines


def _promises_text(case: Case) -> list[str]:
    settled = settled_by(case)
    state = f"settled by {settled.by}" if settled else "open"
    return [f"  promised, {state}: {clean(promise.text)}" for promise in case.circular.promises]


def _obligation_text(obligation: Obligation, slots: Sequence[Slot], width: int) -> list[str]:
    paragraph = f", paragraph {obligation.paragraph}" if obligation.paragraph else ""
    lines = [f"  {obligation.id}{paragraph}", *wrapped(f"    {rates_text(rates(slots))}", width)]
    if not slots:
        return lines
    offices = sorted({slot.office for slot in slots})
    occasions = list(dict.fromkeys(slot.occasion for slot in sorted(slots, key=_order)))
    room = max(1, (width - max(map(len, offices)) - 2) // _CELL)
    shown = occasions[-room:]
    if len(shown) < len(occasions):
        lines.append(f"    the newest {len(shown)} of {len(occasions)}; --csv and --json have all")
    cells = {(slot.office, slot.occasion): _cell(slot) for slot in slots}
    columns = ("office", *map(occasion_head, shown))
    rows = [(office, *(cells.get((office, one), "") for one in shown)) for office in offices]
    lines.append(table(columns, rows, width, "office"))
    return lines


def _cell(slot: Slot) -> str:
    word = _SHOWN[slot.state]
    if not (slot.stands and slot.filing and slot.filing.nil):
        return word
    return "nil" if word == "yes" else f"{word} nil"


def _order(slot: Slot) -> tuple[str, int]:
    return slot.period or "", slot.event or 0
