"""A learner's courses."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories.portals import CourseFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users.models import Enrollment

pytestmark = pytest.mark.django_db


def enroll(membership, *, course=None, **fields):
    course = course or CourseFactory(portal=membership.portal)
    return Enrollment.objects.create(membership=membership, course=course, enrolled_at=timezone.now(), **fields)


class TestCoursesPage:
    def test_lists_ones_own_courses(self, portal_client):
        learner = MembershipFactory()
        colleague = MembershipFactory(portal=learner.portal)
        enroll(learner, course=CourseFactory(portal=learner.portal, title="Fire safety"), is_required=True, percent=40)
        enroll(colleague, course=CourseFactory(portal=learner.portal, title="First aid"))

        page = portal_client(learner.portal, learner.user).get("/")

        assert "Fire safety" in page.text
        assert "Required" in page.text
        assert "40" in page.text
        assert "First aid" not in page.text

    def test_says_so_when_there_are_none(self, portal_client):
        learner = MembershipFactory()

        page = portal_client(learner.portal, learner.user).get("/")

        assert "no courses for you yet" in page.text
        assert "/admin/" not in page.text

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_hides_courses_that_are_not_out(self, portal_client, status):
        learner = MembershipFactory()
        enroll(learner, course=CourseFactory(portal=learner.portal, title="Fire safety", status=status))

        assert "Fire safety" not in portal_client(learner.portal, learner.user).get("/").text

    def test_shows_what_is_overdue(self, portal_client):
        learner = MembershipFactory()
        enroll(learner, due_on=timezone.localdate() - timedelta(days=1))

        assert "Overdue" in portal_client(learner.portal, learner.user).get("/").text

    def test_leads_admins_to_the_admin(self, portal_client):
        admin = AdminFactory()

        assert 'href="/admin/"' in portal_client(admin.portal, admin.user).get("/").text

    def test_receives_operators_without_courses(self, portal_client):
        page = portal_client(MembershipFactory().portal, OperatorFactory()).get("/")

        assert page.status_code == 200
        assert 'href="/admin/"' in page.text

    def test_wants_one_to_sign_in(self, portal_client):
        page = portal_client(MembershipFactory().portal).get("/")

        assert page["Location"] == "/sign-in/?next=/"

    def test_is_no_page_of_the_platform_host(self, portal_client):
        assert portal_client(None).get("/")["Location"] == "/admin/"

    def test_takes_the_same_number_of_queries_for_many(self, portal_client):
        learner = MembershipFactory()
        client = portal_client(learner.portal, learner.user)
        counts = []
        for _ in range(2):
            enroll(learner)
            enroll(learner)
            with CaptureQueriesContext(connection) as queries:
                client.get("/")
            counts.append(len(queries))

        assert counts[0] == counts[1]

    def test_allows_no_script_and_no_inline_style(self, portal_client):
        learner = MembershipFactory()

        page = portal_client(learner.portal, learner.user).get("/")

        policy = page["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<script" not in page.text
        assert "style=" not in page.text


class TestCoursePage:
    def test_shows_text_and_link(self, portal_client):
        learner = MembershipFactory()
        course = CourseFactory(
            portal=learner.portal, content_text="<b>Read</b> this.", content_url="https://content.example.com/fire"
        )
        enrollment = enroll(learner, course=course)

        page = portal_client(learner.portal, learner.user).get(f"/courses/{enrollment.pk}/")

        assert "&lt;b&gt;Read&lt;/b&gt; this." in page.text
        assert 'href="https://content.example.com/fire"' in page.text
        assert 'rel="noopener noreferrer"' in page.text

    def test_starts_and_completes(self, portal_client):
        learner = MembershipFactory()
        enrollment = enroll(learner)
        client = portal_client(learner.portal, learner.user)

        client.post(f"/courses/{enrollment.pk}/", {"action": "start"})
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.percent) == ("in_progress", 0)
        assert enrollment.started_at is not None

        client.post(f"/courses/{enrollment.pk}/", {"action": "complete"})
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.percent) == ("completed", 100)
        assert enrollment.completed_at is not None

    @pytest.mark.parametrize("action", ["start", "complete", "fail", ""])
    def test_never_takes_a_result_back(self, portal_client, action):
        learner = MembershipFactory()
        enrollment = enroll(learner, status="passed", percent=100)

        page = portal_client(learner.portal, learner.user).post(f"/courses/{enrollment.pk}/", {"action": action})

        enrollment.refresh_from_db()
        assert page.status_code == 302
        assert enrollment.status == "passed"

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_is_nobody_elses(self, portal_client, method):
        learner = MembershipFactory()
        enrollment = enroll(MembershipFactory(portal=learner.portal))

        page = getattr(portal_client(learner.portal, learner.user), method)(
            f"/courses/{enrollment.pk}/", {"action": "complete"}
        )

        enrollment.refresh_from_db()
        assert page.status_code == 404
        assert enrollment.status == "not_started"

    def test_is_not_there_for_a_draft(self, portal_client):
        learner = MembershipFactory()
        enrollment = enroll(learner, course=CourseFactory(portal=learner.portal, status="draft"))

        assert portal_client(learner.portal, learner.user).get(f"/courses/{enrollment.pk}/").status_code == 404

    def test_wants_a_csrf_token(self, portal_client):
        learner = MembershipFactory()
        enrollment = enroll(learner)
        client = portal_client(learner.portal, learner.user, enforce_csrf_checks=True)

        assert client.post(f"/courses/{enrollment.pk}/", {"action": "start"}).status_code == 403
