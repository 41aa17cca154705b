"""Write the draft of a report, to be filled in: an obligation and its form -> TOML with comments. Pure.

What is known already is filled in; what the clerk must write is marked by placeholders, which stop the draft
until they are replaced. Labels, choices and the circular's text come from others: they are put into comments
and TOML strings in such a way that they cannot break out of either.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from dispatch.drafts.text import FENCE, PLACEHOLDER, paragraphs
from dispatch.formats.grammar import check_calendar_date, check_decimal, passes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatch.formats.message import Circular, Report
    from dispatch.formats.obligation import Cell, Field, Form, Obligation


_WIDTH = 98


def report_template(
    *,
    number: str,
    circular: Circular,
    obligation: Obligation,
    form: Form,
    period: str | None,
    event: int | None,
    event_label: str | None,
    event_date: str | None,
    nil: bool,
    previous: Report | None,
    tables: Mapping[str, Sequence[Mapping[str, Cell]]],
) -> str:
    """Write the draft of a report on an obligation of circular `number`.

    `period` or `event`, or neither, is what it is for. `previous`: the report that it revises, with whose
    values it begins; `tables`: the rows of table fields, where they are known.
    """
    lines = [FENCE, *_comment(f"A report: {circular.subject}")]
    lines += _comment(paragraph_text(circular.body, obligation.paragraph))
    lines += ["", 'kind = "report"', f"answers = {_string(f'{number}#{obligation.id}')}"]
    if period is not None:
        lines.append(f"period = {_string(period)}")
    if event is not None:
        lines.append(f"event = {event}")
        lines.append(f"event_label = {_string(event_label or _ask('what it is called'))}")
        lines.append(f"event_date = {_day(event_date or _ask('the day, 2026-06-12'))}")
    if previous is not None:
        lines.append(f"revision_reason = {_string(_ask('why the figures change'))}")
    if nil:
        lines += ["", "# There is nothing to report.", "nil = true"]
    else:
        lines += _values(form, previous.values if previous and not previous.nil else {}, tables)
    body = [previous.body] if previous and previous.body else []
    return "\n".join([*lines, FENCE, *body, ""])


def paragraph_text(body: str, paragraph: int | None) -> str:
    """Give the numbered paragraph of a circular's text, or nothing."""
    return next((text for number, text in paragraphs(body) if number == paragraph), "")


def _values(
    form: Form, values: Mapping[str, Any], tables: Mapping[str, Sequence[Mapping[str, Cell]]]
) -> list[str]:
    """Write [values], with the tables last, as TOML wants it."""
    known = {**values, **tables}
    lines = ["", "[values]"]
    for field in form.fields:
        if field.type != "table":
            lines += ["", *_comment(_about(field)), _assignment(field, known.get(field.name))]
    for field in form.fields:
        if field.type == "table":
            lines += _table(field, known.get(field.name, ()))
    return lines


def _table(field: Field, rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """Write a table: the rows that are known, or one to fill in, in comments if the table may be left out."""
    lines = ["", *_comment(f"{_about(field)} Repeat these lines for each row.")]
    for column in field.columns:
        lines += _comment(f"  {column.name}: {_about(column)}")
    header = f"[[values.{field.name}]]"
    for row in rows:
        lines += [header, *(_assignment(one, row[one.name]) for one in field.columns if one.name in row)]
    if rows:
        return lines
    mark = "" if field.required else "# "
    return [*lines, f"{mark}{header}", *(f"{mark}{_assignment(one, None)}" for one in field.columns)]


def _assignment(field: Field, value: Any) -> str:
    """Write a field with its value, or with a placeholder, or in a comment if it may be left out."""
    if value is None:
        return f"{field.name} = {_string(_ask(field.type))}" if field.required else f"# {field.name} = "
    return f"{field.name} = {_literal(field, value)}"


def _literal(field: Field, value: Any) -> str:
    """Write a value as TOML writes its type; in quotes if it does not fit, so that the check points at it."""
    text = str(value)
    if isinstance(value, bool):
        return text.lower()
    if isinstance(value, int):
        return text
    if field.type == "date":
        return _day(text)
    return text if field.type == "decimal" and passes(check_decimal, text) else _string(text)


def _day(text: str) -> str:
    return text if passes(check_calendar_date, text) else _string(text)


def _about(field: Field) -> str:
    """Say in a line what a field asks for."""
    rules = ["required" if field.required else "may be left out"]
    rules += [
        f"{word} {bound}"
        for word, bound in (("at least", field.minimum), ("at most", field.maximum), ("target", field.target))
        if bound is not None
    ]
    rules += [f"one of: {', '.join(field.choices)}"] if field.choices else []
    return f"{field.label} ({field.type}; {'; '.join(rules)})"


def _ask(what: str) -> str:
    """Give the placeholder for something that the clerk must write."""
    return f"{PLACEHOLDER} {what}]"


def _comment(text: str) -> list[str]:
    """Write text as comments, wrapped, without the characters that a comment may not hold."""
    lines = []
    for line in re.split(r"[\r\n\u0085\u2028\u2029]+", text):
        rest = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in line).rstrip()
        while len(rest) > _WIDTH:
            cut = rest.rfind(" ", 1, _WIDTH)
            cut = cut if cut > 0 else _WIDTH
            lines.append(f"# {rest[:cut]}".rstrip())
            rest = rest[cut:].lstrip()
        if rest:
            lines.append(f"# {rest}")
    return lines


def _string(text: str) -> str:
    """Write a TOML string on one line."""

    def escape(character: str) -> str:
        if character in '"\\':
            return f"\\{character}"
        if character == "\n":
            return "\\n"
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp"):
            return f"\\U{ord(character):08X}"
        return character

    return '"' + "".join(map(escape, text)) + '"'
