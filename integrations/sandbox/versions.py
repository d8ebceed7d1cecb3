"""Which API version a request gets (Gusto guide "Versioning")."""

import re
from datetime import date

from integrations.sandbox.refusals import Refused, refusal
from integrations.sandbox.wire import json_response

HEADER = "X-Gusto-API-Version"
RELEASES = ("2025-06-15", "2025-11-15", "2026-02-01", "2026-06-15")
_FORM = re.compile(r"\d{4}-\d{2}-\d{2}")


def applied_version(asked: str | None, *, minimum: str, today: date) -> str:
    """Return the newest release that is not newer than what was asked for, the minimum for none.

    Raises Refused (406) for a version that is malformed, too old or in the future.
    """
    if asked is None:
        return minimum
    try:
        day = date.fromisoformat(asked) if _FORM.fullmatch(asked) else None
    except ValueError:
        day = None
    if day is None:
        message = f"Invalid API Version `{asked}`. Expected format: YYYY-MM-DD"
        raise refusal(406, "invalid_api_version", message)
    if asked < max(minimum, RELEASES[0]) or (day > today and asked not in RELEASES):
        raise _out_of_range(asked, minimum)
    return max(release for release in RELEASES if release <= asked)


def _out_of_range(asked: str, minimum: str) -> Refused:
    """The older flat body, which Gusto's guide still shows: clients have to read both."""
    message = (
        f"Invalid API Version `{asked}`. Version must be >= your application's minimum API "
        f"version `{minimum}` and not in the future."
    )
    body = {"name": f"Invalid {HEADER} Header", "message": message}
    return Refused(json_response(body, 406))
