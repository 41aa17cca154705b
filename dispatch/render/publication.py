"""The page of a published message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.formats.message import Receipt
from dispatch.render.html import page
from keys.codec import encode_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatch.formats.message import Message


def publication_html(
    message: Message,
    *,
    content: bytes,
    copies: int,
    title: str,
    names: tuple[str, str],
    annotations: Sequence[str],
) -> str:
    """Give the page of a published message. `names`: of the files of the message and of its note."""
    return page(
        "publication.html",
        message=message,
        body="" if isinstance(message, Receipt) else message.body,
        title=title,
        copies=copies,
        content=encode_base64(content),
        content_hex=content.hex(),
        names=names,
        annotations=annotations,
    )
