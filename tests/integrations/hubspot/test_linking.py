"""Link existing learners by e-mail: counted first, linked when an admin says so, with everybody's obstacles listed."""

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import tasks
from integrations.engine.changes import Reason
from integrations.hubspot import linking, privacy
from integrations.hubspot.models import ProgressPush
from integrations.models import ExternalIdentity, FieldMapping, SyncRun
from integrations.sync import approval, undo
from integrations.sync import run as sync_run
from tests.factories.integrations import ConnectionFactory, ExternalIdentityFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, PortalFactory
from tests.factories.users import AdminFactory, MembershipFactory
from users.models import AuditEntry, Enrollment, Invitation, Membership

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(connect_hubspot):
    return connect_hubspot()


@pytest.fixture
def learner(connection):
    """Make a learner of the portal with an address."""

    def make(email, **fields):
        fields = {"status": "active", **fields}
        return MembershipFactory(portal=connection.portal, user__email=email, **fields)

    return make


@pytest.fixture
def look(connection):
    """Look, and return the run that did."""

    def go():
        run = linking.look(connection=connection, user=None, now=timezone.now())
        return sync_run.carry_out(run_id=run.pk)

    return go


def link(run):
    started = approval.apply_preview(preview=run, user=None, now=timezone.now(), seen=run.plan_hash)
    return sync_run.carry_out(run_id=started.pk)


def links(connection):
    rows = connection.identities.filter(state="linked").order_by("external_id")
    return dict(rows.values_list("external_id", "membership"))


class TestLook:
    def test_counts_learners_with_a_contact_and_links_nobody(self, connection, learner, look):
        learner("ana.silva@example.org")
        learner("CARLA.mendes@example.org")
        learner("nobody@elsewhere.example")

        run = look()

        assert (run.state, run.is_preview, run.totals["seen"], run.totals["link"]) == ("completed", True, 3, 2)
        assert not ExternalIdentity.objects.exists()

    def test_never_proposes_to_add_or_invite_anybody(self, connection, learner, look):
        learner("ana.silva@example.org")

        run = look()

        assert set(run.changes.values_list("kind", flat=True)) == {"link"}

    def test_reads_a_hundred_addresses_with_one_call(self, connection, learner, look, world):
        for number in range(120):
            learner(f"person{number}@elsewhere.example")
        world.clear_calls()

        assert look().totals["seen"] == 120

        paths = [call.path for call in world.calls.newest(50)]
        assert len([one for one in paths if one.endswith("/batch/read")]) == 2

    def test_lists_who_cannot_be_linked_and_why(self, connection, learner, look, hubspot):
        staff = AdminFactory(portal=connection.portal, user__email="ana.silva@example.org")
        further = learner("dana@private.example")
        taken = learner("bjorn.astrom@example.org")
        ExternalIdentityFactory(connection=connection, external_id="902", membership=learner("other@example.org"))

        run = look()

        assert linking.left_out(run) == {
            Reason.STAFF_ACCOUNT: 1,
            Reason.SECOND_ADDRESS: 1,
            Reason.TWO_LEARNERS: 1,
        }
        found = dict(run.changes.values_list("reason", "membership_id"))
        assert found[Reason.SECOND_ADDRESS] == further.pk
        assert found[Reason.TWO_LEARNERS] == taken.pk
        assert not run.totals.get("link")
        assert Membership.objects.get(pk=staff.pk).user.first_name == "Robin"

    def test_does_not_even_ask_about_those_whose_data_hubspot_was_asked_to_delete(
        self, connection, learner, look, world
    ):
        leaver = learner("ana.silva@example.org")
        ExternalIdentityFactory(connection=connection, external_id="955", membership=leaver)
        privacy.forget_record(connection.external_account_id, "955", timezone.now())
        world.clear_calls()

        run = look()

        assert linking.left_out(run) == {Reason.DATA_DELETED: 1}
        assert not any("ana.silva" in str(call) for call in world.calls.newest(50))

    def test_leaves_out_who_is_linked_or_has_lost_access(self, connection, learner, look):
        learner("ana.silva@example.org", status="ended")
        ExternalIdentityFactory(
            connection=connection, external_id="902", membership=learner("bjorn.astrom@example.org")
        )

        assert not look().totals.get("seen")

    def test_goes_on_where_it_stopped(self, connection, learner, monkeypatch):
        monkeypatch.setattr("integrations.sync.offers.BATCH", 1)
        for email in ("ana.silva@example.org", "bjorn.astrom@example.org"):
            learner(email)
        run = linking.look(connection=connection, user=None, now=timezone.now())

        first = sync_run.carry_out(run_id=run.pk, seconds=0)
        assert (first.state, first.totals["seen"]) == ("queued", 1)
        while run.state in ("queued", "running"):
            run = sync_run.carry_out(run_id=run.pk, seconds=0)

        assert (run.state, run.totals["link"]) == ("completed", 2)

    def test_finds_users_of_hubspot_by_their_address(self, connect_hubspot, hub):
        connection = connect_hubspot(record_type="users")
        user = next(one for one in hub.users if one.properties.get("hs_email"))
        colleague = MembershipFactory(
            portal=connection.portal, user__email=user.properties["hs_email"], status="active"
        )

        run = sync_run.carry_out(run_id=linking.look(connection=connection, user=None, now=timezone.now()).pk)
        link(run)

        assert links(connection) == {user.id: colleague.pk}


