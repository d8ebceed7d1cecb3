"""Parts that are away for a while: pages go on as far as they can, say so where they cannot, and nothing is lost."""

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.urls import path
from django.utils import timezone

from config import servers
from config.celery import app
from config.urls import handler500, urlpatterns  # noqa: F401 - this module stands in for config.urls
from integrations.models import SyncRun
from integrations.sync import leases
from tests.factories.integrations import ConnectionFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users import tasks as user_tasks

pytestmark = pytest.mark.django_db

GUSTO = "/admin/settings/integrations/gusto/"
PASSWORD = "harbour lights at dawn"


def _no_database(request):
    raise OperationalError("the server closed the connection")


def _a_fault(request):
    raise ZeroDivisionError


urlpatterns = [*urlpatterns, path("no-database/", _no_database), path("a-fault/", _a_fault)]


@pytest.fixture
def broker(settings, monkeypatch):
    """A Valkey of the test's own, for the cache and the messages; stop it to take it away."""
    server = servers.start_valkey()
    settings.REDIS_URL = server.url
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": server.url}}
    monkeypatch.setattr(app.conf, "broker_url", server.url)
    app._after_fork()
    yield server
    server.stop()
    monkeypatch.undo()
    app._after_fork()


@pytest.fixture
def portal():
    return PortalFactory(enabled_integrations=["gusto"])


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal)


class TestWithoutBroker:
    @pytest.fixture(autouse=True)
    def away(self, broker):
        broker.stop()

    def test_people_sign_in(self, portal, portal_client):
        learner = MembershipFactory(portal=portal)
        learner.user.set_password(PASSWORD)
        learner.user.save()

        page = portal_client(portal).post("/sign-in/", {"email": learner.user.email, "password": PASSWORD})

        assert (page.status_code, page.url) == (302, "/")

    def test_wrong_passwords_are_still_counted(self, portal, portal_client):
        learner, client = MembershipFactory(portal=portal), portal_client(portal)

        tries = [
            client.post("/sign-in/", {"email": learner.user.email, "password": "wrong"}).status_code for _ in range(11)
        ]

        assert tries[-1] == 429

    @pytest.mark.parametrize(
        "page", ["/", "/admin/", "/admin/users/membership/", "/admin/settings/integrations/", GUSTO, f"{GUSTO}runs/"]
    )
    def test_pages_are_there(self, portal, admin, portal_client, page):
        ConnectionFactory(portal=portal)

        assert portal_client(portal, admin.user).get(page).status_code == 200

    @pytest.mark.django_db(transaction=True)
    def test_a_sync_is_noted_and_found_by_the_sweeper(self, portal, admin, portal_client):
        connection, client = ConnectionFactory(portal=portal), portal_client(portal, admin.user)

        shown = client.post(f"{GUSTO}sync/", follow=True).content.decode()

        run = SyncRun.objects.get(connection=connection)
        assert "It starts by itself as soon as the part that carries the jobs answers again." in shown
        assert run.state == "queued"
        SyncRun.objects.update(created_at=timezone.now() - leases.LEASE)
        assert leases.lapsed_runs() == [run.pk]

    def test_what_nobody_would_find_again_is_refused_clearly(self, portal, portal_client):
        client = portal_client(portal)
        client.raise_request_exception = False

        page = client.post("/password/forgot/", {"email": MembershipFactory(portal=portal).user.email})

        assert page.status_code == 503
        assert "Not available for a moment" in page.content.decode()

    def test_the_cache_is_the_processes_own(self):
        cache.set("key", 1, timeout=60)

        assert (cache.get("key"), cache.incr("key"), cache.get("other", 7)) == (1, 2, 7)
        assert cache.add("key", 5, timeout=60) is False
        cache.delete("key")
        assert not cache.has_key("key")

    def test_readiness_says_so(self, portal_client):
        page = portal_client(None).get("/health/ready/")

        assert (page.status_code, page.json()["redis"]) == (503, "down")


class TestWithBroker:
    def test_wake_up_calls_go_out(self, broker):
        assert user_tasks.send_invitations.delay() is not None

    def test_the_cache_is_shared(self, broker):
        cache.set("key", 1, timeout=60)

        assert cache.get("key") == 1


@pytest.mark.urls(__name__)
class TestFailed:
    @pytest.fixture
    def client(self, portal, portal_client):
        client = portal_client(portal)
        client.raise_request_exception = False
        return client

    def test_says_that_something_is_away(self, client):
        page = client.get("/no-database/")

        assert (page.status_code, page["Retry-After"]) == (503, "30")
        assert "Nothing is lost." in page.content.decode()

    def test_owns_up_to_faults(self, client):
        page = client.get("/a-fault/")

        assert page.status_code == 500
        assert "The fault is ours" in page.content.decode()
