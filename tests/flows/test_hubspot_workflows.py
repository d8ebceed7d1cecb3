"""Account provisioning from HubSpot: the User Invite Action and the User Add Action in a workflow, over real HTTP.

Based on the conditions that an admin chooses there, HubSpot asks the portal to create a new learner or to send them an
invitation; learners get a mail about their next steps, unless single sign-on manages their log-ins.
"""

import pytest

from integrations.hubspot import tasks
from integrations.models import SyncRun
from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.factories.users import AdminFactory
from users.models import Invitation, Membership

from .conftest import HUBSPOT, PASSWORD, link_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("tasks_at_once", "smtp"),
]

ANA = "901"


@pytest.fixture
def delivered(hubspot, live_server, settings):
    """Have HubSpot call this installation; the function waits until all its calls were answered."""
    base = f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}/integrations/hubspot/"
    hubspot.repeat_at_once()
    hubspot.set_target(base, port=live_server.thread.port)

    def wait():
        assert hubspot.wait_until_quiet()
        tasks.follow_actions()

    return wait


@pytest.fixture
def connection(contacts):
    return contacts


@pytest.fixture
def run(connection, hubspot, delivered, academy):
    """Let a workflow run an action on contacts; return what HubSpot was told, in their order."""

    def on(contacts, action, *, portal=academy, copies=1, **inputs):
        chosen = {"portal": f"prt_{portal.pk}", **inputs}
        executions = hubspot.run_workflow(contacts, action=action, inputs=chosen, copies=copies, shuffle=copies > 1)
        delivered()
        assert all(one.state in {"SUCCESS", "FAIL_CONTINUE"} for one in executions), executions
        return [one.outputs for one in executions]

    return on


@pytest.fixture
def address(hubspot):
    """The address of a contact in HubSpot."""
    return lambda contact: hubspot.account.contacts.value(hubspot.account.contacts.get(contact), "email").lower()


def learner_with(email):
    return Membership.objects.select_related("user").get(user__email=email, role="learner")


class TestCreatedLearners:
    def test_log_in_and_reset_the_password(self, run, smtp, address, academy, visit):
        (told,) = run(ANA, "user-add")

        assert (told["outcome"], told["state"]) == ("created", "active")
        (mail,) = smtp
        assert mail["To"] == address(ANA)
        browser = visit(academy).open(link_in(mail))
        browser.press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)
        assert browser.path == "/"
        assert told["learner_id"] == f"lrn_{learner_with(address(ANA)).pk}"

    @pytest.mark.parametrize("method", ["saml", "signed_link"])
    def test_get_no_mail_where_single_sign_on_manages_logins(self, run, smtp, academy, address, method):
        academy.sign_in_method = method
        academy.save()

        (added, invited) = [run(contact, action)[0] for contact, action in ((ANA, "user-add"), ("902", "user-invite"))]

        assert (added["outcome"], invited["outcome"]) == ("created", "created")
        assert not smtp
        assert learner_with(address(ANA)).status == "active"


class TestInvitedLearners:
    def test_activate_their_account(self, run, smtp, address, academy, visit):
        (told,) = run(ANA, "user-invite")

        assert (told["outcome"], told["state"]) == ("invited", "pending")
        (mail,) = smtp
        assert mail["To"] == address(ANA)
        visit(academy).open(link_in(mail)).press("Save and continue", new_password1=PASSWORD, new_password2=PASSWORD)
        assert learner_with(address(ANA)).status == "active"

    def test_get_no_second_mail_when_the_workflow_runs_again(self, run, smtp):
        run(ANA, "user-invite")
        (told,) = run(ANA, "user-invite")

        assert (told["outcome"], told["state"]) == ("already_member", "pending")
        assert len(smtp) == 1

    def test_get_one_mail_however_often_a_call_is_delivered(self, run, smtp):
        contacts = [str(number) for number in range(901, 906)]

        told = run(contacts, "user-invite", copies=5)

        assert [one["outcome"] for one in told if one["hs_execution_state"] == "SUCCESS"]
        assert len(smtp) == Invitation.objects.count() == Membership.objects.filter(role="learner").count()

    def test_come_in_at_once_when_a_workflow_adds_them(self, run, smtp, address):
        run(ANA, "user-invite")
        (told,) = run(ANA, "user-add")

        assert (told["outcome"], learner_with(address(ANA)).status) == ("activated", "active")
        assert [mail["To"] for mail in smtp] == [address(ANA)] * 2


