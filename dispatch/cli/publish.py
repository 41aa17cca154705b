"""publish, register: what others may check, and what an auditor gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatch.cli.common import number_argument, open_office, say, warn
from dispatch.cli.options import folder_type, force_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command("publish")
@click.argument("number")
@click.option(
    "-o", "--output", "directory", metavar="DIR", type=folder_type, required=True, help="Where the files go."
)
@click.option(
    "--for-audit", is_flag=True, help="Also what lets an auditor judge its duties. Not for the public."
)
@click.option(
    "--annotate",
    "annotations",
    metavar="TEXT",
    multiple=True,
    help="A remark of the editor, on the page and outside the signed text. May be repeated.",
)
@force_option
def publish_command(
    number: str, directory: Path, *, for_audit: bool, annotations: tuple[str, ...], force: bool
) -> None:
    """Disclose the dispatch NUMBER: its message as signed, its note, and a page that says how to check.

    Nothing else of it is disclosed. With --for-audit a further file holds its secrets, for `audit
    --circular`: whoever has it recognises every answer to the circular.

    \b
    dispatch publish cc/2026/17 -o public --annotate "Read out in Tula on 3 May"
    dispatch publish cc/2026/17 -o audit --for-audit
    """
    from dispatch.office.publication import note_file, published_names
    from dispatch.render.html import publication_html
    from dispatch.system.files import make_folder, write_whole

    office = open_office()
    opened = office.read(number_argument(number))
    message_name, note_name, page_name, audit_name = published_names(opened)
    roster = office.trusted.roster
    version = opened.verified.note.roster.version
    page = publication_html(
        opened.message,
        content=opened.verified.note.content,
        copies=opened.verified.note.copies.count,
        title=roster.office(opened.message.from_).title(version),
        names=(message_name, note_name),
        annotations=annotations,
    )
    files = [(message_name, opened.line), (note_name, note_file(opened)), (page_name, page.encode())]
    make_folder(directory)
    for name, data in files:
        write_whole(directory / name, data, overwrite=force)
    say(f"{', '.join(name for name, _ in files)} are in {directory}")
    if for_audit:
        secret = opened.line + opened.secrets_line
        write_whole(directory / audit_name, secret, overwrite=force, mode=0o600)
        warn(f"{audit_name} is there too, for the auditor alone: it holds the secrets of the circular")
