"""Admin pages of uploads and downloads: who may use them, what they say, and what they leave in the trail."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin_pages import page
from tests.factories.portals import CustomFieldFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users import bulk_jobs, tasks
from users.admin import exports
from users.models import AuditEntry, BulkJob, GroupManager, GroupMembership, Membership

pytestmark = pytest.mark.django_db

EXPORT = "/admin/users/membership/export/"
IMPORT = "/admin/users/membership/import/"
HOW = {"how": "pending_invite"}


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal, user__email="admin@example.com")


@pytest.fixture
def client(portal_client, portal, admin):
    """The portal's admin at the portal's host."""
    return portal_client(portal, admin.user)


@pytest.fixture
def manager(portal_client, portal):
    """A manager of a group with one member."""
    manager = MembershipFactory(portal=portal, role="manager", user__email="manager@example.com")
    group = GroupFactory(portal=portal)
    GroupManager.objects.create(membership=manager, group=group)
    member = MembershipFactory(portal=portal, user__email="member@example.com")
    GroupMembership.objects.create(group=group, membership=member, created_at=timezone.now())
    return portal_client(portal, manager.user)


@pytest.fixture
def at_work(tasks_at_once, django_capture_on_commit_callbacks):
    """Let a worker do at once what a page asks for."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def emails_in(response):
    text = b"".join(response).decode().removeprefix("\ufeff")
    return {row["Email"] for row in csv.DictReader(io.StringIO(text))}


def upload(client, text, **options):
    content = text if isinstance(text, bytes) else text.encode()
    return client.post(IMPORT, {"file": SimpleUploadedFile("people.csv", content), **HOW, **options})


def job_of(response):
    return BulkJob.objects.get(pk=response["Location"].rstrip("/").rpartition("/")[2])


def about(job, name="page"):
    return reverse(f"admin:users_bulkjob_{name}", args=[job.pk])


class TestExportPage:
    def test_is_led_to_by_the_list_with_its_filters(self, client, portal):
        response = client.get(page(Membership, "changelist"), {"status": "ended"})

        assert f'href="{EXPORT}?status=ended"' in response.content.decode()

    def test_hands_over_everyone_at_once_pending_people_too(self, client, portal):
        MembershipFactory(portal=portal, user__email="waiting@example.com", status="pending")
        MembershipFactory(user__email="stranger@example.com")

        response = client.post(EXPORT, {"whom": "everyone"})

        assert emails_in(response) == {"admin@example.com", "waiting@example.com"}
        assert "attachment" in response["Content-Disposition"]

    def test_hands_over_what_the_filter_shows(self, client, portal):
        MembershipFactory(portal=portal, user__email="gone@example.com", status="ended")

        shown = client.get(EXPORT + "?status=ended")
        response = client.post(EXPORT + "?status=ended", {"whom": "filtered"})

        assert (shown.context["everyone"], shown.context["filtered"]) == (2, 1)
        assert emails_in(response) == {"gone@example.com"}

    def test_is_noted_in_the_trail(self, client, admin, portal):
        client.post(EXPORT, {"whom": "everyone"})

        entry = AuditEntry.objects.get(action="users_exported")
        assert (entry.actor_id, entry.portal_id, entry.after["people"]) == (admin.user_id, portal.pk, 1)

    def test_changes_nothing_by_looking(self, client):
        client.get(EXPORT)

        assert not AuditEntry.objects.filter(action="users_exported").exists()

    def test_makes_a_job_for_many(self, client, portal, monkeypatch, at_work):
        monkeypatch.setattr(exports, "AT_ONCE", 2)
        MembershipFactory.create_batch(3, portal=portal)

        with at_work():
            response = client.post(EXPORT, {"whom": "everyone"})

        job = job_of(response)
        assert (job.state, job.done) == ("done", 4)
        assert len(emails_in(client.get(about(job, "download")))) == 4
        assert AuditEntry.objects.filter(action="users_downloaded", object_id=job.pk).exists()

    def test_makes_one_job_at_a_time(self, client, portal, monkeypatch):
        monkeypatch.setattr(exports, "AT_ONCE", 0)
        client.post(EXPORT, {"whom": "everyone"})

        response = client.post(EXPORT, {"whom": "everyone"}, follow=True)

        assert "being prepared already" in response.content.decode()
        assert BulkJob.objects.count() == 1

    def test_shows_managers_their_groups_without_the_inviter(self, manager):
        response = manager.post(EXPORT, {"whom": "everyone"})

        text = b"".join(response).decode()
        assert "member@example.com" in text
        assert "admin@example.com" not in text
        assert "Invited or created by" not in text

    def test_keeps_managers_within_their_groups_in_jobs_too(self, manager, monkeypatch, at_work, admin):
        monkeypatch.setattr(exports, "AT_ONCE", 0)

        with at_work():
            job = job_of(manager.post(EXPORT, {"whom": "everyone"}))

        assert emails_in(manager.get(about(job, "download"))) == {"member@example.com"}

    def test_refuses_learners_and_the_platform_host(self, portal_client, portal):
        learner = portal_client(portal, MembershipFactory(portal=portal).user)

        assert learner.post(EXPORT, {"whom": "everyone"}).status_code in {302, 403}
        assert portal_client(None, OperatorFactory()).get(EXPORT).status_code == 404


