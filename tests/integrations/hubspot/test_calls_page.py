"""The pages about received calls, and carrying refused ones out again, from a page and from a terminal."""

import html
import json
import re
from datetime import timedelta
from http import HTTPStatus
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.hubspot.models import WorkflowCall
from tests.factories.hubspot import WorkflowCallFactory
from tests.factories.integrations import ConnectionFactory
from tests.factories.portals import GroupFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory, OperatorFactory
from users.models import AuditEntry, Invitation, Membership

from .workflows import run

pytestmark = pytest.mark.django_db

CALLS = "/admin/settings/integrations/hubspot/calls/"


@pytest.fixture
def portal():
    return PortalFactory(name="Partner academy", time_zone="America/Denver", enabled_integrations=["hubspot"])


@pytest.fixture
def connection(portal):
    return ConnectionFactory(portal=portal, provider="hubspot", record_type="contacts", external_account_id="4455667")


@pytest.fixture
def browser(portal, portal_client):
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def receive(connection):
    """Make a call that was received by the portal."""
    return lambda **fields: WorkflowCallFactory(connection=connection, **fields)


def words(response):
    body = re.sub(r"<(style|script).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def numbers(response):
    return [int(number) for number in re.findall(r"/hubspot/calls/(\d+)/\"", response.content.decode())]


class TestWalls:
    @pytest.fixture
    def addresses(self, receive):
        call = receive(outcome="failed", state="refused")
        return [reverse(f"hubspot:{name}", args=[call.pk]) for name in ("call", "replay")] + [
            reverse("hubspot:calls"), reverse("hubspot:workflows"),
        ]  # fmt: skip

    @pytest.mark.parametrize("role", ["learner", "manager", "instructor"])
    def test_admit_admins_only(self, portal, portal_client, addresses, role):
        someone = MembershipFactory(portal=portal, role=role).user

        for address in addresses:
            assert portal_client(portal, someone).get(address).status_code == HTTPStatus.FORBIDDEN, address

    def test_keep_strangers_out(self, portal, portal_client, addresses):
        strangers = [None, AdminFactory(portal=PortalFactory(realm=portal.realm)).user]

        for address in addresses:
            for stranger in strangers:
                for method in ("get", "post"):
                    answer = getattr(portal_client(portal, stranger), method)(address)
                    assert answer.url == f"/sign-in/?next={address}", address

    def test_show_nothing_at_the_platform_host(self, portal_client, addresses):
        for address in addresses:
            assert portal_client(None, OperatorFactory()).get(address).status_code == HTTPStatus.NOT_FOUND

    def test_hide_the_calls_of_other_portals(self, portal, portal_client, addresses):
        other = PortalFactory(realm=portal.realm, enabled_integrations=["hubspot"])
        ConnectionFactory(portal=other, provider="hubspot", external_account_id="4455667")
        stranger = portal_client(other, AdminFactory(portal=other).user)

        assert not numbers(stranger.get(CALLS))
        for address in addresses[:2]:
            assert stranger.get(address).status_code == HTTPStatus.NOT_FOUND
            assert stranger.post(address).status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}

    def test_send_those_who_never_connected_to_connect(self, browser):
        assert browser.get(CALLS).url == "/admin/settings/integrations/hubspot/"


