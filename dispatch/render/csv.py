"""Tables for a spreadsheet. Pure.

UTF-8 with a byte order mark, without which Excel misreads Cyrillic. A cell that a spreadsheet would take for
a formula begins with an apostrophe, which makes it text: what others wrote must not run there. An apostrophe
stands inside a value too, wherever a spreadsheet could begin a cell: Excel takes the list separator of its
country, pasting splits at tabs, an import at whatever its user chose. Quotation marks do not prevent that.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BOM = "\ufeff"
_LINE_ENDS = r"\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_SEPARATORS = rf"[,;|\t{_LINE_ENDS}]"
_SIGNS = r"[=+\-@|%＝＋－＠]"
# What a spreadsheet drops, or takes for a quotation mark, before it looks for a sign. No separator is among
# it, so that the search takes a time in proportion to the text.
_CONTROLS, _SPACES = r"\x00-\x08\x0e-\x1b\x1f\x7f\xad", r" \xa0\u1680\u180e\u2000-\u200f\u202f\u205f\u3000"
_DROPPED = rf"['\"{_CONTROLS}{_SPACES}\u202a-\u202e\u2060-\u2064\ufeff]*"
_FORMULA = re.compile(rf"[\t{_LINE_ENDS}]|{_DROPPED}{_SIGNS}")
_INNER_FORMULA = re.compile(rf"({_SEPARATORS}{_DROPPED})(?={_SIGNS})")
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
    text = _INNER_FORMULA.sub(r"\1'", text)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
