"""The jobs of row H1: a portal whose people take courses, a change of everything, sending, what HubSpot has then."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.utils import timezone

from integrations import connecting
from integrations.hubspot.models import ProgressPush, ProgressTarget
from integrations.hubspot.progress import push
from integrations.hubspot.provider import client_for
from integrations.models import Connection, ExternalIdentity
from portals.models import Course, Portal, Realm
from users.enrollments import enroll
from users.models import Enrollment, Membership, User
from users.progress import Report, write_reports

PEOPLE_AT_ONCE = 1000
# Seconds that a worker's task lasts.
SLICE_SECONDS = 200.0


def prepare(code: str, people: int, courses: int) -> dict[str, Any]:
    """Connect a portal, link so many people to the account's contacts, and enroll everyone in some courses."""
    realm = Realm.objects.create(name="Benchmark")
    portal = Portal.objects.create(realm=realm, name="Academy", slug="academy", enabled_integrations=["hubspot"])
    connection = connecting.connect(
        portal=portal,
        provider="hubspot",
        consent=connecting.exchange(provider="hubspot", code=code),
        record_type="contacts",
        user=None,
        now=timezone.now(),
    )
    members = _link(connection, portal, people)
    started = time.perf_counter()
    for number in range(courses):
        course = Course.objects.create(portal=portal, title=f"Course {number}", status=Course.Status.PUBLISHED)
        for start in range(0, len(members), PEOPLE_AT_ONCE):
            enroll(course=course, membership_ids=members[start : start + PEOPLE_AT_ONCE], now=timezone.now())
    return {"connection": connection.pk, "queued": _waiting(), "seconds": time.perf_counter() - started}


def change(percent: int) -> dict[str, Any]:
    """Let everyone come so far in every course."""
    now = timezone.now()
    ids = list(Enrollment.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), PEOPLE_AT_ONCE):
        reports = [Report(pk, "in_progress", percent) for pk in ids[start : start + PEOPLE_AT_ONCE]]
        write_reports(reports=reports, now=now)
    return {"queued": _waiting()}


def send(connection_id: int) -> dict[str, Any]:
    """Send as a worker does, task after task, until nothing is due."""
    while push.carry_out(connection_id, now=timezone.now(), seconds=SLICE_SECONDS):
        pass
    target = ProgressTarget.objects.get(connection=connection_id)
    return {"waiting": _waiting(), "storage": target.strategy, "trouble": target.pause_reason}


def hurry() -> dict[str, Any]:
    """Let everything that waits for another try, and the account itself, be due."""
    ProgressTarget.objects.update(paused_until=None)
    waiting = ProgressPush.objects.filter(state__in=ProgressPush.OPEN)
    return {"waiting": waiting.update(next_try_at=timezone.now(), claimed_by=None, claimed_until=None)}


def check(connection_id: int) -> dict[str, Any]:
    """Count what is lost, doubled, stale or shown with nobody in HubSpot, by its own lists alone."""
    connection = Connection.objects.select_related("portal", "grant").get(pk=connection_id)
    target = ProgressTarget.objects.get(connection=connection)
    names = {name: target.names[name] for name in ("enrollment_key", "status", "percent_complete", "learner_id")}
    expected = {
        f"prt_{connection.portal_id}:{one.pk}": (one.status, str(one.percent), f"lrn_{one.membership_id}")
        for one in Enrollment.objects.only("status", "percent", "membership_id")
    }
    seen: Counter[str] = Counter()
    stale = 0
    with closing(client_for(connection)) as client:
        for values in _records(client, target.object_type, names):
            key, *told = values
            seen[key] += 1
            stale += expected.get(key) != tuple(told)
    return {
        "records": seen.total(),
        "lost": len(expected.keys() - seen.keys()),
        "doubled": sum(number - 1 for number in seen.values()),
        "stale": stale,
        "states": dict(Counter(ProgressPush.objects.values_list("state", flat=True))),
    }


def _records(client: Any, object_type: str, names: dict[str, str]) -> Iterator[tuple[str, ...]]:
    after, is_first = "", True
    while is_first or after:
        is_first = False
        page = client.list_records(object_type, list(names.values()), after)
        after = page.after
        for record in page.results:
            yield tuple(record.properties.get(name) or "" for name in names.values())


def _link(connection: Connection, portal: Portal, people: int) -> list[int]:
    """Return new active people, each linked to a contact of the account."""
    users = User.objects.bulk_create(
        [
            User(realm=portal.realm, email=f"p{number}@example.com", first_name="Robin", last_name=f"Vale {number}")
            for number in range(people)
        ],
        batch_size=PEOPLE_AT_ONCE,
    )
    now = timezone.now()
    members = Membership.objects.bulk_create(
        [Membership(portal=portal, user=user, created_at=now) for user in users], batch_size=PEOPLE_AT_ONCE
    )
    with closing(client_for(connection)) as client:
        contacts: list[str] = []
        after, is_first = "", True
        while (is_first or after) and len(contacts) < people:
            is_first = False
            page = client.list_records("contacts", ["email"], after)
            contacts += [record.id for record in page.results]
            after = page.after
    ExternalIdentity.objects.bulk_create(
        [
            ExternalIdentity(
                connection=connection,
                membership=member,
                external_id=key,
                state=ExternalIdentity.State.LINKED,
                digest=b"",
            )
            for member, key in zip(members, contacts[:people], strict=True)
        ],
        batch_size=PEOPLE_AT_ONCE,
    )
    return [member.pk for member in members]


def _waiting() -> int:
    return ProgressPush.objects.filter(state__in=ProgressPush.OPEN).count()
