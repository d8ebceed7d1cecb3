"""Reminders of courses before they are due, where a course wants them: one mail per person, by day, at most two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portals.models import Course, Portal
from users import cascade, notices
from users.models import Enrollment, Membership, Notice

# Hours of the portal's day in which mails are made: nobody is reminded at night, and a missed hour does no harm.
HOURS = range(8, 18)
# Enrollments whose reminders are made in one transaction.
BATCH = 1000


def put_into_outbox(*, now: datetime) -> int:
    """Put the reminders that are due into the outbox and return how many mails that makes."""
    wanting = Course.objects.filter(first_reminder_days__isnull=False, status=Course.Status.PUBLISHED)
    portals = Portal.objects.filter(Exists(wanting.filter(portal=OuterRef("pk")))).order_by("pk")
    return sum(_of_portal(portal, now) for portal in portals if now.astimezone(portal.zone).hour in HOURS)


def _of_portal(portal: Portal, now: datetime) -> int:
    today, sent = portal.today(now), 0
    due = sorted(_due(portal, today), key=lambda one: one[1])
    # Everything about one person is in one batch, and so in one mail.
    people: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pk, membership_id, reminder in due:
        people[membership_id].append((pk, reminder))
    for batch in _batches(people.values()):
        sent += _remind(portal, batch, now)
    return sent


def _due(portal: Portal, today: date) -> list[tuple[int, int, int]]:
    """Return enrollment, membership and which reminder, of those who still have to be reminded."""
    found = []
    for course in Course.objects.filter(portal=portal, first_reminder_days__isnull=False, status="published"):
        rows = _open(course, today)
        seen: set[int] = set()
        for reminder, days in ((2, course.second_reminder_days), (1, course.first_reminder_days)):
            if days is None:
                continue
            wanted = rows.filter(due_on__lte=today + timedelta(days=days), reminder__lt=reminder)
            new = [row for row in wanted.values_list("pk", "membership") if row[0] not in seen]
            seen.update(pk for pk, _membership in new)
            found += [(pk, membership_id, reminder) for pk, membership_id in new]
    return found


def _open(course: Course, today: date) -> QuerySet[Enrollment]:
    """Return the unfinished enrollments of people who hear from the portal, due from today on."""
    people = Membership.objects.filter(portal=course.portal_id, status=Membership.Status.ACTIVE, user__is_active=True)
    return Enrollment.objects.filter(
        course=course,
        status__in=Enrollment.UNFINISHED,
        due_on__gte=today,
        membership__in=people.exclude(cascade.shut_out_above()),
    )


def _batches(people: Iterable[list[tuple[int, int]]]) -> Iterable[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    for rows in people:
        batch += rows
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@transaction.atomic
def _remind(portal: Portal, batch: Sequence[tuple[int, int]], now: datetime) -> int:
    """Note that these are reminded, and write the mails; whoever finished meanwhile is left out."""
    wanted = dict(batch)
    rows = Enrollment.objects.select_for_update(of=("self",), skip_locked=True).filter(
        pk__in=wanted, status__in=Enrollment.UNFINISHED
    )
    found = [row for row in rows.select_related("course", "membership__user") if row.reminder < wanted[row.pk]]
    for reminder in (1, 2):
        ids = [row.pk for row in found if wanted[row.pk] == reminder]
        Enrollment.objects.filter(pk__in=ids).update(reminder=reminder)
    people: dict[int, list[Enrollment]] = defaultdict(list)
    for row in found:
        people[row.membership_id].append(row)
    with translation.override(portal.language):
        letters = [_letter(portal, rows) for rows in people.values()]
    return notices.write(letters, kind=Notice.Kind.COURSE_DUE, portal=portal, link=portal.url("/"), now=now)


def _letter(portal: Portal, rows: list[Enrollment]) -> notices.Letter:
    count = len(rows)
    subject = ngettext("%(count)d course is due soon", "%(count)d courses are due soon", count) % {"count": count}
    lines = [
        _("“%(course)s” is due on %(day)s.") % {"course": title, "day": date_format(day)}
        for day, title in sorted((row.due_on, row.course.title) for row in rows if row.due_on)
    ]
    return notices.Letter(rows[0].membership.user, f"{portal.name}: {subject}", "\n".join(lines))
