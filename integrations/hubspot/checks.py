"""System checks that explain a half-configured HubSpot before an admin meets it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own names

from integrations import http

# HubSpot: "Usage guidelines and limits".
MOST_CALLS = 110
NEEDED = ("HUBSPOT_APP_ID", "HUBSPOT_CLIENT_ID", "HUBSPOT_CLIENT_SECRET")
APP_SCOPES = "crm.app."


@register
def check_hubspot(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say what is missing when only a part of HubSpot's settings is there, and what HubSpot would refuse."""
    return [*_missing(), *_addresses(), *_values()]


def _missing() -> list[CheckMessage]:
    missing = [name for name in NEEDED if not getattr(settings, name)]
    if not missing or len(missing) == len(NEEDED):
        return []
    hint = "All three are on the page of your app in HubSpot. Without them, nobody can connect."
    return [Warning(f"{name} is not set.", hint=hint, id="hubspot.W001") for name in missing]


def _addresses() -> list[CheckMessage]:
    hint = "A sandbox on this machine may use http, with OAUTHLIB_INSECURE_TRANSPORT=1."
    return [
        Error(f"{name} is “{getattr(settings, name)}”: only https is used.", hint=hint, id="hubspot.E001")
        for name in ("HUBSPOT_API_URL", "HUBSPOT_AUTHORIZE_URL")
        if not http.is_safe_address(getattr(settings, name))
    ]


def _values() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not re.fullmatch(r"\d{4}-\d{2}", settings.HUBSPOT_API_VERSION):
        problem = f"HUBSPOT_API_VERSION is “{settings.HUBSPOT_API_VERSION}”, which is part of no path at HubSpot."
        found.append(Error(problem, hint="Use a version such as 2026-09.", id="hubspot.E002"))
    hint = "HubSpot allows 110 calls per ten seconds and account; 90 leaves room for what crosses on the way."
    if settings.HUBSPOT_RATE_LIMIT < 1:
        found.append(Error("HUBSPOT_RATE_LIMIT has to be 1 or more.", hint=hint, id="hubspot.E003"))
    elif settings.HUBSPOT_RATE_LIMIT > MOST_CALLS:
        problem = f"HUBSPOT_RATE_LIMIT is {settings.HUBSPOT_RATE_LIMIT}: HubSpot will refuse calls."
        found.append(Warning(problem, hint=hint, id="hubspot.W002"))
    foreign = [scope for scope in settings.HUBSPOT_APP_OBJECT_SCOPES if not scope.startswith(APP_SCOPES)]
    if foreign:
        problem = f"HUBSPOT_APP_OBJECT_SCOPES names {foreign[0]}, which is no scope of an app object."
        hint = "They begin with crm.app. and are spelled on the app's page in HubSpot."
        found.append(Error(problem, hint=hint, id="hubspot.E004"))
    return found
