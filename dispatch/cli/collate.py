"""collate: one table of what was returned."""

from __future__ import annotations

import click

from dispatch.cli.common import (
    number_argument,
    open_office,
    print_json,
    print_text,
    say,
    warn_left_out,
    width,
    write_output,
)
from dispatch.cli.options import force_option, json_option
from keys.errors import FormatError


@click.command("collate")
@click.argument("what", metavar="NUMBER#OBLIGATION")
@click.option("--period", metavar="P[..Q]", help="From period P to Q; events by their day. Default: all.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table for a spreadsheet.")
@click.option("--html", metavar="FILE", help="Write a page to print, with bars for the figures.")
@force_option
@json_option
def collate_command(
    what: str, period: str | None, html: str | None, *, as_csv: bool, force: bool, as_json: bool
) -> None:
    """Make one table of all reports for an obligation of a circular.

    Figures are summed, choices counted, texts and demands listed with their office; missing is not
    zero. The digest at the end is the same for everybody who has the same reports.

    \b
    dispatch collate cc/2026/17#monthly --period 2026-05..2026-10
    dispatch collate cc/2026/17#monthly --period 2026-Q2 --html report.html
    """
    from dispatch.render.collation import collation_csv, collation_json, collation_text

    number, mark, obligation = what.partition("#")
    if not mark or not obligation:
        raise click.UsageError(
            f"what to collate reads NUMBER#OBLIGATION, as in cc/2026/17#monthly, not {what!r}"
        )
    named = number_argument(number)
    first, dots, last = (period or "").partition("..")
    if dots and not (first and last):
        raise click.UsageError(f"--period reads 2026-05 or 2026-05..2026-10, not {period!r}")
    office = open_office()
    warn_left_out(office)
    try:
        collation = office.collate(named, obligation, first or None, last or None)
    except FormatError as error:
        raise click.UsageError(f"--period: {error}") from None
    if html:
        from dispatch.render.collation import collation_html

        write_output(collation_html(collation).encode(), html, force=force)
    if as_json:
        print_json(collation_json(collation))
    elif as_csv:
        write_output(collation_csv(collation).encode(), None, force=False)
    elif html is None:
        print_text(collation_text(collation, width()))
    elif html != "-":
        say(f"{collation.actual} of {collation.expected} reports are in {html}")
