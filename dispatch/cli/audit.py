"""audit: a whole archive, without a home and without a key."""

from __future__ import annotations

from pathlib import Path

import click

from dispatch.cli.common import (
    chosen_home,
    clock,
    moment_argument,
    print_text,
    progress,
    read_input,
    say,
    width,
    write_output,
)
from dispatch.cli.options import force_option, json_option


@click.command("audit")
@click.argument("path", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--roster", required=True, metavar="FILE", help="The signed roster.")
@click.option("--root", "pin", metavar="SHA256:...", help="The root fingerprint that you trust.")
@click.option("--at", metavar="DATE", help="As of this moment. Default: now.")
@click.option("--partial", is_flag=True, help="This is one office's share: gaps are no findings.")
@click.option(
    "--circular",
    "circulars",
    metavar="FILE",
    multiple=True,
    help="What `publish --for-audit` wrote: its duties are judged. May be repeated.",
)
@click.option("--bundle", metavar="FILE", help="Pack everything and the findings into a ZIP.")
@click.option("--html", metavar="FILE", help="Write the report as a page.")
@force_option
@json_option
def audit_command(
    path: tuple[Path, ...],
    roster: str,
    *,
    pin: str | None,
    at: str | None,
    partial: bool,
    circulars: tuple[str, ...],
    bundle: str | None,
    html: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Say what is proven, what is broken and what cannot be known, of all the files at PATH.

    A folder means its envelopes (*.dispatch), notes (*.note) and signed register lists (*.register),
    recursively, links not followed. Nothing is decrypted, and nothing is written but what is asked for.

    \b
    dispatch audit archive/ --roster rkp.roster --root SHA256:4Zs… --html report.html
    dispatch audit archive/ --roster rkp.roster --root SHA256:4Zs… --circular cc-2026-1.circular
    """
    from dispatch.audit import Text, report_bytes
    from dispatch.audit.archive import Archive
    from dispatch.audit.auditing import run_audit
    from dispatch.realm.trusted import trust_roster
    from dispatch.render.audit import report_text

    data = read_input(roster)
    trusted = trust_roster(chosen_home(), data, pin)
    moment = moment_argument("--at", at) if at else clock()
    root = pin or trusted.roster.root_fingerprint(trusted.roster.version)
    texts = tuple(Text(Path(name).name, read_input(name)) for name in circulars)
    archive = Archive(path)
    with progress("checking") as show:
        report = run_audit(
            archive, trusted, at=moment, root=root, partial=partial, circulars=texts, progress=show
        )
    if bundle:
        from dispatch.audit.bundle import write_bundle

        with progress("checking") as show:
            write_bundle(
                Path(bundle), archive, report, roster=data, circulars=texts, overwrite=force, progress=show
            )
        say(f"{report.counts['files']} files and the findings are in {bundle}")
    if html:
        from dispatch.render.audit import audit_html

        write_output(audit_html(report).encode(), html, force=force)
    if as_json:
        write_output(report_bytes(report), None, force=False)
    elif html and html != "-":
        say(f"{report.verdict}: {len(report.findings)} findings are in {html}")
    elif html is None:
        print_text(report_text(report, width()))
    return report.code
