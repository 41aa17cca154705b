"""One table of all returns for an obligation: as text, CSV, JSON and a page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatch.duties.collation import Choices, Entries, Figures, Lines, is_below_target
from dispatch.render.csv import csv_text
from dispatch.render.html import page
from dispatch.render.terminal import clean, clean_block, table, wrapped
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from dispatch.duties.collation import Collation, Row, Summary
    from dispatch.formats.obligation import Cell, Field, Value

_INDENT = "    "


def collation_text(collation: Collation, width: int) -> str:
    """Show the figures and what the offices wrote, with the number of every report."""
    parts = [
        f"{collation.number}#{collation.obligation.id}  {clean(collation.subject)}"[:width],
        (
            f"{span_text(collation)}: {collation.actual} of {collation.expected} reports"
            f" ({collation.nil} nil, {collation.late} late, {collation.revised} revised)"
        ),
    ]
    parts += [_summary_text(one, width) for one in collation.summaries]
    rows = [
        (
            row.office,
            occasion_text(row),
            str(row.number),
            row.state,
            "nil" if row.nil else _excerpt(row.values),
        )
        for row in collation.rows
    ]
    if rows:
        parts.append(table(("office", "for", "report", "state", "values"), rows, width, "values"))
    if collation.missing:
        missing = ", ".join(
            f"{one.office} {one.period or one.event or ''}".strip() for one in collation.missing
        )
        parts.append(f"missing: {missing}")
    parts.append(f"digest of these reports: {encode_base64(collation.digest)}")
    return "\n\n".join(parts)


def collation_csv(collation: Collation) -> str:
    """Give a row for each return: what it is, then the fields of the form by name."""
    names = [field.name for field in collation.form.fields]
    header = ("office", "title", "period", "event", "date", "number", "id", "state", "nil", *names)
    rows = [
        (
            row.office,
            row.title,
            row.period,
            row.event.label if row.event else None,
            row.event.date if row.event else None,
            str(row.number),
            encode_base64(row.id),
            row.state,
            row.nil,
            *(plain(row.values.get(name)) for name in names),
        )
        for row in collation.rows
    ]
    return csv_text(header, rows)


def collation_json(collation: Collation) -> dict[str, Any]:
    """Give all of it as JSON has it. Decimals are strings."""
    return {
        "number": str(collation.number),
        "id": encode_base64(collation.id),
        "obligation": collation.obligation.id,
        "first": collation.first,
        "last": collation.last,
        "expected": collation.expected,
        "actual": collation.actual,
        "nil": collation.nil,
        "late": collation.late,
        "digest": encode_base64(collation.digest),
        "rows": [_row_json(row) for row in collation.rows],
        "summary": {one.field.name: _summary_json(one) for one in collation.summaries},
        "missing": [
            {"office": one.office, "period": one.period, "event": one.event, "state": one.state}
            for one in collation.missing
        ],
    }


def occasion_text(row: Row) -> str:
    """Name the period or event of a row."""
    if row.period:
        return row.period
    return f"{row.event.count}, {row.event.date}" if row.event else "once"


def span_text(collation: Collation) -> str:
    """Name the range of a collation."""
    if collation.first is None:
        return "all periods" if collation.obligation.every else "all"
    return (
        collation.first
        if collation.last in (None, collation.first)
        else f"{collation.first} to {collation.last}"
    )


def figure(number: Decimal | None) -> str:
    """Give a number without an exponent."""
    return "-" if number is None else format(number, "f")


def plain(value: Value | None) -> str | int | bool | None:
    """Give a value as one cell, with the rows of a table one after another."""
    if isinstance(value, tuple):
        return " | ".join("; ".join(f"{name}: {_word(cell)}" for name, cell in row.items()) for row in value)
    return value


def _word(value: Cell) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _excerpt(values: Mapping[str, Value]) -> str:
    return "; ".join(
        f"{name} {_word(value) if not isinstance(value, tuple) else f'({len(value)} rows)'}"
        for name, value in values.items()
    )


def _summary_text(summary: Summary, width: int) -> str:
    head = f"{clean(summary.field.label)}: {summary.reporting} of {summary.of} reporting"
    match summary:
        case Figures():
            return "\n".join([head, *_figures_text(summary)])
        case Choices():
            lines = [f"{_INDENT}{count:>6}  {clean(choice)}" for choice, count in summary.counts.items()]
            return "\n".join([head, *lines])
        case Entries():
            lines = [
                _said(one.row, clean_block(one.value).replace("\n", " "), width) for one in summary.entries
            ]
            return "\n".join([head, *lines])
        case Lines():
            lines = [
                _said(one.row, "; ".join(clean(_word(cell)) for cell in one.cells.values()), width)
                for one in summary.lines
            ]
            columns = [f"{_INDENT}{clean(one.field.label)}:{_column_text(one)}" for one in summary.columns]
            return "\n".join([head, *lines, *filter(lambda line: not line.endswith(":"), columns)])


def _figures_text(summary: Figures) -> list[str]:
    if summary.total is None:
        return []
    lines = [
        (
            f"{_INDENT}sum {figure(summary.total)}, median {figure(summary.median)}, "
            f"least {figure(summary.minimum)}, most {figure(summary.maximum)}"
        )
    ]
    if summary.below_target:
        lines.append(f"{_INDENT}{summary.below_target} below the target of {summary.field.target}: UNMET")
    return lines


def _column_text(summary: Summary) -> str:
    match summary:
        case Figures():
            return f" sum {figure(summary.total)}" if summary.total is not None else ""
        case Choices():
            return " " + ", ".join(f"{count} {clean(choice)}" for choice, count in summary.counts.items())
        case _:
            return ""


def _said(row: Row, text: str, width: int) -> str:
    where = f"{row.office} {occasion_text(row)} ({row.number})"
    lines = wrapped(f"{where}: {text}", width - len(_INDENT))
    return "\n".join(f"{_INDENT}{'' if index == 0 else '  '}{line}" for index, line in enumerate(lines))


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "office": row.office,
        "period": row.period,
        "event": {"count": row.event.count, "label": row.event.label, "date": row.event.date}
        if row.event
        else None,
        "number": str(row.number),
        "id": encode_base64(row.id),
        "date": format_date(row.date),
        "state": row.state,
        "revised": row.revised,
        "nil": row.nil,
        "values": {
            name: [dict(line) for line in value] if isinstance(value, tuple) else value
            for name, value in row.values.items()
        },
    }


def _summary_json(summary: Summary) -> dict[str, Any]:
    common = {"label": summary.field.label, "reporting": summary.reporting, "of": summary.of}
    match summary:
        case Figures():
            numbers = ("total", "median", "minimum", "maximum")
            return (
                common
                | {
                    name: None if (number := getattr(summary, name)) is None else figure(number)
                    for name in numbers
                }
                | {"target": summary.field.target, "below_target": summary.below_target}
            )
        case Choices():
            return common | {"counts": dict(summary.counts)}
        case Entries():
            return common | {
                "entries": [
                    {"office": one.row.office, "number": str(one.row.number), "value": one.value}
                    for one in summary.entries
                ]
            }
        case Lines():
            return common | {
                "lines": [
                    {"office": one.row.office, "number": str(one.row.number), "cells": dict(one.cells)}
                    for one in summary.lines
                ],
                "columns": {one.field.name: _summary_json(one) for one in summary.columns},
            }


_BAR = 240


_KINDS = {Figures: "figures", Choices: "choices", Entries: "entries", Lines: "lines"}


def collation_html(collation: Collation) -> str:
    """Give the page of a collation."""
    return page(
        "collation.html",
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
