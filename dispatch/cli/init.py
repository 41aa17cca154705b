"""init, card, keys: making an office and showing its keys."""

from __future__ import annotations

from pathlib import Path

import click

from dispatch.cli.common import (
    ask_passphrase,
    chosen_home,
    clock,
    json_option,
    open_office,
    print_json,
    print_text,
    say,
    warn,
    write_output,
)
from dispatch.errors import RefusedError
from dispatch.render.terminal import fields
from keys.lines import parse_sealing, parse_signing, sealing_fingerprint

force_option = click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
output_option = click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE; default is standard output."
)


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
        from dispatch.realm.roster import load_trusted

        roster = load_trusted(home).roster
        print_text(fields([("realm", roster.realm), ("root", roster.root_fingerprint(roster.version))]))
        say("hint: branches import the roster with --root and this fingerprint; read it to them by voice")
    else:
        say("hint: `dispatch card -o FILE` gives the card for the roster's keeper; compare these by voice")


def show_card_keys(signing: tuple[str, ...], sealing: tuple[str, ...]) -> None:
    """Print the fingerprints of keys."""
    pairs = [("signing", f"{parse_signing(line).fingerprint()} {line.split(' ')[0]}") for line in signing]
    pairs += [("sealing", f"{sealing_fingerprint(line)} {line.split(' ')[0]}") for line in sealing]
    print_text(fields(pairs))


@click.command("card")
@output_option
@force_option
def card_command(output: str | None, *, force: bool) -> None:
    """Write this office's public card, for the keeper of the roster.

    \b
    dispatch card -o tula.card
    """
    home = chosen_home()
    home.demand()
    write_output(home.card.read_bytes(), output, force=force)


@click.group("keys")
def keys_command() -> None:
    """Show this office's keys, or hand them to other programs."""


@keys_command.command("show")
@json_option
def keys_show(*, as_json: bool) -> None:
    """Show the fingerprints that people compare by voice."""
    card = open_office().card
    if as_json:
        print_json(
            {
                "handle": card.handle,
                "title": card.title,
                "classical": card.classical,
                "signing": [
                    {"type": line.split(" ")[0], "fingerprint": parse_signing(line).fingerprint()}
                    for line in card.signing
                ],
                "sealing": [
                    {
                        "type": line.split(" ")[0],
                        "fingerprint": sealing_fingerprint(line),
                        "recipient": str(parse_sealing(line)),
                    }
                    for line in card.sealing
                ],
            }
        )
        return
    print_text(fields([("handle", card.handle), ("title", card.title)]))
    show_card_keys(card.signing, card.sealing)


@keys_command.command("export")
@click.option("--age-identity", "form", flag_value="age-identity", help="The secret key for `age -d -i`.")
@click.option("--age-recipient", "form", flag_value="age-recipient", help="The public key for `age -r`.")
@click.option("--ssh-key", "form", flag_value="ssh-key", help="The secret key for `ssh-keygen -Y sign -f`.")
@click.option("--ssh-public", "form", flag_value="ssh-public", help="The public key in OpenSSH's form.")
@output_option
@force_option
def keys_export(form: str | None, output: str | None, *, force: bool) -> None:
    """Write keys in the forms that age and OpenSSH read.

    \b
    dispatch keys export --age-identity -o identity.txt && age -d -i identity.txt body.age
    """
    office = open_office()
    if form is None:
        raise click.UsageError("say which: --age-identity, --age-recipient, --ssh-key or --ssh-public")
    secret = form in ("age-identity", "ssh-key")
    match form:
        case "age-recipient":
            text = "".join(f"{parse_sealing(line)}\n" for line in office.card.sealing)
        case "ssh-public":
            text = "".join(f"{line} {office.handle}\n" for line in office.card.signing)
        case "age-identity":
            text = "".join(f"{identity.secret_text()}\n" for identity in office.keys.identities)
        case _:
            from keys.signing import encode_private

            if len(office.keys.signing_keys) > 1 and output not in (None, "-"):
                raise RefusedError(
                    "several signing keys, and ssh-keygen reads one a file", hint="write to standard output"
                )
            text = b"".join(encode_private(key, office.handle) for key in office.keys.signing_keys).decode()
    if secret and output not in (None, "-"):
        from dispatch.system.files import write_whole

        write_whole(Path(str(output)), text.encode(), overwrite=force, mode=0o600)
        return
    write_output(text.encode(), output, force=force)