class TestUpload:
    def test_offers_a_template_with_the_portals_columns(self, client, portal):
        CustomFieldFactory(portal=portal, label="Office")

        response = client.get(IMPORT + "template/")

        assert b"".join(response).decode().strip("\ufeff\r\n") == "email,firstname,lastname,enabled,groups,Office"

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"email\nZo\xeb@example.com\n", "not UTF-8"),
            (b"email\nmaya\0@example.com\n", "NUL"),
            (b"email,Email\nmaya@example.com,x\n", "Two columns"),
            (b"<html><table></table></html>", "web page"),
            (b"name\nMaya\n", "no column"),
            (b"\n", "empty"),
        ],
    )
    def test_refuses_broken_files_with_a_reason(self, client, content, says):
        response = upload(client, content)

        assert response.status_code == 200
        assert says in str(response.context["form"].errors["file"])
        assert not BulkJob.objects.exists()

    def test_shows_what_would_happen(self, client, portal, at_work):
        CustomFieldFactory(portal=portal, label="Office", type="string_choice", choices=["Porto"])
        MembershipFactory(portal=portal, user__email="maya@example.com", user__first_name="Maya")

        with at_work():
            job = job_of(
                upload(
                    client,
                    "email;firstname;office\nmaya@example.com;Mia;Porto\nnoor@example.com;Noor;Atlantis\n",
                    updates="on",
                )
            )

        shown = client.get(about(job)).content.decode()
        assert "Maya" in shown
        assert "Mia" in shown
        assert "“Atlantis” is none of the choices" in shown
        assert "1 person is changed" in shown
        assert Membership.objects.filter(portal=portal).count() == 2

    def test_lists_errors_as_csv(self, client, at_work):
        with at_work():
            job = job_of(upload(client, "email\nnonsense\nnoor@example.com\n"))

        text = b"".join(client.get(about(job, "rows") + "?show=error")).decode()

        assert "2,nonsense,Error" in text
        assert "noor@example.com" not in text

    def test_is_carried_out_by_post_alone(self, client, portal, admin, at_work):
        with at_work():
            job = job_of(upload(client, "email\nnoor@example.com\n"))

        assert client.get(about(job, "apply")).status_code == 405
        with at_work():
            client.post(about(job, "apply"))

        assert Membership.objects.get(portal=portal, user__email="noor@example.com").status == "pending"
        trail = AuditEntry.objects.filter(object_type="users.bulkjob").order_by("pk")
        assert [(entry.action, entry.actor_id) for entry in trail] == [
            ("users_file_uploaded", admin.user_id),
            ("users_file_applied", admin.user_id),
        ]

    def test_does_nothing_at_a_second_click(self, client, portal, at_work):
        with at_work():
            job = job_of(upload(client, "email\nnoor@example.com\n"))

        for _click in range(2):
            with at_work():
                client.post(about(job, "apply"))

        assert Membership.objects.filter(portal=portal).count() == 2

    def test_holds_many_ends_of_access_until_their_number_is_typed(self, client, portal, at_work):
        people = MembershipFactory.create_batch(4, portal=portal)
        text = "email,enabled\n" + "".join(f"{one.user.email},No\n" for one in people)
        with at_work():
            job = job_of(upload(client, text, updates="on"))

        def ended():
            return Membership.objects.filter(portal=portal, status="ended").count()

        for typed in ("", "3", "yes"):
            with at_work():
                client.post(about(job, "apply"), {"number": typed})
            assert ended() == 0
        with at_work():
            client.post(about(job, "apply"), {"number": "4"})

        assert ended() == 4

    def test_creates_silently_where_people_come_by_single_sign_on(self, client, portal, at_work):
        portal.sign_in_method = "saml"
        portal.save()

        assert "how" in upload(client, "email\nnoor@example.com\n").context["form"].errors
        with at_work():
            job = job_of(upload(client, "email\nnoor@example.com\n", how="active"))
        with at_work():
            client.post(about(job, "apply"))

        noor = Membership.objects.get(portal=portal, user__email="noor@example.com")
        assert noor.status == "active"
        assert not noor.invitations.exists()

    def test_is_for_admins(self, manager, portal_client):
        assert manager.get(IMPORT).status_code == 403
        assert manager.get(IMPORT + "template/").status_code == 403
        assert upload(manager, "email\nnoor@example.com\n").status_code == 403
        assert portal_client(None, OperatorFactory()).get(IMPORT).status_code == 404


