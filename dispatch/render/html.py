"""Pages that print well: one file each, no script, nothing from outside, every foreign text escaped. Pure.

The templates are in `templates/`; Jinja2 escapes everything that is put into them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dispatch.audit.findings import NOT_PROVEN
from dispatch.audit.report import by_obligation
from dispatch.duties.collation import Choices, Entries, Figures, Lines, is_below_target
from dispatch.duties.events import events_of
from dispatch.duties.slots import rates
from dispatch.formats.message import Receipt
from dispatch.render.audit import VERDICTS, runs_text
from dispatch.render.collation import figure, occasion_text, plain, span_text
from dispatch.render.duties import occasion_head
from dispatch.render.terminal import clean
from keys.codec import encode_base64
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dispatch.audit.report import AuditReport
    from dispatch.duties.collation import Collation
    from dispatch.duties.slots import Slot
    from dispatch.formats.message import Message
    from dispatch.formats.obligation import Field, Obligation, Value

_BAR = 240
_LINE = 600
_KINDS = {Figures: "figures", Choices: "choices", Entries: "entries", Lines: "lines"}


@cache
def environment() -> Environment:
    """Give the environment of the templates, which escapes everything and allows nothing undefined."""
    made = Environment(
        loader=PackageLoader("dispatch.render", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    return made


def shown(value: object) -> str:
    """Make foreign text safe to read: no controls, no bidirectional controls; lines and tabs stay."""
    return "".join(part if part in "\n\t" else clean(part) for part in re.split("([\n\t])", str(value)))


def collation_html(collation: Collation) -> str:
    """Give the page of a collation."""
    return (
        environment()
        .get_template("collation.html")
        .render(
            collation=collation,
            span=span_text(collation),
            digest=encode_base64(collation.digest),
            summaries=[(_KINDS[type(one)], one) for one in collation.summaries],
            kind_of=lambda one: _KINDS[type(one)],
            bars=_bars,
            figure=figure,
            occasion=occasion_text,
            cell=_cell,
            encode=encode_base64,
        )
    )


def _bars(figures: Figures) -> list[dict[str, Any]]:
    """Give each office's bar, which begins at zero: its length in units of the drawing."""
    most = max((abs(one.total) for one in figures.offices), default=0)
    return [
        {
            "office": one.office,
            "title": one.title,
            "value": figure(one.total),
            "length": int(_BAR * abs(one.total) / most) if most else 0,
            "negative": one.total < 0,
            "below": one.below_target,
        }
        for one in figures.offices
    ]


def _cell(field: Field, value: Value | None) -> dict[str, Any]:
    """Give what a cell of the big table shows. A target that is missed is named there, not only coloured."""
    if value is None:
        return {"text": "–", "unmet": False}
    text = plain(value)
    return {
        "text": str(text).lower() if isinstance(text, bool) else str(text),
        "unmet": field.target is not None and is_below_target(field, value),
    }


def publication_html(
    message: Message,
    *,
    content: bytes,
    copies: int,
    title: str,
    names: tuple[str, str],
    annotations: Sequence[str],
) -> str:
    """Give the page of a published message. `names`: of the files of the message and of its note."""
    return (
        environment()
        .get_template("publication.html")
        .render(
            message=message,
            body="" if isinstance(message, Receipt) else message.body,
            title=title,
            copies=copies,
            content=encode_base64(content),
            content_hex=content.hex(),
            names=names,
            annotations=annotations,
        )
    )


def audit_html(report: AuditReport) -> str:
    """Give the page of an audit, which begins with the verdict."""
    return (
        environment()
        .get_template("audit.html")
        .render(
            report=report,
            verdict=VERDICTS[report.verdict],
            at=format_date(report.at),
            runs=runs_text,
            not_proven=NOT_PROVEN,
            duties=[
                (duty, [_matrix(one, slots) for one, slots in by_obligation(duty)]) for duty in report.duties
            ],
            events_of=events_of,
            duration=_duration,
            timelines=_timelines(report),
        )
    )


def _matrix(obligation: Obligation, slots: Sequence[Slot]) -> dict[str, Any]:
    """Give an obligation as offices by occasions, with its figures."""
    occasions = sorted({slot.occasion for slot in slots}, key=lambda text: (len(text), text))
    cells = {(slot.office, slot.occasion): slot for slot in slots}
    return {
        "obligation": obligation,
        "rates": rates(slots),
        "occasions": [(one, occasion_head(one)) for one in occasions],
        "offices": sorted({slot.office for slot in slots}),
        "cells": cells,
    }


def _timelines(report: AuditReport) -> dict[str, str]:
    """Give a drawing of each volume: a stroke for each day on which a note is dated, over the whole time."""
    dates: dict[str, set[datetime]] = defaultdict(set)
    for one in report.dispatches:
        dates[one.number.rpartition("/")[0]].add(parse_date(one.date))
    everything = sorted(date for found in dates.values() for date in found)
    if not everything:
        return {}
    begun, whole = everything[0], max(1.0, (everything[-1] - everything[0]).total_seconds())
    places = {
        name: sorted({round(_LINE * (date - begun).total_seconds() / whole) for date in found})
        for name, found in dates.items()
    }
    return {name: "".join(f"M{place} 2v8" for place in found) for name, found in places.items()}


def _duration(seconds: int) -> str:
    if seconds < 0:
        return f"{_duration(-seconds)} before"
    days, rest = divmod(seconds, 86400)
    return f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"
