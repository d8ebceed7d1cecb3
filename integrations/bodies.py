"""JSON of other systems, read past broken texts: whoever wrote one must not hold up the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")


def read(decode: Callable[[bytes | msgspec.Raw], Shape], body: bytes | msgspec.Raw) -> Shape:
    """Return what a body holds, without halves of characters and broken bytes. Raises ValueError."""
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Rare, so it may be slow: the standard library reads these.
        try:
            known = json.loads(bytes(body).decode(errors="replace"))
            return decode(json.dumps(known, ensure_ascii=False).encode(errors="ignore"))
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            # The original quotes what was sent.
            raise ValueError(type(error).__name__) from None
