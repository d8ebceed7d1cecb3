"""A mail every morning about who was added the day before, where a portal's admins want it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portals.models import Portal
from users import emails, last_admin, notices
from users.models import Membership, Notice

# From this hour of the portal's day on.
HOUR = 6
# Files and syncs have reports of their own.
SOURCES = (Membership.Source.MANUAL, Membership.Source.SSO)
# People who are named; of the others the number is told.
NAMED = 30


def tell_admins(*, now: datetime) -> int:
    """Put the mails of this morning into the outbox, once a day for each portal; return how many."""
    portals = Portal.objects.filter(tells_of_new_people=True).order_by("pk")
    return sum(_tell(portal, now) for portal in portals if now.astimezone(portal.zone).hour >= HOUR)


@transaction.atomic
def _tell(portal: Portal, now: datetime) -> int:
    today = portal.today(now)
    since = portal.new_people_told_on or today - timedelta(days=1)
    # Of two workers, or after an interruption, one finds the day as it was.
    untold = Portal.objects.filter(pk=portal.pk, new_people_told_on=portal.new_people_told_on)
    if since >= today or not untold.update(new_people_told_on=today):
        return 0
    people = _added(portal, since, today)
    count = people.count()
    if not count:
        return 0
    with translation.override(portal.language):
        subject = ngettext("%d person was added", "%d people were added", count) % count
        text = _in_words(people, count)
    letters = [
        notices.Letter(admin.user, f"{portal.name}: {subject}", text)
        for admin in last_admin.full_admins(portal).select_related("user").order_by("pk")
    ]
    link = portal.url(reverse("admin:users_membership_changelist"))
    return notices.write(letters, kind=Notice.Kind.PEOPLE_ADDED, portal=portal, link=link, now=now)


def _added(portal: Portal, since: date, until: date) -> QuerySet[Membership]:
    created = (portal.midnight(since), portal.midnight(until))
    people = Membership.objects.filter(portal=portal, created_at__gte=created[0], created_at__lt=created[1])
    return people.filter(source__in=SOURCES).select_related("user").order_by("created_at", "pk")


def _in_words(people: QuerySet[Membership], count: int) -> str:
    lines = [
        f"{emails.safe_name(person.user.full_name)} ({person.user.email}) · {person.get_status_display()}".strip()
        for person in people[:NAMED]
    ]
    if count > NAMED:
        lines.append(_("… and %d more.") % (count - NAMED))
    return "\n".join(lines)