class TestChoicesOfTheAction:
    def test_are_the_portals_of_the_account(self, connection, hubspot, delivered, academy, visit, connect_hubspot):
        teams = PortalFactory(
            name="Larkfield Teams", slug="teams", realm=academy.realm, enabled_integrations=["hubspot"]
        )
        PortalFactory(name="Not connected", realm=academy.realm, enabled_integrations=["hubspot"])
        connect_hubspot(visit(teams).let_in(AdminFactory(portal=teams).user))

        found = hubspot.fetch_options("portal").json()["options"]

        assert found == [
            {"label": "Larkfield for Customers", "description": academy.host, "value": f"prt_{academy.pk}"},
            {"label": "Larkfield Teams", "description": teams.host, "value": f"prt_{teams.pk}"},
        ]
        searched = hubspot.fetch_options("portal", q="teams").json()["options"]
        assert [one["label"] for one in searched] == ["Larkfield Teams"]

    def test_are_the_groups_of_the_chosen_portal(self, connection, hubspot, delivered, academy):
        for number in range(102):
            GroupFactory(portal=academy, title=f"Group {number:03}")
        GroupFactory(title="Of another portal")
        chosen = {"portal": f"prt_{academy.pk}"}

        first = hubspot.fetch_options("group", inputs=chosen).json()
        second = hubspot.fetch_options("group", inputs=chosen, after=first["after"]).json()

        assert (len(first["options"]), first["searchable"]) == (100, True)
        assert [one["label"] for one in second["options"]] == ["Group 100", "Group 101"]
        assert "after" not in second

    def test_say_when_there_is_nothing_to_choose(self, connection, hubspot, delivered, enabler):
        enabler.open(HUBSPOT).follow("Disconnect").press("Disconnect")

        (only,) = hubspot.fetch_options("portal").json()["options"]

        assert only == {"label": "No portal is connected with this HubSpot account", "description": "", "value": ""}

    def test_bring_the_learner_into_the_group_until_the_last_day(self, run, academy, address):
        group = GroupFactory(portal=academy, title="Customers")
        GroupCourseFactory(group=group, course=CourseFactory(portal=academy, title="Safety basics"))

        run(ANA, "user-add", group=f"grp_{group.pk}", last_day="2099-12-31")

        learner = learner_with(address(ANA))
        assert learner.last_day.isoformat() == "2099-12-31"
        assert learner.enrollments.get().course.title == "Safety basics"


class TestWhatTheAdminReads:
    def test_names_each_call_and_what_came_of_it(self, run, enabler, academy, address):
        run(ANA, "user-add")

        page = enabler.open(academy.url(HUBSPOT)).follow("Received calls")
        learner = learner_with(address(ANA))
        assert "User Add Action" in page.words
        assert f"{learner.user.full_name} HubSpot record {ANA}" in page.words
        assert "The person is a learner of the portal now." in page.words

        why = page.follow(learner.user.full_name)
        assert "Why" in why.words

    def test_lists_the_day_as_a_run(self, run, enabler, academy):
        run(ANA, "user-add")

        page = enabler.open(academy.url(f"{HUBSPOT}runs/"))
        day = SyncRun.objects.get(trigger="action")
        assert "Asked for by workflows" in page.words
        assert "Created" in page.follow(f"Run {day.pk}").words

    def test_can_be_taken_back_with_the_run(self, run, enabler, academy, address):
        run(ANA, "user-add")
        day = SyncRun.objects.get(trigger="action")

        enabler.open(academy.url(f"{HUBSPOT}runs/{day.pk}/undo/")).press("Undo this run", typed="1")

        assert learner_with(address(ANA)).status == "ended"
        (told,) = run("902", "user-add")
        assert told["outcome"] == "created"
        assert SyncRun.objects.filter(trigger="action").count() == 2

    def test_says_how_to_set_a_workflow_up(self, connection, enabler, academy):
        page = enabler.open(academy.url(HUBSPOT)).follow("Workflows")

        assert "Under Portal, choose “Larkfield for Customers”." in page.words


class TestAnAdminsAddress:
    def test_on_a_contact_changes_nothing(self, run, hubspot, smtp, academy):
        admin = AdminFactory(portal=academy, user__email="nora.bell@larkfield.example")
        hubspot.change_contact(ANA, email="nora.bell@larkfield.example", firstname="Mallory")

        for action in ("user-invite", "user-add"):
            (told,) = run(ANA, action)
            assert (told["outcome"], told["error_code"]) == ("skipped", "staff_account")

        admin.user.refresh_from_db()
        assert (admin.user.first_name, admin.role) == ("Robin", "admin")
        assert not smtp
