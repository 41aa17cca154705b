"""verify: the auditor's check, without a home and without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    chosen_home,
    clock,
    moment_argument,
    print_json,
    print_text,
    progress,
    read_input,
    say,
    show_problem,
)
from dispatch.cli.options import json_option
from dispatch.errors import worst
from dispatch.render.terminal import clean
from keys.trust import check_current

if TYPE_CHECKING:
    from dispatch.audit import FileVerdict
    from keys.trust import TrustedRoster


@click.command("verify")
@click.argument("file", metavar="FILE...", nargs=-1, required=True)
@click.option("--roster", required=True, metavar="FILE", help="The signed roster.")
@click.option("--root", "pin", metavar="SHA256:...", help="The root fingerprint that you trust.")
@click.option(
    "--at", metavar="DATE", help="The moment at which the roster must not have expired. Default: now."
)
@click.option(
    "--content", metavar="FILE", help="A published message: check that the one note given commits to it."
)
@json_option
def verify_command(
    file: tuple[str, ...], roster: str, *, pin: str | None, at: str | None, content: str | None, as_json: bool
) -> int:
    """Check envelopes, and bare notes named *.note, with nothing but the signed roster.

    A folder means its envelopes and notes, recursively, links not followed; - is an envelope on
    standard input.

    \b
    dispatch verify post/ --roster rkp.roster --root SHA256:4Zs…
    dispatch verify --content cc-2026-1.message cc-2026-1.note --roster rkp.roster
    """
    from dispatch.audit.verdicts import verify_files
    from dispatch.realm.trusted import trust_roster

    trusted = trust_roster(chosen_home(), read_input(roster), pin)
    check_current(trusted, moment_argument("--at", at) if at else clock())
    if content is not None:
        return _verify_content(content, file, trusted, as_json=as_json)
    verdicts = []
    with progress("verifying") as show:
        for verdict in verify_files(file, trusted, show):
            verdicts.append(verdict)
            if verdict.error:
                show_problem(verdict.error, verdict.hint, verdict.file)
            elif not as_json:
                print_text(_line(verdict))
    if as_json:
        print_json([_as_json(verdict) for verdict in verdicts])
    elif len(verdicts) > 1:
        good = sum(not verdict.error for verdict in verdicts)
        say(f"{good} of {len(verdicts)} files hold")
    return worst(verdict.code for verdict in verdicts)


def _verify_content(content: str, file: tuple[str, ...], trusted: TrustedRoster, *, as_json: bool) -> int:
    """Check that a published message is what one note commits to."""
    from dispatch.audit.verdicts import published_message, verify_file

    if len(file) != 1 or not file[0].endswith(".note"):
        raise click.UsageError("--content goes with one note, a file named *.note")
    # a folder is no note, even if its name ends so
    verdict = verify_file(file[0], trusted)
    if verdict.error:
        show_problem(verdict.error, verdict.hint, verdict.file)
        return verdict.code
    note = read_input(file[0])
    message = published_message(trusted, read_input(content), note)
    if as_json:
        print_json([_as_json(verdict)])
    else:
        subject = clean(message.subject)
        print_text(
            f"holds  {content}: {message.kind} issued by {message.from_} as {message.number} "
            f"on {message.date}, {verdict.copies} copies: {subject}"
        )
    return 0


def _line(verdict: FileVerdict) -> str:
    place = (
        f" copy {verdict.copy} of {verdict.copies} to {verdict.to}"
        if verdict.copy
        else f" {verdict.copies} copies"
    )
    return clean(f"holds  {verdict.file}: {verdict.number} of {verdict.date},{place}")


def _as_json(verdict: FileVerdict) -> dict[str, Any]:
    return {
        "file": verdict.file,
        "ok": not verdict.error,
        "number": verdict.number,
        "id": verdict.id,
        "from": verdict.number.split("/")[0] if verdict.number else None,
        "to": verdict.to,
        "copy": verdict.copy,
        "copies": verdict.copies,
        "date": verdict.date,
        "keys": list(verdict.keys),
        "error": verdict.error or None,
        "code": verdict.code,
    }
