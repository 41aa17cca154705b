"""due: who owes what, and when."""

from __future__ import annotations

from typing import Any

import click

from dispatch.cli.common import (
    moment_argument,
    number_argument,
    open_office,
    print_json,
    print_text,
    warn_left_out,
    width,
    write_output,
)
from dispatch.cli.options import force_option, json_option
from dispatch.errors import FINDINGS


@click.command("due")
@click.argument("number", required=False)
@click.option("--at", metavar="DATE", help="As of this moment; what came in stays. Default: now.")
@click.option("--strict", is_flag=True, help="Return 9 if a report or a reply is overdue.")
@click.option("--replies", is_flag=True, help="Who received, acknowledged, undertook, refused, is silent.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table for a spreadsheet.")
@click.option("--ics", metavar="FILE", help="Also write what is still to come as a calendar.")
@force_option
@json_option
def due_command(
    number: str | None,
    at: str | None,
    ics: str | None,
    *,
    strict: bool,
    replies: bool,
    as_csv: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Say who owes what, and when; of the circular NUMBER alone if it is given.

    An office sees what it owes, the soonest first. The issuer of a circular, and who gets its reports
    for information, sees all offices and periods.

    \b
    dispatch due
    dispatch due cc/2026/17 --strict
    dispatch due --at 2026-07-01T00:00:00Z --csv > due.csv
    """
    from dispatch.duties.as_json import slot_json, standing_json
    from dispatch.render.due import LEGEND, case_text, own_text

    only = number_argument(number) if number else None
    office = open_office()
    warn_left_out(office)
    now = moment_argument("--at", at) if at else office.now
    found = office.due(only, now)
    everything = [slot for one in found for slot in one.slots]
    standings = [(one.case, standing) for one in found for standing in one.standings]
    if ics:
        from dispatch.render.calendar import calendar

        write_output(calendar(everything, office.trusted.roster.realm, office.now), ics, force=force)
    if as_json or as_csv:
        rows = (
            [standing_json(*one) for one in standings] if replies else [slot_json(one) for one in everything]
        )
        _print_rows(rows, as_csv=as_csv)
    else:
        seen = [one for one in found if one.sees_all and (one.slots or one.case.addressees)]
        own = [slot for slot in everything if slot.office == office.handle]
        answers = [(case, one) for case, one in standings if one.office == office.handle and not one.is_met]
        texts = [case_text(one.case, one.slots, now, width()) for one in seen]
        if own or answers or not seen:
            texts.insert(0, own_text(own, answers, width()))
        print_text("\n\n".join(texts + [LEGEND] * any(one.slots for one in seen)))
    return FINDINGS if strict and any(one.is_overdue for one in found) else 0


def _print_rows(rows: list[dict[str, Any]], *, as_csv: bool) -> None:
    if not as_csv:
        print_json(rows)
        return
    from dispatch.render.csv import csv_text
    from dispatch.render.due import COLUMNS

    header = list(rows[0]) if rows else list(COLUMNS)
    write_output(csv_text(header, [list(row.values()) for row in rows]).encode(), None, force=False)
