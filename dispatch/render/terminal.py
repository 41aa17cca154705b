"""What a terminal shows. Text from others is cleaned of everything that could steer it."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dispatch.message import Message

# Joiners that some scripts need; every other format character goes.
_KEPT = "\u200c\u200d"
_INDENT = "  "
_LABEL_WIDTH = 12
_GAP = 2
_NARROWEST = 10
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def clean(text: str) -> str:
    """Strip control, format and separator characters from one line of foreign text."""
    return "".join(
        character
        for character in text
        if character in _KEPT or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )


def clean_block(text: str) -> str:
    """Strip the same from text of many lines, line by line; tabs become spaces."""
    return "\n".join(clean(line.replace("\t", "    ")) for line in re.split("\r\n|\n", text))


def dtg(moment: datetime) -> str:
    """Give the date-time group of a moment in UTC, `230900Z NOV 26` (ACP 121)."""
    return f"{moment:%d%H%M}Z {_MONTHS[moment.month - 1]} {moment:%y}"


def moment_text(moment: datetime) -> str:
    """Give a moment in UTC and as a DTG."""
    return f"{moment:%Y-%m-%d %H:%M} UTC ({dtg(moment)})"


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay out labels and values, one a line; values are cleaned."""
    return "\n".join(f"{label:<{_LABEL_WIDTH}}{clean(value)}" for label, value in pairs)


def message_text(message: Message, moment: datetime, titles: Mapping[str, str]) -> str:
    """Show a message. Its text is indented, so that it cannot pass for what we say about it."""
    sender = titles.get(message.from_, "")
    pairs = [
        ("number", message.number),
        ("kind", message.kind),
        ("date", moment_text(moment)),
        ("from", f"{message.from_}  {sender}".strip()),
        ("to", ", ".join(message.to)),
    ]
    if message.info:
        pairs.append(("info", ", ".join(message.info)))
    if message.precedence != "routine":
        pairs.append(("precedence", message.precedence))
    pairs.append(("subject", message.subject))
    if message.kind == "circular" and message.reply != "receipt":
        within = f", within {message.reply_within}" if message.reply_within else ""
        pairs.append(("reply", f"{message.reply} expected{within}"))
    pairs += [("attached", f"{item.name} ({item.size:,} bytes)") for item in message.attachments]
    text = fields(pairs)
    if message.kind != "receipt" and message.body:
        body = clean_block(message.body.rstrip("\n")).split("\n")
        text += "\n\n" + "\n".join(f"{_INDENT}{line}".rstrip() for line in body)
    return text


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], width: int, flexible: str) -> str:
    """Lay out a table of cleaned cells in `width` columns; `flexible` is the column that may be cut short."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[Text(clean(cell)) for cell in row] for row in rows]
    widths = [
        max([len(column), *(row[index].cell_len for row in cells)]) for index, column in enumerate(columns)
    ]
    position = columns.index(flexible)
    # what the other columns and the gaps between them leave
    room = max(_NARROWEST, width - sum(widths) + widths[position] - _GAP * (len(columns) - 1))
    grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for column in columns:
        grid.add_column(column, no_wrap=True)
    for row in cells:
        row[position].truncate(room, overflow="ellipsis")
        grid.add_row(*row)
    output = io.StringIO()
    Console(file=output, width=width, color_system=None, legacy_windows=False).print(grid)
    return "\n".join(line.rstrip() for line in output.getvalue().rstrip("\n").split("\n"))
