"""A file of people: the admin sees first what each row does, then it happens, and the people notice."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupCourseFactory, GroupFactory
from tests.factories.users import MembershipFactory
from users import tasks
from users.models import Enrollment, GroupMembership, Membership

from .conftest import PASSWORD, link_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]

UPLOAD = "Show what would happen"
PREVIEW = "Nothing has been changed yet"


def file(*lines):
    return SimpleUploadedFile("people.csv", "\n".join(lines).encode("utf-8-sig"), content_type="text/csv")


@pytest.fixture
def form(admin):
    """The browser of the admin at the form of the upload."""
    return lambda: admin.open("/admin/users/membership/").follow("Upload users")


@pytest.fixture
def maya(portal):
    return MembershipFactory(portal=portal, user__email="maya@harborpine.example", user__first_name="Maya")


class TestUploadOfUsers:
    def test_invites_newcomers_who_then_come_in(self, form, portal, smtp, call, visit, people):
        CustomFieldFactory(portal=portal, label="Office", type="string_choice", choices=["Porto"])
        page = form().press(
            UPLOAD, file=file("email;firstname;lastname;Office", "noor@harborpine.example;Noor;Abadi;Porto")
        )
        assert PREVIEW in page.words
        assert "1 person is invited." in page.words
        assert not smtp

        page.press("Carry it out")
        call(tasks.send_invitations)

        (mail,) = smtp
        noor = visit(portal).open(link_in(mail))
        noor.press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)
        assert people("Noor Abadi").status == "active"

    def test_changes_people_and_moves_them_between_groups(self, form, portal, maya):
        sales = GroupFactory(portal=portal, title="Sales")
        GroupCourseFactory(group=sales, course=CourseFactory(portal=portal))

        page = form().press(
            UPLOAD,
            file=file("email,firstname,groups", f"{maya.user.email},Mia,Sales"),
            updates="Update people",
            assigns_groups="Add people",
        )
        assert "First name before: Maya → after: Mia" in page.words
        page.press("Carry it out")

        maya.user.refresh_from_db()
        assert maya.user.first_name == "Mia"
        assert GroupMembership.objects.get().group == sales
        assert Enrollment.objects.get().membership == maya

    def test_tells_what_is_wrong_by_line_and_does_the_rest(self, form, portal):
        lines = ["email,enabled", "nonsense,", "noor@harborpine.example,", "lena@harborpine.example,perhaps"]

        page = form().press(UPLOAD, file=file(*lines))
        assert "“nonsense” is no e-mail address." in page.words
        assert "“perhaps” is neither Yes nor No." in page.words
        page.press("Carry it out")

        assert Membership.objects.get(portal=portal, source="csv").user.email == "noor@harborpine.example"

    def test_asks_for_the_number_before_many_lose_access(self, form, portal):
        people = MembershipFactory.create_batch(6, portal=portal)
        lines = ["email,enabled", *(f"{one.user.email},No" for one in people)]
        ended = Membership.objects.filter(portal=portal, status="ended")

        page = form().press(UPLOAD, file=file(*lines), updates="Update people")
        assert "6 ends of access wait for your approval" in page.words
        page.press("Carry it out")
        assert not ended.exists()
        page.press("Carry it out", number="6")

        assert ended.count() == 6

    def test_never_touches_admins(self, form, portal):
        page = form().press(
            UPLOAD, file=file("email,enabled", "nora.bell@harborpine.example,No"), updates="Update people"
        )

        assert "Admins, managers and instructors are never changed by a file." in page.words
        assert not page.has_button("Carry it out")

    def test_says_why_a_broken_file_cannot_be_read(self, form):
        page = form().press(UPLOAD, file=SimpleUploadedFile("people.csv", b"<html><body>Sign in</body></html>"))

        assert "This is a web page, not a CSV file." in page.words
