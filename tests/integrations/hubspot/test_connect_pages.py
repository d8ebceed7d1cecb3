"""The pages on which an admin connects HubSpot: the choice of records, the account, what is missing, the end."""

import html
import io
import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import connecting, links
from integrations.consent_problems import ConsentProblem, Trouble
from integrations.hubspot.models import ProgressPush, ProgressTarget, RecordAlias
from integrations.models import Connection, ConsentRequest, Grant
from integrations.signals import links_dropped
from tests.factories.integrations import ExternalIdentityFactory, FieldMappingFactory
from tests.factories.portals import CustomFieldFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry

pytestmark = pytest.mark.django_db

ROOT = "/admin/settings/integrations/"
PAGE = f"{ROOT}hubspot/"
CALLBACK = "/integrations/hubspot/callback/"


def text_of(response):
    body = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(body).split())


@pytest.fixture
def portal():
    return PortalFactory(slug="larkfield", name="Larkfield Training", enabled_integrations=["hubspot"])


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal).user


@pytest.fixture
def browser(portal_client, portal, admin, hub):
    return portal_client(portal, admin)


@pytest.fixture
def at_platform(portal_client, hub):
    """The same browser at the platform host, where nobody is signed in."""
    return portal_client(None)


@pytest.fixture
def select_connect(browser):
    """Select Connect; return the address of HubSpot's consent page."""
    return lambda record_type="contacts": browser.post(f"{PAGE}connect/", {"record_type": record_type}).url


@pytest.fixture
def finish(browser, select_connect, consent, hub):
    """Go through the consent up to the question; return its page."""

    def until_asked(record_type="contacts", account=None):
        browser.get(f"{PAGE}finish/", consent(select_connect(record_type), account or hub))
        return browser.get(f"{PAGE}finish/")

    return until_asked


def link_people(connection, number):
    for learner in MembershipFactory.create_batch(number, portal=connection.portal):
        ExternalIdentityFactory(connection=connection, membership=learner)


def snapshot():
    return (
        list(Connection.objects.order_by("pk").values()),
        list(Grant.objects.order_by("pk").values()),
        AuditEntry.objects.count(),
    )


class TestCatalogue:
    def test_offers_hubspot_under_crm(self, browser):
        page = text_of(browser.get(ROOT))

        assert "CRM HubSpot Not connected Adds learners by HubSpot workflows" in page
        assert "Set up HubSpot" in page


class TestBeforeConnecting:
    def test_offers_both_kinds_of_records_with_a_sentence_each(self, browser):
        page = text_of(browser.get(PAGE))

        assert "Contact records For customers and partners" in page
        assert "User records For your own teams" in page
        assert "This stays fixed until you disconnect." in page

    def test_speaks_of_hubspot_and_of_no_hr_system(self, browser):
        page = text_of(browser.get(PAGE))

        assert "A super admin of the HubSpot account" in page
        for word in ("Gusto", "HR system", "employee", "company that no other portal", "%("):
            assert word not in page, word

    def test_wants_a_choice(self, browser):
        page = browser.post(f"{PAGE}connect/", follow=True)

        assert "Choose one on the page of HubSpot and connect again." in text_of(page)
        assert not ConsentRequest.objects.exists()

    def test_knows_no_other_kinds(self, browser):
        browser.post(f"{PAGE}connect/", {"record_type": "deals"})

        assert not ConsentRequest.objects.exists()


class TestBeforeAnyChoice:
    def test_opens_every_page_when_only_settings_from_a_file_are_there(self, browser, portal):
        connection = Connection.objects.create(portal=portal, provider="hubspot")
        FieldMappingFactory(
            connection=connection, attribute="jobtitle", custom_field=CustomFieldFactory(portal=portal)
        )

        for path in ("", "mapping/", "scope/", "runs/", "problems/", "people/"):
            assert browser.get(f"{PAGE}{path}").status_code == 200, path

    def test_takes_over_the_mappings_from_the_file(self, connect_hubspot, portal):
        connection = Connection.objects.create(portal=portal, provider="hubspot")
        FieldMappingFactory(
            connection=connection, attribute="jobtitle", custom_field=CustomFieldFactory(portal=portal)
        )

        connect_hubspot(portal, "contacts")

        assert connection.mappings.count() == 1


