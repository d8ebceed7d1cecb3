"""Measure an admin's lists in one large portal: the seconds to the whole page, and its queries.

Django must be set up; the portal lives in a database of its own, which is dropped afterwards.
"""

import time
from collections.abc import Iterator
from statistics import median

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from portals.models import Course, Portal
from tests.benchmark.rules import LargePortal
from users import grouping
from users.enrollments import enroll
from users.models import Membership, User

RULES = 10
REPEATS = 5
WITHOUT_ACCESS = 100

# Label, seconds, queries.
Row = tuple[str, float, int]


def run(people: int = 100_000) -> list[Row]:
    """Return label, seconds (median of five) and queries of each page."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        return list(_measure(LargePortal(people, RULES)))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _measure(large: LargePortal) -> Iterator[Row]:
    portal = Portal.objects.get(pk=large.id)
    now = timezone.now()
    grouping.regroup_portal(portal_id=portal.pk, now=now)
    active = list(Membership.objects.filter(portal=portal, status="active").values_list("pk", flat=True))
    Membership.objects.filter(portal=portal, status="ended", pk__lt=active[WITHOUT_ACCESS]).update(status="pending")
    course = Course.objects.create(portal=portal, title="Safety basics", status=Course.Status.PUBLISHED)
    enroll(course=course, membership_ids=active, now=now)
    large.tidy()
    client = _admin_of(portal)
    department = large.keys["department"]
    yield from (
        _page(client, portal, label, path)
        for label, path in (
            ("users", "/admin/users/membership/"),
            ("users with a custom value", f"/admin/users/membership/?custom_{department}=department+7"),
            ("users by name", "/admin/users/membership/?q=robin"),
            ("users by address", "/admin/users/membership/?q=p777%40"),
            ("users who lost access", "/admin/users/membership/?status=ended"),
            ("the last page of users", f"/admin/users/membership/?p={len(active) // 100}"),
            ("pending users", "/admin/users/pendinguser/"),
            ("members of a group", f"/admin/users/groupmembership/?group={large.group_ids[0]}"),
            ("people of a course", f"/admin/users/enrollment/?course__id__exact={course.pk}"),
            ("audit trail", "/admin/users/auditentry/"),
            ("dashboard", "/admin/"),
        )
    )


def _admin_of(portal: Portal) -> Client:
    account = User.objects.create(realm=portal.realm, email="admin@example.com")
    Membership.objects.create(portal=portal, user=account, role="admin", status="active", created_at=timezone.now())
    client = Client(headers={"host": portal.platform_host})
    client.force_login(account)
    return client


def _page(client: Client, portal: Portal, label: str, path: str) -> Row:
    with override_settings(ALLOWED_HOSTS=["*"]):
        seconds, queries = [], 0
        for turn in range(REPEATS + 1):
            with CaptureQueriesContext(connection) as captured:
                began = time.perf_counter()
                answer = client.get(path)
                spent = time.perf_counter() - began
            if answer.status_code != 200:
                raise AssertionError(f"{path} answered {answer.status_code}")
            queries = len(captured)
            # The first look loads templates.
            seconds += [spent] if turn else []
        return label, median(seconds), queries