class TestCallsPage:
    def test_says_what_to_do_before_the_first_call(self, browser, connection):
        assert "There has been no call yet" in words(browser.get(CALLS))

    def test_lists_the_newest_first(self, browser, receive):
        old = receive(received_at=timezone.now() - timedelta(hours=1))
        new = receive()

        assert numbers(browser.get(CALLS)) == [new.pk, old.pk]

    def test_names_the_learner_and_what_came_of_it(self, browser, receive, portal):
        learner = MembershipFactory(portal=portal, user__first_name="Ana", user__last_name="Silva")
        receive(membership=learner, workflow_id="192814114")
        receive(outcome="failed", error_code="no_email", state="refused", record_id="902")

        page = words(browser.get(CALLS))

        assert "Ana Silva HubSpot record 901" in page
        assert "Workflow 192814114" in page
        assert "Failed The record has no e-mail address." in page

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("outcome=failed", ["refused"]),
            ("outcome=nonsense", ["refused", "old", "done"]),
            ("q=902", ["refused"]),
            ("q=sil+ana", ["done"]),
            ("q=ana.silva@", ["done"]),
            ("q=77", ["old"]),
            ("q=%00", ["refused", "old", "done"]),
            ("day=2026-03-08", ["old"]),
            ("day=2026-03-09", []),
            ("day=2026-13-99", ["refused", "old", "done"]),
            ("day=9999-12-31", ["refused", "old", "done"]),
        ],
    )
    def test_filters(self, browser, receive, portal, query, expected):
        learner = MembershipFactory(
            portal=portal,
            user__first_name="Ana",
            user__last_name="Silva",
            user__email="ana.silva@example.org",
        )
        calls = {
            "done": receive(membership=learner),
            # Half past eleven in the evening at the portal, where the clocks had been changed that day.
            "old": receive(received_at=timezone.datetime.fromisoformat("2026-03-09T05:30:00+00:00"), workflow_id="77"),
            "refused": receive(outcome="failed", error_code="no_email", state="refused", record_id="902"),
        }

        assert sorted(numbers(browser.get(f"{CALLS}?{query}"))) == sorted(calls[name].pk for name in expected)

    def test_costs_the_same_for_any_number(self, browser, receive, portal):
        def count():
            with CaptureQueriesContext(connections["default"]) as captured:
                assert browser.get(CALLS).status_code == HTTPStatus.OK
            return len(captured)

        receive(membership=MembershipFactory(portal=portal))
        browser.get(CALLS)
        few = count()
        for _ in range(10):
            receive(membership=MembershipFactory(portal=portal))

        assert count() == few

    def test_is_a_tab_of_the_connection(self, browser, connection):
        page = browser.get("/admin/settings/integrations/hubspot/", follow=True)

        assert f'href="{CALLS}"' in page.content.decode()


class TestCallPage:
    def test_shows_what_was_chosen_and_what_was_told(self, browser, connection, settings, receive):
        settings.HUBSPOT_CLIENT_SECRET = "a secret of the app"
        group = GroupFactory(portal=connection.portal, title="Partners")
        run("invite", connection, group=f"grp_{group.pk}", last_day="2099-12-31")
        call = WorkflowCall.objects.get()

        page = words(browser.get(f"{CALLS}{call.pk}/"))

        assert "Portal Partner academy Group Partners Last day of access 2099-12-31" in page
        assert f"learner_id lrn_{call.membership_id}" in page
        assert "An invitation is on its way." in page
        assert "Carry out again" not in page

    def test_leads_to_the_person_and_to_the_run(self, browser, connection, settings):
        settings.HUBSPOT_CLIENT_SECRET = "a secret of the app"
        run("add", connection)
        call = WorkflowCall.objects.get()

        page = browser.get(f"{CALLS}{call.pk}/").content.decode()

        assert reverse("integrations:why", args=[call.membership_id]) in page
        assert reverse("integrations:run", args=["hubspot", connection.runs.get().pk]) in page

    def test_names_a_group_that_is_gone_by_its_id(self, browser, receive):
        call = receive(inputs={"portal": "prt_1", "group": "grp_99", "last_day": "soon"})

        assert "Group A group that is gone (grp_99) Last day of access soon" in words(
            browser.get(f"{CALLS}{call.pk}/")
        )

    def test_offers_to_carry_a_refused_call_out_again(self, browser, receive):
        call = receive(outcome="failed", error_code="no_email", state="refused")

        assert "Carry out this call again?" in words(browser.get(f"{CALLS}{call.pk}/"))

    def test_says_that_a_record_was_forgotten(self, browser, receive):
        call = receive(record_id="", state="forgotten")

        page = words(browser.get(f"{CALLS}{call.pk}/"))

        assert "Forgotten on request" in page
        assert "Carry out again" not in page


class TestWorkflowsPage:
    def test_says_how_to_add_the_actions(self, browser, connection):
        page = words(browser.get(reverse("hubspot:workflows")))

        assert "User Invite Action" in page
        assert "“Partner academy”" in page
        assert "No call has come yet." in page

    def test_says_what_single_sign_on_changes(self, browser, connection):
        connection.portal.sign_in_method = "saml"
        connection.portal.save()

        assert "gets no mail" in words(browser.get(reverse("hubspot:workflows")))


@pytest.fixture
def contact(hub):
    return next(contact for contact in hub.contacts if hub.contacts.value(contact, "email"))


