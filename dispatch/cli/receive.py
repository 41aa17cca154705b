"""receive, list, read, open: the way in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    open_office,
    print_json,
    print_text,
    read_input,
    say,
    show_error,
    show_problem,
    warn,
    warn_ahead,
    warn_unreleased,
    width,
)
from dispatch.cli.options import folder_type, json_option
from dispatch.errors import worst
from dispatch.render.terminal import table

if TYPE_CHECKING:
    from dispatch.office import Reception
    from dispatch.office.results import Received


@click.command("receive")
@click.argument("path", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "directory",
    metavar="DIR",
    type=folder_type,
    help="Where the receipts go. Default: the outbox.",
)
@json_option
def receive_command(path: tuple[Path, ...], directory: Path | None, *, as_json: bool) -> int:
    """Verify, open and register the envelopes at PATH, and receipt them.

    A folder means its *.dispatch files. Each issuer gets one receipt for all that came from it; a
    receipt is not receipted.

    \b
    dispatch receive post/ -o post/
    """
    office = open_office()
    reception = office.receive(
        [one for one in path if str(one) != "-"],
        data=read_input("-") if Path("-") in path else None,
        directory=directory,
    )
    warn_unreleased(office)
    code = report_reception(reception, as_json=as_json)
    if reception.held:
        say(f"{reception.held} held: `dispatch list --held` says why")
    return code


def report_reception(reception: Reception, *, as_json: bool) -> int:
    """Print what became of each file, and the receipts; give the worst exit code."""
    code = _report_received(reception.received, as_json=as_json)
    for issued in reception.receipts:
        say(f"receipt {issued.number} for {len(issued.note.receipts)} is in {issued.files[0].parent}")
        warn_ahead(issued)
    for error in reception.failures:
        code = worst((code, show_error(error, "receipts")))
    if reception.for_others:
        copies = "copy" if reception.for_others == 1 else "copies"
        say(f"{reception.for_others} {copies} for others passed over")
    return code


def _report_received(outcomes: tuple[Received, ...], *, as_json: bool) -> int:
    for outcome in outcomes:
        if outcome.after is not None:
            warn(f"{outcome.number} follows {outcome.after}, which never came: withheld or lost")
        if outcome.disputed is not None and outcome.number is not None:
            earlier, later = sorted((outcome.number, outcome.disputed))
            warn(
                f"{later} passes over {earlier}, and both are here: the register of {later.handle} was "
                "forked, or restored from an old backup; compare with other offices"
            )
        if outcome.contradiction:
            hint = f"it is registered; compare both with other offices, and ask {_issuer(outcome)}"
            show_problem(outcome.contradiction, hint, outcome.file)
        if outcome.missing:
            names = ", ".join(f"{digest.hex()}.age" for digest in outcome.missing)
            warn(f"{outcome.number}: attachments are missing: {names}; receive it again with them beside it")
        if outcome.error is not None:
            show_problem(outcome.error.text, outcome.error.hint, outcome.file)
            if outcome.state in ("held", "rejected"):
                say(f"{outcome.file}: kept as {outcome.state}")
    if as_json:
        print_json([_received_json(outcome) for outcome in outcomes])
    else:
        rows = [
            (outcome.state, str(outcome.number), outcome.kind, outcome.subject or "")
            for outcome in outcomes
            if outcome.kind is not None
        ]
        if rows:
            print_text(table(("state", "number", "kind", "subject"), rows, width(), "subject"))
    return worst(outcome.code for outcome in outcomes)


def _issuer(outcome: Received) -> str | None:
    return outcome.number.handle if outcome.number else None


def _received_json(outcome: Received) -> dict[str, Any]:
    return {
        "file": outcome.file,
        "ok": outcome.error is None,
        "number": str(outcome.number) if outcome.number else None,
        "kind": outcome.kind,
        "from": _issuer(outcome),
        "subject": outcome.subject,
        "state": outcome.state,
        "never_came": str(outcome.after) if outcome.after else None,
        "disputed": str(outcome.disputed) if outcome.disputed else None,
        "contradiction": outcome.contradiction or None,
        "missing": [f"{digest.hex()}.age" for digest in outcome.missing],
        "error": outcome.error.text if outcome.error else None,
        "code": outcome.code,
    }
