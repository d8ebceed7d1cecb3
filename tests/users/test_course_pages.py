"""Admin pages about courses: people in numbers, progress, enrolling, results, archiving, uploads."""

from datetime import date, timedelta

import pytest
from django.contrib.admin import helpers
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portals import paging
from portals.models import Course, Group
from tests.admin_pages import errors, form_data, page, save
from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users import group_courses
from users.admin import course_forms
from users.models import (
    AuditEntry,
    BulkJob,
    CourseInstructor,
    Enrollment,
    GroupManager,
    GroupMembership,
    Membership,
)

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate()


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def client(portal_client, portal):
    """The portal's admin at the portal's host."""
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def course(portal):
    return CourseFactory(portal=portal, title="Fire safety")


@pytest.fixture
def learner(portal):
    return MembershipFactory(portal=portal, user__email="robin@example.com")


@pytest.fixture
def group(portal):
    return GroupFactory(portal=portal)


def enrolled(course, membership=None, **fields):
    membership = membership or MembershipFactory(portal=course.portal)
    return Enrollment.objects.create(membership=membership, course=course, enrolled_at=timezone.now(), **fields)


def listed(client, **query):
    return set(client.get(page(Enrollment, "changelist"), query).context["cl"].result_list)


def act(client, action, *rows, model=Enrollment, **answers):
    """Choose rows of a list and answer the question of an action."""
    chosen = {"action": action, helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    return client.post(
        page(model, "changelist"), {**chosen, "confirmed": "1", "counted": len(rows), **answers}, follow=True
    )


def detail(course, action):
    return page(Course, "changelist") + f"{course.pk}/{action}/"


class TestCourseList:
    def test_counts_people_by_status(self, client, course):
        for status in ("not_started", "in_progress", "passed", "failed", "pending_review"):
            enrolled(course, status=status)

        changelist = client.get(page(Course, "changelist")).context["cl"]
        (row,) = changelist.result_list

        assert (row.numbers["not_started"], row.numbers["passed"], row.numbers.total()) == (1, 1, 5)
        assert (changelist.model_admin.show_open(row), changelist.model_admin.show_finished(row)) == (3, 2)

    def test_asks_the_same_number_of_questions_for_many(self, client, portal):
        counts = []
        for _ in range(2):
            for _ in range(3):
                enrolled(CourseFactory(portal=portal))
            with CaptureQueriesContext(connection) as queries:
                client.get(page(Course, "changelist"))
            counts.append(len(queries))

        assert counts[0] == counts[1] < 15


class TestCoursePage:
    def test_leads_to_who_is_how_far(self, client, course):
        enrolled(course, due_on=TODAY - timedelta(days=1))
        enrolled(course, status="passed")

        text = client.get(page(Course, "change", course.pk)).text

        assert f"?course__id__exact={course.pk}&amp;status__exact=passed" in text
        assert "Overdue: 1" in text

    def test_counts_people_once_and_members_of_groups_never(self, client, course, group):
        enrolled(course)

        with CaptureQueriesContext(connection) as queries:
            client.get(page(Course, "change", course.pk))

        asked = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
        assert len([sql for sql in asked if 'FROM "users_enrollment"' in sql and "GROUP BY" in sql]) == 1
        assert [sql for sql in asked if "users_groupmembership" in sql] == []

    def test_puts_the_course_on_a_group_and_enrolls_its_members(self, client, course, group, learner):
        GroupMembership.objects.create(group=group, membership=learner, created_at=timezone.now())
        line = {"group_courses-TOTAL_FORMS": 1, "group_courses-0-group": group.pk, "group_courses-0-due_days": 30}

        response = client.post(
            page(Course, "change", course.pk),
            {
                **form_data(client.get(page(Course, "change", course.pk)))[0],
                **line,
                "group_courses-0-is_required": "on",
            },
            follow=True,
        )

        enrollment = learner.enrollments.get()
        assert (enrollment.course, enrollment.is_required, enrollment.source_group) == (course, True, group)
        assert "1 enrollment began." in response.text

    def test_asks_who_may_finish_before_it_is_taken_off_a_group(self, client, learner):
        row = GroupCourseFactory(group__portal=learner.portal)
        enrolled(row.course, learner, source_group=row.group)
        GroupMembership.objects.create(group=row.group, membership=learner, created_at=timezone.now())
        url, gone = page(Course, "change", row.course_id), {"group_courses-0-DELETE": "on"}

        assert "not finished" in errors(save(client, url, **gone))
        assert row.group.group_courses.exists()

        save(client, url, **gone, unenroll="on")
        assert not row.group.group_courses.exists()
        assert not learner.enrollments.exists()

    def test_refuses_groups_of_another_portal(self, client, course):
        foreign = GroupFactory(portal=PortalFactory(realm=course.portal.realm))
        line = {"group_courses-TOTAL_FORMS": 1, "group_courses-0-group": foreign.pk}

        assert errors(save(client, page(Course, "change", course.pk), **line))
        assert not course.group_courses.exists()

    def test_reminds_before_the_due_date_first_and_again(self, client, course):
        saved = save(client, page(Course, "change", course.pk), first_reminder_days="7", second_reminder_days="1")
        refused = save(client, page(Course, "change", course.pk), first_reminder_days="1", second_reminder_days="7")

        course.refresh_from_db()
        assert saved.status_code == 302
        assert (course.first_reminder_days, course.second_reminder_days) == (7, 1)
        assert "The second reminder comes after the first" in errors(refused)

    def test_refuses_a_reference_twice(self, client, portal):
        CourseFactory(portal=portal, reference="FS-1")

        response = save(client, page(Course, "add"), title="Safety", reference="fs-1")

        assert response.status_code == 200
        assert Course.objects.count() == 1

    def test_deletes_only_courses_that_nobody_has_taken(self, client, course, portal):
        enrolled(course)
        fresh = CourseFactory(portal=portal)

        assert client.post(page(Course, "delete", course.pk), {"post": "yes"}).status_code == 403
        client.post(page(Course, "delete", fresh.pk), {"post": "yes"})

        assert Course.objects.get() == course


class TestPublishingAndArchiving:
    def test_publishes_and_enrolls_the_members_of_its_groups(self, client, portal, learner):
        row = GroupCourseFactory(group__portal=portal, course__status="draft")
        GroupMembership.objects.create(group=row.group, membership=learner, created_at=timezone.now())

        assert "1 member of its groups" in client.get(detail(row.course, "publish")).text
        client.post(detail(row.course, "publish"))

        row.course.refresh_from_db()
        assert row.course.status == "published"
        assert learner.enrollments.get().course == row.course
        assert AuditEntry.objects.get(action="changed").after == {"status": "published"}

    def test_explains_archiving_with_numbers(self, client, course):
        enrolled(course)
        enrolled(course, status="in_progress")
        enrolled(course, status="passed")

        text = client.get(detail(course, "archive")).text

        assert "2 people have not finished it" in text
        assert "1 person keeps it in the history" in text

    def test_archives_and_keeps_all_progress(self, client, course):
        enrolled(course, percent=40)

        client.post(detail(course, "archive"))

        course.refresh_from_db()
        assert (course.status, course.enrollments.get().percent) == ("archived", 40)

    def test_changes_nothing_by_looking(self, client, course):
        client.get(detail(course, "archive"))

        course.refresh_from_db()
        assert course.status == "published"

    def test_offers_what_fits(self, client, course, portal):
        archived = CourseFactory(portal=portal, status="archived")

        assert detail(course, "publish") not in client.get(page(Course, "change", course.pk)).text
        text = client.get(page(Course, "change", archived.pk)).text
        assert detail(archived, "publish") in text
        assert detail(archived, "enroll-people") not in text


class TestEnrollPeople:
    def post(self, client, course, **answers):
        return client.post(detail(course, "enroll-people"), answers, follow=True)

    def test_enrolls_addresses_and_a_group(self, client, course, learner, group):
        member = MembershipFactory(portal=course.portal)
        GroupMembership.objects.create(group=group, membership=member, created_at=timezone.now())

        response = self.post(
            client, course, emails="Robin@Example.com", group=group.pk, is_required="on", due_on="2030-01-31"
        )

        assert "2 people were enrolled." in response.text
        assert set(course.enrollments.values_list("membership", "is_required")) == {
            (learner.pk, True),
            (member.pk, True),
        }

    def test_tells_who_had_it_and_who_has_no_access(self, client, course, learner):
        enrolled(course, learner)
        leaver = MembershipFactory(portal=course.portal, status="ended")

        response = self.post(client, course, emails=f"robin@example.com\n{leaver.user.email}")

        assert "0 people were enrolled. 1 has the course already. 1 has no access." in response.text

    def test_refuses_strangers(self, client, course):
        stranger = MembershipFactory(portal=PortalFactory(realm=course.portal.realm))

        response = self.post(client, course, emails=stranger.user.email)

        assert "Nobody in the list of users has the address" in response.text
        assert not Enrollment.objects.exists()

    def test_refuses_groups_of_another_portal(self, client, course):
        self.post(client, course, group=GroupFactory(portal=PortalFactory(realm=course.portal.realm)).pk)

        assert not Enrollment.objects.exists()

    def test_refuses_nobody_at_all(self, client, course):
        assert "Enter addresses, or choose a group." in self.post(client, course, emails=" ").text

    def test_leads_from_a_large_group_to_its_courses(self, client, course, group, monkeypatch):
        monkeypatch.setattr(course_forms, "LARGE", 1)
        for _ in range(2):
            membership = MembershipFactory(portal=course.portal)
            GroupMembership.objects.create(group=group, membership=membership, created_at=timezone.now())

        assert "put the course on the group instead" in self.post(client, course, group=group.pk).text
        assert not Enrollment.objects.exists()

    def test_is_for_people_of_a_list_too(self, client, course, learner):
        other = MembershipFactory(portal=course.portal)

        act(client, "enroll_in_course", learner, other, model=Membership, course=course.pk)

        assert course.enrollments.count() == 2

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_offers_published_courses_only(self, client, learner, status):
        course = CourseFactory(portal=learner.portal, status=status)

        act(client, "enroll_in_course", learner, model=Membership, course=course.pk)

        assert not Enrollment.objects.exists()


class TestProgressTable:
    def test_filters_by_status_due_date_required_and_group(self, client, course, group):
        late = enrolled(course, due_on=TODAY - timedelta(days=1), is_required=True)
        soon = enrolled(course, due_on=TODAY + timedelta(days=3), status="in_progress")
        done = enrolled(course, due_on=TODAY - timedelta(days=1), status="passed")
        GroupMembership.objects.create(group=group, membership=soon.membership, created_at=timezone.now())

        assert listed(client, course__id__exact=course.pk) == {late, soon, done}
        assert listed(client, status__exact="passed") == {done}
        assert listed(client, due="overdue") == {late}
        assert listed(client, due="week") == {soon}
        assert listed(client, due="none") == set()
        assert listed(client, required="yes") == {late}
        assert listed(client, required="no") == {soon, done}
        assert listed(client, group=group.pk) == {soon}

    def test_counts_no_further_than_its_end(self, client, course, monkeypatch):
        monkeypatch.setattr(paging.BoundedPaginator, "most_rows", 2)
        for _ in range(3):
            enrolled(course)

        with CaptureQueriesContext(connection) as queries:
            found = client.get(page(Enrollment, "changelist")).context["cl"]

        assert found.result_count == 2
        counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "users_enrollment" in query["sql"]]
        assert [sql for sql in counts if "LIMIT 2" not in sql] == []

    def test_asks_the_same_number_of_questions_for_many(self, client, course, group):
        counts = []
        for _ in range(2):
            for _ in range(3):
                enrolled(course, source_group=group, due_on=TODAY)
            with CaptureQueriesContext(connection) as queries:
                client.get(page(Enrollment, "changelist"))
            counts.append(len(queries))

        assert counts[0] == counts[1] < 15

    def test_sets_results_for_many(self, client, course):
        rows = [enrolled(course), enrolled(course, status="failed", percent=100)]
        answers = {"status": "passed", "completed_on": "2026-03-30", "score": "87.5", "note": "On paper"}

        act(client, "set_complete", *rows, **answers)

        found = set(course.enrollments.values_list("status", "percent", "note", "recorded_by"))
        assert found == {("passed", 100, "On paper", "admin")}
        assert course.enrollments.first().completed_at == course.portal.midnight(date(2026, 3, 30))

    def test_confirms_results_with_numbers(self, client, course):
        rows = [enrolled(course), enrolled(course, status="failed")]
        chosen = {"action": "set_complete", helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows]}

        text = client.post(page(Enrollment, "changelist"), chosen).text

        assert "1 enrollment is finished by this." in text
        assert "1 result is replaced." in text
        assert not course.enrollments.filter(status="passed").exists()

    def test_sets_results_for_all_that_match_the_filter(self, client, portal, course):
        rows = [enrolled(course) for _ in range(3)]
        elsewhere = enrolled(CourseFactory(portal=portal))
        url = page(Enrollment, "changelist") + f"?course__id__exact={course.pk}"
        chosen = {"action": "set_complete", helpers.ACTION_CHECKBOX_NAME: [rows[0].pk], "select_across": "1"}
        answers = {"confirmed": "1", "counted": "3", "status": "passed", "completed_on": "2026-03-30", "score": ""}

        asked = client.post(url, chosen).text
        client.post(url, {**chosen, **answers, "note": ""})

        elsewhere.refresh_from_db()
        assert "3 enrollments are finished by this." in asked
        assert set(course.enrollments.values_list("status", flat=True)) == {"passed"}
        assert elsewhere.status == "not_started"

    def test_refuses_a_result_in_the_future(self, client, course):
        row = enrolled(course)

        response = act(
            client, "set_complete", row, status="passed", completed_on=TODAY + timedelta(days=2), score="", note=""
        )

        row.refresh_from_db()
        assert "This day is in the future." in response.text
        assert row.status == "not_started"

    def test_refuses_a_result_of_a_day_that_cannot_be_meant(self, client, course):
        row = enrolled(course)

        response = act(client, "set_complete", row, status="passed", completed_on="0001-01-01", score="", note="")

        row.refresh_from_db()
        assert "This day is before 1970." in response.text
        assert row.status == "not_started"

    @pytest.mark.parametrize(("from_history", "left"), [({}, 1), ({"from_history": "on"}, 0)])
    def test_unenrolls_and_keeps_history_unless_told(self, client, course, from_history, left):
        rows = [enrolled(course), enrolled(course, status="passed")]

        act(client, "unenroll", *rows, **from_history)

        assert course.enrollments.count() == left

    def test_starts_finished_courses_again(self, client, course):
        done, open_ = enrolled(course, status="passed", percent=100), enrolled(course, status="in_progress", percent=5)

        act(client, "enroll_again", done, open_, due_on="")

        done.refresh_from_db()
        open_.refresh_from_db()
        assert (done.status, done.percent, open_.percent) == ("not_started", 0, 5)

    def test_starts_nothing_again_in_an_archived_course(self, client, portal):
        done = enrolled(CourseFactory(portal=portal, status="archived"), status="passed")

        response = act(client, "enroll_again", done, due_on="")

        done.refresh_from_db()
        assert "Not published" in response.text
        assert done.status == "passed"

    @pytest.mark.parametrize("action", ["set_complete", "unenroll", "enroll_again"])
    def test_acts_on_nothing_of_another_portal(self, client, portal, action):
        foreign = enrolled(CourseFactory(portal=PortalFactory(realm=portal.realm)), status="failed")
        answers = {"status": "passed", "completed_on": str(TODAY), "from_history": "on"}

        act(client, action, foreign, **answers)

        foreign.refresh_from_db()
        assert foreign.status == "failed"