@pytest.fixture
def refused(connect_hubspot, portal, contact):
    """A call for a contact who had no address at the time, and has one now."""
    connection = connect_hubspot(portal)
    fields = run("invite", connection, record=contact.id, email="")
    assert fields["error_code"] == "no_email"
    return WorkflowCall.objects.get()


class TestReplayPage:
    def test_asks_first(self, browser, refused):
        page = words(browser.get(f"{CALLS}{refused.pk}/replay/"))

        assert "HubSpot is not told: the workflow has gone on since." in page
        assert not Membership.objects.filter(role="learner").exists()

    def test_carries_the_call_out_for_the_record_as_it_is_now(self, browser, refused, hub, contact):
        answer = browser.post(f"{CALLS}{refused.pk}/replay/", follow=True)

        learner = Membership.objects.get(role="learner")
        refused.refresh_from_db()
        assert "An invitation is on its way." in words(answer)
        assert learner.user.email == hub.contacts.value(contact, "email").lower()
        assert (refused.outcome, refused.state, refused.membership) == ("invited", "done", learner)
        assert refused.answer["learner_id"] == f"lrn_{learner.pk}"
        assert refused.replayed_at is not None
        assert Invitation.objects.count() == 1

    def test_is_audited(self, browser, refused):
        browser.post(f"{CALLS}{refused.pk}/replay/")

        entry = AuditEntry.objects.get(action="call_replayed")
        assert entry.before == {"outcome": "failed", "error_code": "no_email"}
        assert entry.after == {"outcome": "invited", "error_code": ""}
        assert entry.actor_id

    def test_happens_once(self, browser, refused):
        for _ in range(2):
            browser.post(f"{CALLS}{refused.pk}/replay/")

        assert AuditEntry.objects.filter(action="call_replayed").count() == 1

    def test_says_when_it_is_refused_again(self, browser, refused, portal):
        portal.enabled_integrations = ["hubspot"]
        refused.connection.state = "disconnected"
        refused.inputs = {**refused.inputs, "group": "grp_999"}
        refused.save()

        answer = browser.post(f"{CALLS}{refused.pk}/replay/", follow=True)

        refused.refresh_from_db()
        assert "The group that the workflow names does not exist" in words(answer)
        assert (refused.state, refused.error_code) == ("refused", "unknown_group")

    def test_says_when_the_record_is_gone(self, browser, refused):
        WorkflowCall.objects.update(record_id="99999999")

        answer = browser.post(f"{CALLS}{refused.pk}/replay/", follow=True)

        assert "HubSpot has no such record any more." in words(answer)

    def test_says_when_hubspot_does_not_answer(self, browser, refused, settings):
        settings.HUBSPOT_API_URL = "http://127.0.0.1:9"

        answer = browser.post(f"{CALLS}{refused.pk}/replay/", follow=True)

        refused.refresh_from_db()
        assert answer.status_code == HTTPStatus.OK
        assert refused.state == "refused"


class TestReplayCalls:
    def replay(self, *arguments):
        said = StringIO()
        try:
            call_command("replay_calls", *arguments, "--json", stdout=said, stderr=StringIO())
        except SystemExit as end:
            return end.code, json.loads(said.getvalue())
        return 0, json.loads(said.getvalue())

    def test_carries_refused_calls_out_again(self, refused):
        WorkflowCallFactory(connection=refused.connection)

        assert self.replay() == (0, {"calls": 1, "invited": 1})
        assert self.replay() == (0, {"calls": 0})

    def test_ends_with_three_when_some_stay_refused(self, refused):
        gone = WorkflowCallFactory(
            connection=refused.connection, outcome="failed", state="refused", record_id="99999999"
        )
        gone.inputs = refused.inputs
        gone.save()

        assert self.replay() == (3, {"calls": 2, "impossible": 1, "invited": 1})

    def test_can_be_narrowed(self, refused, portal):
        later = (timezone.now() + timedelta(days=1)).date().isoformat()

        assert self.replay("--since", later) == (0, {"calls": 0})
        assert self.replay("--portal", PortalFactory().slug) == (0, {"calls": 0})
        assert self.replay("--portal", portal.slug, "--since", "2026-01-01") == (0, {"calls": 1, "invited": 1})

    def test_refuses_what_makes_no_sense(self, refused):
        for arguments in (["--portal", "nowhere"], ["--since", "soon"], ["--since", "2026-02-31"]):
            with pytest.raises(CommandError):
                self.replay(*arguments)
