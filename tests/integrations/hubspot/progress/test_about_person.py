"""The page that explains a person: what HubSpot shows of their courses, and why it is not more."""

import html
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from integrations.hubspot.models import ProgressPush, Strategy
from tests.factories.hubspot import ProgressPushFactory, ProgressTargetFactory
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import CourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import Enrollment, GroupMembership

pytestmark = pytest.mark.django_db

SENT_AT = datetime(2026, 3, 30, 15, 20, tzinfo=UTC)


@pytest.fixture
def portal():
    return PortalFactory(enabled_integrations=["hubspot"], time_zone="America/New_York")


@pytest.fixture
def connection(portal):
    return ConnectionFactory(portal=portal, provider="hubspot", record_type="contacts", external_account_id="77")


@pytest.fixture
def target(connection):
    return ProgressTargetFactory(connection=connection)


@pytest.fixture
def learner(connection):
    learner = MembershipFactory(portal=connection.portal)
    ExternalIdentityFactory(connection=connection, membership=learner, external_id="901")
    return learner


@pytest.fixture
def takes(connection):
    """Let somebody take a course of which the outbox knows, unless it does not."""

    def made(learner, title="Safety basics", **known):
        course = CourseFactory(portal=learner.portal, title=title)
        enrollment = Enrollment.objects.create(membership=learner, course=course, enrolled_at=timezone.now())
        if known:
            ProgressPushFactory(connection=connection, enrollment_id=enrollment.pk, membership_id=learner.pk, **known)

    return made


@pytest.fixture
def admin_browser(portal, portal_client):
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def line(admin_browser):
    """Return what the page about somebody says after "Shown in HubSpot"."""

    def read(person):
        answer = admin_browser.get(reverse("integrations:why", args=[person.pk]))
        assert answer.status_code == HTTPStatus.OK
        found = re.search(r"<dt>Shown in HubSpot</dt>(.*?)</dl>", answer.content.decode(), re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else None

    return read


SENT = {"state": "sent", "stored_in": "a1_course_enrollment", "record_id": 5, "confirmed_at": SENT_AT}


class TestTheLine:
    def test_tells_how_many_courses_are_shown_and_when_they_were_last_sent(self, line, learner, takes, target):
        takes(learner, **SENT)
        takes(learner, **{**SENT, "confirmed_at": SENT_AT - timedelta(days=1)}, title="Fire drill")

        moment = date_format(timezone.localtime(SENT_AT, learner.portal.zone), "DATETIME_FORMAT")
        assert line(learner) == f"2 courses, last sent on {moment}. Course progress"

    def test_counts_a_course_that_was_taken_twice_once(self, line, connection, learner, takes, target):
        takes(learner, **{**SENT, "state": "kept"})
        (former,) = ProgressPush.objects.values("enrollment_id", "membership_id")
        ProgressPushFactory(connection=connection, **former, **{**SENT, "record_id": 6}, attempt=2)

        assert line(learner).startswith("1 course, last sent")

    def test_tells_what_waits(self, line, learner, takes, target):
        takes(learner, **{**SENT, "state": "waiting"})
        takes(learner, state="removing", title="Fire drill")

        assert line(learner).endswith(". 1 course waits to be sent. 1 course waits to be removed. Course progress")

    def test_tells_until_when_it_waits(self, line, learner, takes, target):
        target.paused_until, target.pause_reason = timezone.now() + timedelta(minutes=10), "503"
        target.save()
        takes(learner, state="waiting")

        assert "1 course waits to be sent. HubSpot asked for a pause or did not answer; next try on" in line(learner)

    def test_names_the_course_that_was_refused_with_the_reason(self, line, learner, takes, target):
        takes(learner, state="failed", problem="VALIDATION_ERROR INVALID_OPTION status")

        assert line(learner) == (
            "“Safety basics” was refused: HubSpot does not know a value that would be written, because a choice is "
            "missing. (VALIDATION_ERROR INVALID_OPTION status) Course progress"
        )

    def test_says_that_nothing_is_sent_before_the_person_accepts(self, line, connection, takes, target):
        newcomer = MembershipFactory(portal=connection.portal, status="pending")
        ExternalIdentityFactory(connection=connection, membership=newcomer)
        takes(newcomer, state="withheld")

        assert line(newcomer) == "Nothing is sent before the person has accepted the invitation. Course progress"

    def test_says_that_nothing_is_sent_of_somebody_without_a_record(self, line, connection, takes, target):
        colleague = MembershipFactory(portal=connection.portal)
        takes(colleague)

        assert "Nothing is sent, because the person is linked to no record" in line(colleague)

    def test_says_that_the_person_takes_no_course(self, line, learner, target):
        assert line(learner) == "Nothing, because the person takes no course. Course progress"

    def test_says_when_what_is_missing_will_be_sent(self, line, learner, takes, target):
        takes(learner)

        assert line(learner) == "Nothing yet; what is missing is sent after the comparison at night. Course progress"

    def test_says_that_an_admin_chose_to_send_nothing(self, line, learner, takes, target):
        target.chosen = target.strategy = Strategy.NONE
        target.save()
        takes(learner, state="waiting")

        assert line(learner).startswith("Nothing is sent. Chosen by an admin of this portal.")

    def test_says_that_single_courses_are_not_listed(self, line, learner, takes, target):
        target.strategy = Strategy.PROPERTIES
        target.save()
        takes(learner, **{**SENT, "stored_in": "contacts"})

        assert "has the numbers, not the single courses." in line(learner)

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ("disconnected", "Nothing is sent, because HubSpot is not connected. 1 course waits to be sent."),
            ("needs_reconnecting", "1 course waits to be sent. State of the connection: Needs reconnecting."),
        ],
    )
    def test_tells_of_a_connection_that_does_not_work(self, line, connection, learner, takes, target, state, said):
        connection.state = state
        connection.save()
        takes(learner, state="waiting")

        assert line(learner) == f"{said} Course progress"

    def test_is_about_this_person_alone(self, line, learner, takes, target):
        colleague = MembershipFactory(portal=learner.portal)
        takes(colleague, **SENT)

        assert line(colleague).startswith("1 course, last sent")
        assert line(learner) == "Nothing, because the person takes no course. Course progress"

    def test_asks_the_same_number_of_questions_for_many_courses(self, line, learner, takes, target):
        counts = []
        for number in (1, 4):
            for n in range(number):
                takes(learner, f"Course {number}.{n}", state="failed", problem="REQUIRED")
            with CaptureQueriesContext(database) as queries:
                line(learner)
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestWhoSeesIt:
    def test_nobody_does_where_hubspot_is_turned_off(self, line, portal, learner, takes):
        takes(learner, **SENT)
        portal.enabled_integrations = []
        portal.save()

        assert line(learner) is None

    def test_managers_do_not(self, portal, portal_client, learner, takes, target):
        takes(learner, **SENT)
        group = GroupFactory(portal=portal)
        manager = MembershipFactory(portal=portal, role="manager")
        manager.managed_groups.create(group=group)
        GroupMembership.objects.create(group=group, membership=learner, created_at=timezone.now())

        answer = portal_client(portal, manager.user).get(reverse("integrations:why", args=[learner.pk]))

        assert answer.status_code == HTTPStatus.OK
        assert "Shown in HubSpot" not in answer.content.decode()

    def test_nothing_is_changed_by_looking(self, line, learner, takes, target):
        takes(learner, **SENT)
        before = list(ProgressPush.objects.values())

        line(learner)

        assert list(ProgressPush.objects.values()) == before
