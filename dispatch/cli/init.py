"""init, card, keys: making an office and showing its keys."""

from __future__ import annotations

import click

from dispatch.cli.common import (
    ask_passphrase,
    chosen_home,
    clock,
    print_text,
    say,
    warn,
)
from dispatch.cli.keys import show_card_keys
from dispatch.render.terminal import fields


@click.command("init")
@click.argument("handle")
@click.option("--title", required=True, help="The office's name as people say it, in any script.")
@click.option(
    "--root", is_flag=True, help="Also make the root key and a first roster with this office in it."
)
@click.option("--realm", metavar="NAME", help="With --root: the name of the realm. Default: the handle.")
@click.option("--no-passphrase", is_flag=True, help="Write the keys in clear, for an unattended machine.")
@click.option(
    "--classical",
    is_flag=True,
    help="Ed25519 and X25519 for this office: no protection from quantum computers.",
)
def init_command(
    handle: str, title: str, realm: str | None, *, root: bool, no_passphrase: bool, classical: bool
) -> None:
    """Make an office: its keys, its home, its card.

    \b
    dispatch init tula --title "Тульский губком"
    dispatch --home centre init cc --title "Central Committee" --root --realm rkp
    """
    from dispatch.realm.setup import create_office

    if realm and not root:
        raise click.UsageError("--realm goes with --root")
    home = chosen_home()
    home.refuse_if_taken()
    if classical:
        warn("a classical office is not protected from quantum computers; its card and the roster say so")
    passphrase = None if no_passphrase else ask_passphrase(new=True)
    card = create_office(
        home,
        handle=handle,
        title=title,
        classical=classical,
        realm=(realm or handle) if root else None,
        passphrase=passphrase,
        now=clock(),
    )
    say(f"made {handle} in {home.path}")
    show_card_keys(card.signing, card.sealing)
    if root:
        from dispatch.realm.trusted import load_trusted

        roster = load_trusted(home).roster
        print_text(fields([("realm", roster.realm), ("root", roster.root_fingerprint(roster.version))]))
        say("hint: branches import the roster with --root and this fingerprint; read it to them by voice")
    else:
        say("hint: `dispatch card -o FILE` gives the card for the roster's keeper; compare these by voice")
