"""A worker that dies in the middle of a sync, or of an undo: another one goes on as if nothing had happened."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from integrations import connecting, tasks
from integrations.models import Connection, ExternalIdentity, InviteSettings, PlannedChange, SyncRun
from integrations.sandbox.server import start
from integrations.sandbox.world import CLIENT_ID, CLIENT_SECRET
from integrations.sync import leases, undo
from integrations.sync import run as sync_run
from portals import definitions
from portals.rules import Condition, Operator, Subject
from tests.dumps import dump
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, GroupCourseFactory, GroupFactory, PortalFactory
from tests.workers import forget_tasks, wait_until
from users import tasks as user_tasks
from users.models import AuditEntry, Enrollment, GroupMembership, Invitation, Membership

pytestmark = pytest.mark.django_db(transaction=True)

LEAVERS = ("Maya Okafor", "Wei Zhang", "Joy Delgado")


@pytest.fixture
def company_size():
    """Fifteen pages of people."""
    return 1500


@pytest.fixture
def sandbox(settings, company_size):
    """A company of many people."""
    with start(people=company_size, seed=1) as running:
        settings.GUSTO_API_URL = running.url
        settings.GUSTO_CLIENT_ID, settings.GUSTO_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        yield running


@pytest.fixture
def connect(world):
    """Connect a portal with the company, which no other may be connected with meanwhile."""

    def make(portal):
        for connection in Connection.objects.exclude(state="disconnected"):
            connecting.disconnect(connection=connection, user=None)
        code = world.authorize(redirect_uri=connecting.redirect_uri("gusto"))
        return connecting.connect_by_code(portal=portal, provider="gusto", code=code, now=timezone.now())

    return make


@pytest.fixture
def with_first_sync(connect):
    """Make a portal that has everyone who has a work e-mail."""

    def make():
        portal = PortalFactory(time_zone="America/Los_Angeles")
        connection = connect(portal)
        InviteSettings.objects.filter(connection=connection).update(address="work_only", how="active")
        sync_run.carry_out(run_id=claim(connection).pk)
        return portal

    return make


def claim(connection):
    return leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())


def add_news(connection):
    """Let the next sync have something to do on every page: to map, to group, to enroll, to invite."""
    portal = connection.portal
    field = CustomFieldFactory(portal=portal, label="Department")
    FieldMappingFactory(connection=connection, attribute="department", custom_field=field)
    group = GroupFactory(portal=portal, title="Sales")
    GroupCourseFactory(group=group, course=CourseFactory(portal=portal, title="Talking about wood"))
    is_sales = Condition(Subject.CUSTOM_FIELD, Operator.IS, ("Sales",), field_key=field.key)
    definitions.save_rule(group=group, blocks=[[is_sales]])
    InviteSettings.objects.filter(connection=connection).update(address="work_first", how="pending_invite")


def outcome(portal):
    """Return everything that the syncs of a portal led to, without ids and times."""
    here = {"membership__portal": portal}
    people = Membership.objects.filter(portal=portal)
    return {
        "people": set(
            people.values_list("user__email", "user__first_name", "user__last_name", "status", "last_day", "ended_by")
        ),
        "values": Counter(str(list(data.values())) for data in people.values_list("custom_data", flat=True)),
        "groups": Counter(
            GroupMembership.objects.filter(**here).values_list("membership__user__email", "group__title")
        ),
        "courses": Counter(Enrollment.objects.filter(**here).values_list("membership__user__email", "course__title")),
        "mails": Counter(Invitation.objects.filter(**here).values_list("membership__user__email", "kind")),
        "seen": Counter(
            ExternalIdentity.objects.filter(connection__portal=portal).values_list(
                "external_id", "state", "reason", "times_missing"
            )
        ),
        "plan": Counter(
            PlannedChange.objects.filter(run__connection__portal=portal).values_list(
                "external_id", "kind", "state", "reason"
            )
        ),
        "audit": Counter(AuditEntry.objects.filter(portal=portal).values_list("action", flat=True)),
        "totals": SyncRun.objects.filter(connection__portal=portal).latest("pk").totals,
    }


class TestWorkerThatIsKilled:
    def test_leaves_the_run_to_another_one_that_ends_it_as_if_nothing_had_happened(
        self, world, connect, with_first_sync, start_worker, smtp, mails_at_once
    ):
        undisturbed, disturbed = with_first_sync(), with_first_sync()
        for one in Connection.objects.all():
            mails_at_once(one)
        for name in LEAVERS:
            world.terminate(name, timezone.localdate() - timedelta(days=2))
        connection = Connection.objects.get(portal=disturbed)
        add_news(connection)
        forget_tasks()
        run = claim(connection)
        # However late the kill comes, it finds work: the twelfth page is not there before it.
        world.set_fault("slow", path="/v1/companies/", page=12, seconds=60)
        world.set_fault("slow", times=None, path="/v1/companies/", seconds=0.3)
        victim = start_worker()

        tasks.sync_connection.delay(run_id=run.pk)
        wait_until(lambda: pages_done(run) >= 5, explain=victim.said)
        victim.kill()
        world.clear_faults()
        half_way = pages_done(run)
        user_tasks.send_invitations()

        # The rest of the lease's minute passes.
        SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        heir = start_worker()
        tasks.sweep_runs()
        wait_until(lambda: not SyncRun.objects.get(pk=run.pk).is_live, explain=heir.said)
        wait_until(lambda: not Invitation.objects.filter(state="scheduled").exists(), explain=heir.said)

        run.refresh_from_db()
        assert 5 <= half_way < 15
        assert (run.state, run.attempt) == ("completed", 2)
        addresses = [mail["To"] for mail in smtp]
        assert len(addresses) == len(set(addresses)) == Membership.objects.filter(status="pending").count() > 100
        assert Membership.objects.filter(status="ended").count() == len(LEAVERS)

        add_news(connect(undisturbed))
        sync_run.carry_out(run_id=claim(Connection.objects.get(portal=undisturbed)).pk)
        expected, found = outcome(undisturbed), outcome(disturbed)
        # One connected once, the other twice.
        for action in ("connect", "disconnect"):
            expected["audit"].pop(action), found["audit"].pop(action)
        assert found == expected


class TestUndoWhoseWorkerIsKilled:
    @pytest.fixture
    def company_size(self):
        """Several batches of an undo, each of a hundred people."""
        return 500

    def test_is_ended_by_another_one_and_leaves_everyone_as_before_the_run(self, world, with_first_sync, start_worker):
        connection = Connection.objects.get(portal=with_first_sync())
        add_news(connection)
        before = dump()
        for name in LEAVERS:
            world.terminate(name, timezone.localdate() - timedelta(days=2))
        run = sync_run.carry_out(run_id=claim(connection).pk)
        lines = undo.lines_of(run, SyncRun.Trigger.UNDO)
        kinds, people = set(lines.values_list("kind", flat=True)), lines.count()
        in_the_middle = lines.filter(kind="update").order_by("pk")[people // 2].membership_id
        forget_tasks()
        undoing = undo.start(run=run, user=None, now=timezone.now())
        victim = start_worker()

        with transaction.atomic():
            # The worker comes to a row that it cannot have yet: it dies in the middle of a batch.
            Membership.objects.select_for_update().get(pk=in_the_middle)
            tasks.sync_connection.delay(run_id=undoing.pk)
            wait_until(somebody_waits_for_us, explain=victim.said)
            victim.kill()
            half_way = taken_back(undoing)

        # The rest of the lease's minute passes.
        SyncRun.objects.filter(pk=undoing.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        heir = start_worker()
        tasks.sweep_runs()
        wait_until(lambda: not SyncRun.objects.get(pk=undoing.pk).is_live, explain=heir.said)

        undoing.refresh_from_db()
        assert kinds >= {"update", "invite", "end_access"}
        assert 100 <= half_way < people
        assert (undoing.state, undoing.attempt) == ("completed", 2)
        assert taken_back(undoing) == people
        assert AuditEntry.objects.filter(action="run_undone").count() == 1
        assert dump() == before


def somebody_waits_for_us():
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return cursor.fetchone()[0]


def taken_back(run):
    return SyncRun.objects.get(pk=run.pk).totals.get("undo", 0)


def pages_done(run):
    return SyncRun.objects.get(pk=run.pk).totals.get("pages", 0)