class TestJobPages:
    @pytest.fixture
    def job(self, portal, admin):
        return bulk_jobs.start(
            portal=portal,
            kind=BulkJob.Kind.EXPORT_USERS,
            requested_by=admin.user,
            now=timezone.now(),
            options={"with_inviter": True, "everyone": True},
        )

    def test_poll_while_the_job_is_live(self, client, job):
        assert "hx-get" in client.get(about(job)).content.decode()

        fragment = client.get(about(job, "progress"))

        assert "Waiting for a free worker" in fragment.content.decode()
        assert "HX-Refresh" not in fragment

    def test_reload_when_it_is_done(self, client, job):
        tasks.carry_out_bulk_job(job_id=job.pk)

        assert client.get(about(job, "progress"))["HX-Refresh"] == "true"
        assert "Download the file" in client.get(about(job)).content.decode()

    def test_have_no_download_before_that(self, client, job):
        assert client.get(about(job, "download")).status_code == 404

    def test_lead_from_the_list(self, client, job):
        assert list(client.get(page(BulkJob, "changelist")).context["cl"].result_list) == [job]
        assert client.get(page(BulkJob, "change", job.pk))["Location"] == about(job)

    @pytest.mark.parametrize("name", ["page", "progress", "download", "rows", "apply"])
    def test_are_not_there_for_strangers(self, portal_client, job, name):
        tasks.carry_out_bulk_job(job_id=job.pk)
        stranger = AdminFactory(portal__realm=job.portal.realm)
        client = portal_client(stranger.portal, stranger.user)

        assert client.get(about(job, name)).status_code in {404, 405}
        assert client.post(about(job, name)).status_code in {403, 404, 405}

    def test_of_others_are_not_there_for_managers(self, manager, job):
        tasks.carry_out_bulk_job(job_id=job.pk)

        assert manager.get(about(job, "download")).status_code == 404
        assert list(manager.get(page(BulkJob, "changelist")).context["cl"].result_list) == []

    def test_cost_the_same_queries_for_many_rows_as_for_few(self, client, at_work):
        def cost(number):
            with at_work():
                job = job_of(upload(client, "email\n" + "".join(f"p{n}@example.com\n" for n in range(number))))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(about(job))
            return len(queries)

        assert cost(1) == cost(40) < 15
