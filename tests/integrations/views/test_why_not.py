"""Looking for somebody who is missing, and the step that stopped them."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations.engine.changes import Reason
from tests.factories.integrations import (
    ConnectionFactory,
    ExternalIdentityFactory,
    PlannedChangeFactory,
    SyncRunFactory,
)
from tests.factories.users import InvitationFactory, MembershipFactory

from .conftest import ROOT, text_of

SEARCH = f"{ROOT}people/missing/"


def page_of(identity):
    return reverse("integrations:why_not", args=[identity.pk])


@pytest.fixture
def tom(connection):
    snapshot = {
        "first_name": "Tom",
        "last_name": "Reyes",
        "work_email": "tom@harbor.example",
        "status": "active",
        "hired_on": "2026-03-01",
        "attributes": {"department": "Sales"},
    }
    return ExternalIdentityFactory(
        connection=connection, state="skipped", reason="no_email", external_id="uuid-tom", snapshot=snapshot
    )


@pytest.fixture
def linked(connection, portal):
    def made(*, reason="", **fields):
        return ExternalIdentityFactory(
            connection=connection, reason=reason, membership=MembershipFactory(portal=portal, **fields)
        )

    return made


class TestSearch:
    @pytest.mark.parametrize("words", ["tom", "Reyes Tom", "tom@harbor", "UUID-TOM", "  tom   rey "])
    def test_shows_the_only_person_at_once(self, portal_admin, tom, words):
        assert portal_admin.get(SEARCH, {"q": words}).url == page_of(tom)

    def test_lists_several_with_the_reason(self, portal_admin, connection, tom):
        ExternalIdentityFactory(
            connection=connection, state="skipped", reason="inactive", snapshot={"first_name": "Tomas"}
        )

        page = text_of(portal_admin.get(SEARCH, {"q": "tom"}))

        assert "Tom Reyes tom@harbor.example" in page
        assert "The person is inactive in the connected system." in page

    def test_finds_users_too(self, portal_admin, portal):
        MembershipFactory(portal=portal, user__first_name="Maya", user__last_name="Okafor")

        assert "Maya Okafor" in text_of(portal_admin.get(SEARCH, {"q": "okafor"}))

    def test_says_what_it_means_to_be_in_no_list(self, portal_admin, connection):
        page = text_of(portal_admin.get(SEARCH, {"q": "nobody"}))

        assert "Nobody called “nobody” was found" in page
        assert "No complete list of Gusto was read yet." in page

    def test_stands_nonsense(self, portal_admin, connection):
        for words in ("\0", "%", "x" * 500, "a b c d e f g h"):
            assert portal_admin.get(SEARCH, {"q": words}).status_code == HTTPStatus.OK

    def test_finds_nobody_of_another_portal(self, portal_admin, connection):
        other = ConnectionFactory(external_account_id="c2")
        ExternalIdentityFactory(connection=other, state="skipped", snapshot={"first_name": "Elsewhere"})
        MembershipFactory(user__first_name="Elsewhere")

        assert "Nobody called" in text_of(portal_admin.get(SEARCH, {"q": "elsewhere"}))

    def test_costs_the_same_for_any_number_of_people(self, connection, portal, queries):
        before = queries(f"{SEARCH}?q=vale")
        snapshot = {"first_name": "Robin", "last_name": "Vale"}
        ExternalIdentityFactory.create_batch(30, connection=connection, state="skipped", snapshot=snapshot)
        MembershipFactory.create_batch(5, portal=portal)

        assert queries(f"{SEARCH}?q=vale") <= before <= 12


class TestSteps:
    def test_stop_at_the_first_that_is_not_passed(self, portal_admin, tom):
        page = text_of(portal_admin.get(page_of(tom)))

        assert "Why Tom Reyes is not here" in page
        assert "The last complete list contained the person." in page
        assert "Stopped here: The person has no e-mail address that may be used." in page
        assert "Has the hiring date come? Not reached." in page
        assert "Enter a work or personal e-mail in the connected system" in page

    @pytest.mark.parametrize("reason", Reason)
    def test_have_a_sentence_for_every_reason(self, portal_admin, tom, reason):
        tom.reason = reason.value
        tom.save()

        assert "Stopped here:" in text_of(portal_admin.get(page_of(tom)))

    def test_begin_with_the_list(self, portal_admin, connection, tom):
        seen = timezone.now() - timedelta(days=3)
        for days, state in ((3, "completed"), (2, "failed"), (1, "completed")):
            at = timezone.now() - timedelta(days=days)
            finished = seen if days == 3 else at
            SyncRunFactory(connection=connection, trigger="schedule", state=state, created_at=at, finished_at=finished)
        tom.times_missing = 1
        tom.save()

        response = portal_admin.get(page_of(tom))

        page = text_of(response)
        assert "Stopped here: The last complete list of the connected system did not contain this person." in page
        assert response.context["last_seen"] == seen

    def test_show_what_the_source_says(self, portal_admin, tom):
        page = text_of(portal_admin.get(page_of(tom)))

        assert "Work e-mail tom@harbor.example" in page
        assert "Hire date March 1, 2026" in page
        assert "Department Sales" in page

    def test_tell_of_someone_whom_an_admin_removed(self, portal_admin, linked):
        identity = linked()
        identity.membership.delete()

        assert "Stopped here: An admin removed this person" in text_of(portal_admin.get(page_of(identity)))

    def test_tell_of_ended_access(self, portal_admin, linked):
        assert "Stopped here: The access has ended." in text_of(portal_admin.get(page_of(linked(status="ended"))))

    def test_tell_that_an_admin_ended_the_access(self, portal_admin, linked):
        identity = linked(status="ended", reason="ended_by_admin")

        assert "Stopped here: An admin ended this person's access" in text_of(portal_admin.get(page_of(identity)))

    def test_tell_of_held_changes_with_a_way_to_them(self, portal_admin, connection, linked):
        identity, run = linked(), SyncRunFactory(connection=connection)
        PlannedChangeFactory(run=run, external_id=identity.external_id, state="held", kind="end_access")

        response = portal_admin.get(page_of(identity))

        assert "Is nothing held for approval? Stopped here:" in text_of(response)
        assert f"runs/{run.pk}/?show=held" in response.content.decode()

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("held", "The invitation waits for its release."),
            ("failed", "could not be delivered: mailbox unknown"),
            ("sent", "was sent and not accepted yet"),
            ("cancelled", "An admin cancelled this person's invitation"),
            ("scheduled", "is about to be sent"),
            ("rejected", "was rejected"),
        ],
    )
    def test_tell_of_the_mail(self, portal_admin, linked, state, words):
        identity = linked(status="pending")
        InvitationFactory(membership=identity.membership, state=state, failure="mailbox unknown")

        assert words in text_of(portal_admin.get(page_of(identity)))

    def test_are_all_passed_by_a_user(self, portal_admin, linked):
        page = text_of(portal_admin.get(page_of(linked())))

        assert "Nothing stops this person: they are a user of this portal." in page
        assert "Stopped here" not in page

    def test_are_not_told_to_another_portal(self, portal_admin, connection):
        stranger = ExternalIdentityFactory(connection=ConnectionFactory(external_account_id="c2"))

        assert portal_admin.get(page_of(stranger)).status_code == HTTPStatus.NOT_FOUND
