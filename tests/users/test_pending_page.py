"""The list of pending users, what is done there for one, for some, for all, and what the mails look like."""

from datetime import timedelta

import pytest
from django.contrib.admin import helpers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin_pages import form_data, page
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory, OperatorFactory
from users import invitations
from users.admin import PendingUserAdmin
from users.models import Invitation, PendingUser

pytestmark = pytest.mark.django_db

State = Invitation.State
LIST = page(PendingUser, "changelist")


@pytest.fixture
def portal():
    return PortalFactory(name="North Academy")


@pytest.fixture
def admin(portal):
    return AdminFactory(portal=portal, user__last_name="Admin")


@pytest.fixture
def client(portal_client, portal, admin):
    """The portal's admin at the portal's host."""
    return portal_client(portal, admin.user)


@pytest.fixture
def stranger(portal_client):
    """The admin of another portal, at their own host."""
    portal = PortalFactory()
    return portal_client(portal, AdminFactory(portal=portal).user)


@pytest.fixture
def invited(portal):
    """Make a pending person whose invitation is in a state."""

    def make(state=State.SENT, **fields):
        defaults = {"expires_at": timezone.now() + timedelta(days=1), "next_try_at": None}
        mail = InvitationFactory(membership__portal=portal, state=state, **{**defaults, **fields})
        return PendingUser.objects.get(pk=mail.membership_id)

    return make


@pytest.fixture
def expired(invited):
    now = timezone.now()
    return invited(times_sent=2, last_sent_at=now - timedelta(days=4), expires_at=now - timedelta(days=1))


@pytest.fixture
def declined(invited):
    person = invited(State.REJECTED)
    PendingUser.objects.filter(pk=person.pk).update(invitation_withdrawn_at=timezone.now())
    return person


@pytest.fixture
def cancelled(invited):
    person = invited(State.CANCELLED)
    PendingUser.objects.filter(pk=person.pk).update(invitation_withdrawn_at=timezone.now())
    return person


def listed(client, **query):
    """Return who is on the list."""
    return set(client.get(LIST, query).context["cl"].result_list)


def ask(client, action, *rows, query="", **answers):
    """Choose rows of the list and an action."""
    chosen = {"action": action, helpers.ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    return client.post(LIST + query, {**chosen, **answers}, follow=True)


def act(client, action, *rows, query="", counted=None, **answers):
    """Choose rows of the list and an action, and confirm the number of rows."""
    counted = len(rows) if counted is None else counted
    return ask(client, action, *rows, query=query, confirmed="1", counted=counted, **answers)


def state(person):
    return person.invitations.latest("pk").state


class TestList:
    def test_shows_pending_people_only(self, client, portal, expired):
        MembershipFactory(portal=portal)

        assert listed(client) == {expired}

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("expired", "expired"),
            ("sent", "fresh"),
            ("scheduled", "queued"),
            ("held", "held"),
            ("failed", "failed"),
            ("address_changed", "moved"),
            ("none", "silent"),
            ("cancelled", "cancelled"),
        ],
    )
    def test_filters_by_every_state(self, client, portal, invited, expired, cancelled, wanted, found):
        people = {
            "expired": expired,
            "cancelled": cancelled,
            "fresh": invited(),
            "queued": invited(State.SCHEDULED),
            "held": invited(State.HELD),
            "failed": invited(State.FAILED, failure="No such user here"),
            "moved": invited(State.FAILED, failure=Invitation.ADDRESS_CHANGED),
            "silent": PendingUser.objects.get(pk=MembershipFactory(portal=portal, status="pending").pk),
        }

        assert listed(client, state=wanted) == {people[found]}
        assert listed(client) == {*people.values()} - {cancelled}

    @pytest.mark.parametrize("column", ["invited_at", "last_sent_at", "expires_at", "show_state", "sent_by"])
    def test_sorts_by_what_the_mail_says(self, client, invited, admin, column):
        now = timezone.now()
        second = invited(
            State.SENT,
            created_at=now,
            last_sent_at=now,
            expires_at=now + timedelta(days=3),
            sent_by=AdminFactory(portal=admin.portal, user__last_name="Zimmer").user,
        )
        first = invited(
            State.FAILED,
            created_at=now - timedelta(days=1),
            last_sent_at=now - timedelta(days=1),
            expires_at=now + timedelta(days=2),
            sent_by=admin.user,
        )
        # The name of the column, counted from the box for choosing rows.
        place = PendingUserAdmin.list_display.index(column) + 1

        upwards, downwards = (client.get(LIST, {"o": order}).context["cl"] for order in (place, -place))

        assert list(upwards.result_list) == [first, second]
        assert list(downwards.result_list) == [second, first]

    def test_filters_by_source_and_finds_by_address(self, client, portal, invited):
        from_gusto = invited(membership__source="gusto", membership__user__email="ada@example.com")
        invited()

        assert listed(client, source__exact="gusto") == {from_gusto}
        assert listed(client, q="ada@exa") == {from_gusto}

    def test_shows_what_was_sent_when_and_by_whom(self, client, expired, admin):
        expired.invitations.update(sent_by=admin.user)

        shown = client.get(LIST).text

        assert "Expired" in shown
        assert "Robin Admin" in shown

    def test_shows_what_the_mail_server_said_and_when_it_is_tried_again(self, client, invited):
        invited(State.FAILED, failure="550 No such user here")
        invited(State.SCHEDULED, failure="Greylisted", next_try_at=timezone.now() + timedelta(hours=1))

        shown = client.get(LIST).text

        assert "550 No such user here" in shown
        assert "Greylisted" in shown
        assert "Next try:" in shown

    def test_shows_that_an_address_changed(self, client, expired):
        url = page(PendingUser, "change", expired.pk)
        data, _relations = form_data(client.get(url))
        token = invitations.token(expired.invitations.get())

        response = client.post(url, {**data, "email": "moved@example.com"}, follow=True)

        assert "Send the invitation again" in response.text
        assert "Address changed, resend needed" in client.get(LIST).text
        assert invitations.find(token, portal=expired.portal, now=timezone.now()) is None

    def test_takes_the_same_number_of_queries_for_any_number_of_people(self, client, invited):
        invited()
        client.get(LIST)
        counts = []
        for people in (0, 20):
            for _ in range(people):
                invited()
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(LIST)
            counts.append(len(queries))

        assert counts[0] == counts[1] < 15


