"""Measure the files of a large portal: the download of everyone's data, and an upload of 10,000 people.

Django must be set up; the portal lives in a database of its own, which is dropped afterwards.
"""

import io
import resource
import time
from datetime import UTC, datetime

from django.db import connection

from portals import statements
from portals.models import CustomField, Group, Portal, Realm
from tests.benchmark.rules import FIELDS, PEOPLE
from users import bulk_jobs, exports, imports
from users.models import BulkJob, BulkJobPart

# Label, seconds, remark.
Row = tuple[str, float, str]

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
GROUPS = 20
UPLOADED = 10_000
OPTIONS = {
    "phase": "preview",
    "separator": "",
    "adds_as": "pending",
    "mail": "invite",
    "updates": True,
    "clears_empty": False,
    "assigns_groups": True,
    "syncs_groups": False,
    "process_unenrollments": False,
}
# Everyone is in two groups, every fifth person was invited.
AROUND = """
WITH member AS (SELECT id FROM users_membership WHERE portal_id = %(portal)s), grouped AS (
    INSERT INTO users_groupmembership (membership_id, group_id, origin, created_at)
    SELECT m.id, (%(groups)s::bigint[])[1 + (m.id + n * 7) %% 20], 'manual', %(now)s
    FROM member AS m, generate_series(0, 1) AS n
)
INSERT INTO users_invitation (
    membership_id, kind, state, nonce, created_at, times_sent, last_sent_at, expires_at, tries, failure, source)
SELECT id, 'invite', 'sent', '', %(now)s, 1, %(now)s, %(now)s, 0, '', 'manual' FROM member WHERE id %% 5 = 0
"""


def run(people: int = 100_000) -> list[Row]:
    """Return label, seconds and a remark for each figure."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        portal = _furnished(people)
        return [_download(portal, people), *_upload(portal)]
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _furnished(people: int) -> Portal:
    realm = Realm.objects.create(name="Benchmark")
    portal = Portal.objects.create(realm=realm, name="Benchmark", slug="benchmark", time_zone="America/New_York")
    keys = {}
    for name, type_, is_multiple, _choices in FIELDS:
        keys[name] = CustomField.objects.create(portal=portal, label=name, type=type_, is_multiple=is_multiple).key
    groups = Group.objects.bulk_create(Group(portal=portal, title=f"Group {n}") for n in range(GROUPS))
    numbers = {"people": people, "after": 0}
    statements.rows(PEOPLE, {"portal": portal.pk, "realm": realm.pk, "now": NOW, **numbers, **keys})
    ids = statements.integers(group.pk for group in groups)
    statements.rows(AROUND, {"portal": portal.pk, "groups": ids, "now": NOW})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return portal


def _download(portal: Portal, people: int) -> Row:
    job = bulk_jobs.start(
        portal=portal,
        kind=BulkJob.Kind.EXPORT_USERS,
        requested_by=None,
        now=NOW,
        options={"with_inviter": True, "everyone": True},
    )
    before, began = _peak(), time.perf_counter()
    work = bulk_jobs.take(job.pk)
    assert work is not None
    exports.write(work, now=NOW)
    seconds = time.perf_counter() - began
    size = sum(len(part) for part in bulk_jobs.stored(job, BulkJobPart.Purpose.RESULT))
    remark = f"{size / 1e6:.0f} MB file, memory grew by {(_peak() - before) / 1e6:.0f} MB"
    return f"E1 download of {people:,} people", seconds, remark


def _upload(portal: Portal) -> list[Row]:
    lines = ["email,firstname,lastname,groups,title"]
    # Half of them are here already.
    half = UPLOADED // 2
    lines += [f"p{n}@eu.example.com,Robin,Renamed,Group 1,Fitter" for n in range(1, half * 10 // 9) if n % 10][:half]
    lines += [f"new{n}@example.com,Noor,New,Group 2,Fitter" for n in range(UPLOADED - len(lines) + 1)]
    content = "\n".join(lines).encode()
    began = time.perf_counter()
    job = bulk_jobs.start(
        portal=portal,
        kind=BulkJob.Kind.IMPORT_USERS,
        requested_by=None,
        now=NOW,
        options=OPTIONS,
        files={BulkJobPart.Purpose.UPLOAD: [content]},
        total=imports.count_rows(portal, io.BytesIO(content)),
    )
    _work(job)
    previewed = time.perf_counter()
    bulk_jobs.resume(job, options={"phase": "apply"})
    _work(job)
    applied = time.perf_counter()
    job.refresh_from_db()
    return [
        (f"E2 preview of a file of {UPLOADED:,} people", previewed - began, ""),
        (f"E2 carrying it out: {job.counts}", applied - previewed, ""),
    ]


def _work(job: BulkJob) -> None:
    work = bulk_jobs.take(job.pk)
    assert work is not None
    imports.carry_out(work, now=NOW)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
