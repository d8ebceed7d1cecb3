"""Nothing in the shared code is Gusto's or HubSpot's own: a provider that only this file knows works as they do."""

import html
import re
from datetime import date
from hashlib import blake2b
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import connecting, providers
from integrations.engine.records import EmploymentStatus, Person
from integrations.http import AuthorizationLost
from integrations.models import Connection, ExternalIdentity, FieldMapping, Grant, SyncRun
from integrations.providers import (
    Attribute,
    ExternalAccount,
    Fact,
    MissingScope,
    PeoplePage,
    RecordType,
    SetupStep,
    Tab,
    Words,
)
from integrations.sync import leases
from integrations.sync import run as sync_run
from tests.factories.portals import CustomFieldFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import Membership

pytestmark = pytest.mark.django_db

PAGE = "/admin/settings/integrations/staffbook/"
CALLBACK = "/integrations/staffbook/callback/"
PER_PAGE = 2


class Staffbook:
    """An invented system for the staff of ships, with everything that the protocols ask for."""

    key = "staffbook"
    label = "Staffbook"
    words = Words(
        section="Shipping",
        description="Adds the crews of your ships.",
        account="Fleet",
        purpose="%(system)s says who is on board.",
        needs=("The harbour master's sign-in.",),
        receives=("Name and e-mail address of everyone on board.",),
        connecting=("%(portal)s reads the crews of %(account)s.",),
        first_sync="Adds the crews.",
        disconnecting=("Nobody is told who goes ashore.",),
        nobody="The ships are empty.",
        missing="Is the ship at sea?",
        leaving="%(system)s forgets %(portal)s.",
    )
    record_types = (
        RecordType("sailors", "Sailors", "Everyone on board."),
        RecordType("pilots", "Pilots", "Everyone who comes on board for an hour."),
    )
    tabs = (Tab("Upcoming arrivals", "integrations:upcoming"),)
    hidden_tabs = frozenset({"invite_settings"})
    setup = (SetupStep("Ring the bell", "So that everyone knows.", "integrations:upcoming"),)
    shares_accounts = False
    starts_at_platform_address = False
    keeps_links = None
    lists_newcomers = True
    trusts_addresses = True
    finds_people = False

    def __init__(self):
        self.crew = {}
        self.codes = {}
        self.living = set()

    def sign_on(self, key, first_name, **details):
        self.crew[key] = Person(
            key=key,
            first_name=first_name,
            last_name="Reed",
            work_email=f"{first_name}@fleet.example".lower(),
            **details,
        )

    def authorize_url(self, *, state, redirect_uri, record_type=""):
        query = {"state": state, "back": redirect_uri, "kind": record_type}
        return f"https://staffbook.example/consent?{urlencode(query)}"

    def exchange(self, *, code, redirect_uri):
        if code not in self.codes:
            raise AuthorizationLost("Staffbook: unknown code")
        token = f"token-of-{self.codes.pop(code)}"
        self.living.add(token)
        return {"access_token": token, "refresh_token": f"{token}-again", "expires_in": 3600, "scope": ["crew"]}

    def refresh(self, *, refresh_token):
        return {"access_token": refresh_token.removesuffix("-again")}

    def account(self, *, access_token):
        return ExternalAccount("fleet-1", "Northern Fleet")

    def revoke(self, *, access_token, refresh_token):
        self.living.discard(access_token)

    def missing_scopes(self, connection):
        return () if "logbook" in connection.grant.scopes else (MissingScope("logbook", "No logbook is kept."),)

    def attributes(self, connection):
        return self.standard_attributes(connection)

    def standard_attributes(self, connection):
        return (Attribute("ship", "Ship", "text"),)

    def pages(self, connection, *, wanted, first_page=1, keep_alive=lambda: None):
        people = [self._told(person, wanted) for _key, person in sorted(self.crew.items())]
        parts = [people[start : start + PER_PAGE] for start in range(0, len(people), PER_PAGE)] or [[]]
        for number, part in enumerate(parts[first_page - 1 :], first_page):
            yield PeoplePage(
                number=number,
                total_pages=len(parts),
                total_people=len(people),
                fingerprint=blake2b(repr(part).encode(), digest_size=16).digest(),
                people=part.copy,
            )

    def people(self, connection, keys, *, wanted, keep_alive=lambda: None):
        return [self._told(self.crew[key], wanted) for key in keys if key in self.crew]

    def find(self, connection, searched, *, wanted):
        return self.crew.get(searched)

    def _told(self, person, wanted):
        kept = {key: text for key, text in person.attributes.items() if key in wanted}
        return Person(**{name: getattr(person, name) for name in Person.__dataclass_fields__} | {"attributes": kept})


@pytest.fixture
def staffbook(monkeypatch):
    """Install the provider; that is all it takes."""
    toy = Staffbook()
    for key, name, ship in (("s-1", "Ada", "Heron"), ("s-2", "Ben", "Heron"), ("s-3", "Cleo", "Gull")):
        toy.sign_on(key, name, attributes={"ship": ship}, hired_on=date(2020, 1, 1))
    monkeypatch.setitem(providers._registry, toy.key, toy)
    return toy


@pytest.fixture
def portal():
    return PortalFactory(slug="fleet", name="Fleet Academy", enabled_integrations=["staffbook"])


