"""The file of a portal's people: whose rows, which columns, and that it stays small in memory and statements."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from portals import csv_files
from portals.models import Portal
from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory
from users import bulk_jobs, exports
from users.models import AuditEntry, BulkJob, BulkJobPart, Enrollment, GroupMembership

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 20, tzinfo=UTC)


@pytest.fixture
def portal():
    return PortalFactory(time_zone="America/New_York")


def table(portal, *, with_inviter=True, batches=None):
    export = exports.Export(portal, with_inviter=with_inviter, now=NOW)
    text = "".join(csv_files.pieces(export.header(), export.rows(batches or exports.everyone(portal))))
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


class TestExport:
    def test_has_the_columns_in_their_order_and_custom_fields_by_label(self, portal):
        CustomFieldFactory(portal=portal, label="Office", position=2)
        CustomFieldFactory(portal=portal, label="Department", position=1)
        CustomFieldFactory(portal=portal, label="Old", is_archived=True)

        header = [str(one) for one in exports.Export(portal, with_inviter=True, now=NOW).header()]

        assert header == [
            "Id", "Email", "Username", "First name", "Last name", "User type", "Status", "Account expires", "Language",
            "Time zone", "Created at", "Invited at", "Invite status", "Invite last sent", "Invite expires",
            "Accepted at", "Invited or created by", "Source", "Last sign-in", "Sign-in count", "Groups",
            "Number of enrollments", "Department", "Office",
        ]  # fmt: skip

    def test_shows_what_is_known_of_a_person(self, portal):
        number = CustomFieldFactory(portal=portal, label="Floor", type="integer")
        several = CustomFieldFactory(portal=portal, label="Tools")
        maya = MembershipFactory(
            portal=portal,
            user__email="maya@example.com",
            user__first_name="Maya",
            user__last_name="Ortiz",
            user__last_login=NOW,
            user__sign_in_count=3,
            source="gusto",
            last_day=date(2026, 12, 31),
            created_at=NOW,
            custom_data={number.key: -2, several.key: ["Forge", "Lathe"]},
        )
        for title in ("Sales", "Berlin"):
            GroupMembership.objects.create(
                group=GroupFactory(portal=portal, title=title), membership=maya, created_at=NOW
            )
        Enrollment.objects.create(membership=maya, course=CourseFactory(portal=portal), enrolled_at=NOW)

        (row,) = table(portal)

        assert row == {
            "Id": str(maya.pk), "Email": "maya@example.com", "Username": "maya@example.com", "First name": "Maya",
            "Last name": "Ortiz", "User type": "Learner", "Status": "Enabled", "Account expires": "2026-12-31",
            "Language": "English", "Time zone": "America/New_York", "Created at": "2026-03-31 16:00",
            "Invited at": "", "Invite status": "", "Invite last sent": "", "Invite expires": "", "Accepted at": "",
            "Invited or created by": "", "Source": "Gusto", "Last sign-in": "2026-03-31 16:00", "Sign-in count": "3",
            "Groups": "Berlin; Sales", "Number of enrollments": "1", "Floor": "-2", "Tools": "Forge; Lathe",
        }  # fmt: skip

    def test_includes_pending_people_with_their_invitation(self, portal):
        nora = AdminFactory(portal=portal, user__first_name="Nora", user__last_name="Bell").user
        InvitationFactory(
            membership__portal=portal,
            membership__user__email="newcomer@example.com",
            state="sent",
            created_at=NOW - timedelta(days=4),
            last_sent_at=NOW - timedelta(days=4),
            expires_at=NOW - timedelta(days=1),
            sent_by=nora,
        )

        row = next(row for row in table(portal) if row["Email"] == "newcomer@example.com")

        assert row["Status"] == "Pending"
        assert row["Invite status"] == "Expired"
        assert row["Invited at"] == row["Invite last sent"] == "2026-03-27 16:00"
        assert row["Invite expires"] == "2026-03-30 16:00"
        assert row["Invited or created by"] == "Nora Bell"

    def test_names_who_created_someone_by_hand(self, portal):
        nora = AdminFactory(portal=portal, user__first_name="Nora", user__last_name="Bell").user
        member = MembershipFactory(portal=portal)
        AuditEntry.objects.create(
            portal=portal, at=NOW, action="learner_added", actor_id=nora.pk, object_type="users.membership",
            object_id=member.pk,
        )  # fmt: skip

        row = next(row for row in table(portal) if row["Id"] == str(member.pk))

        assert row["Invited or created by"] == "Nora Bell"

    def test_hides_the_inviter_from_those_who_are_no_admins(self, portal):
        MembershipFactory(portal=portal)

        (row,) = table(portal, with_inviter=False)

        assert "Invited or created by" not in row

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({"status": "active"}, "Enabled"),
            ({"status": "active", "last_day": date(2026, 3, 31)}, "Enabled"),
            ({"status": "active", "last_day": date(2026, 3, 30)}, "Expired"),
            ({"status": "ended", "ended_at": NOW, "last_day": date(2026, 3, 30)}, "Expired"),
            ({"status": "ended", "ended_at": NOW, "last_day": date(2026, 3, 31)}, "Disabled"),
            ({"status": "ended", "ended_at": NOW}, "Disabled"),
        ],
    )
    def test_tells_disabled_from_expired(self, portal, fields, shown):
        MembershipFactory(portal=portal, **fields)

        assert table(portal)[0]["Status"] == shown

    def test_neutralises_formulas(self, portal):
        MembershipFactory(portal=portal, user__first_name="=HYPERLINK(1)", user__last_name="@sum")

        (row,) = table(portal)

        assert (row["First name"], row["Last name"]) == ("'=HYPERLINK(1)", "'@sum")

    def test_stays_within_the_portal_whatever_ids_it_is_given(self, portal):
        stranger = MembershipFactory()

        assert table(portal, batches=[[stranger.pk]]) == []

    def test_costs_one_statement_per_batch(self, portal, statements_run, monkeypatch):
        monkeypatch.setattr(exports, "BATCH", 4)
        MembershipFactory.create_batch(10, portal=portal)

        assert len(table(portal)) == 10
        # Three batches and the look for a fourth; each batch is found, then read.
        assert len(statements_run) == 3 * 2 + 1


class TestWrite:
    def job(self, portal, ids=None):
        files = {} if ids is None else {BulkJobPart.Purpose.SELECTION: exports.packed(ids)}
        options = {"with_inviter": True, "everyone": ids is None, "people": len(ids or [])}
        return bulk_jobs.start(
            portal=portal, kind=BulkJob.Kind.EXPORT_USERS, requested_by=None, now=NOW, options=options, files=files
        )

    def written(self, job):
        text = b"".join(bulk_jobs.stored(job, BulkJobPart.Purpose.RESULT)).decode()
        return [row["Email"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]

    def test_writes_everyone(self, portal):
        people = MembershipFactory.create_batch(3, portal=portal)
        job = self.job(portal)

        exports.write(bulk_jobs.take(job.pk), now=NOW)

        job.refresh_from_db()
        assert (job.state, job.done, job.total) == ("done", 3, 3)
        assert self.written(job) == [one.user.email for one in people]

    def test_writes_only_the_chosen(self, portal):
        people = MembershipFactory.create_batch(3, portal=portal)
        job = self.job(portal, [people[1].pk])

        exports.write(bulk_jobs.take(job.pk), now=NOW)

        assert self.written(job) == [people[1].user.email]

    def test_begins_again_where_a_worker_died(self, portal, monkeypatch):
        people = MembershipFactory.create_batch(3, portal=portal)
        job = self.job(portal)
        dead = bulk_jobs.take(job.pk)
        list(bulk_jobs.store(job, BulkJobPart.Purpose.RESULT, [b"half a file"]))
        dead.let_go()

        exports.write(bulk_jobs.take(job.pk), now=NOW)

        assert len(self.written(job)) == len(people)
        with pytest.raises(bulk_jobs.LeaseLost):
            dead.note(done=1)

    def test_names_the_file_by_the_portal_and_its_day(self):
        assert exports.file_name(Portal(slug="harbor", time_zone="Asia/Tokyo"), NOW) == "harbor-users-2026-04-01"
