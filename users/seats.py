"""Seats: how many people may have access to a portal at once; whatever gives somebody access asks here first.

Whoever has access takes a seat, whatever the role; pending people, those whose access has ended and those whose last
day is over take none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from portals.models import Portal
from users.models import Membership


class NoSeat(Exception):
    """All seats of the portal are taken."""

    def __str__(self) -> str:
        return _("All seats of the portal are taken.")


@dataclass(slots=True)
class Supply:
    """Seats that can still be given away; None for any number."""

    left: int | None

    def take(self) -> bool:
        """Take one, if there is one."""
        if self.left is None:
            return True
        if self.left < 1:
            return False
        self.left -= 1
        return True


def taken(portal: Portal, *, now: datetime) -> int:
    """Return how many people of the portal take a seat."""
    people = Membership.objects.filter(portal=portal, status=Membership.Status.ACTIVE)
    return people.exclude(last_day__lt=portal.today(now)).count()


def estimate(portal: Portal, *, now: datetime) -> Supply:
    """Return the seats that are left at this moment, for a preview."""
    return Supply(None if portal.seats is None else max(portal.seats - taken(portal, now=now), 0))


def has_free(portal: Portal, *, now: datetime) -> bool:
    """Whether a seat is left at this moment."""
    return estimate(portal, now=now).take()


def supply(portal: Portal, *, now: datetime) -> Supply:
    """Return the seats that are left. Others who give seats away wait until the transaction ends.

    Call it before anybody of the portal is locked, so that two who do never wait for each other.
    """
    if portal.seats is None:
        return Supply(None)
    rows = Portal.objects.select_for_update(no_key=True).filter(pk=portal.pk)
    return estimate(rows.get(), now=now)


def check(portal: Portal, *, wanted: int, now: datetime) -> None:
    """Raise NoSeat when fewer than the wanted seats are left; others wait as with `supply`."""
    if wanted:
        left = supply(portal, now=now).left
        if left is not None and left < wanted:
            raise NoSeat
