"""From "Connect" through the provider's consent page to a working connection, and back."""

import io
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations import connecting, oauth
from integrations.consent_problems import EXPLANATIONS, ConsentProblem, Trouble
from integrations.models import Connection, ConsentRequest, Grant, InviteSettings, SyncRun
from portals import sealing
from tests.factories.integrations import ExternalIdentityFactory, FieldMappingFactory, SyncRunFactory
from tests.factories.portals import CustomFieldFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry

pytestmark = pytest.mark.django_db

CALLBACK = "/integrations/gusto/callback/"
FINISH = "/admin/settings/integrations/gusto/finish/"
OVERVIEW = "/admin/settings/integrations/gusto/"
JUNIPER = "Juniper Works Inc"


@pytest.fixture
def portal():
    return PortalFactory(slug="harbor")


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal).user


@pytest.fixture
def browser(portal_client, portal, admin, sandbox):
    """The admin's browser at the portal's host."""
    return portal_client(portal, admin)


@pytest.fixture
def at_platform(portal_client, sandbox):
    """The same browser at the platform host, where nobody is signed in."""
    return portal_client(None)


@pytest.fixture
def start(portal, admin, sandbox):
    """Select Connect; return the address of the consent page."""

    def select_connect(at=portal, by=admin, now=None):
        return connecting.start(portal=at, provider="gusto", user=by, now=now or timezone.now())

    return select_connect


