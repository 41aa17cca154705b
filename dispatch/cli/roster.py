"""roster: who is in the realm, and with what keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import (
    ask_passphrase,
    chosen_home,
    clock,
    open_office,
    print_json,
    print_text,
    read_input,
    say,
    say_wrapped,
    warn,
    width,
    write_output,
)
from dispatch.cli.keys import show_card_keys
from dispatch.cli.options import force_option, json_option, output_option
from dispatch.render.terminal import fields, moment_text, table
from keys.roster import RIGHTS
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatch.realm.roster import RosterEditor
    from keys.roster import Roster


_MOST_CHANGES = 60


def _keeper() -> RosterEditor:
    from dispatch.realm.roster import RosterEditor

    return RosterEditor(chosen_home(), now=clock(), ask_passphrase=ask_passphrase)


@click.group("roster")
def roster_command() -> None:
    """Show the roster, import a newer one, or keep it."""


@roster_command.command("show")
@json_option
def roster_show(*, as_json: bool) -> None:
    """Show the offices, groups and root fingerprint that this home trusts."""
    keeper = _keeper()
    roster = keeper.trusted.roster
    if as_json:
        print_json(_as_json(roster))
        return
    version = roster.version
    print_text(
        fields(
            [
                ("realm", roster.realm),
                ("version", str(version)),
                ("date", moment_text(roster.date)),
                ("expires", moment_text(roster.expires)),
                ("root", roster.root_fingerprint(version)),
            ]
        )
    )
    rows = []
    for handle in roster.handles(version):
        office = roster.office(handle)
        notes = "classical" if office.is_classical(version) else ""
        rows.append((handle, " ".join(sorted(office.rights(version))), notes, office.title(version)))
    print_text("\n" + table(("office", "rights", "keys", "title"), rows, width(), "title"))
    groups = [(f"@{group.name}", ", ".join(group.members(version))) for group in roster.groups]
    if groups:
        print_text("\n" + table(("group", "members"), groups, width(), "members"))
    pending = keeper.pending()
    if pending is not None:
        from dispatch.render.roster import describe_changes

        say("edits are pending: `dispatch roster sign` makes the next version of them")
        _say_changes(describe_changes(roster, pending))


def _say_changes(lines: Sequence[str]) -> None:
    for line in lines[:_MOST_CHANGES]:
        say_wrapped(line)
    if len(lines) > _MOST_CHANGES:
        say(f"and {len(lines) - _MOST_CHANGES} more changes")


def _as_json(roster: Roster) -> dict[str, Any]:
    version = roster.version
    offices = []
    for handle in roster.handles(version):
        office = roster.office(handle)
        offices.append(
            {
                "handle": handle,
                "title": office.title(version),
                "rights": sorted(office.rights(version)),
                "threshold": office.threshold(version),
                "classical": office.is_classical(version),
                "keys": [key.fingerprint() for key in office.signing_keys(version)],
            }
        )
    return {
        "realm": roster.realm,
        "version": version,
        "date": format_date(roster.date),
        "expires": format_date(roster.expires),
        "root_fingerprint": roster.root_fingerprint(version),
        "offices": offices,
        "groups": {group.name: list(group.members(version)) for group in roster.groups},
    }


@roster_command.command("add")
@click.argument("card", metavar="CARD...", nargs=-1, required=True)
@click.option(
    "--rights",
    metavar="LIST",
    help="What the office may do, of issue, report and audit, with commas. Default: report.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Give up a pending card of the same office, if none of its keys has signed this CARD.",
)
def roster_add(card: tuple[str, ...], rights: str | None, *, replace: bool) -> None:
    """Add the office of a CARD, or give it the keys of its new card. Pending until `roster sign`.

    \b
    dispatch roster add tula.card penza.card
    dispatch roster add control.card --rights audit
    """
    wanted = [right.strip() for right in rights.split(",")] if rights is not None else None
    for right in wanted or ():
        if right not in RIGHTS:
            raise click.UsageError(f"no such right: {right!r}; there are {', '.join(RIGHTS)}")
    keeper = _keeper()
    for path in card:
        added = keeper.add(read_input(path), wanted, replace=replace)
        print_text(fields([("office", added.handle), ("title", added.title)], width()))
        show_card_keys(added.signing, added.sealing)
        if added.classical:
            warn(f"{added.handle} is a classical office: not protected from quantum computers")
    say("pending until `dispatch roster sign`; compare these fingerprints with the office by voice first")


@roster_command.command("group")
@click.argument("name")
@click.argument("handle", metavar="HANDLE...", nargs=-1)
def roster_group(name: str, handle: tuple[str, ...]) -> None:
    """Make these offices the members of the group NAME. Pending until `roster sign`.

    \b
    dispatch roster group provinces tula penza saratov
    """
    _keeper().group(name.removeprefix("@"), handle)
    say("pending until `dispatch roster sign`")


@roster_command.command("sign")
def roster_sign() -> None:
    """Make the next version of the pending edits, sign it with the root key, and trust it here.

    `roster show` lists the edits before, and this command says what it has signed.
    """
    from dispatch.render.roster import describe_changes

    keeper = _keeper()
    before = keeper.trusted.roster
    roster = keeper.sign().roster
    _say_changes(describe_changes(before, roster))
    say(f"signed: version {roster.version} of {roster.realm}, trusted until {format_date(roster.expires)}")
    say("hint: `dispatch roster export -o FILE` gives it for the offices to import")


@roster_command.command("export")
@output_option
@force_option
@click.option(
    "--allowed-signers", is_flag=True, help="The signing keys as `ssh-keygen -Y verify` reads them."
)
def roster_export(output: str | None, *, force: bool, allowed_signers: bool) -> None:
    """Write the trusted roster for others to import, with the versions that changed the root."""
    home = chosen_home()
    keeper = _keeper()
    if allowed_signers:
        from dispatch.render.roster import allowed_signers as write_signers

        data = write_signers(keeper.trusted.roster).encode()
    else:
        data = home.roster.read_bytes()
    write_output(data, output, force=force)


@roster_command.command("import")
@click.argument("file")
@click.option("--root", "pin", metavar="SHA256:...", help="The root fingerprint; needed the first time.")
def roster_import(file: str, pin: str | None) -> int:
    """Trust the roster in FILE, if its root is the trusted one. Then try again what was held.

    \b
    dispatch roster import rkp.roster --root SHA256:4Zs…
    """
    from dispatch.cli.receive import report_reception

    office = open_office()
    roster = office.trust(read_input(file), pin).roster
    say(f"version {roster.version} of {roster.realm} is trusted here until {format_date(roster.expires)}")
    if roster.expires <= office.now:
        warn("this roster has expired: ask its keeper for a newer one")
    reception = office.retry()
    return report_reception(reception, as_json=False) if reception is not None else 0
