"""draft: a template to fill in; for a report, its form."""

from __future__ import annotations

import click

from dispatch.cli.common import number_argument, open_office, read_input, write_output
from dispatch.cli.options import force_option, output_option


@click.command("draft")
@click.argument("kind", type=click.Choice(["circular", "report", "letter"]))
@click.argument("what", metavar="[NUMBER#OBLIGATION]", required=False)
@click.option(
    "--example",
    type=click.Choice(["monthly", "event", "once"]),
    help="Of a circular: one that asks for reports, monthly, around an event, or once.",
)
@click.option("--period", metavar="P", help="Of a report. Default: the oldest that is open.")
@click.option(
    "--event",
    is_flag=False,
    flag_value="next",
    metavar="[N]",
    help="Of a report before or after an event. Default: the one that is open, or the next.",
)
@click.option("--nil", is_flag=True, help="Of a report: there is nothing to report.")
@click.option(
    "--table", "tables", multiple=True, metavar="FIELD=CSV", help="Of a report: take a table from a CSV file."
)
@output_option
@force_option
def draft_command(
    kind: str,
    what: str | None,
    *,
    example: str | None,
    period: str | None,
    event: str | None,
    nil: bool,
    tables: tuple[str, ...],
    output: str | None,
    force: bool,
) -> None:
    """Write a commented template to fill in; for a report, the form that the circular asks for.

    \b
    dispatch draft circular --example monthly -o draft.md
    dispatch draft report cc/2026/17#monthly --period 2026-05 -o report.md
    dispatch draft report cc/2026/17#before --event -o report.md
    """
    if (kind == "report") != (what is not None):
        raise click.UsageError("a report is drafted with NUMBER#OBLIGATION, and nothing else is")
    if kind != "report" and (period or event or nil or tables):
        raise click.UsageError("--period, --event, --nil and --table are for reports")
    if example and kind != "circular":
        raise click.UsageError("--example is for circulars")
    if what is None:
        from dispatch.drafts import template

        text = template(kind, example=example)
    else:
        text = _report_form(what, period, event, tables, nil=nil)
    write_output(text.encode(), output, force=force)


def _report_form(
    what: str, period: str | None, event: str | None, tables: tuple[str, ...], *, nil: bool
) -> str:
    number, _, obligation = what.partition("#")
    if not obligation:
        raise click.UsageError(f"a report answers NUMBER#OBLIGATION, as in cc/2026/17#monthly, not {what!r}")
    if event not in (None, "next") and not (event.isascii() and event.isdigit() and int(event) > 0):
        raise click.UsageError(f"--event takes a number, not {event!r}")
    files = {}
    for table in tables:
        name, _, path = table.partition("=")
        if not path:
            raise click.UsageError(f"--table reads FIELD=FILE, not {table!r}")
        files[name] = read_input(path)
    office = open_office()
    return office.report_form(
        number_argument(number),
        obligation,
        period=period,
        event=int(event) if event not in (None, "next") else None,
        nil=nil,
        tables=files,
    )
