"""The app that the accounts install, as its developer project declares it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

CLIENT_ID = "3f0c2b7e-1d55-4c1b-9a80-5a4de0c7b911"
CLIENT_SECRET = "rollcall-hubspot-sandbox-secret"  # noqa: S105 - opens nothing but the sandbox
APP_ID = 1122334
CALLBACK_PATH = "/integrations/hubspot/callback/"
DEFAULT_CALLBACK = f"http://localhost:8000{CALLBACK_PATH}"
APP_OBJECT = f"a{APP_ID}_course_enrollment"

REQUIRED_SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.owners.read",
)
APP_OBJECT_SCOPES = (
    *(f"crm.app.objects.{APP_OBJECT}.{deed}" for deed in ("view", "create", "edit", "delete", "merge")),
    f"crm.app.schemas.{APP_OBJECT}.read",
    f"crm.app.schemas.{APP_OBJECT}.properties.write",
)
CUSTOM_OBJECT_SCOPES = (
    "crm.schemas.custom.read",
    "crm.schemas.custom.write",
    "crm.objects.custom.read",
    "crm.objects.custom.write",
)
# The app lists both kinds; which of them a link asks for as required is up to the link.
FURTHER_SCOPES = (
    "crm.objects.users.read",
    "crm.objects.users.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "settings.users.read",
    "crm.objects.courses.read",
    "crm.objects.courses.write",
    "automation",
    *CUSTOM_OBJECT_SCOPES,
    *APP_OBJECT_SCOPES,
)


@dataclass(slots=True)
class App:
    """What HubSpot knows about the app; `target_urls` are where it sends to, by purpose."""

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    id: int = APP_ID
    name: str = "Rollcall"
    required_scopes: tuple[str, ...] = REQUIRED_SCOPES
    further_scopes: tuple[str, ...] = FURTHER_SCOPES
    redirect_uris: list[str] = field(default_factory=list)
    target_urls: dict[str, str] = field(default_factory=dict)

    def accepts_redirect(self, uri: str) -> bool:
        """Tell whether a browser may be sent to `uri`; while none is registered, any with the callback's path."""
        if self.redirect_uris:
            return uri in self.redirect_uris
        parts = urlsplit(uri)
        is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
        return is_web and parts.path == CALLBACK_PATH and not parts.fragment and not parts.query

    def unlisted(self, scopes: list[str]) -> list[str]:
        """Return the scopes that the app does not list."""
        return [scope for scope in scopes if scope not in self.required_scopes and scope not in self.further_scopes]