class TestJourney:
    def test_leads_from_the_choice_to_an_active_connection(
        self, browser, at_platform, select_connect, consent, portal, hub, admin
    ):
        query = consent(select_connect("users"), hub)
        forwarded = at_platform.get(CALLBACK, query).url
        assert forwarded.startswith(f"http://larkfield.localhost:8000{PAGE}finish/?")

        received = browser.get(forwarded.removeprefix("http://larkfield.localhost:8000"))
        assert received.url == f"{PAGE}finish/"
        page = browser.get(received.url)
        assert f"Connect {hub.domain}?" in text_of(page)
        assert "Learners come from: User records." in text_of(page)
        assert "Nobody is added before one does." in text_of(page)

        answer = browser.post(page.context["question"]["url"], follow=True)
        assert f"{hub.domain} is connected." in text_of(answer)
        assert f"HubSpot account {hub.domain}" in text_of(answer)
        assert "Learners come from User records (fixed until you disconnect)" in text_of(answer)
        connection = Connection.objects.get(portal=portal)
        assert (connection.state, connection.record_type) == ("active", "users")
        assert (connection.external_account_id, connection.connected_by) == (str(hub.id), admin)

    def test_says_that_the_consent_was_refused(self, browser, select_connect, consent, hub):
        page = browser.get(f"{PAGE}finish/", consent(select_connect(), hub, "deny"))

        assert page.status_code == 400
        assert "HubSpot was not connected" in text_of(page)
        assert not Connection.objects.exists()

    @pytest.mark.parametrize("state", ["forged", ""])
    def test_refuses_a_state_that_nobody_was_given(self, browser, at_platform, state):
        query = {"state": state, "code": "na1-c"}

        assert "This link belongs to no connection" in text_of(at_platform.get(CALLBACK, query))
        assert "This link belongs to no connection" in text_of(browser.get(f"{PAGE}finish/", {**query, "state": "x"}))
        assert not Connection.objects.exists()

    def test_refuses_a_state_a_second_time(self, browser, select_connect, consent, hub):
        query = consent(select_connect(), hub)
        browser.get(f"{PAGE}finish/", query)

        page = browser.get(f"{PAGE}finish/", query)

        assert page.status_code == 400
        assert "This link was used before" in text_of(page)

    def test_refuses_a_code_that_hubspot_does_not_know(self, browser, select_connect):
        state = parse_qs(urlsplit(select_connect()).query)["state"][0]

        page = browser.get(f"{PAGE}finish/", {"state": state, "code": "na1-guessed"})

        assert page.status_code == 400
        assert "HubSpot did not confirm the consent" in text_of(page)
        assert not Connection.objects.exists()

    @pytest.mark.parametrize(
        ("fault", "title"),
        [
            ({"kind": "502", "path": "/oauth/2026-09/token"}, "HubSpot does not answer"),
            ({"kind": "drop", "path": "/oauth/2026-09/token"}, "HubSpot does not answer"),
        ],
    )
    def test_says_what_went_wrong_at_hubspot(self, browser, select_connect, consent, hub, hubspot, fault, title):
        query = consent(select_connect(), hub)
        hubspot.set_fault(**fault)

        page = browser.get(f"{PAGE}finish/", query)

        assert page.status_code == 400
        assert title in text_of(page)

    def test_says_that_the_apps_secret_is_wrong(self, browser, select_connect, consent, hub, settings):
        query = consent(select_connect(), hub)
        settings.HUBSPOT_CLIENT_SECRET = "another app's"

        page = browser.get(f"{PAGE}finish/", query)

        assert page.status_code == 400
        assert "HubSpot refused the connection" in text_of(page)

    def test_leaves_a_trail(self, browser, finish, portal, admin):
        browser.post(finish("users").context["question"]["url"])

        entry = AuditEntry.objects.get(action="connect")
        assert (entry.portal_id, entry.actor_id, entry.after["record_type"]) == (portal.pk, admin.pk, "users")

    def test_refuses_another_admin(self, portal_client, portal, select_connect, consent, hub):
        colleague = AdminFactory(portal=portal).user

        page = portal_client(portal, colleague).get(f"{PAGE}finish/", consent(select_connect(), hub))

        assert page.status_code == 400
        assert "Somebody else started this connection" in text_of(page)

    def test_refuses_the_state_of_another_portal(self, portal_client, portal, admin, select_connect, consent, hub):
        other = PortalFactory(realm=portal.realm, enabled_integrations=["hubspot"])
        MembershipFactory(portal=other, user=admin, role="admin")

        page = portal_client(other, admin).get(f"{PAGE}finish/", consent(select_connect(), hub))

        assert page.status_code == 400
        assert "This link belongs to no connection" in text_of(page)

    def test_takes_a_state_of_another_provider_for_unknown(self, portal, admin, at_platform):
        portal.enabled_integrations = ["gusto", "hubspot"]
        portal.save()
        address = connecting.start(portal=portal, provider="gusto", user=admin, now=timezone.now())
        state = parse_qs(urlsplit(address).query)["state"][0]

        assert at_platform.get(CALLBACK, {"state": state, "code": "c"}).status_code == 400


