"""Tables for a spreadsheet. Pure.

UTF-8 with a byte order mark, without which Excel misreads Cyrillic. A cell that a spreadsheet would take for
a formula begins with an apostrophe, which makes it text: what others wrote must not run there. That holds too
for spreadsheets that separate cells by semicolons, as Excel does in many countries.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BOM = "\ufeff"
_FORMULA = re.compile(r"[=+\-@\t\r\n|%＝＋－＠]")
# where a spreadsheet that does not follow RFC 4180 would begin a cell, with a formula
_INNER_FORMULA = re.compile(r"([;\t\r\n]['\" ]*)(?=[=+\-@|%＝＋－＠])")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Give a table as CSV (RFC 4180): None is an empty cell, a boolean `true` or `false`."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow([csv_cell(cell) for cell in header])
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return _BOM + output.getvalue()


def csv_cell(value: object) -> str:
    """Give the text of one cell, which no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text.replace("\x00", "")
    text = text[:1] + _INNER_FORMULA.sub(r"\1'", text[1:])
    if _FORMULA.match(text.lstrip(" ")) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
