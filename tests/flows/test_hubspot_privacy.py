"""Delete a user's HubSpot data to meet GDPR requirements, over real HTTP: from HubSpot's page to the portal.

A learner whose account came from HubSpot asks HubSpot to delete their personal data: the link breaks, the account
stays.
"""

import json

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import tasks as shared_tasks
from integrations.hubspot import tasks
from integrations.models import ExternalIdentity, SyncRun, WebhookEvent
from integrations.sync import leases
from tests.factories.portals import CourseFactory, GroupCourseFactory, GroupFactory
from tests.integrations.hubspot.signing import signed
from users import progress
from users.models import AuditEntry, Membership

from .conftest import HUBSPOT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("tasks_at_once", "smtp"),
]

ANA = "901"


@pytest.fixture
def told(hubspot, live_server, settings):
    """Have HubSpot send its events and workflow actions here; the function waits until all were taken."""
    base = f"{settings.PLATFORM_SCHEME}://{settings.PLATFORM_DOMAIN}/integrations/hubspot/"
    hubspot.repeat_at_once()
    hubspot.set_target(base, port=live_server.thread.port)

    def wait():
        assert hubspot.wait_until_quiet()
        tasks.take_up_records()

    return wait


@pytest.fixture
def connection(contacts):
    return contacts


@pytest.fixture
def add(connection, hubspot, told, academy):
    """Run the User Add Action on a contact; return what HubSpot was answered."""

    def action(contact, **inputs):
        (execution,) = hubspot.run_workflow(
            contact, action="user-add", inputs={"portal": f"prt_{academy.pk}", **inputs}
        )
        told()
        tasks.follow_actions()
        return execution

    return action


@pytest.fixture
def ana(add, academy):
    """A learner who came by a workflow, and is taking a course that HubSpot shows."""
    group = GroupFactory(portal=academy, title="Customers")
    GroupCourseFactory(group=group, course=CourseFactory(portal=academy, title="Safety basics"))
    add(ANA, group=f"grp_{group.pk}")
    learner = Membership.objects.get(user__email="ana.silva@example.org")
    study(learner, "in_progress", 40)
    return learner


@pytest.fixture
def records(hubspot):
    """The records of course progress that HubSpot has."""

    def found():
        kinds = [kind for kind in hubspot.account.types.values() if "course_enrollment" in kind.name]
        return [record for kind in kinds for record in kind]

    return found


@pytest.fixture
def receipts(enabler, academy):
    """What the page of deletions says."""
    return lambda: enabler.open(academy.url(f"{HUBSPOT}privacy/")).words


def study(learner, status, percent):
    """Let a learner get somewhere in their course, and HubSpot hear of it if it may."""
    progress.record(enrollment=learner.enrollments.get(), status=status, percent=percent, now=timezone.now())
    tasks.sweep_progress()


def identities():
    return ExternalIdentity.objects.filter(state="linked")


class TestDeletion:
    def test_breaks_the_link_and_leaves_the_account(self, ana, hubspot, told, records, receipts, visit, academy):
        assert identities().get().external_id == ANA
        assert len(records()) == 1
        assert "HubSpot has not asked to delete anybody yet" in receipts()

        hubspot.delete_for_privacy(ANA)
        told()

        assert not ExternalIdentity.objects.exists()
        ana.refresh_from_db()
        assert ana.status == "active"
        assert ana.enrollments.get().percent == 40
        assert "Safety basics" in visit(academy).let_in(ana.user).open("/").words

    def test_leaves_nothing_of_the_learner_in_hubspot(self, ana, hubspot, told, records):
        hubspot.delete_for_privacy(ANA)
        told()
        tasks.sweep_progress()
        assert records() == []

        study(ana, "completed", 100)

        assert records() == []

    def test_gives_a_receipt_without_the_persons_data(self, ana, hubspot, told, receipts, enabler):
        hubspot.delete_for_privacy(ANA)
        told()

        page = receipts()
        assert "the link to the record" in page
        assert "1 record of course progress in HubSpot" in page
        assert "Ana" not in page
        assert ANA not in page
        assert AuditEntry.objects.filter(action="hubspot_link_removed", reason="hubspot_privacy").count() == 1

        enabler.press("Find its receipt", record=ANA)
        assert "the link to the record" in enabler.words
        enabler.press("Find its receipt", record="902")
        assert "There is no receipt for this record" in enabler.words

    @pytest.mark.parametrize("order", ["deletion_first", "privacy_first"])
    @pytest.mark.parametrize("apart", [True, False])
    def test_is_the_same_whatever_the_order_of_hubspots_messages(self, ana, hubspot, told, connection, order, apart):
        hubspot.set_webhooks(copies=3, shuffle=True)
        hubspot.delete_for_privacy(ANA, order=order, apart=apart)
        told()

        assert not ExternalIdentity.objects.exists()
        assert connection.privacy_receipts.count() == 1


