"""HubSpot's pages can be used by everyone, at a desk and on a phone: axe finds nothing serious, light or dark."""

from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import connecting
from integrations.hubspot import urls
from integrations.hubspot.models import PrivacyReceipt, ProgressPush, WorkflowCall
from integrations.sandbox.hubspot import app
from tests.e2e import addresses
from tests.e2e.axe import inspected
from tests.factories.integrations import ExternalIdentityFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory

from .pages import fits

ROOT = "/admin/settings/integrations/hubspot/"
# They take posts only, or a row that has to be in the way of another.
NO_PAGES = {
    "hubspot:progress_check",
    "hubspot:progress_compare",
    "hubspot:progress_retry",
    "hubspot:progress_retry_all",
    "hubspot:settle_merge",
}
WIDTHS = (1280, 390)


@pytest.fixture
def hubspot(sandbox, settings):
    settings.HUBSPOT_API_URL = sandbox.url
    settings.HUBSPOT_AUTHORIZE_URL = f"{sandbox.url}/hubspot/oauth/authorize"
    settings.HUBSPOT_APP_ID = str(app.APP_ID)
    settings.HUBSPOT_CLIENT_ID, settings.HUBSPOT_CLIENT_SECRET = app.CLIENT_ID, app.CLIENT_SECRET
    return sandbox.world.hubspot


@pytest.fixture
def customers(portal):
    return PortalFactory(
        realm=portal.realm, name="Larkfield for Customers", slug="larkfield", enabled_integrations=["hubspot"]
    )


@pytest.fixture
def at_portal(customers, hubspot, portal_client, context):
    """The admin's client, whose sign-in the browser shares."""
    account = AdminFactory(portal=customers, user__email="iris.vale@larkfield.example").user
    client = portal_client(customers, account)
    context.add_cookies(
        [{"name": key, "value": one.value, "url": customers.url("")} for key, one in client.cookies.items()]
    )
    return client


@pytest.fixture
def connection(customers, at_portal, hubspot):
    """A connection whose account lacks a tool, with people, calls, progress and a deletion."""
    hubspot.set_tier("professional")
    code = hubspot.authorize(redirect_uri=connecting.redirect_uri("hubspot"))
    now = timezone.now()
    found = connecting.connect_by_code(
        portal=customers, provider="hubspot", record_type="contacts", code=code, now=now
    )
    for number, learner in enumerate(MembershipFactory.create_batch(3, portal=customers), 901):
        ExternalIdentityFactory(connection=found, membership=learner, external_id=str(number))
        ProgressPush.objects.create(
            connection=found,
            enrollment_id=number,
            membership_id=learner.pk,
            next_try_at=now,
            state="failed",
            problem="x",
        )
    for number, (outcome, state) in enumerate((("invited", "done"), ("failed", "refused"))):
        WorkflowCall.objects.create(
            account_id=found.external_account_id,
            callback_id=f"c-{number}",
            connection=found,
            kind="invite",
            record_type="CONTACT",
            record_id=str(901 + number),
            outcome=outcome,
            state=state,
            error_code="" if outcome == "invited" else "no_email",
            answer={"outcome": outcome},
            inputs={"portal": f"prt_{customers.pk}"},
            received_at=now,
        )
    PrivacyReceipt.objects.create(connection=found, digest=b"1" * 16, asked_at=now, done_at=now, removed={"links": 1})
    return found


@pytest.fixture
def look(page, customers):
    """Look at a page at both widths; return what is wrong with it."""

    def at(path, *, base=""):
        found = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found += inspected(page, (base or customers.url("")) + path)
            found += [] if fits(page) else [f"{path} is wider than {width}"]
        return found

    return at


def own_pages(client, connection):
    """Return the paths of HubSpot's own pages, and the names of addresses that showed none."""
    refused = connection.workflow_calls.get(state="refused").pk
    values = {"call_id": [refused], "strategy": ["properties"]}
    names = {name: parameters for name, parameters in addresses.named() if name.startswith("hubspot:")}
    paths = {
        name: addresses.opened(client, addresses.filled(name, parameters, values))
        for name, parameters in names.items()
    }
    return SimpleNamespace(
        paths=[path for path in paths.values() if path], missing={name for name, path in paths.items() if not path}
    )


class TestHubSpotPages:
    def test_offer_the_choice_of_records_to_everyone(self, look, at_portal):
        assert look(ROOT) == []

    @pytest.mark.timeout(3600)
    def test_can_be_used_by_everyone(self, look, at_portal, connection):
        own = own_pages(at_portal, connection)
        assert sorted(own.missing - NO_PAGES) == []

        shared = [
            reverse(f"integrations:{name}", args=["hubspot"]) for name in ("connection", "mapping", "disconnect")
        ]
        shared.append(reverse("integrations:why", args=[connection.progress_pushes.earliest("pk").membership_id]))
        found = [problem for path in [*shared, *own.paths] for problem in look(path)]

        assert found == []

    def test_warn_of_links_that_end_to_everyone(self, look, connection):
        connecting.disconnect(connection=connection, user=None)

        assert look(ROOT) == []

    def test_have_no_page_for_machines(self, portal_client, hubspot):
        for pattern in urls.urlpatterns:
            address = reverse(f"hubspot_public:{pattern.name}")
            assert portal_client(None).get(address).status_code in {400, 401, 405}, address
