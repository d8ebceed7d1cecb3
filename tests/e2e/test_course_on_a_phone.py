"""A learner takes a course on a phone: from the list to the end, in a real browser and without a script."""

import pytest
from django.utils import timezone

from config import demo_data
from portals.models import Course
from users import enrollments
from users.models import Membership, User

PHONE = {"width": 390, "height": 844}
LEARNER = "maya.okafor@harborpine.example"


@pytest.fixture
def phone(browser):
    """A phone's page, on which scripts are turned off."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="en-US")
    yield context.new_page()
    context.close()


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
        assert phone.get_by_text("Required").is_visible()

        phone.get_by_role("link", name="Working safely").click()
        phone.get_by_role("button", name="Start").click()
        phone.get_by_label("How far are you, in percent?").fill("40")
        phone.get_by_role("button", name="Save my progress").click()
        assert phone.get_by_text("40 %").first.is_visible()
        assert self.fits(phone)

        phone.get_by_role("button", name="Mark as complete").click()
        assert phone.get_by_text("You have completed this course.").is_visible()
        assert phone.get_by_role("button", name="Mark as complete").count() == 0
        assert learner.enrollments.get().status == "completed"

    def fits(self, page):
        """Whether nothing reaches out of the screen, as far as boxes tell without a script."""
        boxes = [box.bounding_box() for box in page.locator("main *").all()]
        return all(box["x"] + box["width"] <= PHONE["width"] for box in boxes if box)
