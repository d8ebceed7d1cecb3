"""Track learners' course progress from within HubSpot, over real HTTP: on the contact, and in HubSpot's own reports.

Nothing is said about invited people before they have an account in the portal.
"""

from collections import Counter

import pytest
from django.core.cache import cache
from django.utils import timezone

from integrations.hubspot import tasks
from integrations.sandbox.hubspot import app
from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory
from users import progress
from users.models import Membership

from .conftest import HUBSPOT, PASSWORD, link_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("tasks_at_once", "smtp"),
]

ANA, BJORN, CARLA = "901", "902", "904"
PREFIX = f"a{app.APP_ID}_"


@pytest.fixture
def delivered(hubspot, live_server, settings):
    """Have HubSpot call this installation; the function waits until all its calls were answered."""
    hubspot.repeat_at_once()
    base = f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}/integrations/hubspot/"
    hubspot.set_target(base, port=live_server.thread.port)

    def wait():
        assert hubspot.wait_until_quiet()
        tasks.follow_actions()

    return wait


@pytest.fixture
def group(academy):
    """New customers, who take two courses, one of them required."""
    group = GroupFactory(portal=academy, title="New customers")
    for title, is_required in (("Getting started", True), ("Advanced reports", False)):
        GroupCourseFactory(group=group, course=CourseFactory(portal=academy, title=title), is_required=is_required)
    return group


@pytest.fixture
def run(contacts, hubspot, delivered, academy, group):
    """Let a workflow run an action on contacts, which puts them into the group."""

    def on(chosen, action):
        inputs = {"portal": f"prt_{academy.pk}", "group": f"grp_{group.pk}"}
        hubspot.run_workflow(chosen, action=action, inputs=inputs)
        delivered()
        sweep()

    return on


@pytest.fixture
def take(academy, hubspot):
    """Let the learner of a contact come so far in a course."""

    def far(contact, title, status, percent=100):
        email = hubspot.account.contacts.value(hubspot.account.contacts.get(contact), "email").lower()
        learner = Membership.objects.get(portal=academy, user__email=email)
        enrollment = learner.enrollments.get(course__title=title)
        progress.record(enrollment=enrollment, status=status, percent=percent, now=timezone.now())
        sweep()

    return far


@pytest.fixture
def shown_on(hubspot):
    """What HubSpot shows on a contact: the records of courses that are associated with it."""

    def read(contact):
        kind = hubspot.account.find_type(app.APP_OBJECT)
        linked = hubspot.account.associations.of(hubspot.account.contacts.type_id, contact, kind.type_id)
        records = [kind.get(record_id) for record_id, _ in linked]
        return [
            {name.removeprefix(PREFIX): value for name, value in record.properties.items()}
            for record in records
            if record
        ]

    return read


def sweep():
    """Let a minute pass."""
    cache.clear()
    tasks.sweep_progress()


class TestTheContact:
    def test_shows_the_courses_as_soon_as_the_learner_has_an_account(self, run, shown_on):
        run(ANA, "user-add")

        assert {one["course_name"]: one["status"] for one in shown_on(ANA)} == {
            "Getting started": "not_started",
            "Advanced reports": "not_started",
        }

    def test_shows_that_a_course_was_completed(self, run, visit, academy, smtp, shown_on):
        run(ANA, "user-add")
        learner = visit(academy).open(link_in(smtp[0]))
        learner.press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)

        learner.follow("Getting started").press("Mark as complete")
        sweep()

        done = next(one for one in shown_on(ANA) if one["course_name"] == "Getting started")
        assert (done["status"], done["progress"], done["percent_complete"]) == ("completed", "completed", "100")
        assert done["completed_on"] == academy.today(timezone.now()).isoformat()

    def test_says_nothing_about_the_invited_before_they_respond(self, run, visit, academy, smtp, shown_on):
        run(BJORN, "user-invite")
        assert shown_on(BJORN) == []

        browser = visit(academy).open(link_in(smtp[0]))
        browser.press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)
        sweep()

        assert len(shown_on(BJORN)) == 2


class TestReports:
    """Those that the article names, put together from what HubSpot has and nothing else."""

    @pytest.fixture(autouse=True)
    def learners(self, tasks_at_once, run, take):
        run([ANA, BJORN, CARLA], "user-add")
        take(ANA, "Getting started", "passed")
        take(ANA, "Advanced reports", "completed")
        take(BJORN, "Getting started", "in_progress", 40)
        take(CARLA, "Advanced reports", "completed")

    def test_count_the_courses_of_each_contact_by_status(self, shown_on):
        def report(contact):
            return Counter(one["progress"] for one in shown_on(contact))

        assert report(ANA) == {"completed": 2}
        assert report(BJORN) == {"in_progress": 1, "not_started": 1}
        assert report(CARLA) == {"completed": 1, "not_started": 1}

    def test_list_completed_courses_by_date(self, shown_on, academy):
        rows = sorted(
            (one["completed_on"], contact)
            for contact in (ANA, BJORN, CARLA)
            for one in shown_on(contact)
            if one["progress"] == "completed"
        )

        today = academy.today(timezone.now()).isoformat()
        assert rows == [(today, ANA), (today, ANA), (today, CARLA)]

    def test_list_who_has_completed_a_required_course(self, shown_on):
        found = [
            contact
            for contact in (ANA, BJORN, CARLA)
            if any(one["is_required"] == "true" and one["progress"] == "completed" for one in shown_on(contact))
        ]

        assert found == [ANA]


class TestTheAdmin:
    def test_sees_where_progress_goes_and_that_it_was_sent(self, run, enabler):
        run(ANA, "user-add")

        words = enabler.open(f"{HUBSPOT}progress/").words

        assert "Course enrollments of the app" in words
        assert "2 courses sent" in words

    def test_moves_it_to_the_contacts_themselves(self, run, enabler, hubspot, shown_on):
        run(ANA, "user-add")

        enabler.open(f"{HUBSPOT}progress/storage/properties/").press("Change")
        sweep()

        assert shown_on(ANA) == []
        properties = hubspot.account.contacts.get(ANA).properties
        assert properties["rollcall_courses_not_started"] == "2"
        assert "Properties of the person's record" in enabler.open(f"{HUBSPOT}progress/").words
