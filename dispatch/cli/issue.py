"""draft, check, issue, export: the way out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    json_option,
    number_argument,
    open_office,
    print_json,
    print_text,
    progress,
    read_input,
    say,
    show_problem,
    warn,
    warn_ahead,
    warn_unreleased,
    write_output,
)
from dispatch.cli.init import force_option, output_option
from dispatch.errors import DispatchError, MessageError, exit_code, worst
from dispatch.render.terminal import fields, moment_text
from keys.codec import encode_base64
from keys.errors import KeysError
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from dispatch.checks.addressees import Addressees
    from dispatch.drafts import Draft, Problem, ReportDraft
    from dispatch.office import Office
    from dispatch.office.outbox import Issued

folder_type = click.Path(path_type=Path, file_okay=False)
directory_option = click.option(
    "-o",
    "--output",
    "directory",
    metavar="DIR",
    type=folder_type,
    help="Where the envelopes go. Default: the outbox.",
)


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


@click.command("check")
@click.argument("draft")
@json_option
def check_command(draft: str, *, as_json: bool) -> int:
    """Say everything that would stop DRAFT, with line numbers, and who would get it.

    \b
    dispatch check draft.md
    """
    from dispatch.drafts import read_draft

    reading = read_draft(read_input(draft))
    problems = list(reading.problems)
    addressees: Addressees | None = None
    dues: list[dict[str, Any]] = []
    if reading.draft is not None:
        office = open_office()
        try:
            checked = office.check(reading.draft)
            found, addressees = checked.problems, checked.addressees
            dues = _dues(reading.draft, office)
            if addressees is not None:
                _warn_of_classical(office, addressees)
        except (DispatchError, KeysError) as error:
            found = tuple(_roster_problems(error, reading.draft))
        known = {problem.line for problem in problems}
        problems += [one for one in found if one.line not in known]
    problems.sort(key=lambda problem: problem.line)
    code = worst(problem.code for problem in problems)
    if as_json:
        print_json(
            {
                "ok": code == 0,
                "problems": [
                    {"line": problem.line, "error": problem.text, "hint": problem.hint, "code": problem.code}
                    for problem in problems
                ],
                "to": list(addressees.to) if addressees else None,
                "info": list(addressees.info) if addressees else None,
                "copies": len(addressees.copies) if addressees else None,
                "due": dues,
            }
        )
        return code
    for problem in problems:
        show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
    if addressees is not None:
        pairs = [("to", ", ".join(addressees.to))]
        if addressees.info:
            pairs.append(("info", ", ".join(addressees.info)))
        pairs.append(("copies", f"{len(addressees.copies)}, the file copy included"))
        pairs += [("due", _due_text(one)) for one in dues]
        print_text(fields(pairs))
    if code == 0:
        say("ready to issue")
    return code


def _dues(draft: Draft | ReportDraft, office: Office) -> list[dict[str, Any]]:
    """List the first due moments that a circular would create, of each obligation."""
    from dispatch.drafts import Draft
    from dispatch.duties.slots import due_dates

    if not isinstance(draft, Draft):
        return []
    return [
        {
            "obligation": obligation.id,
            "period": period,
            "event": obligation.before or obligation.after,
            "side": "before" if obligation.before else "after" if obligation.after else None,
            "due": format_date(due) if due else None,
            "within": obligation.due,
            "by": list(obligation.by),
        }
        for obligation in draft.obligations
        for period, due in due_dates(obligation, draft.zone, office.now)
    ]


def _due_text(due: dict[str, Any]) -> str:
    by = ", ".join(due["by"])
    if due["due"] is None:
        return f"{due['obligation']}: {due['within']} {due['side']} each {due['event']}, by {by}"
    period = f" for {due['period']}" if due["period"] else ""
    return f"{due['obligation']}{period}: {moment_text(parse_date(due['due']))}, by {by}"


def _roster_problems(error: DispatchError | KeysError, draft: Draft | ReportDraft) -> list[Problem]:
    """Say at which lines the roster stops a draft: of addressees, its text, or its kind for all else."""
    from dispatch.checks.addressees import UnknownAddresseesError
    from dispatch.drafts import Draft, Problem

    if not isinstance(error, UnknownAddresseesError) or not isinstance(draft, Draft):
        field = "body" if isinstance(error, MessageError) else "kind"
        return [Problem(draft.lines.get(field, 1), str(error), error.hint, exit_code(error))]
    places = {
        name: draft.lines.get(f"{field}[{index}]") or draft.lines.get(field, 1)
        for field, names in (("info", draft.info), ("to", draft.to))
        for index, name in enumerate(names)
    }
    return [
        Problem(places.get(name, 1), text, error.hint, exit_code(error)) for name, text in error.wrong.items()
    ]


def _warn_of_classical(office: Office, addressees: Addressees) -> None:
    roster = office.trusted.roster
    classical = [name for name in addressees.copies if roster.office(name).is_classical(roster.version)]
    if classical:
        warn(f"not protected from quantum computers: the copies for {', '.join(classical)}")


@click.command("issue")
@click.argument("draft")
@directory_option
@click.option(
    "--attach",
    "attachments",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file to go with it; may be repeated.",
)
@json_option
def issue_command(draft: str, directory: Path | None, attachments: tuple[Path, ...], *, as_json: bool) -> int:
    """Seal, sign and register DRAFT; write one envelope for each addressee.

    \b
    dispatch issue draft.md -o post --attach plan.pdf
    """
    from dispatch.drafts import read_draft

    reading = read_draft(read_input(draft))
    if reading.draft is None or reading.problems:
        for problem in reading.problems:
            show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
        return worst(problem.code for problem in reading.problems)
    office = open_office()
    checked = office.check(reading.draft)
    if checked.outgoing is None or checked.problems:
        for problem in checked.problems:
            show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
        return worst(problem.code for problem in checked.problems)
    if checked.addressees is not None:
        _warn_of_classical(office, checked.addressees)
    with progress("sealing") as show:
        issued = office.send(checked.outgoing, attachments, directory, show)
    show_issued(office, issued, as_json=as_json)
    return 0


def show_issued(office: Office, issued: Issued, *, as_json: bool) -> None:
    """Print what was issued, and what has to be known of it; that it was, even where printing fails."""
    warn_unreleased(office)
    warn_ahead(office, issued)
    try:
        _print_issued(issued, as_json=as_json)
        sys.stdout.flush()
    except OSError:
        warn(f"{issued.number} is issued all the same; its files are in {issued.files[0].parent}")
        raise


def _print_issued(issued: Issued, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "number": str(issued.number),
                "id": encode_base64(issued.id),
                "date": format_date(issued.note.date),
                "content": encode_base64(issued.note.content),
                "copies": issued.note.copies.count,
                "files": [str(path) for path in issued.files],
            }
        )
        return
    print_text(
        fields(
            [
                ("number", str(issued.number)),
                ("date", moment_text(issued.note.date)),
                ("id", encode_base64(issued.id)),
                ("copies", f"{issued.note.copies.count}, the file copy included"),
                ("files", str(issued.files[0].parent)),
            ]
        )
    )


@click.command("export")
@click.argument("number", metavar="[NUMBER...]", nargs=-1)
@click.option(
    "-o", "--output", "directory", metavar="DIR", type=folder_type, required=True, help="Where the files go."
)
@click.option("--notes", is_flag=True, help="Bare notes with their signatures, without copies.")
@json_option
def export_command(number: tuple[str, ...], directory: Path, *, notes: bool, as_json: bool) -> int:
    """Make the envelopes again, byte for byte; of all our own dispatches if no NUMBER is given.

    \b
    dispatch export cc/2026/17 -o post
    dispatch export --notes -o notes
    """
    numbers = [number_argument(text) for text in number]
    office = open_office()
    files = office.export(numbers, directory, notes=notes)
    warn_unreleased(office)
    if as_json:
        print_json([str(path) for path in files])
    else:
        say(f"{len(files)} files in {directory}")
    return 0