class TestKindOfRecords:
    def test_stays_when_connecting_again(self, browser, finish):
        browser.post(finish("contacts").context["question"]["url"])
        Connection.objects.update(state="needs_reconnecting")

        page = finish("users")
        browser.post(page.context["question"]["url"])

        assert "Learners come from: Contact records." in text_of(page)
        assert Connection.objects.get().record_type == "contacts"

    def test_can_be_changed_after_a_disconnect_and_says_how_many_links_end(self, browser, connect_hubspot, portal):
        connection = connect_hubspot(portal)
        link_people(connection, 3)
        connecting.disconnect(connection=connection, user=None)

        page = text_of(browser.get(PAGE))

        before, users = page.index("Contact records"), page.index("User records")
        assert "3 people are linked" not in page[before:users]
        assert "3 people are linked to the other kind of records." in page[users:]

    def test_says_so_again_before_it_happens(self, browser, connect_hubspot, portal, finish):
        connection = connect_hubspot(portal)
        link_people(connection, 1)
        connecting.disconnect(connection=connection, user=None)

        page = finish("users")

        assert "1 person is linked to the other kind of records." in text_of(page)
        assert page.context["question"]["is_dangerous"]
        assert connection.identities.count() == 1

    def test_takes_links_and_mappings_of_the_other_kind_away_and_nothing_else(
        self, browser, connect_hubspot, portal, finish
    ):
        connection = connect_hubspot(portal)
        link_people(connection, 2)
        FieldMappingFactory(connection=connection, custom_field=CustomFieldFactory(portal=portal))
        connecting.disconnect(connection=connection, user=None)

        browser.post(finish("users").context["question"]["url"])

        connection.refresh_from_db()
        assert (connection.record_type, connection.state) == ("users", "active")
        assert (connection.identities.count(), connection.mappings.count()) == (0, 0)
        assert portal.memberships.filter(status="active", role="learner").count() == 2

    def test_forgets_what_was_told_to_records_of_the_other_kind(self, connect_hubspot, portal):
        connection = connect_hubspot(portal)
        now = timezone.now()
        ProgressPush.objects.create(connection=connection, enrollment_id=1, membership_id=1, next_try_at=now)
        ProgressTarget.objects.create(connection=connection)
        learner = MembershipFactory(portal=portal)
        RecordAlias.objects.create(
            connection=connection, external_id="7", membership=learner, kind="merged", noted_at=now
        )
        connecting.disconnect(connection=connection, user=None)

        connect_hubspot(portal, "users")

        for model in (ProgressPush, ProgressTarget, RecordAlias):
            assert not model.objects.exists(), model

    def test_keeps_links_and_mappings_when_it_stays_the_same(self, browser, connect_hubspot, portal, finish):
        connection = connect_hubspot(portal)
        link_people(connection, 2)
        FieldMappingFactory(connection=connection, custom_field=CustomFieldFactory(portal=portal))
        connecting.disconnect(connection=connection, user=None)

        page = finish("contacts")
        browser.post(page.context["question"]["url"])

        assert "linked to the other kind" not in text_of(page)
        assert (connection.identities.count(), connection.mappings.count()) == (2, 1)


