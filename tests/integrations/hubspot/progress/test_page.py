"""Settings > Integrations > HubSpot > Course progress: what admins see and may do, and what strangers may not."""

import html
import re
from http import HTTPStatus

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.hubspot import tasks
from integrations.hubspot.models import ProgressPush, ProgressTarget, Strategy
from tests.factories.hubspot import ProgressPushFactory, ProgressTargetFactory
from tests.factories.integrations import ConnectionFactory
from tests.factories.portals import CourseFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry, Enrollment

pytestmark = pytest.mark.django_db

PAGE = "/admin/settings/integrations/hubspot/progress/"


@pytest.fixture
def portal():
    return PortalFactory(enabled_integrations=["hubspot"])


@pytest.fixture
def connection(portal):
    return ConnectionFactory(portal=portal, provider="hubspot", record_type="contacts", external_account_id="77")


@pytest.fixture
def target(connection):
    return ProgressTargetFactory(connection=connection)


@pytest.fixture
def admin_browser(portal, portal_client):
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def called(monkeypatch, django_capture_on_commit_callbacks):
    """The tasks that workers are called for."""
    names = []
    for name in ("push_progress", "compare_progress"):
        monkeypatch.setattr(getattr(tasks, name), "delay", lambda name=name, **kwargs: names.append(name))
    with django_capture_on_commit_callbacks(execute=True):
        yield names


def refused_row(connection, title="Safety basics"):
    course = CourseFactory(portal=connection.portal, title=title)
    learner = MembershipFactory(portal=connection.portal)
    enrollment = Enrollment.objects.create(membership=learner, course=course, enrolled_at=timezone.now())
    return ProgressPushFactory(
        connection=connection,
        enrollment_id=enrollment.pk,
        membership_id=learner.pk,
        state="failed",
        problem="VALIDATION_ERROR INVALID_OPTION status",
    )


def text_of(response):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


class TestThePage:
    def test_says_where_progress_goes_and_why(self, admin_browser, target):
        target.strategy, target.findings = (
            Strategy.PROPERTIES,
            {"app_object": "not_set_up", "custom_object": "no_scope"},
        )
        target.object_type = "contacts"
        target.save()

        text = text_of(admin_browser.get(PAGE))

        assert "Properties of the person's record" in text
        assert "The operator of this installation has not set up an object of the app." in text
        assert "they are part of HubSpot Enterprise" in text

    def test_of_a_new_connection_says_that_it_is_being_looked_at(self, admin_browser, connection):
        text = text_of(admin_browser.get(PAGE))

        assert "The account is being looked at; this takes a minute." in text
        assert "Nothing yet." in text

    def test_counts(self, admin_browser, connection, target):
        for state, number in (("sent", 3), ("kept", 1), ("waiting", 2), ("removing", 1)):
            ProgressPushFactory.create_batch(number, connection=connection, state=state)

        text = text_of(admin_browser.get(PAGE))

        assert "4 courses sent" in text
        assert "3 waiting" in text
        assert "0 refused" in text

    def test_lists_what_was_refused_in_plain_words(self, admin_browser, connection, target):
        refused_row(connection)

        text = text_of(admin_browser.get(PAGE))

        assert "Robin Vale" in text
        assert "Safety basics" in text
        assert "because a choice is missing" in text

    def test_says_when_it_goes_on_after_trouble(self, admin_browser, target):
        target.paused_until, target.pause_reason = timezone.now(), "477"
        target.save()

        assert "moving this account to another data center" in text_of(admin_browser.get(PAGE))

    def test_is_one_of_the_tabs(self, admin_browser, connection):
        markup = " ".join(admin_browser.get(PAGE).content.decode().split())

        assert f'href="{PAGE}" aria-current="page">Course progress</a>' in markup

    def test_costs_the_same_for_many_rows(self, admin_browser, connection, target):
        def queries():
            with CaptureQueriesContext(database) as captured:
                assert admin_browser.get(PAGE).status_code == HTTPStatus.OK
            return len(captured)

        refused_row(connection)
        admin_browser.get(PAGE)
        few = queries()
        for number in range(5):
            refused_row(connection, title=f"Course {number}")

        assert queries() == few


