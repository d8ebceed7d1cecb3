"""Make someone a manager, an instructor, an admin or a learner again; who may do that to whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portals.models import Portal
from portals.standing import Level, Standing
from users import audit, last_admin, seats
from users.models import CourseInstructor, GroupManager, Membership

Role = Membership.Role
RANKS = {Role.LEARNER: Level.NONE, Role.INSTRUCTOR: Level.INSTRUCTOR, Role.MANAGER: Level.MANAGER}


def rank(role: str, *, is_limited: bool) -> Level:
    """Return the level that a role stands for, whatever its owner may do at the moment."""
    if role == Role.ADMIN:
        return Level.LIMITED_ADMIN if is_limited else Level.FULL_ADMIN
    return RANKS[Role(role)]


def may_make(standing: Standing, level: Level) -> bool:
    """Whether someone may create and change people of a level: admins up to their own, managers only learners."""
    return level <= standing.level if standing.administers else level == Level.NONE


def out_of_reach(standing: Standing, rows: Iterable[Membership]) -> list[Membership]:
    """Return the people whom someone may not change: those with more rights, and for managers all staff.

    Nobody in a sub-portal changes an admin of the top-level portal.
    """
    people = list(rows)
    above = set() if standing.is_from_above or standing.level == Level.OPERATOR else admins_above(people)
    return [
        row for row in people if row.pk in above or not may_make(standing, rank(row.role, is_limited=row.is_limited))
    ]


def admins_above(rows: Collection[Membership]) -> set[int]:
    """Return the ids of people in sub-portals who are admins of the top-level portal."""
    found: set[int] = set()
    for portal in {row.portal for row in rows if row.portal.parent_id}:
        here = {row.user_id: row.pk for row in rows if row.portal_id == portal.pk}
        admins = Membership.objects.filter(portal=portal.top_level, role=Role.ADMIN, user__in=here)
        staying = admins.exclude(status=Membership.Status.ENDED)
        found |= {here[user_id] for user_id in staying.values_list("user", flat=True)}
    return found


def set_role(
    *,
    membership: Membership,
    role: str,
    is_limited: bool = False,
    permissions: Collection[str] | None = None,
    request: HttpRequest | None = None,
) -> bool:
    """Give someone a role in their portal with its switches; return whether anything changed.

    What hangs on the old role goes: groups of a manager, courses of an instructor. Raises LastAdmin.
    """
    with transaction.atomic():
        if rank(role, is_limited=is_limited) < Level.FULL_ADMIN:
            last_admin.check_stays(portal=membership.portal, membership_ids=[membership.pk])
        stored = Membership.objects.select_for_update().get(pk=membership.pk)
        rights = None if permissions is None else sorted(permissions)
        before, after = _facts(stored.role, stored.is_limited, stored.permissions), _facts(role, is_limited, rights)
        if before == after:
            return False
        stored.role, stored.is_limited, stored.permissions = role, is_limited, rights
        stored.save(update_fields=["role", "is_limited", "permissions"])
        if role != Role.MANAGER:
            GroupManager.objects.filter(membership=stored).delete()
        if role not in {Role.MANAGER, Role.INSTRUCTOR}:
            CourseInstructor.objects.filter(membership=stored).delete()
        audit.record(
            portal=membership.portal,
            action="role_changed",
            object=stored,
            before=before,
            after=after,
            request=request,
        )
    return True


def hidden_in(membership: Membership) -> QuerySet[Portal]:
    """Return the sub-portals in which an admin of a top-level portal is an admin without being on the list."""
    below = Portal.objects.filter(parent=membership.portal_id)
    return below.exclude(memberships__user=membership.user_id).order_by("name")


def show_in(*, membership: Membership, portals: Collection[Portal], request: HttpRequest) -> int:
    """Put an admin of the top-level portal on the lists of sub-portals, with the same rights; return on how many.

    From then on groups and their rules see them there. Portals that have the person already are passed over. Raises
    NoSeat.
    """
    shown, now = 0, timezone.now()
    with transaction.atomic():
        for portal in portals:
            seats.check(portal, wanted=1, now=now)
            row, is_new = Membership.objects.get_or_create(
                portal=portal,
                user=membership.user,
                defaults={
                    "role": Role.ADMIN,
                    "is_limited": membership.is_limited,
                    "created_at": membership.created_at,
                },
            )
            if is_new:
                audit.record(
                    portal=portal, action="learner_added", object=row, after={"role": Role.ADMIN}, request=request
                )
                shown += 1
    return shown


def shown_in(membership: Membership) -> QuerySet[Portal]:
    """Return the sub-portals on whose list an admin of a top-level portal is."""
    below = Portal.objects.filter(parent=membership.portal_id)
    return below.filter(memberships__user=membership.user_id).order_by("name")


def hide_in(*, membership: Membership, portals: Collection[Portal], request: HttpRequest) -> int:
    """Take an admin of the top-level portal off the lists of sub-portals, and out of their groups; return of how many.

    Their rights there come from above and stay.
    """
    hidden = 0
    with transaction.atomic():
        for row in Membership.objects.filter(user=membership.user_id, portal__in=portals).select_related("portal"):
            before = {"role": row.role, "status": row.status}
            audit.record(portal=row.portal, action="admin_hidden", object=row, before=before, request=request)
            row.delete()
            hidden += 1
    return hidden


def _facts(role: str, is_limited: bool, permissions: list[str] | None) -> dict[str, Any]:
    return {"role": role, "is_limited": is_limited, "permissions": permissions}
