"""A new sub-portal with the settings of an existing portal, without its people, its sign-in and its consents."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from integrations.portal_settings import importing, reading
from portals.models import Portal, PortalLogo
from users import audit
from users.models import User

COPIED = (
    "time_zone",
    "enabled_integrations",
    "custom_field_limit",
    "may_add_people_known_elsewhere",
    "admins_need_second_factor",
    "logo_digest",
)


@transaction.atomic
def clone(
    *,
    source: Portal,
    slug: str,
    name: str,
    now: datetime,
    time_zone: str = "",
    request: HttpRequest | None = None,
    actor: User | None = None,
) -> Portal:
    """Return a new sub-portal of the source's family, set up like the source.

    The full admins of the top-level portal are its admins. Raises ValidationError for a slug that is taken or wrong.
    """
    portal = Portal(realm=source.realm, parent=source.top_level, slug=slug, name=name)
    for column in COPIED:
        setattr(portal, column, getattr(source, column))
    portal.time_zone = time_zone or portal.time_zone
    portal.full_clean()
    portal.save()
    logo = PortalLogo.objects.filter(portal=source).first()
    if logo:
        PortalLogo.objects.create(portal=portal, content=logo.content)
    audit.record(
        portal=portal,
        action="portal_created",
        object=portal,
        after={"copied_from": source.slug},
        request=request,
        actor=actor,
    )
    importing.apply(portal=portal, wanted=reading.settings_of(source), now=now, request=request, actor=actor)
    return portal