class TestAStranger:
    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("progress", []),
            ("progress_storage", ["properties"]),
            ("progress_check", []),
            ("progress_compare", []),
            ("progress_retry_all", []),
            ("progress_retry", [1]),
        ],
    )
    def test_gets_nothing(self, portal, connection, portal_client, name, arguments):
        learner = MembershipFactory(portal=portal)
        address = reverse(f"hubspot:{name}", args=arguments)

        for method in ("get", "post"):
            assert getattr(portal_client(portal), method)(address).status_code == HTTPStatus.FOUND
            assert getattr(portal_client(portal, learner.user), method)(address).status_code in {403, 405}

    def test_admin_sees_and_changes_nothing_of_another_portal(self, admin_browser, connection, called):
        theirs = refused_row(ConnectionFactory(provider="hubspot", external_account_id="78"))

        assert "Safety basics" not in text_of(admin_browser.get(PAGE))
        assert admin_browser.post(f"{PAGE}retry/{theirs.pk}/").status_code == HTTPStatus.NOT_FOUND
        admin_browser.post(f"{PAGE}retry/")

        theirs.refresh_from_db()
        assert theirs.state == "failed"


class TestRetry:
    def test_sends_one_once_more(self, admin_browser, connection, target, called):
        first, second = refused_row(connection), ProgressPushFactory(connection=connection, state="failed", tries=8)

        response = admin_browser.post(f"{PAGE}retry/{first.pk}/", follow=True)

        assert "1 course is sent once more." in text_of(response)
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, first.tries, second.state) == ("waiting", 0, "failed")

    def test_sends_all_once_more(self, admin_browser, connection, target, called):
        ProgressPushFactory.create_batch(2, connection=connection, state="failed")

        admin_browser.post(f"{PAGE}retry/")

        assert set(ProgressPush.objects.values_list("state", flat=True)) == {"waiting"}

    def test_calls_a_worker(self, admin_browser, connection, monkeypatch, target):
        ProgressPushFactory(connection=connection, state="failed")
        names = []
        monkeypatch.setattr(tasks.push_progress, "delay", lambda **kwargs: names.append(kwargs))
        monkeypatch.setattr("integrations.hubspot.views.progress.transaction.on_commit", lambda act: act())

        admin_browser.post(f"{PAGE}retry/")

        assert names == [{"connection_id": connection.pk}]

    def test_changes_nothing_by_a_link(self, admin_browser, connection):
        assert admin_browser.get(f"{PAGE}retry/").status_code == HTTPStatus.METHOD_NOT_ALLOWED


class TestAnotherStorage:
    def test_asks_with_numbers(self, admin_browser, connection, target):
        ProgressPushFactory.create_batch(2, connection=connection, state="sent")

        text = text_of(admin_browser.get(f"{PAGE}storage/properties/"))

        assert "2 courses that were sent are removed from where they are now and written anew." in text
        assert not ProgressTarget.objects.exclude(chosen="").exists()

    def test_is_kept_and_audited(self, admin_browser, connection, target, called):
        response = admin_browser.post(f"{PAGE}storage/properties/", follow=True)

        target.refresh_from_db()
        assert (target.chosen, target.checked_at) == ("properties", None)
        entry = AuditEntry.objects.get(action="progress_storage_chosen")
        assert (entry.before, entry.after) == ({"storage": "automatic"}, {"storage": "properties"})
        assert "Saved." in text_of(response)

    def test_can_be_left_to_rollcall_again(self, admin_browser, connection, target, called):
        target.chosen = Strategy.PROPERTIES
        target.save()

        admin_browser.post(f"{PAGE}storage/automatic/")

        target.refresh_from_db()
        assert target.chosen == ""

    def test_to_send_nothing_says_what_stays(self, admin_browser, connection, target):
        ProgressPushFactory(connection=connection, state="sent")

        assert "stays in HubSpot and grows old there" in text_of(admin_browser.get(f"{PAGE}storage/none/"))

    def test_that_does_not_exist_is_not_found(self, admin_browser, connection):
        assert admin_browser.get(f"{PAGE}storage/somewhere/").status_code == HTTPStatus.NOT_FOUND


class TestLookAgain:
    def test_ends_a_pause(self, admin_browser, connection, target, called):
        target.paused_until = timezone.now()
        target.save()

        admin_browser.post(f"{PAGE}check/")

        target.refresh_from_db()
        assert (target.paused_until, target.checked_at) == (None, None)


class TestCompareNow:
    def test_answers(self, admin_browser, connection, target, called):
        assert "is being compared" in text_of(admin_browser.post(f"{PAGE}compare/", follow=True))