class TestActions:
    def test_send_again_with_a_new_link(self, client, expired, admin):
        old = expired.invitations.get()

        act(client, "resend", expired)

        new = expired.invitations.get()
        assert (new.state, new.sent_by) == (State.SCHEDULED, admin.user)
        assert new.nonce != old.nonce

    def test_say_with_numbers_what_will_happen(self, client, invited):
        first, second, barred = invited(), invited(), invited(membership__user__is_active=False)

        shown = ask(client, "resend", first, second, barred).text

        assert "2 invitations will be mailed." in shown
        assert "1 person gets no mail" in shown
        assert state(first) == State.SENT

    def test_take_all_that_match_the_filter(self, client, invited, expired):
        others = [invited(State.FAILED, failure="No") for _ in range(60)]
        query = "?state=failed"

        asked = ask(client, "resend", others[0], query=query, select_across="1")
        assert "60 invitations will be mailed." in asked.text
        assert "and 40 more" in asked.text
        act(client, "resend", others[0], query=query, select_across="1", counted=60)

        assert Invitation.objects.filter(state=State.SCHEDULED).count() == 60
        assert state(expired) == State.SENT

    def test_ask_again_when_the_list_has_grown_meanwhile(self, client, invited):
        person = invited(State.FAILED, failure="No")
        invited(State.FAILED, failure="No")

        shown = act(client, "resend", person, query="?state=failed", select_across="1", counted=1).text

        assert "The list has changed meanwhile" in shown
        assert "2 invitations will be mailed." in shown
        assert not Invitation.objects.filter(state=State.SCHEDULED).exists()

    @pytest.mark.parametrize("action", ["resend", "release", "cancel", "allow"])
    def test_cost_the_same_for_any_number_of_people(self, client, invited, action):
        counts = []
        for number in (3, 30):
            people = [invited() for _ in range(number)]
            with CaptureQueriesContext(connection) as queries:
                act(client, action, *people)
            counts.append(len(queries))

        assert counts[0] == counts[1]

    def test_say_when_nothing_can_be_sent(self, client, portal, expired):
        portal.sign_in_method = "saml"
        portal.save()

        shown = act(client, "resend", expired).text

        assert "1 could not be sent" in shown
        assert state(expired) == State.SENT

    def test_release_held_invitations(self, client, invited, expired):
        held = invited(State.HELD)

        act(client, "release", held, expired)

        assert state(held) == State.SCHEDULED
        assert state(expired) == State.SENT

    def test_release_so_many_per_hour(self, client, invited):
        held = [invited(State.HELD) for _ in range(3)]

        act(client, "release", *held, per_hour="2")

        times = sorted(Invitation.objects.values_list("next_try_at", flat=True))
        assert times[2] - times[0] == timedelta(hours=1)

    def test_cancel_and_allow_again(self, client, expired, admin):
        old = expired.invitations.get()

        client.post(page(PendingUser, "cancel", expired.pk), {"confirmed": "1"})

        assert state(expired) == State.CANCELLED
        assert expired.invitations.get().nonce != old.nonce
        assert expired not in listed(client)
        assert "send-again" not in client.get(page(PendingUser, "change", expired.pk)).text
        client.post(page(PendingUser, "allow", expired.pk), {"confirmed": "1", "send_now": "on"})
        assert expired in listed(client)
        assert (state(expired), expired.invitations.latest("pk").sent_by) == (State.SCHEDULED, admin.user)

    def test_allow_without_sending(self, client, cancelled):
        act(client, "allow", cancelled, query="?state=cancelled")

        assert listed(client, state="none") == {cancelled}

    @pytest.mark.parametrize("action", ["resend", "cancel", "allow", "release"])
    def test_change_nothing_by_looking_at_the_question(self, client, expired, action):
        before = expired.invitations.values().get()

        assert client.get(page(PendingUser, action, expired.pk)).status_code == 200

        assert expired.invitations.values().get() == before

    @pytest.mark.parametrize("action", ["resend", "cancel", "allow", "release"])
    def test_are_closed_to_strangers(self, stranger, invited, action):
        person = invited(State.HELD)

        assert stranger.post(page(PendingUser, action, person.pk), {"confirmed": "1"}).status_code == 404
        act(stranger, action, person, counted=0)
        act(stranger, action, person, counted=0, select_across="1")

        assert state(person) == State.HELD


