"""A learner takes a course on a phone: from the list to the end, in a real browser and without a script."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from config import demo_data
from portals.models import Course
from tests.e2e.pages import fits_without_script
from users import enrollments
from users.models import Membership, User

PHONE = {"width": 390, "height": 844}
LEARNER = "maya.okafor@harborpine.example"


@pytest.fixture
def phone(other_page):
    """A phone's page, on which scripts are turned off."""
    return other_page(viewport=PHONE, java_script_enabled=False)


@pytest.fixture
def learner(portal):
    """Someone who has to take a course."""
    user = User.objects.create_user(
        realm=portal.realm,
        email=LEARNER,
        password=demo_data.ADMIN_PASSWORD,
        first_name="Maya",
        last_name="Okafor",
    )
    now = timezone.now()
    membership = Membership.objects.create(portal=portal, user=user, created_at=now)
    course = Course.objects.get(portal=portal, title="Working safely")
    enrollments.enroll(course=course, membership_ids=[membership.pk], now=now, is_required=True)
    return membership


class TestCourseOnAPhone:
    def test_is_taken_from_the_list_to_the_end(self, phone, portal, learner, sign_in):
        sign_in(phone, LEARNER, demo_data.ADMIN_PASSWORD)
        expect(phone.get_by_text("Required")).to_be_visible()

        phone.get_by_role("link", name="Working safely").click()
        phone.get_by_role("button", name="Start").click()
        phone.get_by_label("How far are you, in percent?").fill("40")
        phone.get_by_role("button", name="Save my progress").click()
        expect(phone.get_by_text("40 %").first).to_be_visible()
        assert fits_without_script(phone)

        phone.get_by_role("button", name="Mark as complete").click()
        expect(phone.get_by_text("You have completed this course.")).to_be_visible()
        phone.wait_for_load_state()
        expect(phone.get_by_role("button", name="Mark as complete")).to_have_count(0)
        assert learner.enrollments.get().status == "completed"