class TestLink:
    def test_links_those_who_were_found_and_takes_mapped_values_over(self, connection, learner, look):
        ana = learner("ana.silva@example.org", user__first_name="Anna")
        field = CustomFieldFactory(portal=connection.portal)
        FieldMapping.objects.create(connection=connection, custom_field=field, attribute="department")

        run = link(look())

        assert (run.state, run.totals["link"]) == ("completed", 1)
        assert links(connection) == {"901": ana.pk}
        ana.refresh_from_db()
        assert (ana.user.first_name, ana.custom_data) == ("Ana", {field.key: "sales"})
        assert AuditEntry.objects.filter(action="preview_applied").exists()
        assert not Invitation.objects.exists()

    def test_leaves_alone_who_has_asked_for_deletion_meanwhile(self, connection, learner, look):
        ana, bjorn = learner("ana.silva@example.org"), learner("bjorn.astrom@example.org")
        ExternalIdentityFactory(connection=connection, external_id="955", membership=learner("x@example.org"))
        run = look()
        # The link of the other portal is why the account knows the record.
        other = ConnectionFactory(
            provider="hubspot",
            record_type="contacts",
            external_account_id=connection.external_account_id,
            portal=PortalFactory(realm=connection.portal.realm),
        )
        ExternalIdentityFactory(connection=other, external_id="901", membership=MembershipFactory(portal=other.portal))

        privacy.forget_record(connection.external_account_id, "901", timezone.now())
        started = approval.apply_preview(preview=run, user=None, now=timezone.now())
        sync_run.carry_out(run_id=started.pk)

        assert ana.pk not in links(connection).values()
        assert links(connection)["902"] == bjorn.pk

    def test_can_be_taken_back(self, connection, learner, look):
        learner("ana.silva@example.org")
        run = link(look())

        started = undo.start(run=run, user=None, now=timezone.now())
        sync_run.carry_out(run_id=started.pk)

        assert links(connection) == {}

    def test_has_the_courses_of_those_people_reported(self, connection, learner, look):
        ana = learner("ana.silva@example.org")
        course = CourseFactory(portal=connection.portal)
        Enrollment.objects.create(membership=ana, course=course, enrolled_at=timezone.now())

        link(look())

        assert ProgressPush.objects.get().membership_id == ana.pk


class TestPage:
    URL = "/admin/settings/integrations/hubspot/linking/"

    @pytest.fixture
    def admin(self, connection, portal_client):
        account = AdminFactory(portal=connection.portal).user
        return portal_client(connection.portal, account)

    @pytest.mark.usefixtures("tasks_at_once")
    @pytest.mark.django_db(transaction=True)
    def test_looks_shows_and_leads_to_the_question(self, admin, connection, learner):
        learner("ana.silva@example.org")
        learner("dana@private.example")
        assert "Look for them" in admin.get(self.URL).content.decode()

        admin.post(self.URL)
        page = admin.get(self.URL).content.decode()

        run = SyncRun.objects.get(trigger="linking")
        assert "1 learner has a record with the same address" in page
        assert "The address is only a further one of the record" in page
        assert reverse("integrations:apply_preview", args=["hubspot", run.pk]) in page
        assert AuditEntry.objects.filter(action="linking_looked").count() == 1

        admin.post(reverse("integrations:apply_preview", args=["hubspot", run.pk]), {"seen": run.plan_hash})
        assert "They were linked." in admin.get(self.URL).content.decode()

    def test_is_for_full_admins_of_the_portal(self, connection, portal_client):
        member = MembershipFactory(portal=connection.portal, status="active").user
        stranger = AdminFactory().user

        assert portal_client(connection.portal, member).get(self.URL).status_code in (302, 403)
        assert portal_client(connection.portal, stranger).get(self.URL).status_code in (302, 403)
        assert portal_client(connection.portal).get(self.URL).status_code == 302

    def test_does_not_look_while_a_sync_is_running(self, admin, connection):
        SyncRun.objects.create(connection=connection, trigger="manual", created_at=timezone.now())

        answer = admin.post(self.URL, follow=True)

        assert "A sync is running" in answer.content.decode()
        assert not SyncRun.objects.filter(trigger="linking").exists()

    def test_takes_merged_records_off_the_list(self, admin, connection):
        row = ExternalIdentityFactory(
            connection=connection,
            state="skipped",
            reason="merged_record",
            snapshot={"key": "955", "first_name": "Ana", "last_name": "Silva", "work_email": "ana@example.org"},
        )
        foreign = ExternalIdentityFactory(state="skipped", reason="merged_record")
        assert "Ana Silva &lt;ana@example.org&gt;" in admin.get(self.URL).content.decode()

        assert admin.post(reverse("hubspot:settle_merge", args=[foreign.pk])).status_code == 404
        assert admin.get(reverse("hubspot:settle_merge", args=[row.pk])).status_code == 405
        assert admin.post(reverse("hubspot:settle_merge", args=[row.pk])).status_code == 302

        assert not connection.identities.exists()
        assert ExternalIdentity.objects.filter(pk=foreign.pk).exists()

    def test_costs_the_same_however_many_people_there_are(
        self, admin, connection, learner, django_assert_max_num_queries
    ):
        admin.get(self.URL)
        for number in range(5):
            learner(f"p{number}@example.com")
            ExternalIdentityFactory(connection=connection, state="skipped", reason="merged_record")

        with django_assert_max_num_queries(16):
            admin.get(self.URL)


class TestRun:
    def test_is_a_preview_to_everybody_else(self, connection, learner, look):
        learner("ana.silva@example.org")
        tasks.sweep_runs()

        assert look().is_preview