class TestSeveralPortals:
    def test_of_one_realm_share_one_grant(self, browser, connect_hubspot, portal, finish, hub):
        first = connect_hubspot(PortalFactory(realm=portal.realm))

        page = browser.post(finish("users").context["question"]["url"], follow=True)

        assert f"{hub.domain} (used by 1 other portal, too)" in text_of(page)
        assert Grant.objects.get() == Connection.objects.get(portal=portal).grant == first.grant

    def test_of_two_realms_are_refused(self, browser, connect_hubspot, finish, hub, hubspot):
        connect_hubspot()
        asked = finish()
        before = snapshot()

        page = browser.post(asked.context["question"]["url"])

        assert page.status_code == 400
        assert f"{hub.domain} belongs to another organization here" in text_of(page)
        assert snapshot() == before
        assert hub.id in hubspot.grants.by_account

    def test_leave_the_apps_end_to_the_last_one(self, browser, connect_hubspot, portal, hub, hubspot):
        connect_hubspot(portal)
        neighbour = connect_hubspot(PortalFactory(realm=portal.realm))

        asked = text_of(browser.get(f"{PAGE}disconnect/"))
        assert f"The daily sync stops. 1 other portal goes on using {hub.domain}." in asked
        assert "uninstalled" not in asked
        browser.post(f"{PAGE}disconnect/")

        assert hub.id in hubspot.grants.by_account
        assert connecting.disconnect(connection=neighbour, user=None)
        assert hub.id not in hubspot.grants.by_account

    def test_are_all_helped_by_one_new_consent(self, connect_hubspot, hubspot):
        first = connect_hubspot()
        second = connect_hubspot(PortalFactory(realm=first.portal.realm))
        hubspot.uninstall()
        Connection.objects.update(state="needs_reconnecting", state_reason="The consent was withdrawn.")

        connect_hubspot(first.portal)

        second.refresh_from_db()
        assert (second.state, second.state_reason) == ("active", "")

    def test_may_connect_at_the_same_moment(self, connect_hubspot, monkeypatch):
        first = connect_hubspot()
        other = PortalFactory(realm=first.portal.realm)
        stored = connecting._grant
        calls = []

        def blind(portal, provider, account):
            calls.append(portal)
            if len(calls) == 1:
                # What it would have seen before the other portal's commit.
                return Grant(provider=provider, realm=portal.realm, external_account_id=account.id)
            return stored(portal, provider, account)

        monkeypatch.setattr(connecting, "_grant", blind)
        second = connect_hubspot(other)

        assert second.grant == first.grant
        assert len(calls) == 2

    def test_of_another_account_are_not_confused(self, connect_hubspot, portal, hubspot):
        connection = connect_hubspot(portal)
        connecting.disconnect(connection=connection, user=None)
        other = next(account for account in hubspot.accounts.values() if account.id != hubspot.account.id)
        neighbour = connect_hubspot(PortalFactory(realm=portal.realm), account=other)

        with pytest.raises(ConsentProblem) as problem:
            connect_hubspot(portal, account=other)

        assert problem.value.trouble is Trouble.OTHER_COMPANY
        # The consent that nobody uses here is the neighbour's too.
        assert other.id in hubspot.grants.by_account
        assert neighbour.is_connected


class TestWhiteLabelledPortal:
    @pytest.fixture(autouse=True)
    def domain(self, portal):
        portal.custom_domain, portal.custom_domain_verified_at = "learn.larkfield.example", timezone.now()
        portal.save()

    @pytest.fixture
    def at_domain(self, portal_client, portal, admin, hub):
        client = portal_client(portal, admin)
        client.defaults["HTTP_HOST"] = "learn.larkfield.example:8000"
        return client

    def test_is_sent_to_its_platform_address_first_with_a_reason(self, at_domain):
        page = at_domain.get(PAGE)

        assert "Sign in at larkfield.localhost:8000 once and connect there" in text_of(page)
        assert f'href="http://larkfield.localhost:8000{PAGE}"' in page.content.decode()
        assert "+ Connect" not in text_of(page)

    def test_cannot_start_at_its_own_domain(self, at_domain):
        answer = at_domain.post(f"{PAGE}connect/", {"record_type": "contacts"})

        assert answer.url == f"http://larkfield.localhost:8000{PAGE}"
        assert not ConsentRequest.objects.exists()

    def test_starts_and_ends_at_the_platform_address(self, browser, at_platform, select_connect, consent, hub):
        assert "+ Connect" in text_of(browser.get(PAGE))

        forwarded = at_platform.get(CALLBACK, consent(select_connect(), hub)).url

        assert forwarded.startswith(f"http://larkfield.localhost:8000{PAGE}finish/?")

    def test_keeps_its_own_domain_for_gusto(self, portal):
        assert connecting.address(portal, "gusto", "/x/") == "http://learn.larkfield.example:8000/x/"


