"""Whether something may go out: before anything is sealed and before a number is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.checks.addressees import expand
from dispatch.checks.opening import RIGHTS
from dispatch.errors import MessageError, RefusedError
from dispatch.formats.message import DIGEST_SIZE, encode_message
from dispatch.formats.note import MAX_DECIMAL, Number
from dispatch.office.compose import message_of
from keys.codec import encode_base64
from keys.trust import check_current

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.office.compose import Outgoing
    from dispatch.office.context import OfficeContext
    from keys.age.recipients import Recipient


def refuse_unless_ready(outgoing: Outgoing, context: OfficeContext) -> dict[str, Recipient]:
    """Give each addressee's sealing key, in order of handle.

    Raises ExpiredError for an expired roster, UnknownOfficeError if we are not in
    it, RefusedError naming every addressee that cannot be sealed to, MessageError if it is too long.
    """
    check_current(context.trusted, context.now)
    handle, roster, version = context.handle, context.roster, context.roster.version
    office = roster.office(handle)
    kind = outgoing.kind.kind
    right = RIGHTS.get(kind)
    if right is not None and right not in office.rights(version):
        raise RefusedError(
            f"{handle} has no right to {right}, which a {kind} needs",
            hint="write a letter, or ask the keeper of the roster",
        )
    if office.threshold(version) > 1:
        raise RefusedError(f"notes of {handle} need {office.threshold(version)} signatures: not yet built")
    names = expand(outgoing.to, outgoing.info, handle, roster, version).copies
    recipients = {name: roster.office(name).sealing_key(version) for name in names}
    without = [name for name, key in recipients.items() if key is None]
    if without:
        raise RefusedError(
            f"no key to seal to: {', '.join(without)}", hint="their cards have to be added to the roster"
        )
    _refuse_too_long(outgoing, handle, context.now)
    return {name: key for name, key in recipients.items() if key is not None}


def _refuse_too_long(outgoing: Outgoing, handle: str, now: datetime) -> None:
    """Raise MessageError for a text that is too long whatever number it gets; attachments add to it."""
    number = Number(handle, f"{now.year:04}", MAX_DECIMAL)
    blank = encode_base64(bytes(DIGEST_SIZE))
    try:
        encode_message(message_of(outgoing, number, now, salt=blank, secrets=blank, attachments=()))
    except MessageError as error:
        raise MessageError(str(error), hint="put what is long into an attachment") from None
