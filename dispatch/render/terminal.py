"""Text for a terminal. What others wrote is cleaned of everything that could control it. Pure."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

# Joiners that some scripts need; every other format character goes.
_KEPT = "\u200c\u200d"
_PARTING = "\t\n\v\f\r\x85\u2028\u2029"
_INDENT = "  "
_LABEL_WIDTH = 12
_GAP = 2
_NARROWEST = 10
_NARROWEST_FOLD = 24
_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def clean(text: str) -> str:
    """Strip control, format and separator characters from one line of foreign text.

    Those that separate words become a space, because otherwise figures would run together.
    """
    return "".join(
        " " if character in _PARTING else character
        for character in text
        if character in _KEPT + _PARTING or unicodedata.category(character) not in _STEERING
    )


def clean_block(text: str) -> str:
    """Strip the same from each line of a text; tabs become spaces."""
    return "\n".join(clean(line.replace("\t", "    ")) for line in re.split("\r\n|\n", text))


def escape_json(text: str) -> str:
    """Escape in JSON what `clean` would strip: programs read the same value, and terminals obey nothing."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        character
        if character in _KEPT or character == "\n" or unicodedata.category(character) not in _STEERING
        else json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
        for character in text
    )


def fold(text: str, width: int) -> str:
    """Break the lines that a terminal of `width` columns would wrap, and indent what follows.

    Otherwise a long line of a message, or a long file name, could put words of its own at the left edge,
    where only ours stand.
    """
    return "\n".join(piece for line in text.split("\n") for piece in _fold_line(line, width))


def _fold_line(line: str, width: int) -> Iterator[str]:
    width = max(width, _NARROWEST_FOLD)
    indent = " " * max(len(_INDENT), min(len(line) - len(line.lstrip(" ")), _LABEL_WIDTH) or _LABEL_WIDTH)
    while (size := _fitting(line, width)) < len(line):
        # between words, if there is a place that is not far back; never within the indent, or it had no end
        size = line.rfind(" ", max(size // 2, len(indent) + 1), size) + 1 or size
        yield line[:size].rstrip(" ")
        line = indent + line[size:]
    yield line


def _fitting(line: str, width: int) -> int:
    """Count the characters of a line that fit into `width` columns, at least one."""
    if line.isascii():
        return min(len(line), width)
    from rich.cells import get_character_cell_size

    columns = 0
    for index, character in enumerate(line):
        columns += get_character_cell_size(character)
        if columns > width:
            return index
    return len(line)


def dtg(moment: datetime) -> str:
    """Give the date-time group of a moment in UTC, `230900Z NOV 26` (ACP 121)."""
    return f"{moment:%d%H%M}Z {_MONTHS[moment.month - 1]} {moment:%y}"


def moment_text(moment: datetime) -> str:
    """Give a moment in UTC and as a DTG."""
    return f"{moment:%Y-%m-%d %H:%M} UTC ({dtg(moment)})"


def fields(pairs: Iterable[tuple[str, str]], width: int | None = None) -> str:
    """Lay out labels and values, one a line; values are cleaned.

    With a `width`, a longer value goes on below itself. A terminal would go on at the left edge, where words
    of others could be taken for ours.
    """
    lines = []
    for label, value in pairs:
        parts = [clean(value)] if width is None else wrapped(clean(value), width - _LABEL_WIDTH)
        lines += [
            f"{'' if index else label:<{_LABEL_WIDTH}}{part}".rstrip() for index, part in enumerate(parts)
        ]
    return "\n".join(lines)


def indented(text: str, width: int) -> str:
    """Show a block of foreign text, indented so that it cannot be taken for our words."""
    lines = clean_block(text.rstrip("\n")).split("\n")
    parts = [part for line in lines for part in wrapped(line, width - len(_INDENT))]
    return "\n".join(f"{_INDENT}{part}".rstrip() for part in parts)


def wrapped(line: str, width: int) -> list[str]:
    """Break a line that is too long at its spaces, and a longer word anywhere."""
    from rich.cells import cell_len, chop_cells

    width = max(_NARROWEST, width)
    # blanks at the end are nothing to see, and finding no word behind them takes the square of their number
    line = line.rstrip(" ")
    if cell_len(line) <= width:
        return [line]
    margin = line[: min(len(line) - len(line.lstrip(" ")), width // 2)]
    parts: list[str] = []
    part = margin
    for word in re.findall(" *[^ ]+", line[len(margin) :]):
        if cell_len(part + word) <= width:
            part += word
            continue
        if part.strip(" "):
            parts.append(part)
        bare = word.lstrip(" ")
        *full, rest = chop_cells(bare, width - len(margin)) or [bare]  # a lone accent takes no cell
        parts += [margin + piece for piece in full]
        part = margin + rest
    return [*parts, part]


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
