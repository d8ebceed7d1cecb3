"""Files of users from the upload to the last row: the preview, the brake, and doing exactly what was shown."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from portals.csv_files import Unreadable
from tests.factories.portals import (
    CourseFactory,
    CustomFieldFactory,
    DynamicRuleFactory,
    GroupCourseFactory,
    GroupFactory,
    PortalFactory,
)
from tests.factories.users import AdminFactory, MembershipFactory, UserFactory
from users import bulk_jobs, imports
from users.models import (
    AuditEntry,
    BulkJob,
    BulkJobPart,
    Enrollment,
    GroupMembership,
    ImportRow,
    Invitation,
    Membership,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 20, tzinfo=UTC)
OPTIONS = {
    "phase": "preview",
    "separator": "",
    "adds_as": "pending",
    "mail": "invite",
    "updates": True,
    "clears_empty": False,
    "assigns_groups": False,
    "syncs_groups": False,
    "process_unenrollments": False,
}


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal).user


def preview(portal, text, *, admin=None, **options):
    """Upload a file and return the job after its preview."""
    content = text.encode()
    job = bulk_jobs.start(
        portal=portal,
        kind=BulkJob.Kind.IMPORT_USERS,
        requested_by=admin,
        now=NOW,
        options={**OPTIONS, **options},
        files={BulkJobPart.Purpose.UPLOAD: [content]},
        total=imports.count_rows(portal, io.BytesIO(content)),
    )
    return work_on(job)


def apply(job, *, now=NOW, **options):
    bulk_jobs.resume(job, options={"phase": "apply", **options})
    return work_on(job, now=now)


def work_on(job, *, now=NOW):
    imports.carry_out(bulk_jobs.take(job.pk), now=now)
    job.refresh_from_db()
    return job


def kinds(job):
    return {row.email: row.kind for row in job.rows.all()}


def states(job):
    return {row.email: row.state for row in job.rows.all()}


def learners(portal, number):
    return [MembershipFactory(portal=portal, user__email=f"learner{n}@example.com") for n in range(number)]


class TestCountRows:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("name\nMaya\n", "no column “email”"),
            ("email\n", "no people"),
            ("email,E-mail\n", "means the same"),
            ("", "empty"),
        ],
    )
    def test_refuses_what_cannot_be_used(self, portal, text, says):
        with pytest.raises(Unreadable, match=says):
            imports.count_rows(portal, io.BytesIO(text.encode()))


class TestTemplate:
    def test_has_the_columns_of_the_portal(self, portal):
        CustomFieldFactory(portal=portal, label="Office")
        CustomFieldFactory(portal=portal, label="Old", is_archived=True)
        CustomFieldFactory(label="Somebody else's")

        assert imports.template(portal) == ["email", "firstname", "lastname", "enabled", "groups", "Office"]


class TestPreview:
    def test_says_what_each_row_does_and_changes_nothing(self, portal):
        maya, leaver, _same = learners(portal, 3)
        before = list(Membership.objects.order_by("pk").values())

        job = preview(
            portal,
            "email,firstname,enabled\n"
            "newcomer@example.com,Noor,\n"
            f"{maya.user.email.upper()},Maya,\n"
            f"{leaver.user.email},,No\n"
            "learner2@example.com,Robin,\n"
            "nonsense,,\n",
        )

        assert job.state == "review"
        assert list(kinds(job).values()) == ["invite", "update", "end_access", "unchanged", "error"]
        assert (job.done, job.failed) == (5, 1)
        assert list(Membership.objects.order_by("pk").values()) == before
        assert not Invitation.objects.exists()

    def test_tells_the_line_of_each_row(self, portal):
        job = preview(portal, 'email,firstname\na@example.com,"two\nlines"\n\nb@example.com,B\n')

        assert list(job.rows.order_by("line").values_list("line", flat=True)) == [2, 5]

    def test_refuses_every_row_of_a_repeated_address(self, portal):
        job = preview(portal, "email\nmaya@example.com\nother@example.com\nMaya@Example.com\n")

        rows = job.rows.filter(kind="error").order_by("line")
        assert [row.problems for row in rows] == [[["duplicate", "", "2, 4"]]] * 2
        assert kinds(job)["other@example.com"] == "invite"

    def test_survives_cells_of_any_length(self, portal):
        job = preview(portal, f"email,firstname\n{'x' * 10_000},Maya\nmaya@example.com,{'y' * 10_000}\n")

        assert set(kinds(job).values()) == {"error"}

    def test_does_not_know_people_of_other_realms(self, portal):
        stranger = MembershipFactory()

        job = preview(portal, f"email\n{stranger.user.email}\n")

        assert job.rows.get().kind == "invite"
        assert job.rows.get().problems == []

    def test_names_the_columns_that_mean_nothing(self, portal):
        job = preview(portal, "email,password,Shoe size\nmaya@example.com,secret,38\n")

        assert job.counts["ignored"] == ["password", "Shoe size"]
        assert "secret" not in str(list(job.rows.values()))

    def test_starts_over_when_it_was_interrupted(self, portal):
        job = preview(portal, "email\nmaya@example.com\n")
        BulkJob.objects.filter(pk=job.pk).update(state="waiting")

        work_on(job)

        assert job.rows.count() == 1

    def test_costs_the_same_statements_for_many_as_for_few(self, portal, statements_run):
        def cost(number):
            statements_run.clear()
            preview(portal, "email\n" + "".join(f"p{n}@example.com\n" for n in range(number)))
            return len(statements_run)

        assert cost(200) == cost(2)


class TestApply:
    def test_invites_creates_and_changes_as_shown(self, portal, admin):
        office = CustomFieldFactory(portal=portal, label="Office")
        (maya,) = learners(portal, 1)
        job = preview(
            portal,
            f"email,firstname,lastname,OFFICE\nNoor@example.com,Noor,Abadi,Porto\n{maya.user.email},Mia,,Berlin\n",
            admin=admin,
        )

        apply(job)

        assert (job.state, set(states(job).values())) == ("done", {"applied"})
        noor = Membership.objects.get(portal=portal, user__email="noor@example.com")
        assert (noor.status, noor.source, noor.role) == ("pending", "csv", "learner")
        assert noor.custom_data == {office.key: "Porto"}
        assert noor.invitations.get().kind == "invite"
        assert noor.invitations.get().sent_by == admin
        maya.refresh_from_db()
        maya.user.refresh_from_db()
        assert (maya.user.first_name, maya.custom_data) == ("Mia", {office.key: "Berlin"})
        entry = AuditEntry.objects.get(action="learner_changed", object_id=maya.pk)
        assert (entry.actor_id, entry.reason) == (admin.pk, "users_file")
        assert job.rows.get(email="Noor@example.com").membership == noor

    def test_does_nothing_when_the_same_file_comes_again(self, portal):
        text = "email,firstname\nnoor@example.com,Noor\n"
        apply(preview(portal, text))

        job = preview(portal, text)

        assert set(kinds(job).values()) == {"unchanged"}

    def test_sends_no_mail_to_people_who_are_created_silently(self, portal):
        apply(preview(portal, "email\nnoor@example.com\n", adds_as="active", mail=""))

        assert Membership.objects.get(portal=portal, user__email="noor@example.com").status == "active"
        assert not Invitation.objects.exists()

    def test_groups_newcomers_by_the_rules_and_enrolls_them(self, portal):
        group = DynamicRuleFactory(group__portal=portal).group
        GroupCourseFactory(group=group, course=CourseFactory(portal=portal))

        apply(preview(portal, "email\nnoor@example.com\n", adds_as="active", mail=""))

        assert GroupMembership.objects.get().group == group
        assert Enrollment.objects.count() == 1

    def test_moves_people_between_groups(self, portal):
        (maya,) = learners(portal, 1)
        old, new = GroupFactory(portal=portal, title="Old"), GroupFactory(portal=portal, title="New")
        course = CourseFactory(portal=portal)
        GroupCourseFactory(group=old, course=course)
        GroupMembership.objects.create(group=old, membership=maya, created_at=NOW)
        Enrollment.objects.create(membership=maya, course=course, source_group=old, enrolled_at=NOW)

        job = preview(portal, f"email,groups\n{maya.user.email},New\n", syncs_groups=True, process_unenrollments=True)
        apply(job)

        assert [row.group for row in GroupMembership.objects.all()] == [new]
        assert not Enrollment.objects.exists()

    def test_adds_an_account_of_the_realm_by_its_own_name_and_password(self, portal):
        account = UserFactory(realm=portal.realm, email="noor@example.com", first_name="Noor")

        apply(preview(portal, "email,firstname\nnoor@example.com,Somebody\n"))

        account.refresh_from_db()
        assert account.first_name == "Noor"
        assert account.memberships.get(portal=portal).status == "pending"

    def test_refuses_and_lists_rows_of_people_who_changed_since(self, portal):
        maya, other = learners(portal, 2)
        job = preview(
            portal,
            f"email,firstname\n{maya.user.email},Mia\n{other.user.email},Olu\nnoor@example.com,Noor\n",
        )
        maya.user.first_name = "Maja"
        maya.user.save()
        MembershipFactory(portal=portal, user__email="noor@example.com")

        apply(job)

        assert states(job) == {maya.user.email: "refused", other.user.email: "applied", "noor@example.com": "refused"}
        maya.user.refresh_from_db()
        assert maya.user.first_name == "Maja"
        assert job.failed == 2

    def test_refuses_rows_of_people_who_became_staff(self, portal):
        (maya,) = learners(portal, 1)
        job = preview(portal, f"email,enabled\n{maya.user.email},No\n")
        Membership.objects.filter(pk=maya.pk).update(role="manager")

        apply(job)

        maya.refresh_from_db()
        assert maya.status == "active"

    def test_goes_on_where_a_worker_died(self, portal, monkeypatch):
        monkeypatch.setattr(imports, "BATCH", 2)
        job = preview(portal, "email\n" + "".join(f"p{n}@example.com\n" for n in range(5)))
        bulk_jobs.resume(job, options={"phase": "apply"})
        dead = bulk_jobs.take(job.pk)
        assert imports._one_batch(dead, NOW) == 2
        dead.let_go()

        work_on(job)

        assert set(states(job).values()) == {"applied"}
        assert Membership.objects.filter(portal=portal).count() == 5
        assert Invitation.objects.count() == 5

    def test_writes_nothing_without_the_lease(self, portal):
        job = preview(portal, "email\nnoor@example.com\n")
        bulk_jobs.resume(job, options={"phase": "apply"})
        dead = bulk_jobs.take(job.pk)
        dead.let_go()
        bulk_jobs.take(job.pk)

        with pytest.raises(bulk_jobs.LeaseLost):
            imports._one_batch(dead, NOW)

        assert not Membership.objects.filter(portal=portal).exists()

    def test_costs_the_same_statements_for_many_as_for_few(self, portal, django_assert_max_num_queries):
        with django_assert_max_num_queries(60):
            apply(preview(portal, "email\n" + "".join(f"p{n}@example.com\n" for n in range(300))))

        assert Membership.objects.filter(portal=portal).count() == 300


class TestBrake:
    def file(self, people):
        return "email,enabled\n" + "".join(f"{one.user.email},No\n" for one in people)

    def test_lets_few_ends_of_access_pass(self, portal):
        people = learners(portal, 10)

        job = apply(preview(portal, self.file(people[:3])))

        assert set(states(job).values()) == {"applied"}
        ended = Membership.objects.filter(portal=portal, status="ended")
        assert {(one.ended_by) for one in ended} == {"admin"}
        assert len(ended) == 3

    def test_holds_too_many_and_does_the_rest(self, portal):
        people = learners(portal, 10)

        job = apply(preview(portal, self.file(people[:5]) + "noor@example.com,\n"))

        assert imports.held(job) == 5
        assert states(job)["noor@example.com"] == "applied"
        assert not Membership.objects.filter(portal=portal, status="ended").exists()

    def test_ends_them_once_they_are_approved(self, portal):
        people = learners(portal, 10)
        job = preview(portal, self.file(people[:5]))

        assert imports.release(job) == 5
        apply(job, endings_approved=True)

        assert Membership.objects.filter(portal=portal, status="ended").count() == 5

    def test_adds_up_small_files_of_a_day(self, portal):
        people = learners(portal, 10)
        apply(preview(portal, self.file(people[:3])))

        second = preview(portal, self.file(people[3:5]))

        assert imports.held(second) == 2

    def test_forgets_after_a_day(self, portal):
        people = learners(portal, 12)
        apply(preview(portal, self.file(people[:3])), now=NOW - timedelta(days=2))

        assert imports.held(preview(portal, self.file(people[3:5]))) == 0


class TestRows:
    def test_go_with_the_job_and_with_the_person(self, portal):
        (maya,) = learners(portal, 1)
        preview(portal, f"email,firstname\n{maya.user.email},Mia\nnoor@example.com,Noor\n")

        maya.delete()

        assert [row.email for row in ImportRow.objects.all()] == ["noor@example.com"]
        bulk_jobs.delete_old(NOW + timedelta(days=8))
        assert not ImportRow.objects.exists()


class TestSeats:
    """A portal with room for one more."""

    FILE = "email\nfirst@example.com\nsecond@example.com\n"

    @pytest.fixture
    def portal(self):
        portal = PortalFactory(seats=2)
        AdminFactory(portal=portal)
        return portal

    def test_are_given_in_the_order_of_the_file(self, portal):
        job = preview(portal, self.FILE, adds_as="active", mail="")

        assert kinds(job) == {"first@example.com": "add", "second@example.com": "skip"}
        assert job.rows.get(kind="skip").problems == [["no_seat", "", ""]]

    def test_are_not_needed_by_pending_people(self, portal):
        assert set(kinds(preview(portal, self.FILE)).values()) == {"invite"}

    def test_that_were_taken_meanwhile_leave_a_row_undone(self, portal):
        job = preview(portal, self.FILE, adds_as="active", mail="")
        MembershipFactory(portal=portal)

        apply(job)

        assert states(job)["first@example.com"] == "refused"
        assert portal.memberships.count() == 2
