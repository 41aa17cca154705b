"""decide: the centre's decisions on reports and on what is owed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from dispatch.cli.common import number_argument, open_office
from dispatch.cli.issue import show_issued
from dispatch.cli.options import directory_option, json_option
from keys.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("decide")
@click.argument("number", metavar="NUMBER[#OBLIGATION]")
@click.option("--accept", is_flag=True, help="Accept the report NUMBER.")
@click.option("--return", "return_", metavar="REASON", help="Send the report NUMBER back.")
@click.option("--office", metavar="HANDLE", help="Whose slot of NUMBER#OBLIGATION.")
@click.option("--period", metavar="P", help="Of which period.")
@click.option("--event", type=click.IntRange(1), metavar="N", help="Of which event of that office.")
@click.option("--extend", metavar="DATE", help="Move the due moment to the end of this day.")
@click.option("--waive", metavar="REASON", help="Expect nothing any more.")
@directory_option
@json_option
def decide_command(
    number: str,
    *,
    return_: str | None,
    office: str | None,
    period: str | None,
    event: int | None,
    extend: str | None,
    waive: str | None,
    directory: Path | None,
    accept: bool,
    as_json: bool,
) -> int:
    """Accept or return the report NUMBER; or extend or waive a slot of our circular NUMBER.

    \b
    dispatch decide tula/2026/3 --return "The figures for May are those for April"
    dispatch decide cc/2026/17#monthly --office tula --period 2026-05 --extend 2026-06-20
    """
    text, _, obligation = number.partition("#")
    named = number_argument(text)
    given = [accept, return_ is not None, extend is not None, waive is not None]
    if sum(given) != 1:
        raise click.UsageError("one of --accept, --return REASON, --extend DATE and --waive REASON")
    on_slot = extend is not None or waive is not None
    if on_slot != bool(obligation) or on_slot != (office is not None) or (not on_slot and (period or event)):
        raise click.UsageError(
            "--accept and --return take the NUMBER of a report; --extend and --waive take "
            "NUMBER#OBLIGATION with --office and, unless it is for once, --period or --event"
        )
    from dispatch.formats.periods import parse_day
    from dispatch.office import SlotName

    ours = open_office()
    decision: Literal["accept", "return", "extend", "waive"] = (
        "accept"
        if accept
        else "return"
        if return_ is not None
        else "extend"
        if extend is not None
        else "waive"
    )
    try:
        issued = ours.decide(
            named,
            decision,
            slot=SlotName(obligation, office, period, event) if office is not None else None,
            until=parse_day(extend) if extend is not None else None,
            reason=return_ if waive is None else waive,
            directory=directory,
        )
    except FormatError as error:
        raise click.UsageError(str(error)) from None
    show_issued(ours, issued, as_json=as_json)
    return 0
