"""The frame of the admin: who gets in, what the navigation and the first page show."""

from http import HTTPStatus

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tests.admin_pages import page, save
from tests.factories.integrations import ConnectionFactory, SyncRunFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from users.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal():
    return PortalFactory(name="Harbor Academy")


@pytest.fixture
def client(portal_client, portal):
    """The portal's admin at the portal's host."""
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def operator(portal_client):
    """An operator at the platform host."""
    return portal_client(None, OperatorFactory())


def links(client):
    """Return the addresses in the navigation."""
    groups = client.get(reverse("admin:index")).context["sidebar_navigation"]
    return [str(item["link"]) for group in groups for item in group["items"]]


class TestSigningIn:
    def test_happens_on_the_products_own_page_and_leads_back(self, portal_client, portal):
        wanted = reverse("admin:users_membership_changelist")

        response = portal_client(portal).get(wanted, follow=True)

        assert response.redirect_chain[-1][0] == f"{reverse('users:sign_in')}?next={wanted}"

    def test_does_not_send_a_learner_round_in_circles(self, portal_client, portal):
        learner = MembershipFactory(portal=portal)

        response = portal_client(portal, learner.user).get(reverse("admin:index"), follow=True)

        assert response.status_code == 403

    def test_leads_who_is_in_to_the_first_page(self, client):
        assert client.get(reverse("admin:login"), follow=True).request["PATH_INFO"] == reverse("admin:index")

    def test_ends_with_the_sign_in_page(self, client):
        response = client.post(reverse("admin:logout"))

        assert response.url == reverse("users:sign_in")
        assert client.get(reverse("admin:index")).status_code == 302

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
    def test_knows_no_other_methods(self, client, method):
        for name in ("index", "users_membership_changelist", "users_auditentry_download"):
            assert getattr(client, method)(reverse(f"admin:{name}")).status_code == HTTPStatus.METHOD_NOT_ALLOWED

    def test_does_not_end_by_a_link(self, client):
        assert client.get(reverse("admin:logout")).status_code == 405


class TestNavigation:
    def test_offers_an_admin_only_what_is_about_the_portal(self, client, portal):
        found = links(client)

        assert reverse("admin:portals_portal_change", args=[portal.pk]) in found
        assert reverse("integrations:catalog") in found
        assert reverse("admin:portals_realm_changelist") not in found

    @pytest.mark.parametrize("who", ["client", "operator"])
    def test_leads_nowhere_that_is_closed(self, request, who):
        visitor = request.getfixturevalue(who)

        for url in links(visitor):
            assert visitor.get(url, follow=True).status_code == 200

    def test_offers_operators_the_installation(self, operator):
        assert reverse("admin:portals_realm_changelist") in links(operator)
        assert reverse("admin:django_celery_beat_periodictask_changelist") in links(operator)

    @pytest.mark.parametrize(
        ("page", "marked"),
        [
            ("integrations:catalog", "Integrations"),
            ("integrations:upcoming", "Upcoming"),
            ("admin:portals_samlsettings_overview", "Single sign-on"),
            ("admin:portals_signedlinksettings_add", "Single sign-on"),
        ],
    )
    def test_marks_where_one_is(self, client, page, marked):
        groups = client.get(reverse(page)).context["sidebar_navigation"]

        assert [str(item["title"]) for group in groups for item in group["items"] if item["active"]] == [marked]

    def test_says_which_portal_this_is(self, client, operator):
        assert client.get(reverse("admin:index")).context["site_subheader"] == "Harbor Academy"
        assert operator.get(reverse("admin:index")).context["site_subheader"] == "Platform"


class TestFirstPage:
    def test_counts_people_by_status(self, client, portal):
        MembershipFactory.create_batch(2, portal=portal)
        MembershipFactory(portal=portal, status="pending")
        MembershipFactory(status="pending")

        figures = client.get(reverse("admin:index")).context["overview"].figures

        assert [figure.number for figure in figures] == [3, 1, 0]

    def test_asks_what_waits_for_a_person(self, client, portal):
        ConnectionFactory(portal=portal, state="needs_reconnecting", state_reason="Consent was withdrawn.")
        InvitationFactory(membership__portal=portal, state="sent", expires_at=timezone.now())
        InvitationFactory(membership__portal=portal, state="failed")
        InvitationFactory(state="failed")

        questions = client.get(reverse("admin:index")).context["overview"].questions

        assert [question.text for question in questions] == [
            "Gusto: Consent was withdrawn.",
            "1 invitation expired",
            "1 invitation could not be sent",
        ]

    def test_leads_to_lists_of_what_it_counts(self, client, portal):
        InvitationFactory(membership__portal=portal, state="sent", expires_at=timezone.now())
        overview = client.get(reverse("admin:index")).context["overview"]

        for figure in overview.figures:
            assert client.get(figure.url).context["cl"].result_count == figure.number
        for question in overview.questions:
            assert client.get(question.url).context["cl"].result_count == 1

    def test_shows_the_last_sync_of_an_integration(self, client, portal):
        run = SyncRunFactory(connection__portal=portal)
        SyncRunFactory(connection=run.connection, state="failed", created_at=timezone.now())

        shown = client.get(reverse("admin:index")).content.decode()

        assert "Last sync: Failed" in shown

    def test_counts_connections_and_syncs_for_operators(self, operator):
        SyncRunFactory(connection__external_account_id="1", state="failed")
        ConnectionFactory(external_account_id="2", state="needs_reconnecting")

        overview = operator.get(reverse("admin:index")).context["overview"]

        assert [figure.number for figure in overview.figures] == [2, 2, 1, 1]
        # Before them may stand what is wrong with the installation itself: in tests nothing works in the background.
        assert [question.text for question in overview.questions][-2:] == [
            "1 connection needs reconnecting",
            "1 sync failed in 24 hours",
        ]

    @pytest.mark.parametrize("who", ["client", "operator"])
    def test_asks_the_database_the_same_number_of_questions_whatever_the_size(self, request, portal, who):
        visitor = request.getfixturevalue(who)

        def questions():
            with CaptureQueriesContext(connection) as asked:
                assert visitor.get(reverse("admin:index")).status_code == 200
            return len(asked)

        run = SyncRunFactory(connection__portal=portal)
        few = questions()
        SyncRunFactory.create_batch(5, connection=run.connection)
        for _number in range(10):
            InvitationFactory(membership__portal=portal, state="sent", expires_at=timezone.now())

        assert questions() == few


class TestPeriodicTasks:
    @pytest.fixture
    def task(self):
        schedule = IntervalSchedule.objects.create(every=2, period="minutes")
        return PeriodicTask.objects.create(name="sync-due", task="integrations.tasks.sync_due", interval=schedule)

    def test_can_be_paused_by_operators(self, operator, task):
        save(operator, page(PeriodicTask, "change", task.pk), enabled="")

        task.refresh_from_db()
        assert not task.enabled
        assert AuditEntry.objects.get().action == "periodictask_changed"

    def test_cannot_be_made_up_changed_or_deleted(self, operator, task):
        save(operator, page(PeriodicTask, "change", task.pk), task="os.system", name="other")

        task.refresh_from_db()
        assert (task.name, task.task) == ("sync-due", "integrations.tasks.sync_due")
        assert operator.get(page(PeriodicTask, "add")).status_code == 403
        assert operator.post(page(PeriodicTask, "delete", task.pk), {"post": "yes"}).status_code == 403

    def test_are_closed_to_a_portals_admins(self, client, task):
        assert client.get(page(PeriodicTask, "changelist")).status_code == 403
