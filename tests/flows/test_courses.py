"""Courses: an admin puts one on a group, learners take it, and the admin follows how far they are."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from portals.models import Course
from tests.factories.portals import GroupFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import BulkJob, GroupMembership

# The boxes in a line of a table have no words of their own.
TICKED = ""

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def admin(portal, visit):
    """The browser of the portal's admin; no integration is needed for this."""
    account = AdminFactory(portal=portal, user__email="nora.bell@harborpine.example").user
    return visit(portal).sign_in(account.email).open("/admin/")


@pytest.fixture
def drivers(portal):
    """A group, filled by hand."""
    return GroupFactory(portal=portal, title="Drivers")


@pytest.fixture
def maya(portal, drivers):
    membership = MembershipFactory(portal=portal, user__email="maya@harborpine.example", user__first_name="Maya")
    GroupMembership.objects.create(group=drivers, membership=membership, created_at=timezone.now())
    return membership


@pytest.fixture
def course(admin, drivers, maya):
    """A course that the admin wrote, published and put on the group: required, and due in 14 days."""
    admin.open("/admin/portals/course/add/").press(
        "Save",
        title="Forklift basics",
        reference="HP-220",
        status="Published",
        content_text="Check brakes, horn and forks before every shift.",
    )
    course = Course.objects.get()
    line = {"group": "Drivers", "is_required": TICKED, "due_days": 14}
    answers = {f"group_courses-0-{name}": answer for name, answer in line.items()}
    admin.open(f"/admin/portals/course/{course.pk}/change/").press("Save", **answers)
    return course


class TestLearner:
    def test_takes_a_course_from_start_to_end(self, portal, visit, admin, course, maya):
        learner = visit(portal).sign_in(maya.user.email)
        assert "Forklift basics" in learner.words
        assert "Required" in learner.words

        learner.follow("Forklift basics").press("Start")
        assert "Check brakes, horn and forks" in learner.words
        learner.press("Save my progress", percent=40)
        assert "40 %" in learner.words
        learner.press("Mark as complete")
        assert "You have completed this course." in learner.words

        assert "Done" in learner.open("/").words
        admin.open(f"/admin/users/enrollment/?course__id__exact={course.pk}")
        assert "Completed" in admin.words
        assert "100 %" in admin.words

    def test_finishes_what_was_taken_off_the_group_or_loses_it(self, portal, visit, admin, course, maya):
        gone = {"group_courses-0-DELETE": TICKED}
        change = f"/admin/portals/course/{course.pk}/change/"

        admin.open(change).press("Save", **gone)
        assert "Say what happens to those who have not finished" in admin.words
        admin.open(change).press("Save", **gone, unenroll="Take the course away")

        assert "1 unfinished enrollment ended." in admin.words
        assert "Forklift basics" not in visit(portal).sign_in(maya.user.email).words

    def test_keeps_a_result_in_the_history_of_an_archived_course(self, portal, visit, admin, course, maya):
        learner = visit(portal).sign_in(maya.user.email)
        learner.follow("Forklift basics").press("Mark as complete")

        admin.open(f"/admin/portals/course/{course.pk}/archive/")
        assert "1 person keeps it in the history" in admin.words
        admin.press("Archive")

        assert "Forklift basics" in learner.open("/").words
        assert "no longer offered" in learner.follow("Forklift basics").words


class TestCoursePlayerOutside:
    def test_reports_progress_by_a_file_that_is_shown_before_it_counts(self, admin, course, maya):
        text = "Email,Course reference,Status,Score\nmaya@harborpine.example,HP-220,Passed,91\n"
        file = SimpleUploadedFile("player.csv", text.encode())

        admin.open("/admin/users/enrollment/upload/").press("Show what would happen", file=file)
        job = BulkJob.objects.get()
        admin.open(f"/admin/users/enrollment/upload/{job.pk}/")
        assert "Nothing has been changed yet" in admin.words
        assert maya.enrollments.get().status == "not_started"

        admin.press("Carry it out")
        assert (maya.enrollments.get().status, maya.enrollments.get().score) == ("passed", 91)