@pytest.fixture
def browser(portal_client, portal, staffbook):
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def connection(browser, portal_client, portal, staffbook):
    """The portal's connection, made on the pages that all providers share."""
    consent = browser.post(f"{PAGE}connect/", {"record_type": "sailors"}).url
    asked = {name: values[0] for name, values in parse_qs(urlsplit(consent).query).items()}
    assert asked["back"] == f"http://localhost:8000{CALLBACK}"
    assert asked["kind"] == "sailors"
    staffbook.codes["c-1"] = portal.slug
    back = portal_client(None).get(CALLBACK, {"state": asked["state"], "code": "c-1"}).url
    browser.get(back.removeprefix("http://fleet.localhost:8000"))
    browser.post(browser.get(f"{PAGE}finish/").context["question"]["url"])
    return Connection.objects.get(portal=portal)


def sync(connection):
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
    return sync_run.carry_out(run_id=run.pk)


def learners(portal):
    rows = Membership.objects.filter(portal=portal, role="learner").values_list("user__email", "status")
    return dict(rows.order_by("user__email"))


def text_of(response):
    body = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(body).split())


class TestThirdProvider:
    def test_is_in_the_catalogue_in_its_own_words(self, browser):
        page = text_of(browser.get("/admin/settings/integrations/"))

        assert "Shipping Staffbook Not connected Adds the crews of your ships." in page

    def test_says_in_its_own_words_what_connecting_means(self, browser):
        page = text_of(browser.get(PAGE))

        assert "Staffbook says who is on board." in page
        assert "The harbour master's sign-in." in page
        assert "Pilots Everyone who comes on board for an hour." in page

    def test_is_connected_on_the_shared_pages(self, connection, staffbook):
        assert connection.state == Connection.State.ACTIVE
        assert (connection.external_account_name, connection.record_type) == ("Northern Fleet", "sailors")
        assert Grant.objects.get().provider == "staffbook"

    def test_has_its_tabs_its_steps_and_what_it_lacks_on_the_overview(self, browser, connection):
        page = text_of(browser.get(PAGE))

        assert "Map your data Scope and safety Runs Problems Upcoming arrivals" in page
        assert "Ring the bell So that everyone knows." in page
        assert "Fleet Northern Fleet" in page
        assert "No logbook is kept. logbook" in page

    def test_brings_its_people_in_and_takes_them_out(self, connection, portal, staffbook):
        field = CustomFieldFactory(portal=portal, label="Ship")
        FieldMapping.objects.create(connection=connection, attribute="ship", custom_field=field)

        assert sync(connection).state == SyncRun.State.COMPLETED
        assert list(learners(portal)) == ["ada@fleet.example", "ben@fleet.example", "cleo@fleet.example"]
        ada = Membership.objects.get(portal=portal, user__email="ada@fleet.example")
        assert ada.custom_data == {str(field.pk): "Heron"}

        staffbook.sign_on("s-1", "Ada", attributes={"ship": "Gull"}, hired_on=date(2020, 1, 1))
        staffbook.sign_on("s-2", "Ben", status=EmploymentStatus.INACTIVE, last_day=date(2021, 1, 1))
        sync(connection)

        ada.refresh_from_db()
        assert ada.custom_data == {str(field.pk): "Gull"}
        assert learners(portal)["ben@fleet.example"] == "ended"

    def test_changes_nothing_the_second_time(self, connection, portal):
        sync(connection)
        before = list(Membership.objects.filter(portal=portal).order_by("pk").values())

        run = sync(connection)

        assert list(Membership.objects.filter(portal=portal).order_by("pk").values()) == before
        assert not run.changes.exists()

    @pytest.mark.parametrize("path", ["mapping/", "scope/", "runs/", "problems/", "people/", "disconnect/"])
    def test_has_every_shared_page(self, browser, connection, path):
        sync(connection)

        page = browser.get(f"{PAGE}{path}")

        assert page.status_code == 200
        for word in ("Gusto", "HubSpot"):
            assert word not in text_of(page).replace("Integrations", ""), word

    def test_adds_its_own_line_to_the_page_about_a_person(self, browser, connection, portal, monkeypatch):
        learner = MembershipFactory(portal=portal)

        def facts(asked, person):
            assert (asked, person) == (connection, learner)
            return [Fact("Cabin", "Number 12", ["The key is lost."], Tab("Logbook", "integrations:catalog"))]

        monkeypatch.setitem(providers._facts, "staffbook", facts)
        page = text_of(browser.get(reverse("integrations:why", args=[learner.pk])))

        assert "Told to other systems Cabin Number 12 The key is lost. Logbook" in page

    def test_is_disconnected_and_told(self, browser, connection, staffbook, portal):
        sync(connection)
        asked = text_of(browser.get(f"{PAGE}disconnect/"))
        assert "Staffbook forgets Fleet Academy." in asked
        assert "Nobody is told who goes ashore." in asked

        browser.post(f"{PAGE}disconnect/")

        assert not staffbook.living
        assert not Grant.objects.exists()
        assert ExternalIdentity.objects.count() == 3
        assert "ended" not in learners(portal).values()

    def test_keeps_one_company_out_of_two_portals(self, connection, staffbook):
        staffbook.codes["c-2"] = "another"
        consent = connecting.exchange(provider="staffbook", code="c-2")

        with pytest.raises(connecting.ConsentProblem) as problem:
            connecting.connect(
                portal=PortalFactory(realm=connection.portal.realm),
                provider="staffbook",
                consent=consent,
                record_type="sailors",
                user=None,
                now=timezone.now(),
            )

        assert problem.value.trouble == "company_in_use"
