"""Read-only fields that have to be worked out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def once_a_row(show: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Have an admin's method work out once what it shows of a row: unfold asks for it several times a page."""

    @wraps(show)
    def shown(model_admin: Any, row: Any) -> Any:
        known: dict[str, Any] = row.__dict__.setdefault("_shown", {})
        if show.__name__ not in known:
            known[show.__name__] = show(model_admin, row)
        return known[show.__name__]

    return shown
