"""System checks that explain a half-configured provider before an admin meets it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own names

from integrations import http
from portals import sealing

KEY_HINT = (
    "Make one with: python -c "
    '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())". '
    "It is not derived from SECRET_KEY; several keys stand with commas between them, the newest first."
)


@register(Tags.security)
def check_encryption_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a key ring that cannot seal tokens."""
    try:
        sealing.check_keys(settings.ROLLCALL_ENCRYPTION_KEYS)
    except ValueError:
        problem = "ROLLCALL_ENCRYPTION_KEYS holds no key, or one that is not 32 bytes in URL-safe base64."
        return [Error(problem, hint=KEY_HINT, id="integrations.E001")]
    return []


@register
def check_gusto(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say what is missing when only a part of Gusto's settings is there."""
    found: list[CheckMessage] = []
    if bool(settings.GUSTO_CLIENT_ID) != bool(settings.GUSTO_CLIENT_SECRET):
        missing = "GUSTO_CLIENT_SECRET" if settings.GUSTO_CLIENT_ID else "GUSTO_CLIENT_ID"
        hint = (
            "Both are on the page of your application in Gusto's developer portal. Without both, nobody can connect."
        )
        found.append(Warning(f"{missing} is not set.", hint=hint, id="integrations.W001"))
    if not http.is_safe_address(settings.GUSTO_API_URL):
        problem = f"GUSTO_API_URL is “{settings.GUSTO_API_URL}”: calls go out over https only."
        hint = (
            "Use https://api.gusto.com or https://api.gusto-demo.com. A sandbox on this machine may use http, "
            "with OAUTHLIB_INSECURE_TRANSPORT=1."
        )
        found.append(Error(problem, hint=hint, id="integrations.E002"))
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", settings.GUSTO_API_VERSION):
        problem = f"GUSTO_API_VERSION is “{settings.GUSTO_API_VERSION}”, which Gusto would answer with 406."
        found.append(Error(problem, hint="Use a date such as 2026-06-15.", id="integrations.E003"))
    if settings.GUSTO_RATE_LIMIT < 1:
        problem = "GUSTO_RATE_LIMIT has to be 1 or more."
        found.append(Error(problem, hint="Gusto allows 200 calls per minute and company.", id="integrations.E004"))
    return found
