"""Mails at the end of work in the background."""

import io
from datetime import UTC, datetime

import pytest

from tests.factories.portals import DynamicRuleFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import bulk_jobs, grouping, imports, tasks
from users.models import BulkJob, BulkJobPart, Notice

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 20, tzinfo=UTC)
FILE = "email,firstname\nada@example.com,Ada\nnobody,Bo\n"
OPTIONS = {
    "phase": "preview",
    "separator": "",
    "adds_as": "pending",
    "mail": "invite",
    "updates": False,
    "clears_empty": False,
    "assigns_groups": False,
    "syncs_groups": False,
}


@pytest.fixture
def admin():
    return AdminFactory(portal=PortalFactory(name="North Academy"))


def upload(admin, text=FILE):
    content = text.encode()
    return bulk_jobs.start(
        portal=admin.portal,
        kind=BulkJob.Kind.IMPORT_USERS,
        requested_by=admin.user,
        now=NOW,
        options=OPTIONS,
        files={BulkJobPart.Purpose.UPLOAD: [content]},
        file_name="people.csv",
        total=imports.count_rows(admin.portal, io.BytesIO(content)),
    )


class TestTellEndOfUpload:
    def test_mails_the_numbers_to_whoever_uploaded_the_file(self, admin):
        job = upload(admin)
        tasks.carry_out_bulk_job(job_id=job.pk)
        assert not Notice.objects.exists()
        job.refresh_from_db()
        bulk_jobs.resume(job, options={"phase": "apply"})

        tasks.carry_out_bulk_job(job_id=job.pk)

        mail = Notice.objects.get()
        assert (mail.address, mail.user) == (admin.user.email, admin.user)
        assert mail.subject == "North Academy: The upload of “people.csv” ended with remarks"
        assert mail.text == "1 row was carried out. 1 row has an error and was left out."
        assert mail.link == admin.portal.url(f"/admin/users/bulkjob/{job.pk}/")

    def test_says_why_it_failed(self, admin):
        job = upload(admin)
        BulkJobPart.objects.update(content=b"\xff\xfebroken")

        tasks.carry_out_bulk_job(job_id=job.pk)

        mail = Notice.objects.get()
        assert mail.subject == "North Academy: The upload of “people.csv” failed"
        assert "not UTF-8" in mail.text


class TestTellEndOfHandOver:
    def test_mails_how_many_left(self, admin):
        group = GroupFactory(portal=admin.portal, title="Sales")
        rule = DynamicRuleFactory(group=group, state="active")
        rule.conditions.create(subject="email_domain", operator="is", operands=["elsewhere.test"])
        learner = MembershipFactory(portal=admin.portal)
        grouping.add_members(group=group, membership_ids=[learner.pk], now=NOW)

        tasks.hand_over_to_rule(group_id=group.pk, actor_id=admin.user_id)

        mail = Notice.objects.get()
        assert mail.subject == "North Academy: The members of “Sales” follow its rule now"
        assert mail.text == "1 member left the group. 0 unfinished enrollments ended."

    def test_tells_nobody_where_nobody_asked(self, admin):
        group = GroupFactory(portal=admin.portal)

        tasks.hand_over_to_rule(group_id=group.pk, actor_id=None)

        assert not Notice.objects.exists()
