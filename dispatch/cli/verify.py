"""verify: the auditor's check, without a home and without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    chosen_home,
    clock,
    json_option,
    moment_argument,
    print_json,
    print_text,
    read_input,
    say,
    show_problem,
)
from dispatch.errors import worst
from dispatch.render.terminal import clean
from keys.trust import check_current, parse_roster_file, trust_pinned, trust_update

if TYPE_CHECKING:
    from dispatch.audit import Verdict
    from keys.trust import TrustedRoster


@click.command("verify")
@click.argument("file", metavar="FILE...", nargs=-1, required=True)
@click.option("--roster", required=True, metavar="FILE", help="The signed roster.")
@click.option("--root", "pin", metavar="SHA256:...", help="The root fingerprint that you trust.")
@click.option(
    "--at", metavar="DATE", help="The moment at which the roster must not have expired. Default: now."
)
@json_option
def verify_command(
    file: tuple[str, ...], roster: str, pin: str | None, at: str | None, *, as_json: bool
) -> int:
    """Check envelopes, and bare notes named *.note, with nothing but the signed roster.

    \b
    dispatch verify post/*.dispatch --roster rkp.roster --root SHA256:4Zs…
    """
    from dispatch.audit import verify_files

    trusted = _trust(read_input(roster), pin)
    check_current(trusted, moment_argument("--at", at) if at else clock())
    verdicts = []
    for verdict in verify_files(file, trusted):
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


def _trust(data: bytes, pin: str | None) -> TrustedRoster:
    """Trust a roster by the pin, or because it is what the home trusts or may follow it."""
    chain = parse_roster_file(data)
    home = chosen_home()
    if pin is None and home.roster.exists():
        from dispatch.keeper import load_trusted

        return trust_update(load_trusted(home), chain)
    return trust_pinned(chain, pin or "")


def _line(verdict: Verdict) -> str:
    place = (
        f" copy {verdict.copy} of {verdict.copies} to {verdict.to}"
        if verdict.copy
        else f" {verdict.copies} copies"
    )
    return clean(f"holds  {verdict.file}: {verdict.number} of {verdict.date},{place}")


def _as_json(verdict: Verdict) -> dict[str, Any]:
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
