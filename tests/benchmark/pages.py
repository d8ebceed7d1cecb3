"""Measure an admin's pages in one large portal: the seconds to the whole page, and its queries.

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
from tests.benchmark import history
from tests.benchmark.rules import LargePortal
from users import grouping
from users.enrollments import enroll
from users.models import Membership, User

RULES = 10
REPEATS = 5
PER_PAGE = 50
SETTINGS = "/admin/settings/integrations/"

# Label, seconds, queries, whether it is a list.
Row = tuple[str, float, int, bool]


def run(people: int = 100_000) -> list[Row]:
    """Return what each page took (seconds: median of five)."""
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
    course = Course.objects.create(portal=portal, title="Safety basics", status=Course.Status.PUBLISHED)
    enroll(course=course, membership_ids=active, now=now)
    known = history.fill(portal, department=large.keys["department"])
    large.tidy()
    client = _admin_of(portal)
    for label, path in _lists(large, course, known):
        yield (*_page(client, label, path), True)
    for label, path in _pages(large, course, known):
        yield (*_page(client, label, path), False)


def _lists(large: LargePortal, course: Course, known: history.Known) -> Iterator[tuple[str, str]]:
    """Yield what is leafed through, filtered and searched."""
    users, group = "/admin/users/membership/", large.group_ids[0]
    people = Membership.objects.filter(portal=large.id)
    pending = people.filter(status="pending").count()
    last = (people.count() - pending) // PER_PAGE
    yield "users", users
    yield "users with a custom value", f"{users}?custom_{large.keys['department']}=department+7"
    yield "users by a name that everyone has", f"{users}?q=robin"
    yield "users by address", f"{users}?q=p777%40"
    yield "users who lost access", f"{users}?status=ended"
    yield "users of a group", f"{users}?group={group}"
    yield "users with pinned values", f"{users}?pinned=yes"
    yield "users by last name", f"{users}?o=1"
    yield "a page of users in the middle", f"{users}?p={last // 2}"
    yield "the last page of users", f"{users}?p={last}"
    yield "pending users", "/admin/users/pendinguser/"
    yield "the last page of pending users", f"/admin/users/pendinguser/?p={pending // PER_PAGE}"
    yield "members of a group", f"/admin/users/groupmembership/?group={group}"
    yield "people of a course", f"/admin/users/enrollment/?course__id__exact={course.pk}"
    yield "progress of a group", f"/admin/users/enrollment/?group={group}"
    yield "progress by last name", "/admin/users/enrollment/?o=1"
    yield "audit trail", "/admin/users/auditentry/"
    yield "audit trail of a person", f"/admin/users/auditentry/?person={known.person}"
    yield "the thousandth page of the audit trail", "/admin/users/auditentry/?p=1000"
    yield "groups", "/admin/portals/group/"
    yield "courses", "/admin/portals/course/"
    yield "uploads and downloads", "/admin/users/bulkjob/"
    yield "who is missing, by a name that everyone has", f"{SETTINGS}people/missing/?q=robin"
    yield "people not taken over", f"{SETTINGS}gusto/people/"
    yield "people not taken over, by name", f"{SETTINGS}gusto/people/?q=vale"
    yield "problems", f"{SETTINGS}gusto/problems/"
    yield "people of a problem", f"{SETTINGS}gusto/problems/refused_value/"
    yield "runs", f"{SETTINGS}gusto/runs/"
    yield "run of a first import", f"{SETTINGS}gusto/runs/{known.imported}/"
    yield "run of a first import, by name", f"{SETTINGS}gusto/runs/{known.imported}/?q=p777"
    yield "its last page", f"{SETTINGS}gusto/runs/{known.imported}/?page=2000"


def _pages(large: LargePortal, course: Course, known: history.Known) -> Iterator[tuple[str, str]]:
    """Yield forms, overviews and explanations."""
    yield "dashboard", "/admin/"
    yield "a person", f"/admin/users/membership/{known.person}/change/"
    yield "why a person has what they have", f"{SETTINGS}people/{known.person}/why/"
    yield "why somebody is missing", f"{SETTINGS}people/missing/{known.left_out}/"
    yield "a group", f"/admin/portals/group/{large.group_ids[0]}/change/"
    yield "a course", f"/admin/portals/course/{course.pk}/change/"
    yield "portal settings", f"/admin/portals/portal/{large.id}/change/"
    yield "overview of a connection", f"{SETTINGS}gusto/"
    yield "mapping", f"{SETTINGS}gusto/mapping/"
    yield "upcoming", f"{SETTINGS}upcoming/"
    yield "run that holds people", f"{SETTINGS}gusto/runs/{known.held}/?show=held"
    yield "approval of held people", f"{SETTINGS}gusto/runs/{known.held}/approve/"
    yield "release of held mails", f"{SETTINGS}gusto/runs/{known.imported}/mails/"


def _admin_of(portal: Portal) -> Client:
    account = User.objects.create(realm=portal.realm, email="admin@example.com")
    Membership.objects.create(portal=portal, user=account, role="admin", status="active", created_at=timezone.now())
    client = Client(headers={"host": portal.platform_host})
    client.force_login(account)
    return client


def _page(client: Client, label: str, path: str) -> tuple[str, float, int]:
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
