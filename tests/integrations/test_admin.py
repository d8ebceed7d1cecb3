"""Admin pages of connections and syncs: for operators, for looking only, without secrets."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Connection, ExternalIdentity, Grant, PlannedChange, SyncRun
from tests.admin_pages import page
from tests.factories.integrations import (
    ConnectionFactory,
    ExternalIdentityFactory,
    PlannedChangeFactory,
    SyncRunFactory,
)
from tests.factories.users import AdminFactory, OperatorFactory

pytestmark = pytest.mark.django_db

MODELS = [Connection, SyncRun, PlannedChange, ExternalIdentity]


@pytest.fixture
def operator(portal_client):
    """An operator at the platform host."""
    return portal_client(None, OperatorFactory())


@pytest.fixture
def change():
    """A change of a run, with a grant whose tokens must not be seen."""
    change = PlannedChangeFactory(run__connection__external_account_name="Harbor & Pine", person="Ada Lund")
    owner = change.run.connection
    owner.grant = Grant.objects.create(
        provider="gusto",
        realm=owner.portal.realm,
        external_account_id="company-1",
        access_token="SEALED-ACCESS",
        refresh_token="SEALED-REFRESH",
        expires_at=timezone.now(),
    )
    owner.save()
    ExternalIdentityFactory(connection=owner)
    return change


def row_of(model):
    return model.objects.get()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
class TestIntegrationPages:
    def test_show_operators_everything_but_secrets(self, operator, change, model):
        for url in (page(model, "changelist"), page(model, "change", row_of(model).pk)):
            response = operator.get(url)

            assert response.status_code == 200
            assert "SEALED" not in response.content.decode()

    def test_cannot_be_used_to_change_anything(self, operator, change, model):
        pk = row_of(model).pk
        before = model.objects.values().get()

        assert operator.get(page(model, "add")).status_code == 403
        assert operator.post(page(model, "change", pk), {"state": "active"}).status_code == 403
        assert operator.post(page(model, "delete", pk), {"post": "yes"}).status_code == 403
        assert model.objects.values().get() == before

    def test_are_closed_to_a_portals_admins(self, portal_client, change, model):
        portal = change.run.connection.portal
        client = portal_client(portal, AdminFactory(portal=portal).user)

        assert client.get(page(model, "changelist")).status_code == 403
        assert client.get(page(model, "change", row_of(model).pk)).status_code == 403

    def test_ask_the_database_the_same_number_of_questions_for_any_number_of_rows(self, operator, change, model):
        def questions():
            with CaptureQueriesContext(connection) as asked:
                assert operator.get(page(model, "changelist")).status_code == 200
            return len(asked)

        few = questions()
        for number in range(30):
            owner = ConnectionFactory(external_account_id=f"company of {number}")
            ExternalIdentityFactory(connection=owner)
            PlannedChangeFactory(run=SyncRunFactory(connection=owner))

        assert questions() == few


class TestConnectionPage:
    def test_leads_to_the_settings_at_the_portals_own_address(self, operator, change):
        owner = change.run.connection

        shown = operator.get(page(Connection, "change", owner.pk)).content.decode()

        assert f"http://{owner.portal.slug}.localhost:8000/admin/settings/integrations/gusto/" in shown
