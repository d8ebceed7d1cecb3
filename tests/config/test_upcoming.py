"""Who starts and who leaves in the next sixty days."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from config import upcoming
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import CourseFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import Enrollment

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal():
    return PortalFactory()


@pytest.fixture
def now():
    return timezone.now()


class TestWeeks:
    def test_count_who_starts_and_who_leaves(self, portal, now):
        today = portal.today(now)
        MembershipFactory(portal=portal, last_day=today)
        MembershipFactory(portal=portal, last_day=today + timedelta(days=8))
        MembershipFactory(portal=portal, last_day=today + timedelta(days=8), status="ended")
        MembershipFactory(portal=portal, last_day=today + timedelta(days=61))
        MembershipFactory(last_day=today)
        ExternalIdentityFactory(
            connection=ConnectionFactory(portal=portal),
            state="skipped",
            reason="hire_date_ahead",
            due_on=today + timedelta(days=8),
        )

        weeks = upcoming.weeks(portal, now)

        assert [(week.joiners, week.leavers) for week in weeks[:3]] == [(0, 1), (1, 1), (0, 0)]
        assert sum(week.leavers for week in weeks) == 2

    def test_are_none_when_nobody_comes_or_goes(self, portal, now):
        assert upcoming.weeks(portal, now) == []


class TestChart:
    def test_draws_those_who_start_beside_those_who_leave(self, portal, now):
        MembershipFactory(portal=portal, last_day=portal.today(now))

        shown = json.loads(upcoming.chart(upcoming.weeks(portal, now)))

        assert [found["data"][0] for found in shown["datasets"]] == [0, 1]
        assert all(found["grouped"] for found in shown["datasets"])
        assert shown["labels"][0] == date_format(portal.today(now), "M j")


class TestProgress:
    def test_rounds_to_whole_percents(self, portal, now):
        course = CourseFactory(portal=portal)
        for status in ("not_started", "completed", "completed"):
            Enrollment.objects.create(
                membership=MembershipFactory(portal=portal), course=course, status=status, enrolled_at=now
            )

        assert [share.percent for share in upcoming.progress(portal)] == [33, 67]

    def test_counts_courses_by_how_far_they_are(self, portal, now):
        course = CourseFactory(portal=portal)
        for status in ("not_started", "completed", "completed", "completed"):
            Enrollment.objects.create(
                membership=MembershipFactory(portal=portal), course=course, status=status, enrolled_at=now
            )

        shares = [(share.number, share.percent) for share in upcoming.progress(portal)]

        assert shares == [(1, 25), (3, 75)]


class TestFirstPage:
    def test_shows_them_as_text_too(self, portal, now, portal_client):
        MembershipFactory(portal=portal, last_day=portal.today(now) + timedelta(days=1))
        client = portal_client(portal, AdminFactory(portal=portal).user)

        shown = client.get(reverse("admin:index")).content.decode()

        assert "Starting and leaving in the next 60 days" in shown
        assert "Week from" in shown
        assert "See who starts and who leaves" in shown
