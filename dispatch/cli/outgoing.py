"""draft, check, issue, export: the way out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
    warn_unreleased,
    write_output,
)
from dispatch.cli.setup import force_option, output_option
from dispatch.errors import DispatchError, MessageError, exit_code, worst
from dispatch.render.terminal import fields, moment_text
from keys.codec import encode_base64
from keys.errors import KeysError
from keys.text import format_date

if TYPE_CHECKING:
    from dispatch.addressees import Addressees
    from dispatch.draft import Draft, Problem
    from dispatch.office import Office

folder_type = click.Path(path_type=Path, file_okay=False)


@click.command("draft")
@click.argument("kind", type=click.Choice(["circular", "report", "letter"]))
@output_option
@force_option
def draft_command(kind: str, output: str | None, *, force: bool) -> None:
    """Write a commented template to fill in.

    \b
    dispatch draft circular -o draft.md
    """
    from dispatch.draft import template

    write_output(template(kind).encode(), output, force=force)


@click.command("check")
@click.argument("draft")
@json_option
def check_command(draft: str, *, as_json: bool) -> int:
    """Say everything that would stop DRAFT, with line numbers, and who would get it.

    \b
    dispatch check draft.md
    """
    from dispatch.draft import read_draft

    reading = read_draft(read_input(draft))
    problems = list(reading.problems)
    addressees: Addressees | None = None
    if reading.draft is not None:
        office = open_office()
        try:
            addressees = office.check(reading.draft)
            _warn_of_classical(office, addressees)
        except (DispatchError, KeysError) as error:
            known = {problem.line for problem in problems}
            problems += [one for one in _roster_problems(error, reading.draft) if one.line not in known]
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
            }
        )
        return code
    for problem in problems:
        show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
    if addressees is not None:
        pairs = [("to", ", ".join(addressees.to))]
        if addressees.info:
            pairs.append(("info", ", ".join(addressees.info)))
        print_text(fields([*pairs, ("copies", f"{len(addressees.copies)}, the file copy included")]))
    if code == 0:
        say("ready to issue")
    return code


def _roster_problems(error: DispatchError | KeysError, draft: Draft) -> list[Problem]:
    """Say at which lines the roster stops a draft: of addressees, its text, or its kind for all else."""
    from dispatch.addressees import UnknownAddresseesError
    from dispatch.draft import Problem

    if not isinstance(error, UnknownAddresseesError):
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
@click.option(
    "-o",
    "--output",
    "directory",
    metavar="DIR",
    type=folder_type,
    help="Where the envelopes go. Default: the outbox.",
)
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
    from dispatch.draft import read_draft

    reading = read_draft(read_input(draft))
    if reading.draft is None or reading.problems:
        for problem in reading.problems:
            show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
        return worst(problem.code for problem in reading.problems)
    office = open_office()
    _warn_of_classical(office, office.check(reading.draft))
    with progress("sealing") as show:
        issued = office.issue(reading.draft, attachments, directory, show)
    warn_unreleased(office)
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
    else:
        folder = issued.files[0].parent
        print_text(
            fields(
                [
                    ("number", str(issued.number)),
                    ("date", moment_text(issued.note.date)),
                    ("id", encode_base64(issued.id)),
                    ("copies", f"{issued.note.copies.count}, the file copy included"),
                    ("files", str(folder)),
                ]
            )
        )
    return 0


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
