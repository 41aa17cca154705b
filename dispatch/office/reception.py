"""One run of `receive`: what was left, what is held, what came, and the receipts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.errors import DispatchError
from dispatch.office.receipts import send_receipts
from dispatch.office.results import Issued, Reception
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dispatch.office.context import OfficeContext
    from dispatch.office.inbox import Inbox
    from dispatch.office.opened import OpenedRegister
    from dispatch.office.outbox import Outbox


def take_in(
    context: OfficeContext,
    opened: OpenedRegister,
    inbox: Inbox,
    outbox: Outbox,
    *,
    paths: Iterable[Path],
    data: bytes | None,
    directory: Path | None,
) -> Reception:
    """Finish what a killed run left, try again what is held, take in files, send the receipts.

    `data`: an envelope that is no file. Receipts go to `directory`, by default the outbox.
    """
    outbox.finish()
    received = list(inbox.retry_held())
    batch = inbox.receive(paths)
    received += batch.received
    if data is not None:
        received.append(inbox.receive_data(data, "-"))
    receipts: tuple[Issued, ...] = ()
    failures: tuple[Exception, ...] = ()
    try:
        received = inbox.retry_awaited(received)
        receipts, failures = send_receipts(context, opened, outbox, directory)
    except (DispatchError, KeysError, OSError) as error:
        # what came in is registered, and has to be said all the same
        failures = (error,)
    return Reception(
        received=tuple(received),
        for_others=batch.for_others,
        receipts=receipts,
        failures=failures,
        held=context.register.waiting.count("held"),
    )
