"""receive, list, read, open: the way in."""

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
    read_input,
    say,
    show_error,
    show_problem,
    warn,
    warn_ahead,
    warn_unreleased,
    width,
)
from dispatch.cli.issue import folder_type
from dispatch.errors import describe, worst
from dispatch.render.message import message_text
from dispatch.render.terminal import dtg, escape_json, table
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from dispatch.checks.opening import OpenedMessage
    from dispatch.office import Listed, Office, Reception
    from dispatch.office.inbox import Received

save_option = click.option("--save", metavar="DIR", type=folder_type, help="Save the attachments in DIR.")


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
    code = report_reception(office, reception, as_json=as_json)
    held = len(office.register.waiting.list("held"))
    if held:
        say(f"{held} held: `dispatch list --held` says why")
    return code


def report_reception(office: Office, reception: Reception, *, as_json: bool) -> int:
    """Print what became of each file, and the receipts; give the worst exit code."""
    code = _report_received(reception.received, as_json=as_json)
    for issued in reception.receipts:
        say(f"receipt {issued.number} for {len(issued.note.receipts)} is in {issued.files[0].parent}")
        warn_ahead(office, issued)
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
            show_error(outcome.error, outcome.file)
            if outcome.state in ("held", "rejected"):
                say(f"{outcome.file}: kept as {outcome.state}")
    if as_json:
        print_json([_received_json(outcome) for outcome in outcomes])
    else:
        rows = [
            (outcome.state, str(outcome.number), outcome.opened.message.kind, outcome.opened.message.subject)
            for outcome in outcomes
            if outcome.opened is not None
        ]
        if rows:
            print_text(table(("state", "number", "kind", "subject"), rows, width(), "subject"))
    return worst(outcome.code for outcome in outcomes)


def _issuer(outcome: Received) -> str | None:
    return outcome.number.handle if outcome.number else None


def _received_json(outcome: Received) -> dict[str, Any]:
    message = outcome.opened.message if outcome.opened else None
    return {
        "file": outcome.file,
        "ok": outcome.error is None,
        "number": str(outcome.number) if outcome.number else None,
        "kind": message.kind if message else None,
        "from": _issuer(outcome),
        "subject": message.subject if message else None,
        "state": outcome.state,
        "never_came": str(outcome.after) if outcome.after else None,
        "disputed": str(outcome.disputed) if outcome.disputed else None,
        "contradiction": outcome.contradiction or None,
        "missing": [f"{digest.hex()}.age" for digest in outcome.missing],
        "error": describe(outcome.error) if outcome.error else None,
        "code": outcome.code,
    }


@click.command("list")
@click.option("--in", "direction", flag_value="in", help="Only what others sent.")
@click.option("--out", "direction", flag_value="out", help="Only our own.")
@click.option("--held", "direction", flag_value="held", help="What waits for a newer roster or a later day.")
@click.option(
    "--rejected", "direction", flag_value="rejected", help="What was truly sent to us and is wrong."
)
@click.option("--in-force", is_flag=True, help="Only circulars that no later one cancels or supersedes.")
@click.option("--all", "everything", is_flag=True, help="More than the newest 50.")
@json_option
def list_command(direction: str | None, *, in_force: bool, everything: bool, as_json: bool) -> int:
    """List the register, newest first."""
    office = open_office()
    if direction in ("held", "rejected"):
        _list_waiting(office, direction, as_json=as_json)
        return 0
    ours = {"in": False, "out": True}.get(direction or "")
    listed = office.list(-1 if everything or in_force else 50, ours=ours)
    if in_force:
        standing = office.docket.in_force()
        listed = tuple(item for item in listed if item.entry.number in standing)
    if as_json:
        print_json([_listed_json(item, office.handle) for item in listed])
        return 0
    rows = []
    for item in listed:
        entry, message = item.entry, item.message
        kind = message.kind if message else "-"
        state = "in" if entry.state == "received" else "out" if entry.state == "released" else entry.state
        rows.append((state, str(entry.number), dtg(entry.date), kind, message.subject if message else "-"))
    print_text(
        table(("", "number", "date", "kind", "subject"), rows, width(), "subject") if rows else "nothing yet"
    )
    return 0


def _listed_json(item: Listed, handle: str) -> dict[str, Any]:
    entry, message = item.entry, item.message
    return {
        "number": str(entry.number),
        "kind": message.kind if message else None,
        "from": entry.number.handle,
        "to": list(message.to) if message else None,
        "date": format_date(entry.date),
        "subject": message.subject if message else None,
        "direction": "out" if entry.number.handle == handle else "in",
        "state": entry.state,
    }


def _list_waiting(office: Office, state: str, *, as_json: bool) -> None:
    waiting = office.register.waiting.list("held" if state == "held" else "rejected")
    if as_json:
        print_json(
            [
                {
                    "file": item.name,
                    "number": str(item.number),
                    "state": item.state,
                    "error": item.reason,
                    "code": item.code,
                }
                for item in waiting
            ]
        )
        return
    rows = [(str(item.number), item.reason) for item in waiting]
    print_text(table(("number", "reason"), rows, width(), "reason") if rows else f"nothing is {state}")


@click.command("read")
@click.argument("number")
@save_option
@json_option
def read_command(number: str, save: Path | None, *, as_json: bool) -> int:
    """Show a dispatch of the register, checked again.

    \b
    dispatch read cc/2026/17 --save attachments
    """
    office = open_office()
    _show(office, office.read(number_argument(number)), office.home.attachments, save, as_json=as_json)
    return 0


@click.command("open")
@click.argument("file")
@save_option
@json_option
def open_command(file: str, save: Path | None, *, as_json: bool) -> int:
    """Check and show an envelope FILE, without registering it."""
    office = open_office()
    beside = Path(file).parent if file != "-" else Path()
    _show(office, office.open(read_input(file)), beside, save, as_json=as_json)
    return 0


def _show(office: Office, opened: OpenedMessage, beside: Path, save: Path | None, *, as_json: bool) -> None:
    if as_json:
        # a terminal gets the same value without what could steer it; a program the bytes that were signed
        is_shown = sys.stdout.isatty()
        sys.stdout.buffer.write(escape_json(opened.line.decode()).encode() if is_shown else opened.line)
        sys.stdout.buffer.flush()
    else:
        roster = office.trusted.roster
        version = opened.verified.note.roster.version
        titles = {opened.message.from_: roster.office(opened.message.from_).title(version)}
        print_text(
            message_text(
                opened.message,
                parse_date(opened.message.date),
                titles,
                width(),
                touches=office.docket.touches_on(opened.verified.note.number),
                form=office.docket.form_of(opened.message),
            )
        )
    if save is not None:
        for path in office.save(opened, beside, save):
            say(f"saved {path}")
