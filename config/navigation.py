"""The admin's side navigation."""

from typing import Any

from django.http import HttpRequest


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links that this visitor may use."""
    return []
