"""Whether someone may use a portal now, and the hourly end of access after the last day."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from portals.models import Portal
from users import audit, invitations, last_admin, signals
from users.cascade import is_over, is_shut_out_above
from users.models import AuditEntry, Membership, User
from users.models.memberships import MembershipQuerySet

# Memberships ended in one transaction.
BATCH = 1000
# On a request with the right password of someone whose access has ended: they, and nobody else, may be told.
ACCESS_HAS_ENDED = "access_has_ended"

_FULL_ADMIN = Q(role=Membership.Role.ADMIN, is_limited=False)


def may_enter(membership: Membership, *, portal: Portal, now: datetime, by_password: bool = False) -> bool:
    """Whether the person may use the portal now, or come in by a password.

    A learner's last day counts to the minute, not only when the hourly check has come by. Where a portal has single
    sign-on, learners come in by that alone. Whoever lost the access to the top-level portal has none below.
    """
    is_learner = membership.role == Membership.Role.LEARNER
    if by_password and is_learner and not portal.uses_passwords:
        return False
    if not membership.has_access or is_over(membership, portal, now):
        return False
    return not is_shut_out_above(user_id=membership.user_id, portal=portal, now=now)


def portals_of(user: User, *, now: datetime) -> list[Portal]:
    """Return the portals that the account may use now, by name; costs at most two queries.

    Admins of a top-level portal may use every portal below it.
    """
    rows = list(user.memberships.select_related("portal__parent"))
    usable = {row.portal for row in rows if row.has_access and not is_over(row, row.portal, now)}
    closed = {row.portal_id for row in rows if row.portal not in usable and row.status != Membership.Status.PENDING}
    found = {portal for portal in usable if portal.top_level.pk not in closed}
    tops = [row.portal_id for row in rows if row.role == Membership.Role.ADMIN and row.portal in found]
    if tops:
        found |= set(Portal.objects.filter(parent__in=tops))
    return sorted(found, key=lambda portal: portal.name.casefold())


def end_access_after_last_day(*, now: datetime) -> int:
    """End the access of everyone whose last day is over at their portal; return how many.

    Staff keep theirs unless an admin set the day, and a portal never loses its last full admins.
    """
    ended = 0
    for today, zones in _zones_by_day(now).items():
        while ids := list(_over(today, zones).values_list("pk", flat=True)[:BATCH]):
            ended += _end(ids, now)
        ended += _end_admins(today, zones, now)
    return ended


def _zones_by_day(now: datetime) -> dict[date, list[str]]:
    """Return the time zones in use, by their calendar day: there are never more than three days at once."""
    days: dict[date, list[str]] = {}
    due = Membership.objects.past_last_day(now.date() + timedelta(days=1))
    for portal in Portal.objects.filter(memberships__in=due).distinct("time_zone").only("time_zone"):
        days.setdefault(portal.today(now), []).append(portal.time_zone)
    return days


def _over(today: date, zones: Iterable[str]) -> MembershipQuerySet:
    by_hand = Q(ended_by__in=["", "admin", "manager"])
    people = Membership.objects.past_last_day(today).filter(portal__time_zone__in=zones)
    return people.filter(Q(role=Membership.Role.LEARNER) | (by_hand & ~_FULL_ADMIN))


def _end_admins(today: date, zones: Iterable[str], now: datetime) -> int:
    """End the access of full admins one by one, as long as their portal keeps another."""
    ended = 0
    due = Membership.objects.past_last_day(today).filter(_FULL_ADMIN, portal__time_zone__in=zones)
    for admin in due.filter(ended_by__in=["", "admin"]).select_related("portal").order_by("pk"):
        with transaction.atomic():
            if not last_admin.is_among(portal=admin.portal, membership_ids=_leaving(admin, today)):
                ended += _end([admin.pk], now)
    return ended


def _leaving(admin: Membership, today: date) -> list[int]:
    """Return the admins of the same portal whose last day has passed as well: none of them replaces the other."""
    same = Membership.objects.past_last_day(today).filter(_FULL_ADMIN, portal=admin.portal_id)
    return list(same.values_list("pk", flat=True))


@transaction.atomic
def _end(ids: list[int], now: datetime) -> int:
    rows = list(
        Membership.objects.select_for_update()
        .filter(pk__in=ids)
        .exclude(status=Membership.Status.ENDED)
        .order_by("pk")
    )
    ids = [row.pk for row in rows]
    Membership.objects.filter(pk__in=ids).update(
        status=Membership.Status.ENDED,
        ended_at=now,
        ended_by=Case(When(ended_by="", then=Value("admin")), default=F("ended_by")),
    )
    invitations.cancel_open(membership_ids=ids)
    AuditEntry.objects.bulk_create([_entry(row, now) for row in rows])
    for portal_id in sorted({row.portal_id for row in rows}):
        signals.access_changed.send(
            sender=None, portal_id=portal_id, membership_ids=[row.pk for row in rows if row.portal_id == portal_id]
        )
    return len(ids)


def _entry(row: Membership, now: datetime) -> AuditEntry:
    return audit.entry(
        portal_id=row.portal_id,
        action="access_ended",
        object=row,
        at=now,
        before={"status": row.status},
        after={"status": Membership.Status.ENDED, "last_day": str(row.last_day)},
        reason="last_day_over",
    )