class TestConnectedPage:
    def test_leads_through_the_set_up_until_somebody_is_in(self, browser, connect_hubspot, portal):
        connection = connect_hubspot(portal)
        # What the nightly sync leaves behind even when nobody is linked.
        Connection.objects.update(last_complete_sync_at=timezone.now())

        page = browser.get(PAGE)
        assert "First-time setup ✓ Connect (done) 2 Map your data" in text_of(page)
        assert f'href="{PAGE}workflows/"' in page.content.decode()
        assert "Nobody yet: people appear here once a workflow has added or invited them." in text_of(page)

        link_people(connection, 1)
        assert "First-time setup" not in text_of(browser.get(PAGE))

    def test_says_what_hubspot_did_not_allow_and_what_that_disables(self, browser, connect_hubspot, portal, hubspot):
        hubspot.set_tier("professional")
        connect_hubspot(portal)

        page = text_of(browser.get(PAGE))

        assert "What HubSpot did not allow" in page
        assert (
            "Progress cannot be kept in a custom object of the account. crm.schemas.custom.read , crm.objects" in page
        )

    def test_is_quiet_where_everything_was_granted(self, browser, connect_hubspot, portal):
        connect_hubspot(portal)

        assert "did not allow" not in text_of(browser.get(PAGE))

    def test_has_no_invite_configuration(self, browser, connect_hubspot, portal):
        connect_hubspot(portal)

        page = text_of(browser.get(PAGE))

        assert "Map your data" in page
        assert "Invite configuration" not in page
        assert browser.get(f"{PAGE}invites/").status_code == 404
        assert browser.post(f"{PAGE}invites/", {}).status_code == 404

    def test_shows_no_token(self, browser, connect_hubspot, portal, hubspot):
        connect_hubspot(portal)

        page = browser.get(PAGE).content.decode()

        assert hubspot.grants.by_account[hubspot.account.id].refresh_token not in page

    def test_costs_the_same_for_any_number_of_portals_and_people(self, browser, connect_hubspot, portal):
        connection = connect_hubspot(portal)
        link_people(connection, 1)
        browser.get(PAGE)
        with CaptureQueriesContext(database) as before:
            browser.get(PAGE)

        link_people(connection, 9)
        for _ in range(3):
            connect_hubspot(PortalFactory(realm=portal.realm))
        with CaptureQueriesContext(database) as after:
            browser.get(PAGE)

        assert len(after) == len(before) <= 26


class TestWalls:
    def test_show_nothing_to_another_portals_admin(self, portal_client, connect_hubspot, portal, hub):
        connect_hubspot(portal)
        stranger = AdminFactory(portal=PortalFactory(realm=portal.realm, enabled_integrations=["hubspot"]))

        at_home = portal_client(stranger.portal, stranger.user).get(PAGE)
        assert hub.domain not in text_of(at_home)
        assert portal_client(portal, stranger.user).get(PAGE).url.startswith("/sign-in/")

    @pytest.mark.parametrize("role", ["learner", "manager", "instructor"])
    def test_are_closed_to_whoever_is_no_admin(self, portal_client, portal, hub, role):
        someone = MembershipFactory(portal=portal, role=role).user

        for path in (PAGE, f"{PAGE}disconnect/", f"{PAGE}finish/"):
            assert portal_client(portal, someone).get(path).status_code == 403

    def test_want_the_integration_turned_on(self, browser, portal):
        portal.enabled_integrations = ["gusto"]
        portal.save()

        assert browser.get(PAGE).status_code == 403
        assert browser.post(f"{PAGE}connect/", {"record_type": "contacts"}).status_code == 403


