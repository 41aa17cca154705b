"""card, keys: show this office's keys, and hand them out."""

from __future__ import annotations

from pathlib import Path

import click

from dispatch.cli.common import chosen_home, open_office, print_json, print_text, write_output
from dispatch.cli.options import force_option, json_option, output_option
from dispatch.errors import RefusedError
from dispatch.render.terminal import fields
from keys.lines import parse_sealing, parse_signing, sealing_fingerprint


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
    card = open_office().card_content
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
            text = "".join(f"{parse_sealing(line)}\n" for line in office.card_content.sealing)
        case "ssh-public":
            text = "".join(f"{line} {office.handle}\n" for line in office.card_content.signing)
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
