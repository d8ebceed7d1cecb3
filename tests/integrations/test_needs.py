"""The banner: what a portal's connections need from its admins, on every page of the admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import needs
from integrations.models import Connection
from tests.factories.integrations import ConnectionFactory, PlannedChangeFactory, SyncRunFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory

pytestmark = pytest.mark.django_db

USERS = "/admin/users/membership/"


@pytest.fixture
def portal():
    return PortalFactory(enabled_integrations=["gusto"])


@pytest.fixture
def connection(portal):
    return ConnectionFactory(portal=portal, connected_at=timezone.now())


def words(portal):
    return [need.words for need in needs.of_portal(portal, timezone.now())]


def held_run(connection, **fields):
    run = SyncRunFactory(connection=connection, **fields)
    PlannedChangeFactory(run=run, kind="end_access", state="held")
    return run


class TestOfPortal:
    def test_is_empty_while_all_is_well(self, portal, connection):
        SyncRunFactory(connection=connection)

        assert words(portal) == []

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"state": "needs_reconnecting"}, "no longer accepts the consent"),
            ({"state": "quarantined", "quarantine": "emptied"}, "The list of people was empty"),
            ({"last_complete_sync_at": timezone.now() - timedelta(hours=40)}, "for 36 hours"),
        ],
    )
    def test_says_what_is_wrong(self, portal, connection, fields, text):
        long_ago = timezone.now() - timedelta(days=5)
        Connection.objects.update(**{"connected_at": long_ago, "last_complete_sync_at": timezone.now(), **fields})

        (found,) = words(portal)

        assert text in found

    def test_tells_of_changes_that_wait(self, portal, connection):
        run = held_run(connection)

        (need,) = needs.of_portal(portal, timezone.now())

        assert need.url.endswith(f"/runs/{run.pk}/?show=held#changes")

    def test_tells_of_what_waits_since_an_event(self, portal, connection):
        SyncRunFactory(connection=connection)
        run = held_run(connection, trigger="event")
        SyncRunFactory(connection=connection, trigger="event")

        (need,) = needs.of_portal(portal, timezone.now())

        assert f"/runs/{run.pk}/" in need.url

    def test_leaves_out_what_a_newer_sync_has_replaced(self, portal, connection):
        held_run(connection)
        SyncRunFactory(connection=connection)

        assert words(portal) == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"created_at": timezone.now() - timedelta(hours=25)},
            {"trigger": "preview"},
            {"state": "running"},
        ],
    )
    def test_leaves_out_what_no_longer_waits_or_not_yet(self, portal, connection, fields):
        held_run(connection, **fields)

        assert words(portal) == []

    def test_leaves_out_what_is_disconnected_turned_off_or_elsewhere(self, portal, connection):
        ConnectionFactory(state="needs_reconnecting")
        ConnectionFactory(state="needs_reconnecting", portal__realm=portal.realm)
        Connection.objects.filter(pk=connection.pk).update(state="disconnected")

        assert words(portal) == []

    def test_asks_once(self, portal, connection, django_assert_num_queries):
        for _ in range(3):
            held_run(connection)

        with django_assert_num_queries(1):
            needs.of_portal(portal, timezone.now())


class TestBanner:
    @pytest.fixture
    def broken(self, connection):
        connection.state = "needs_reconnecting"
        connection.save()
        return connection

    @pytest.mark.parametrize("page", ["/admin/", USERS, "/admin/settings/integrations/", "/admin/portals/group/"])
    def test_is_on_every_page_of_a_full_admin(self, portal, broken, portal_client, page):
        admin = AdminFactory(portal=portal)

        shown = portal_client(portal, admin.user).get(page).content.decode()

        assert "no longer accepts the consent" in shown
        assert 'href="/admin/settings/integrations/gusto/"' in shown

    def test_is_not_for_those_who_can_do_nothing(self, portal, broken, portal_client):
        limited = AdminFactory(portal=portal, is_limited=True)
        manager = MembershipFactory(portal=portal, role="manager")

        for member in (limited, manager):
            assert "the consent" not in portal_client(portal, member.user).get(USERS).content.decode()

    def test_is_not_in_another_portal(self, portal, broken, portal_client):
        stranger = AdminFactory(portal__realm=portal.realm)

        assert "the consent" not in portal_client(stranger.portal, stranger.user).get("/admin/").content.decode()

    def test_is_not_said_twice_on_the_page_of_the_connection(self, portal, broken, portal_client):
        admin = AdminFactory(portal=portal)

        shown = portal_client(portal, admin.user).get("/admin/settings/integrations/gusto/").content.decode()

        assert shown.count("no longer accepts the consent") == 1
