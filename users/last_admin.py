"""A portal never loses its last full admin: whatever takes an admin's rights or access away asks here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from portals.models import Portal
from users.models import Membership
from users.models.memberships import MembershipQuerySet


class LastAdmin(Exception):
    """The change would leave a portal without anyone who may change its settings."""

    def __str__(self) -> str:
        return _("A portal has to keep an admin with full rights.")


def full_admins(portal: Portal) -> MembershipQuerySet:
    """Return those who may change everything in a portal, the admins of the top-level portal among them."""
    top = portal.top_level
    working = Membership.objects.filter(
        role=Membership.Role.ADMIN, is_limited=False, status=Membership.Status.ACTIVE, user__is_active=True
    )
    shut_out = Membership.objects.filter(portal=top, user=OuterRef("user"), status=Membership.Status.ENDED)
    return working.filter(Q(portal=top) | Q(portal=portal) & ~Exists(shut_out))


def lock(portals: Iterable[Portal]) -> None:
    """Make others who decide on admins of these portals wait until the transaction ends."""
    tops = sorted({portal.top_level.pk for portal in portals})
    list(Portal.objects.select_for_update(no_key=True).filter(pk__in=tops).order_by("pk").values_list("pk"))


def is_among(*, portal: Portal, membership_ids: Collection[int]) -> bool:
    """Whether a portal would have no full admin without these memberships; others wait meanwhile.

    Call it inside the transaction of the change and before it.
    """
    lock([portal])
    admins = full_admins(portal)
    among = admins.filter(portal=portal, pk__in=membership_ids).exists()
    return among and not admins.exclude(pk__in=membership_ids).exists()


def check_stays(*, portal: Portal, membership_ids: Collection[int]) -> None:
    """Let others wait, and raise LastAdmin when the portal would have no full admin without these memberships."""
    if full_admins(portal).filter(portal=portal, pk__in=membership_ids).exists() and is_among(
        portal=portal, membership_ids=membership_ids
    ):
        raise LastAdmin
