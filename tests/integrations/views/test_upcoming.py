"""Starts and departures of the next weeks, and the calendar behind a secret link."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from integrations.models import CalendarLink
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry

from .conftest import ROOT, text_of

PAGE = f"{ROOT}upcoming/"


@pytest.fixture
def today(portal):
    return portal.today(timezone.now())


@pytest.fixture
def leaver(portal, today):
    return MembershipFactory(
        portal=portal, user__first_name="Wei", user__last_name="Zhang", last_day=today + timedelta(days=3)
    )


@pytest.fixture
def newcomer(connection, today):
    return ExternalIdentityFactory(
        connection=connection,
        state="skipped",
        reason="hire_date_ahead",
        due_on=today + timedelta(days=20),
        snapshot={"first_name": "Noor", "last_name": "Ahmadi", "work_email": "noor@harbor.example"},
    )


@pytest.fixture
def early_bird(connection, portal, today):
    """Somebody who was added before the hiring date."""
    person = MembershipFactory(portal=portal, user__first_name="Joy", user__last_name="Delgado")
    hired_on = (today + timedelta(days=9)).isoformat()
    return ExternalIdentityFactory(connection=connection, membership=person, snapshot={"hired_on": hired_on})


@pytest.fixture
def address(portal_admin):
    """The address of the admin's calendar."""
    return lambda: "/" + portal_admin.post(f"{PAGE}link/").context["address"].partition("//")[2].partition("/")[2]


class TestUpcomingPage:
    def test_lists_who_starts_and_leaves_by_week(self, portal_admin, leaver, newcomer, early_bird):
        response = portal_admin.get(PAGE)

        page = text_of(response)
        assert page.index("Wei Zhang Leaves") < page.index("Joy Delgado Starts") < page.index("Noor Ahmadi Starts")
        assert [len(people) for _week, people in response.context["weeks"]] == [1, 1, 1]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"kind": "leaves"}, {"Wei"}),
            ({"kind": "starts"}, {"Noor", "Joy"}),
            ({"days": "14"}, {"Wei", "Joy"}),
            ({"q": "ahma"}, {"Noor"}),
            ({"kind": "x", "days": "x", "q": "\0"}, {"Wei", "Noor", "Joy"}),
        ],
    )
    def test_filters(self, portal_admin, leaver, newcomer, early_bird, query, names):
        weeks = portal_admin.get(PAGE, query).context["weeks"]

        assert {row["first_name"] for _week, people in weeks for row in people} == names

    def test_leaves_out_what_is_over_or_far_off(self, portal_admin, portal, today, early_bird):
        for days in (-1, 61):
            MembershipFactory(portal=portal, last_day=today + timedelta(days=days))
        MembershipFactory(portal=portal, last_day=today, status="ended")
        early_bird.snapshot = {"hired_on": (today - timedelta(days=1)).isoformat()}
        early_bird.save()

        assert "Nobody starts or leaves in the next 60 days" in text_of(portal_admin.get(PAGE))

    def test_shows_nobody_of_another_portal(self, portal_admin, today):
        MembershipFactory(last_day=today)
        other = ConnectionFactory(external_account_id="c2")
        ExternalIdentityFactory(connection=other, state="skipped", reason="hire_date_ahead", due_on=today)

        assert "Nobody starts or leaves" in text_of(portal_admin.get(PAGE))

    def test_is_for_limited_admins_too(self, portal, leaver, portal_client):
        limited = AdminFactory(portal=portal, is_limited=True).user

        assert "Wei Zhang" in text_of(portal_client(portal, limited).get(PAGE))

    def test_costs_the_same_for_any_number_of_people(self, portal, connection, today, queries):
        before = queries(PAGE)
        MembershipFactory.create_batch(10, portal=portal, last_day=today)
        ExternalIdentityFactory.create_batch(
            10, connection=connection, state="skipped", reason="hire_date_ahead", due_on=today
        )

        assert queries(PAGE) <= before + 1 <= 12


class TestCalendarLink:
    def test_is_shown_once_and_stored_nowhere(self, portal_admin, address):
        secret = address().rpartition("/")[2].removesuffix(".ics")

        assert len(secret) >= 43
        assert secret not in portal_admin.get(PAGE).content.decode()
        assert secret not in CalendarLink.objects.get().digest
        assert AuditEntry.objects.filter(action="calendar_link_made").count() == 1

    def test_is_renewed(self, portal_admin, address):
        old, new = address(), address()

        assert portal_admin.get(old).status_code == HTTPStatus.NOT_FOUND
        assert portal_admin.get(new).status_code == HTTPStatus.OK

    def test_is_revoked(self, portal_admin, address):
        link = address()

        portal_admin.post(f"{PAGE}revoke/")

        assert portal_admin.get(link).status_code == HTTPStatus.NOT_FOUND
        assert AuditEntry.objects.filter(action="calendar_link_revoked").count() == 1
        assert portal_admin.post(f"{PAGE}revoke/").status_code == HTTPStatus.FOUND


class TestCalendarFeed:
    def test_needs_no_sign_in_and_holds_names_and_days_only(self, portal, portal_client, address, leaver, newcomer):
        response = portal_client(portal).get(address())

        body = response.content.decode()
        assert response["Content-Type"] == "text/calendar; charset=utf-8"
        assert "SUMMARY:Wei Zhang: last day\r\n" in body
        assert "SUMMARY:Noor Ahmadi starts\r\n" in body
        assert f"DTSTART;VALUE=DATE:{leaver.last_day:%Y%m%d}\r\n" in body
        assert "noor@harbor.example" not in body
        assert leaver.user.email not in body

    def test_is_kept_by_nobody(self, portal, portal_client, address):
        response = portal_client(portal).get(address())

        assert response["Referrer-Policy"] == "no-referrer"
        assert response["Cache-Control"] == "private, no-store"
        assert "noindex" in response["X-Robots-Tag"]

    def test_works_at_its_own_portal_only(self, portal, portal_client, address):
        link = address()

        for elsewhere in (PortalFactory(realm=portal.realm), None):
            assert portal_client(elsewhere).get(link).status_code == HTTPStatus.NOT_FOUND

    @pytest.mark.parametrize("change", [{"role": "learner"}, {"status": "ended"}])
    def test_ends_with_its_owners_role(self, portal, portal_client, admin, address, change):
        link = address()

        admin.memberships.update(**change)

        assert portal_client(portal).get(link).status_code == HTTPStatus.NOT_FOUND

    def test_refuses_whoever_guesses(self, portal, portal_client, address):
        cache.clear()
        link, client = address(), portal_client(portal)

        answers = [client.get(reverse("integrations_public:calendar", args=[f"x{n}"])) for n in range(31)]

        assert {answer.status_code for answer in answers[:30]} == {HTTPStatus.NOT_FOUND}
        assert answers[30].status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert client.get(link).status_code == HTTPStatus.TOO_MANY_REQUESTS

    def test_is_read_once_a_minute_at_most(self, portal, portal_client, address):
        link, client = address(), portal_client(portal)
        for _ in range(60):
            client.get(link)

        assert client.get(link)["Retry-After"]

    def test_is_only_read(self, portal, portal_client, address):
        assert portal_client(portal).post(address()).status_code == HTTPStatus.METHOD_NOT_ALLOWED