class TestDisconnect:
    def test_says_what_is_true_for_hubspot(self, browser, connect_hubspot, portal, hub):
        link_people(connect_hubspot(portal), 2)

        page = text_of(browser.get(f"{PAGE}disconnect/"))

        assert f"No other portal uses {hub.domain}, so Rollcall is uninstalled there" in page
        assert "2 linked learners keep account, groups, courses and progress." in page
        assert "no more course progress is sent" in page
        assert "The links to the records are kept for 30 days." in page
        assert "People who leave" not in page

    def test_keeps_links_for_thirty_days(self, connect_hubspot, portal):
        connection = connect_hubspot(portal)
        link_people(connection, 2)
        connecting.disconnect(connection=connection, user=None)

        links.drop_old(now=timezone.now() + timedelta(days=29))
        assert connection.identities.count() == 2

        links.drop_old(now=timezone.now() + timedelta(days=31))
        assert connection.identities.count() == 0
        assert portal.memberships.filter(status="active").count() == 2
        assert AuditEntry.objects.filter(action="links_dropped", portal=portal).count() == 1

    def test_lets_another_account_in_after_that(self, connect_hubspot, portal, hubspot):
        connection = connect_hubspot(portal)
        connecting.disconnect(connection=connection, user=None)
        other = next(account for account in hubspot.accounts.values() if account.id != hubspot.account.id)
        links.drop_old(now=timezone.now() + timedelta(days=31))

        assert connect_hubspot(portal, account=other).external_account_id == str(other.id)

    def test_drops_nothing_of_who_connected_again(self, connect_hubspot, portal):
        connection = connect_hubspot(portal)
        link_people(connection, 1)
        connecting.disconnect(connection=connection, user=None)
        connect_hubspot(portal)

        links.drop_old(now=timezone.now() + timedelta(days=31))

        assert connection.identities.count() == 1

    def test_drops_old_links_once(self, connect_hubspot, portal):
        connecting.disconnect(connection=connect_hubspot(portal), user=None)
        told = []
        links_dropped.connect(lambda **news: told.append(news), weak=False, dispatch_uid="told")

        try:
            for _ in range(2):
                links.drop_old(now=timezone.now() + timedelta(days=31))
        finally:
            links_dropped.disconnect(dispatch_uid="told")

        assert len(told) == 1


class TestCommands:
    def run(self, *options):
        out = io.StringIO()
        call_command(*options, stdout=out)
        return out.getvalue()

    def test_connect_by_a_code(self, portal, hubspot, hub):
        code = hubspot.authorize(redirect_uri=connecting.redirect_uri("hubspot"))

        options = ["--provider", "hubspot", "--record-type", "contacts", f"--code={code}", "--json"]
        report = json.loads(self.run("connect", "--portal", "larkfield", *options))

        assert report["account_id"] == str(hub.id)
        assert (report["record_type"], report["state"]) == ("contacts", "active")

    def test_want_to_know_the_kind_of_records(self, portal, hubspot):
        with pytest.raises(CommandError, match="--record-type contacts, users") as refusal:
            self.run("connect", "--portal", "larkfield", "--provider", "hubspot", "--code", "c")

        assert refusal.value.returncode == 2

    def test_leave_another_realm_to_a_person(self, portal, connect_hubspot, hubspot):
        connect_hubspot()
        code = hubspot.authorize(redirect_uri=connecting.redirect_uri("hubspot"))
        options = ["--provider", "hubspot", "--record-type", "users", f"--code={code}"]

        with pytest.raises(CommandError, match="another organization") as refusal:
            self.run("connect", "--portal", "larkfield", *options)

        assert refusal.value.returncode == 3

    def test_create_a_portal_with_hubspot_turned_on(self):
        self.run(
            "create_portal",
            *("--realm", "Larkfield", "--slug", "lark", "--name", "Lark", "--admin-email", "a@example.com"),
            *("--enable", "hubspot"),
        )

        assert Connection.objects.count() == 0
        assert PortalFactory._meta.model.objects.get(slug="lark").enabled_integrations == ["hubspot"]
