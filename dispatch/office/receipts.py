"""Receipts: what came in and has not been acknowledged, one for each issuer and as many as a note holds."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from dispatch.errors import DispatchError
from dispatch.formats.message import MAX_ITEMS
from dispatch.office.compose import outgoing_receipt, reachable
from dispatch.store.attachments import sealed_name
from dispatch.system.files import locked
from keys.errors import KeysError

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.office.context import OfficeContext
    from dispatch.office.opened import OpenedRegister
    from dispatch.office.outbox import Outbox
    from dispatch.office.results import Issued
    from dispatch.store import Dispatch


def send_receipts(
    context: OfficeContext, opened: OpenedRegister, outbox: Outbox, directory: Path | None
) -> tuple[tuple[Issued, ...], tuple[Exception, ...]]:
    """Send the receipts that are owed; give them, and why others could not be sent.

    A dispatch is receipted when all its attachments are here, unless it no longer stands. `directory`: where
    the receipts go, by default the outbox.
    """
    numbers = []
    failures: list[Exception] = []
    # two processes of this home would receipt the same dispatches twice
    with locked(context.home.lock):
        for issuer, entries in groupby(context.register.unreceipted(), key=lambda one: one.number.handle):
            if not reachable((issuer,), context.roster):
                continue
            complete = [
                one for one in entries if _has_attachments(context, one) and opened.stands(one.signed_note())
            ]
            for start in range(0, len(complete), MAX_ITEMS):
                try:
                    # one at a time: they may be many, and large
                    received = map(opened.open, complete[start : start + MAX_ITEMS])
                    outgoing = outgoing_receipt(issuer, received, context.roster)
                    numbers.append(outbox.number(outgoing, directory or context.home.outbox))
                except (DispatchError, KeysError, OSError) as error:
                    failures.append(error)
    if not numbers:
        return (), tuple(failures)
    finished = outbox.finish()
    # numbered, and not released: the next run does that
    failures += [outbox.failed.pop(number) for number in numbers if number in outbox.failed]
    return tuple(finished[number] for number in numbers if number in finished), tuple(failures)


def _has_attachments(context: OfficeContext, entry: Dispatch) -> bool:
    sealed = context.register.attachments(entry)
    return all((context.home.attachments / sealed_name(digest)).is_file() for digest in sealed)
