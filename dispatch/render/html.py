"""Pages that print well: one file each, no script, nothing from outside, every foreign text escaped. Pure.

The templates lie in `dispatch/templates`; Jinja2 escapes whatever goes into them.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dispatch.collate import Choices, Entries, Figures, Lines, is_below_target
from dispatch.render.collation import figure, occasion_text, plain, span_text
from keys.codec import encode_base64

if TYPE_CHECKING:
    from dispatch.collate import Collation
    from dispatch.obligation import Field, Value

_BAR = 240
_KINDS = {Figures: "figures", Choices: "choices", Entries: "entries", Lines: "lines"}


@cache
def environment() -> Environment:
    """Give the templates, with everything escaped and nothing undefined."""
    made = Environment(
        loader=PackageLoader("dispatch", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    return made


def shown(value: object) -> str:
    """Make foreign text safe to read: no controls, no bidirectional controls; lines stay lines."""
    return "".join(
        character
        for character in str(value)
        if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


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
    """Give each office's bar: its length in units of the drawing, from zero on."""
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
    """Give what a cell of the big table shows; a target that is not met is said, not only coloured."""
    if value is None:
        return {"text": "–", "unmet": False}
    text = plain(value)
    return {
        "text": str(text).lower() if isinstance(text, bool) else str(text),
        "unmet": field.target is not None and is_below_target(field, value),
    }