class TestAfterwards:
    @pytest.fixture
    def deleted(self, ana, hubspot, told):
        hubspot.delete_for_privacy(ANA)
        told()
        return ana

    def test_later_messages_change_nothing(self, deleted, hubspot, told, connection):
        sent = [one for one in hubspot.outbound.deliveries.sent if one.kind == "webhook"]
        assert sent
        for one in sent:
            later = [{**event, "occurredAt": event["occurredAt"] + 3_600_000} for event in json.loads(one.body)]
            for body in (one.body.encode(), json.dumps(later).encode()):
                path = reverse("hubspot_public:webhooks")
                headers = {"host": settings.PLATFORM_DOMAIN, **signed(path, body)}
                answer = Client().post(path, body, content_type="application/json", headers=headers)
                assert answer.status_code == 200
        told()

        assert not ExternalIdentity.objects.exists()
        assert connection.privacy_receipts.count() == 1
        assert not WebhookEvent.objects.filter(person_id=ANA).exists()

    def test_the_nightly_compare_links_nobody(self, deleted, connection):
        now = timezone.now()
        run = leases.claim_daily(connection=connection, day=connection.portal.today(now), now=now)
        shared_tasks.sync_connection(run_id=run.pk)

        run.refresh_from_db()
        assert run.state == SyncRun.State.COMPLETED
        assert not ExternalIdentity.objects.exists()

    def test_whoever_comes_back_is_not_linked_by_their_address(self, deleted, hubspot, enabler, academy):
        hubspot.add_contact(email="ana.silva@example.org", firstname="Ana")

        enabler.open(academy.url(f"{HUBSPOT}linking/")).press("Look for them")

        assert "0 learners have a record with the same address" in enabler.words
        assert "The person asked the other system to delete their data" in enabler.words

    def test_a_workflow_that_names_the_person_links_them_again(self, deleted, hubspot, add):
        contact = hubspot.add_contact(email="ana.silva@example.org", firstname="Ana")

        add(contact.id)

        identity = identities().get()
        assert (identity.external_id, identity.membership) == (contact.id, deleted)


class TestOtherDeletions:
    def test_a_deleted_contact_loses_the_link_until_it_is_restored(self, ana, hubspot, told, receipts):
        hubspot.delete_contact(ANA)
        told()
        assert not identities().exists()
        assert "HubSpot has not asked to delete anybody yet" in receipts()

        hubspot.restore_contact(ANA)
        told()

        assert identities().get().membership == ana

    @pytest.mark.parametrize("makes_new_id", [True, False])
    def test_the_link_follows_a_merged_contact(self, ana, hubspot, told, makes_new_id):
        left = hubspot.merge_contacts("902", ANA, makes_new_id=makes_new_id)
        told()

        identity = identities().get()
        assert (identity.external_id, identity.membership) == (left.id, ana)

    def test_a_merged_contact_is_deleted_under_all_its_numbers(self, ana, hubspot, told, connection):
        left = hubspot.merge_contacts("902", ANA, makes_new_id=True)
        told()

        hubspot.delete_for_privacy(left.id)
        told()

        assert not ExternalIdentity.objects.exists()
        assert not connection.record_aliases.exists()
        assert connection.privacy_receipts.get().removed["links"] == 1

    def test_deleting_the_account_itself_is_a_separate_act(self, ana, hubspot, told):
        hubspot.delete_for_privacy(ANA)
        told()

        assert Membership.objects.filter(pk=ana.pk).exists()
        assert not AuditEntry.objects.filter(action="account_erased").exists()
