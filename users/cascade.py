"""Whoever lost the access to the top-level portal has none in the portals below it, whatever they have there."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from portals.models import Portal
from users.models import Membership


def is_over(membership: Membership, portal: Portal, now: datetime) -> bool:
    """Whether a learner's last day has passed; staff stay until the hourly check, which spares the last admins."""
    is_learner = membership.role == Membership.Role.LEARNER
    return is_learner and membership.last_day is not None and membership.last_day < portal.today(now)


def is_shut_out_above(*, user_id: int, portal: Portal, now: datetime) -> bool:
    """Whether the account's access to the top-level portal has ended; someone who never was in it is not shut out."""
    top = portal.top_level
    if top == portal:
        return False
    above = Membership.objects.filter(portal=top, user=user_id).first()
    return above is not None and (above.status == Membership.Status.ENDED or is_over(above, top, now))


def shut_out_above() -> Q:
    """Return the condition of memberships whose access has ended in the portal above, for lists of many."""
    ended = Q(status=Membership.Status.ENDED)
    above = Membership.objects.filter(ended, user=OuterRef("user"), portal=OuterRef("portal__parent"))
    # Portals of three levels are rare: the one at the top is asked, too.
    top = Membership.objects.filter(ended, user=OuterRef("user"), portal=OuterRef("portal__parent__parent"))
    return Q(Exists(above)) | Q(Exists(top))
