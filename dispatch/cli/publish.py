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
    from dispatch.render.publication import publication_html
    from dispatch.system.files import make_folder, write_whole

    office = open_office()
    publication = office.publish(number_argument(number))
    names = publication.name("message"), publication.name("note")
    page = publication_html(
        publication.message,
        content=publication.content,
        copies=publication.copies,
        title=publication.title,
        names=names,
        annotations=annotations,
    )
    files = dict(
        zip(
            (*names, publication.name("html")),
            (publication.line, publication.note, page.encode()),
            strict=True,
        )
    )
    make_folder(directory)
    for name, data in files.items():
        write_whole(directory / name, data, overwrite=force)
    say(f"{', '.join(files)} are in {directory}")
    if for_audit:
        audit_name = publication.name("circular")
        write_whole(directory / audit_name, publication.audit, overwrite=force, mode=0o600)
        warn(f"{audit_name} is there too, for the auditor alone: it holds the secrets of the circular")