class TestInstructorsAndManagers:
    def test_instructors_see_the_progress_of_their_courses(self, portal_client, portal, course):
        instructor = MembershipFactory(portal=portal, role="instructor")
        CourseInstructor.objects.create(membership=instructor, course=course)
        own, other = enrolled(course), enrolled(CourseFactory(portal=portal))
        client = portal_client(portal, instructor.user)

        assert listed(client) == {own}
        assert client.get(page(Enrollment, "change", other.pk)).status_code == 404

    def test_managers_see_the_progress_of_their_groups(self, portal_client, portal, course, group):
        manager = MembershipFactory(portal=portal, role="manager")
        GroupManager.objects.create(membership=manager, group=group)
        own, _other = enrolled(course), enrolled(course)
        GroupMembership.objects.create(group=group, membership=own.membership, created_at=timezone.now())

        assert listed(portal_client(portal, manager.user)) == {own}


class TestUploads:
    @pytest.fixture
    def enrollment(self, course, learner):
        Course.objects.update(reference="FS-1")
        return enrolled(course, learner)

    def upload(self, client, text, **answers):
        file = SimpleUploadedFile("progress.csv", text.encode())
        return client.post(page(Enrollment, "changelist") + "upload/", {"file": file, **answers}, follow=True)

    def test_show_first_and_carry_out_then(
        self, client, enrollment, tasks_at_once, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            self.upload(
                client, "Email,Course reference,Status\nrobin@example.com,FS-1,passed\nx@example.com,FS-1,passed"
            )
        job = BulkJob.objects.get()
        shown = client.get(f"/admin/users/enrollment/upload/{job.pk}/")
        enrollment.refresh_from_db()
        assert "Progress changes in 1 row." in shown.text
        assert "Nobody in the list of users is called this." in shown.text
        assert enrollment.status == "not_started"

        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"/admin/users/enrollment/upload/{job.pk}/apply/")
        enrollment.refresh_from_db()
        assert enrollment.status == "passed"
        assert "x@example.com" in b"".join(client.get(f"/admin/users/enrollment/upload/{job.pk}/csv/")).decode()
        actions = set(AuditEntry.objects.values_list("action", flat=True))
        assert {"progress_file_uploaded", "progress_file_applied", "progress_set"} <= actions

    def test_refuse_what_is_no_table_of_progress(self, client, enrollment):
        assert "There is no column" in self.upload(client, "Name,Age\nRobin,40").text
        assert not BulkJob.objects.exists()

    def test_are_for_admins_of_the_portal_only(self, portal_client, client, enrollment):
        self.upload(client, "Email,Course reference,Status\nrobin@example.com,FS-1,passed")
        address = f"/admin/users/enrollment/upload/{BulkJob.objects.get().pk}/"
        next_door = PortalFactory(realm=enrollment.course.portal.realm)
        stranger = portal_client(next_door, AdminFactory(portal=next_door).user)

        for end in ("", "csv/"):
            assert stranger.get(address + end).status_code == 404
        assert stranger.post(f"{address}apply/").status_code == 404

    def test_are_at_home_at_a_portal(self, portal_client):
        operator = portal_client(None, OperatorFactory())

        assert operator.get("/admin/users/enrollment/upload/").status_code in {403, 404}

    def test_hand_over_a_template(self, client):
        text = b"".join(client.get("/admin/users/enrollment/upload/template/")).decode("utf-8-sig")

        assert text.startswith("Email,Course reference,Course,Status")


class TestGroupPage:
    def test_hands_a_large_group_to_a_worker(
        self, client, portal, group, course, tasks_at_once, monkeypatch, django_capture_on_commit_callbacks
    ):
        monkeypatch.setattr(group_courses, "LARGE", 1)
        for _ in range(3):
            membership = MembershipFactory(portal=portal)
            GroupMembership.objects.create(group=group, membership=membership, created_at=timezone.now())
        url = page(Group, "change", group.pk)
        line = {"group_courses-TOTAL_FORMS": 1, "group_courses-0-course": course.pk}

        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(url, {**form_data(client.get(url))[0], **line}, follow=True)

        assert "in the background" in response.text
        assert course.enrollments.count() == 3