class TestMailExamples:
    def show(self, client, portal, **query):
        return client.get(reverse("admin:users_pendinguser_mails", args=[portal.pk]), query)

    @pytest.mark.parametrize(
        ("name", "subject"),
        [
            ("invite", "You are invited to North Academy"),
            ("reminder", "Your invitation to North Academy is about to expire"),
            ("welcome", "Welcome to North Academy"),
            ("reset", "Set a new password for North Academy"),
        ],
    )
    def test_show_every_mail_for_an_invented_person(self, client, portal, name, subject):
        shown = self.show(client, portal, mail=name)

        assert subject in shown.text
        assert "Hello Robin," in shown.text
        frame = client.get(shown.context["frame"])
        assert "Hello Robin," in frame.text
        assert frame["X-Frame-Options"] == "SAMEORIGIN"
        assert "script" not in frame.text

    def test_show_the_mail_of_a_real_person_without_their_link(self, client, portal, invited):
        person = invited(membership__user__first_name="Ada")
        mail = person.invitations.get()

        shown = self.show(client, portal, person=person.pk)

        assert "Hello Ada," in shown.text
        assert person.user.email in shown.text
        for secret in (invitations.token(mail), invitations.temporary_password(mail)):
            assert secret not in shown.text
            assert secret not in client.get(shown.context["frame"]).text

    def test_wear_the_portals_colour(self, client, portal):
        portal.accent_color = "#ffee00"
        portal.save()

        assert "#ffee00" in client.get(self.show(client, portal).context["frame"]).text

    def test_are_reached_from_the_settings_and_from_the_list(self, client, portal, invited):
        person = invited()
        address = reverse("admin:users_pendinguser_mails", args=[portal.pk])

        assert address in client.get(reverse("admin:portals_portal_change", args=[portal.pk])).text
        assert f"{address}?person={person.pk}" in client.get(LIST).text

    def test_are_mailed_to_oneself(
        self, client, portal, admin, smtp, tasks_at_once, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("admin:users_pendinguser_mail_test", args=[portal.pk, "invite"]))

        assert [mail["To"] for mail in smtp] == [admin.user.email]
        assert smtp[0]["Subject"] == "Test: You are invited to North Academy"

    def test_are_mailed_by_a_post_and_so_often_only(self, client, portal, django_capture_on_commit_callbacks):
        url = reverse("admin:users_pendinguser_mail_test", args=[portal.pk, "invite"])

        assert client.get(url).status_code == 405
        answers = [client.post(url, follow=True).text for _ in range(11)]

        assert "is on its way" in answers[9]
        assert "Try again in an hour" in answers[10]

    def test_are_closed_to_strangers(self, stranger, client, portal, invited):
        neighbour = InvitationFactory(membership__status="pending").membership

        assert self.show(stranger, portal).status_code == 404
        assert self.show(client, portal, person=neighbour.pk).status_code == 404
        assert self.show(client, portal, mail="nonsense").status_code == 404

    def test_are_open_to_operators(self, portal_client, portal):
        assert self.show(portal_client(None, OperatorFactory()), portal).status_code == 200


class TestWhoDeclined:
    def test_is_listed_apart_and_can_be_asked_again(self, client, invited, cancelled, declined):
        waiting = invited()

        assert listed(client) == {waiting}
        assert listed(client, state="rejected") == {declined}
        assert listed(client, state="cancelled") == {cancelled}
        assert "Declined" in client.get(LIST, {"state": "rejected"}).text

        act(client, "allow", declined, query="?state=rejected", send_now="on")

        assert state(declined) == State.SCHEDULED
        assert declined in listed(client)
