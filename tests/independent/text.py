"""The second implementation, section 1 of docs/FORMAT.md: texts, base64, JSON, and what may be refused.

The modules of this folder read and verify rosters, cards, notes, envelopes and plaintexts. They were
written from the document alone and import nothing of the project. They are made to be read beside the
document, not to be fast.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Check = Callable[[Any], bool]
    Json = dict[str, Any]

NOT_GENUINE, NOT_OURS, MALFORMED, NOT_TRUSTED, NOT_ENTITLED = 3, 4, 5, 6, 7  # section 14, the exit codes


class RefusedError(Exception):
    """What is wrong, and the exit code that section 14 gives it."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def need(holds: object, code: int, why: str) -> None:
    """Refuse unless a thing holds."""
    if not holds:
        raise RefusedError(code, why)


LIMITS = {
    "note": 131_072,
    "roster": 67_108_864,
    "card": 131_072,
    "message": 4_194_304,
    "secrets": 1_048_576,
    "envelope": 8_388_608,
    "signature": 8_192,
}
HANDLE = r"[a-z0-9][a-z0-9-]{0,62}"
VOLUME = r"[0-9]{4}[a-z]?"
DECIMAL = r"(?:0|[1-9][0-9]{0,8})"
POSITIVE = r"[1-9][0-9]{0,8}"
NUMBER = rf"{HANDLE}/(?!0000){VOLUME}/{POSITIVE}"
DIGEST = r"[A-Za-z0-9+/]{43}="
BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BREAKING = {"\u2028", "\u2029"}
WHOLE = 2**53 - 1


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bytes_of(text: object, size: int | None = None) -> bytes:
    """Decode canonical base64 of section 1."""
    need(isinstance(text, str), MALFORMED, "not base64")
    try:
        data = base64.b64decode(str(text), validate=True)
    except ValueError as error:
        raise RefusedError(MALFORMED, "not base64") from error
    need(
        base64_of(data) == text and size in {None, len(data)},
        MALFORMED,
        "not canonical base64, or another size",
    )
    return data


def is_base64(size: int) -> Check:
    def check(value: Any) -> bool:
        return bool(bytes_of(value, size))

    return check


is_digest = is_base64(32)


def matches(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def integer(low: int = -WHOLE, high: int = WHOLE) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def is_boolean(value: Any) -> bool:
    return type(value) is bool


def is_date(value: Any) -> bool:
    if not matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")(value):
        return False
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).year >= 1970
    except ValueError:
        return False


def is_day(value: Any) -> bool:
    try:
        return matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")(value) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def is_clean(text: str) -> bool:
    return not any(unicodedata.category(each) in {"Cc", "Cs"} or each in BREAKING for each in text)


def is_line(value: Any) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        return False
    return (
        is_clean(value) and not BIDIRECTIONAL & set(value) and not (value[0].isspace() or value[-1].isspace())
    )


def is_block(value: Any) -> bool:
    return isinstance(value, str) and is_clean(value.replace("\n", "").replace("\t", ""))


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def many(check: Check, low: int = 0, high: int = WHOLE) -> Check:
    return lambda value: isinstance(value, list) and low <= len(value) <= high and all(map(check, value))


def shape(members: dict[str, Check]) -> Check:
    """Check an object: exactly these members, in this order."""

    def check(value: Any) -> bool:
        need(
            isinstance(value, dict) and list(value) == list(members),
            MALFORMED,
            f"members are not {list(members)}",
        )
        for name, each in members.items():
            need(each(value[name]), MALFORMED, f"wrong {name}")
        return True

    return check


def json_of(value: Any) -> bytes:
    """Encode a value as section 1 says; Python escapes exactly what the section lists."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_json(line: bytes, check: Check) -> Json:
    """Decode one line of JSON, which must be what the encoder writes, and check its members."""
    try:
        value: Json = json.loads(line.decode())
        same = json_of(value) == line and not has_number_amiss(value)
    except (ValueError, RecursionError) as error:
        raise RefusedError(MALFORMED, "not JSON") from error
    need(same, MALFORMED, "not canonical JSON")
    need(check(value), MALFORMED, "another JSON value")
    return value


def has_number_amiss(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_number_amiss, value.values()))
    if isinstance(value, list):
        return any(map(has_number_amiss, value))
    return isinstance(value, float) or (isinstance(value, int) and abs(value) > WHOLE)


def differ(values: Sequence[object]) -> bool:
    return len(set(values)) == len(values)
