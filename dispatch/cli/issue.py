"""issue: seal, sign and register a draft."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dispatch.cli.common import (
    open_office,
    print_json,
    print_text,
    progress,
    read_input,
    show_problem,
    warn,
    warn_ahead,
    warn_unreleased,
)
from dispatch.cli.options import directory_option, json_option
from dispatch.errors import worst
from dispatch.render.terminal import fields, moment_text
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from dispatch.errors import Problem
    from dispatch.office import Office
    from dispatch.office.drafting import Checked
    from dispatch.office.results import Issued


def warn_of_classical(checked: Checked) -> None:
    """Warn of the copies that are not protected from quantum computers."""
    if checked.classical:
        warn(f"not protected from quantum computers: the copies for {', '.join(checked.classical)}")


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
        return _show_problems(draft, reading.problems)
    office = open_office()
    checked = office.check(reading.draft)
    if checked.outgoing is None or checked.problems:
        return _show_problems(draft, checked.problems)
    warn_of_classical(checked)
    with progress("sealing") as show:
        issued = office.send(checked.outgoing, attachments, directory, show)
    show_issued(office, issued, as_json=as_json)
    return 0


def _show_problems(draft: str, problems: tuple[Problem, ...]) -> int:
    """Show what stops a draft, each with its line; give the worst exit code."""
    for problem in problems:
        show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
    return worst(problem.code for problem in problems)


def show_issued(office: Office, issued: Issued, *, as_json: bool) -> None:
    """Print what was issued, and what has to be known of it; that it was, even where printing fails."""
    warn_unreleased(office)
    warn_ahead(issued)
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
