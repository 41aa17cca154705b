"""The small rules of text: for each, what it takes and the nearest thing that it must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dispatch.formats.grammar import (
    check_addressees,
    check_attachment_name,
    check_calendar_date,
    check_decimal,
    check_duration,
    check_period,
    check_zone,
)
from keys.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

ARABIC_3 = "\u0663"  # int() takes it for 3


def refused(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except FormatError:
        return True
    return False


@pytest.mark.parametrize("text", ["P1D", "P7D", "P99999D", "P0D", "PT1H", "PT12H", "PT99999H"])
def test_durations(text: str) -> None:
    check_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "PD", "P07D", "P00D", "P-7D", "P+7D", "P7d", "p7D", "P7", "7D", "P7D ", " P7D", "P7D\n",
        "P1.5D", "P1W", "P1M", "P1Y", "PT0H", "PT012H", "P12H", "PT1D", "PT5M", "P1DT2H", "P100000D",
        f"P{ARABIC_3}D", "P1_0D",
    ],
)  # fmt: skip
def test_other_durations(text: str) -> None:
    assert refused(check_duration, text)


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.5", "0.0", "0.10", "-0.5", "9" * 18, "0." + "0" * 17 + "1", "-10"]
)
def test_decimals(text: str) -> None:
    check_decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "-", ".", "-0", "-0.0", "-0.00", "+1", "01", "00", "1.", ".5", "1e3", "1,5", "1 000", "1_000",
        " 1", "1\n", "9" * 19, "0." + "1" * 19, ARABIC_3, f"1.{ARABIC_3}", "NaN", "Infinity", "0x1",
        "1.2.3", "--1", "\u22121",
    ],
)  # fmt: skip
def test_other_decimals(text: str) -> None:
    assert refused(check_decimal, text)


@pytest.mark.parametrize("text", ["2026-01-01", "2024-02-29", "2000-02-29", "9999-12-31", "0001-01-01"])
def test_calendar_dates(text: str) -> None:
    check_calendar_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-04-31",
        "0000-01-01", "2026-1-1", "20260101", "2026-W01-1", "2026-001", "2026-01-01T00:00:00",
        "2026-01-01\n", " 2026-01-01", f"202{ARABIC_3}-01-01", "+2026-01-01", "2026/01/01", "26-01-01",
    ],
)  # fmt: skip
def test_other_calendar_dates(text: str) -> None:
    assert refused(check_calendar_date, text)


PERIODS = {
    "week": ["2026-W01", "2026-W09", "2026-W10", "2026-W53"],
    "month": ["2026-01", "2026-09", "2026-10", "2026-12"],
    "quarter": ["2026-Q1", "2026-Q4"],
    "year": ["2026", "1921"],
}


@pytest.mark.parametrize("every", PERIODS)
def test_periods(every: str) -> None:
    for text in PERIODS[every]:
        check_period(text)
        check_period(text, every)
        for other in PERIODS.keys() - {every}:
            assert refused(lambda text, other=other: check_period(text, other), text)  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-W00", "2026-W54", "2026-W1", "2026W01", "2026-w01", "2026-00", "2026-13", "2026-1",
        "2026-Q0", "2026-Q5", "2026-q1", "2026-Q", "26", "20260", "2026-", "2026\n", "2026-05\n",
        "2026-05-01", " 2026", f"202{ARABIC_3}", f"2026-0{ARABIC_3}", "2026-H1",
    ],
)  # fmt: skip
def test_other_periods(text: str) -> None:
    assert refused(check_period, text)


@pytest.mark.parametrize("text", ["UTC", "Europe/Moscow", "America/Argentina/Buenos_Aires", "Asia/Kathmandu"])
def test_zones(text: str) -> None:
    check_zone(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "Europe/Moscow ", "Europe/", "/etc/localtime", "../UTC", "+03:00", "Europe/../UTC",
        "Europe//Moscow", "UTC\0", "UTC\n", "./UTC", "a/b/c/d", "a" * 65, "Москва",
    ],
)  # fmt: skip
def test_other_zones(text: str) -> None:
    assert refused(check_zone, text)


@pytest.mark.parametrize(
    "names", [(), ("tula",), ("@all",), ("all", "@all"), ("0", "a-", "a--b"), ("a" * 63,)]
)
def test_addressees(names: tuple[str, ...]) -> None:
    check_addressees(names)


@pytest.mark.parametrize(
    "name",
    [
        "", "@", "@@all", "Tula", "tul\u0430", "-a", "@-a", "a_b", "a.b", "a b", "tula\n", "@ all", "all@",
        "a" * 64, "cc/2026/1", "\u00e9", ARABIC_3,
    ],
)  # fmt: skip
def test_other_addressees(name: str) -> None:
    with pytest.raises(FormatError):
        check_addressees((name,))


@pytest.mark.parametrize("names", [("a", "a"), ("@a", "b", "@a")])
def test_an_addressee_stands_once(names: tuple[str, ...]) -> None:
    with pytest.raises(FormatError, match="twice"):
        check_addressees(names)


@pytest.mark.parametrize(
    "name", ["plan.pdf", ".hidden", "...", "Отчёт за май.ods", "a" * 255, "ж" * 127, "CON", "a:b", "-rf"]
)
def test_attachment_names(name: str) -> None:
    check_attachment_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "a/b", "../a", "/etc/passwd", "a\\b", "..\\a", "a\0b", "a\nb", "a\tb", " a",
        "a ", "a" * 256, "ж" * 128, "a\u202efdp.exe", "a\u2028b", "a\u200f", "\x1b[2J", "a\udc80",
    ],
)  # fmt: skip
def test_other_attachment_names(name: str) -> None:
    assert refused(check_attachment_name, name)