def consent(address, *, company, decision="allow"):
    """Fill in the provider's consent page; return what the browser is sent back with."""
    fields = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    fields |= {"user_id": "ines", "password": "any", "company": company, "decision": decision}
    answer = requests.post(address.partition("?")[0], data=fields, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"http://localhost:8000{CALLBACK}"
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def press_finish(browser):
    """Select "Finish" on the page that asks."""
    return browser.post(browser.get(FINISH).context["question"]["url"])


def snapshot():
    """Everything that a consent may change."""
    return (
        list(Connection.objects.order_by("pk").values()),
        list(Grant.objects.order_by("pk").values()),
        InviteSettings.objects.count(),
        AuditEntry.objects.count(),
    )


class TestStart:
    def test_keeps_only_a_digest_of_the_state(self, start):
        state = parse_qs(urlsplit(start()).query)["state"][0]

        request = ConsentRequest.objects.get()
        assert state not in str(ConsentRequest.objects.values().get())
        assert len(state) >= 43  # 256 bits
        assert len(request.state_digest) == 64

    def test_makes_another_state_each_time(self, start):
        assert start() != start()

    def test_refuses_a_provider_that_is_not_turned_on(self, start):
        bare = PortalFactory(enabled_integrations=[])

        with pytest.raises(ConsentProblem) as problem:
            start(at=bare)

        assert problem.value.trouble is Trouble.TURNED_OFF

    def test_clears_away_what_nobody_finished(self, start):
        start(now=timezone.now() - timedelta(days=2))

        start()

        assert ConsentRequest.objects.count() == 1


class TestJourney:
    def test_leads_from_the_button_to_an_active_connection(self, browser, at_platform, world, portal, admin):
        started = browser.post("/admin/settings/integrations/gusto/connect/")
        query = consent(started.headers["Location"], company=world.company.uuid)

        forwarded = at_platform.get(CALLBACK, query)
        address = forwarded.headers["Location"]
        assert (forwarded.status_code, address.partition("?")[0]) == (302, f"http://harbor.localhost:8000{FINISH}")

        received = browser.get(address.removeprefix("http://harbor.localhost:8000"))
        assert received.headers["Location"] == FINISH
        page = browser.get(FINISH)
        assert "Connect Harbor &amp; Pine Outfitters LLC?" in page.content.decode()
        assert not Connection.objects.exists()

        finished = browser.post(page.context["question"]["url"])
        assert finished.headers["Location"] == OVERVIEW
        connection = Connection.objects.get(portal=portal)
        assert connection.state == Connection.State.ACTIVE
        assert connection.external_account_id == world.company.uuid
        assert connection.connected_by == admin
        assert connection.next_due_at
        assert connection.next_due_at > timezone.now()
        assert InviteSettings.objects.filter(connection=connection).exists()
        entry = AuditEntry.objects.get(action="connect")
        assert (entry.portal_id, entry.actor_id, entry.object_id) == (portal.pk, admin.pk, connection.pk)

    def test_stores_tokens_sealed_only(self, connect, world):
        grant = connect().grant

        access, refresh = oauth.tokens(grant)
        row = json.dumps(list(Grant.objects.values("access_token", "refresh_token")))
        assert access not in row
        assert refresh not in row
        assert world.grants.use(access, world.clock.seconds())

    def test_keeps_no_token_with_the_request_afterwards(self, browser, start, world):
        browser.get(FINISH, consent(start(), company=world.company.uuid))
        assert ConsentRequest.objects.get().sealed_token

        press_finish(browser)

        assert ConsentRequest.objects.get().sealed_token == ""

    def test_can_be_reloaded_before_finish(self, browser, start, world):
        browser.get(FINISH, consent(start(), company=world.company.uuid))

        assert browser.get(FINISH).status_code == browser.get(FINISH).status_code == 200

    def test_takes_a_second_click_on_finish_well(self, browser, start, world):
        browser.get(FINISH, consent(start(), company=world.company.uuid))
        button = browser.get(FINISH).context["question"]["url"]
        browser.post(button)
        before = snapshot()

        assert browser.post(button).headers["Location"] == OVERVIEW
        assert snapshot() == before

    def test_connects_the_company_that_the_page_named(self, browser, start, world):
        browser.get(FINISH, consent(start(), company=world.company.uuid))
        first_tab = browser.get(FINISH).context["question"]["url"]
        browser.get(FINISH, consent(start(), company=juniper_uuid(world)))

        browser.post(first_tab)

        assert Connection.objects.get().external_account_id == world.company.uuid

    def test_counts_the_life_of_the_token_from_its_receipt(self, browser, start, world):
        browser.get(FINISH, consent(start(), company=world.company.uuid))
        ConsentRequest.objects.update(used_at=timezone.now() - timedelta(minutes=5))

        press_finish(browser)

        left = Grant.objects.get().expires_at - timezone.now()
        assert timedelta(seconds=6800) < left < timedelta(seconds=6901)


class TestCallback:
    @pytest.mark.parametrize("query", [{}, {"state": "forged", "code": "c"}, {"state": "", "code": "c"}])
    def test_refuses_a_state_that_nobody_was_given(self, at_platform, query):
        before = snapshot()

        page = at_platform.get(CALLBACK, query)

        assert page.status_code == 400
        assert "This link belongs to no connection" in page.content.decode()
        assert snapshot() == before

    def test_refuses_a_stale_state(self, at_platform, start, world):
        query = consent(start(now=timezone.now() - timedelta(minutes=11)), company=world.company.uuid)

        page = at_platform.get(CALLBACK, query)

        assert page.status_code == 400
        assert "Too much time has passed" in page.content.decode()

    def test_hands_on_nothing_but_what_the_flow_needs(self, at_platform, start, world):
        query = consent(start(), company=world.company.uuid) | {"next": "https://evil.example/", "error_uri": "x"}

        address = at_platform.get(CALLBACK, query).headers["Location"]

        assert set(parse_qs(urlsplit(address).query)) == {"state", "code"}

    def test_is_not_found_at_a_portals_host(self, browser):
        assert browser.get(CALLBACK, {"state": "s"}).status_code == 404

    def test_does_not_know_other_systems(self, at_platform):
        assert at_platform.get("/integrations/acme/callback/", {"state": "s"}).status_code == 404


class TestFinish:
    def refused(self, client, query, title):
        before = snapshot()
        page = client.get(FINISH, query)
        assert page.status_code == 400
        assert title in page.content.decode()
        assert snapshot() == before
        return page

    def test_says_that_the_consent_was_refused(self, browser, start, world):
        query = consent(start(), company=world.company.uuid, decision="deny")
        assert query["error"] == "access_denied"

        self.refused(browser, query, "Gusto was not connected")

    def test_refuses_a_forged_state(self, browser, world):
        self.refused(browser, {"state": "forged", "code": "c"}, "This link belongs to no connection")

    def test_refuses_a_state_a_second_time(self, browser, start, world):
        query = consent(start(), company=world.company.uuid)
        browser.get(FINISH, query)

        self.refused(browser, query, "This link was used before")

    def test_refuses_a_stale_state(self, browser, start, world):
        query = consent(start(now=timezone.now() - timedelta(minutes=11)), company=world.company.uuid)

        self.refused(browser, query, "Too much time has passed")

    def test_refuses_another_admin_of_the_portal(self, portal_client, portal, start, world):
        colleague = AdminFactory(portal=portal).user

        self.refused(
            portal_client(portal, colleague),
            consent(start(), company=world.company.uuid),
            "Somebody else started this connection",
        )

    def test_refuses_the_state_of_another_portal(self, portal_client, admin, start, world):
        other = PortalFactory(realm=admin.realm)
        MembershipFactory(portal=other, user=admin, role="admin")

        self.refused(
            portal_client(other, admin),
            consent(start(), company=world.company.uuid),
            "This link belongs to no connection",
        )

    def test_asks_visitors_to_sign_in_and_uses_nothing_up(self, portal_client, portal, start, world, browser):
        query = consent(start(), company=world.company.uuid)

        page = portal_client(portal).get(FINISH, query)

        assert page.status_code == 302
        assert page.headers["Location"].startswith("/sign-in/?next=")
        assert browser.get(FINISH, query).status_code == 302
        assert ConsentRequest.objects.get().sealed_token

    def test_is_closed_to_learners(self, portal_client, portal, start, world):
        learner = MembershipFactory(portal=portal).user

        page = portal_client(portal, learner).get(FINISH, consent(start(), company=world.company.uuid))

        assert page.status_code == 403

    def test_refuses_a_code_that_was_used_elsewhere(self, browser, start, world):
        query = consent(start(), company=world.company.uuid)
        connecting.exchange(provider="gusto", code=query["code"])

        self.refused(browser, query, "Gusto did not confirm the consent")

    @pytest.mark.parametrize(
        ("fault", "title"),
        [
            ({"kind": "502", "path": "/oauth/token"}, "Gusto does not answer"),
            ({"kind": "drop", "path": "/oauth/token"}, "Gusto does not answer"),
            ({"kind": "redirect", "path": "/oauth/token"}, "Gusto refused the connection"),
            ({"kind": "401", "path": "/v1/token_info"}, "Gusto did not confirm the consent"),
        ],
    )
    def test_says_what_went_wrong_at_the_provider(self, browser, start, world, fault, title):
        query = consent(start(), company=world.company.uuid)
        world.set_fault(**fault)

        self.refused(browser, query, title)

    def test_has_nothing_to_ask_without_a_consent(self, browser):
        assert browser.get(FINISH).headers["Location"] == OVERVIEW
        assert browser.post(FINISH).headers["Location"] == OVERVIEW
        assert not Connection.objects.exists()

    def test_forgets_a_consent_that_waits_too_long(self, browser, start, world):
        browser.get(FINISH, consent(start(), company=world.company.uuid))
        button = browser.get(FINISH).context["question"]["url"]
        ConsentRequest.objects.update(used_at=timezone.now() - timedelta(minutes=11))

        assert browser.post(button).headers["Location"] == OVERVIEW
        assert not Connection.objects.exists()

    def test_refuses_a_company_that_feeds_another_portal(self, browser, start, connect, world):
        connect()
        browser.get(FINISH, consent(start(), company=world.company.uuid))
        before = snapshot()

        page = press_finish(browser)

        assert page.status_code == 400
        assert "is connected to another portal" in page.content.decode()
        assert snapshot() == before

    def test_works_when_the_other_portal_has_disconnected(self, browser, start, connect, world, portal):
        connecting.disconnect(connection=connect(), user=None)
        browser.get(FINISH, consent(start(), company=world.company.uuid))

        press_finish(browser)

        assert Connection.objects.get(portal=portal).state == Connection.State.ACTIVE

    def test_lets_one_of_two_portals_win_that_connect_at_the_same_moment(self, connect, monkeypatch):
        winner = connect()
        loser = PortalFactory(realm=winner.portal.realm)
        monkeypatch.setattr(connecting, "_is_used_elsewhere", lambda *args: False)
        before = snapshot()

        with pytest.raises(ConsentProblem) as problem:
            connect(loser)

        assert problem.value.trouble is Trouble.COMPANY_IN_USE
        assert snapshot() == before

    def test_takes_over_a_grant_that_a_deleted_portal_left(self, connect):
        left = connect()
        left.delete()

        assert connect().state == Connection.State.ACTIVE
        assert Grant.objects.get().realm != left.portal.realm

    def test_explains_every_trouble(self):
        assert set(EXPLANATIONS) == set(Trouble)
        for trouble in Trouble:
            words = ConsentProblem(trouble, account="A", expected="B").explain("Gusto")
            assert all(text and "%(" not in text for text in words.values())


class TestReconnect:
    def test_restores_the_connection_with_its_settings(self, connect, portal):
        connection = connect(portal)
        FieldMappingFactory(
            connection=connection, attribute="department", custom_field=CustomFieldFactory(portal=portal)
        )
        connecting.disconnect(connection=connection, user=None)

        again = connect(portal)

        assert again.pk == connection.pk
        assert again.state == Connection.State.ACTIVE
        assert again.mappings.count() == 1

    def test_renews_a_lost_consent_in_place(self, connect, portal):
        connection = connect(portal)
        Connection.objects.update(state=Connection.State.NEEDS_RECONNECTING, state_reason="lost")

        again = connect(portal)

        assert (again.pk, again.grant_id) == (connection.pk, connection.grant_id)
        assert (again.state, again.state_reason) == (Connection.State.ACTIVE, "")

    def test_refuses_another_company_and_gives_its_consent_back(self, connect, portal, world):
        connecting.disconnect(connection=connect(portal), user=None)
        living = world.grants.living()
        before = snapshot()

        with pytest.raises(ConsentProblem) as problem:
            connect(portal, JUNIPER)

        assert problem.value.trouble is Trouble.OTHER_COMPANY
        assert "Harbor & Pine Outfitters LLC" in problem.value.explain("Gusto")["advice"]
        assert snapshot() == before
        assert world.grants.living() == living


class TestDisconnect:
    def test_takes_the_consent_back_and_keeps_settings_and_links(self, connect, world, admin, portal):
        connection = connect(portal)
        FieldMappingFactory(
            connection=connection, attribute="department", custom_field=CustomFieldFactory(portal=portal)
        )
        ExternalIdentityFactory(connection=connection)

        was_told = connecting.disconnect(connection=connection, user=admin)

        assert was_told
        assert connection.state == Connection.State.DISCONNECTED
        assert connection.external_account_id == world.company.uuid
        assert (connection.mappings.count(), connection.identities.count()) == (1, 1)
        assert not Grant.objects.exists()
        assert world.grants.living() == 0
        assert AuditEntry.objects.get(action="disconnect").actor_id == admin.pk

    def test_stops_the_run_under_way(self, connect):
        connection = connect()
        run = SyncRunFactory(connection=connection, state=SyncRun.State.RUNNING)

        connecting.disconnect(connection=connection, user=None)

        run.refresh_from_db()
        assert run.state == SyncRun.State.CANCELLED
        assert run.finished_at

    @pytest.mark.parametrize("trigger", ["undo", "restore"])
    def test_lets_a_run_be_taken_back_to_the_end(self, connect, trigger):
        connection = connect()
        run = SyncRunFactory(connection=connection, trigger=trigger, state=SyncRun.State.RUNNING)

        connecting.disconnect(connection=connection, user=None)

        run.refresh_from_db()
        assert run.state == SyncRun.State.RUNNING

    @pytest.mark.parametrize("fault", ["500", "drop", "429"])
    def test_goes_on_when_the_provider_cannot_be_told(self, connect, world, fault):
        connection = connect()
        world.set_fault(fault, path="/oauth/revoke", times=None)

        was_told = connecting.disconnect(connection=connection, user=None)

        assert not was_told
        assert not Grant.objects.exists()
        assert connection.state == Connection.State.DISCONNECTED

    def test_goes_on_when_the_tokens_cannot_be_read(self, connect, settings):
        connection = connect()
        settings.ROLLCALL_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

        assert not connecting.disconnect(connection=connection, user=None)
        assert not Grant.objects.exists()

    def test_changes_nothing_the_second_time(self, connect):
        connection = connect()
        connecting.disconnect(connection=connection, user=None)
        before = snapshot()

        assert connecting.disconnect(connection=connection, user=None)
        assert snapshot() == before


class TestConnectCommand:
    def run(self, *options):
        out = io.StringIO()
        call_command("connect", *options, stdout=out)
        return out.getvalue()

    def test_connects_by_a_code(self, portal, world, new_code):
        report = json.loads(self.run("--portal", "harbor", "--provider", "gusto", f"--code={new_code()}", "--json"))

        assert report == {
            "portal": "harbor",
            "provider": "gusto",
            "account": "Harbor & Pine Outfitters LLC",
            "account_id": world.company.uuid,
            "record_type": "",
            "state": "active",
        }
        assert Connection.objects.get(portal=portal).is_connected

    def test_fails_for_a_code_that_does_not_work(self, portal, sandbox):
        with pytest.raises(CommandError, match="did not confirm") as refusal:
            self.run("--portal", "harbor", "--provider", "gusto", "--code", "spent")

        assert refusal.value.returncode == 1

    def test_is_wrong_usage_for_an_unknown_portal(self, sandbox):
        with pytest.raises(CommandError) as refusal:
            self.run("--portal", "nowhere", "--provider", "gusto", "--code", "c")

        assert refusal.value.returncode == 2

    def test_takes_a_code_that_begins_with_a_dash(self, portal, world):
        with pytest.raises(CommandError, match="did not confirm"):
            self.run("--portal", "harbor", "--provider", "gusto", "--code=-spent")

    def test_leaves_the_choice_of_another_company_to_a_person(self, portal, connect, new_code):
        connect()

        with pytest.raises(CommandError, match="another portal") as refusal:
            self.run("--portal", "harbor", "--provider", "gusto", f"--code={new_code()}")

        assert refusal.value.returncode == 3


class TestRotateKeys:
    def test_makes_older_keys_superfluous(self, connect, settings, browser, start, world):
        connection = connect()
        browser.get(FINISH, consent(start(), company=juniper_uuid(world)))
        newest = Fernet.generate_key().decode()
        settings.ROLLCALL_ENCRYPTION_KEYS = [newest, *settings.ROLLCALL_ENCRYPTION_KEYS]
        out = io.StringIO()

        call_command("rotate_keys", "--json", stdout=out)

        settings.ROLLCALL_ENCRYPTION_KEYS = [newest]
        assert json.loads(out.getvalue()) == {"rotated": 2, "broken": 0}
        assert all(oauth.tokens(Grant.objects.get(pk=connection.grant_id)))
        request = ConsentRequest.objects.get()
        assert sealing.unseal(request.sealed_token, place=connecting._place(request))

    def test_names_the_rows_that_no_key_opens(self, connect, settings):
        grant = connect().grant
        settings.ROLLCALL_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        errors = io.StringIO()

        with pytest.raises(CommandError, match="1 rows"):
            call_command("rotate_keys", stdout=io.StringIO(), stderr=errors)

        assert f"grant {grant.pk}" in errors.getvalue()


def map_department(connection):
    field = CustomFieldFactory(portal=connection.portal)
    FieldMappingFactory(connection=connection, attribute="department", custom_field=field)


def juniper_uuid(world):
    return world.find_company(JUNIPER).uuid
