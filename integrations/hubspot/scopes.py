"""What Rollcall asks of a HubSpot account, and what does not work without it (HubSpot: "Scopes").

The app's project file lists the same scopes: a scope that it does not list makes HubSpot refuse the whole consent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.providers import MissingScope

CONTACTS: Final = "contacts"
USERS: Final = "users"

# HubSpot refuses the consent of whoever cannot grant one of these.
REQUIRED: Final = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.owners.read",
)
# Required as soon as the kind of records needs them.
CONDITIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    CONTACTS: (),
    USERS: ("crm.objects.users.read", "crm.objects.users.write"),
}
# Left out without a word by accounts that lack the tool.
OPTIONAL: Final = (
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.custom.read",
    "crm.objects.custom.read",
    "crm.objects.custom.write",
    "crm.schemas.custom.write",
)

_NO_LINK = _("HubSpot contacts cannot be read, so nobody can be added or kept up to date.")
_NO_WRITING = _("Course progress cannot be shown on HubSpot contacts.")
_NO_CUSTOM_OBJECT = _("Progress cannot be kept in a custom object of the account.")
_DISABLES: Final[Mapping[str, str | Promise]] = {
    "oauth": _("The connection itself cannot be used."),
    "crm.objects.contacts.read": _NO_LINK,
    "crm.objects.contacts.write": _NO_WRITING,
    "crm.objects.owners.read": _("The name of a record's owner cannot be mapped, only its number."),
    "crm.objects.users.read": _("HubSpot users cannot be read, so nobody can be added or kept up to date."),
    "crm.objects.users.write": _("Course progress cannot be shown on HubSpot users."),
    "crm.schemas.contacts.read": _("The groups of properties cannot be read, so progress cannot be kept in them."),
    "crm.schemas.contacts.write": _("Rollcall cannot make properties of its own for progress on the records."),
    "crm.schemas.custom.read": _NO_CUSTOM_OBJECT,
    "crm.schemas.custom.write": _("Rollcall cannot make the custom object for progress; an admin of HubSpot can."),
    "crm.objects.custom.read": _NO_CUSTOM_OBJECT,
    "crm.objects.custom.write": _NO_CUSTOM_OBJECT,
}
_NO_APP_OBJECT = _("Progress cannot be kept as “Course enrollments” records of the app.")


def wanted(record_type: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the scopes to insist on and those to ask for besides.

    What only another kind of records needs is asked for too: the token is the whole account's, and a portal that uses
    the other kind may share it.
    """
    insist = (*REQUIRED, *CONDITIONAL[record_type])
    others = (scope for kind in CONDITIONAL.values() for scope in kind)
    besides = dict.fromkeys((*others, *OPTIONAL, *settings.HUBSPOT_APP_OBJECT_SCOPES))
    return insist, tuple(scope for scope in besides if scope not in insist)


def missing(record_type: str, granted: Collection[str]) -> list[MissingScope]:
    """Return what an account withheld of the scopes that a connection of this kind can use."""
    usable = (*REQUIRED, *CONDITIONAL.get(record_type, ()), *settings.HUBSPOT_APP_OBJECT_SCOPES, *OPTIONAL)
    return [
        MissingScope(scope, _DISABLES.get(scope, _NO_APP_OBJECT))
        for scope in dict.fromkeys(usable)
        if scope not in granted
    ]
