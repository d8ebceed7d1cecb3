"""What a sync leaves behind: quarantine, its end, the next try; and the mails about it."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import connecting, tasks
from integrations.gusto import payloads
from integrations.models import Connection, ExternalIdentity, SafetySettings, SyncRun
from integrations.sync import reports
from tests.factories.integrations import ConnectionFactory, SyncRunFactory
from tests.factories.portals import PortalFactory
from tests.factories.users import AdminFactory
from users.models import Membership, Notice

pytestmark = pytest.mark.django_db

EMPLOYEES = "/v1/companies/"


@pytest.fixture
def connection(connect):
    """A working connection of a portal with one admin, whose mails go at once."""
    made = connect()
    AdminFactory(portal=made.portal)
    SafetySettings.objects.update_or_create(
        connection=made, defaults={"holds_first_mails": False, "most_mails": 10_000}
    )
    return made


def tell():
    return reports.tell_news(now=timezone.now())


def subjects():
    return list(Notice.objects.order_by("pk").values_list("subject", flat=True))


class TestQuarantine:
    def test_begins_when_a_list_with_people_is_empty(self, connection, sync, world):
        sync(connection)
        people = Membership.objects.learners().exclude(status="ended").count()
        world.set_fault("empty_list", times=None)

        run = sync(connection)

        connection.refresh_from_db()
        assert (run.state, run.trouble) == ("partial", "The list was empty.")
        assert (connection.state, connection.quarantine) == ("quarantined", "emptied")
        assert timedelta(minutes=50) < connection.next_due_at - timezone.now() < timedelta(minutes=70)
        assert Membership.objects.learners().exclude(status="ended").count() == people

    def test_does_not_begin_with_an_empty_company(self, connection, sync, world):
        world.set_fault("empty_list", times=None)

        sync(connection)

        connection.refresh_from_db()
        assert connection.state == "active"

    def test_begins_when_the_list_is_of_another_company(self, connection, sync, monkeypatch):
        sync(connection)
        people = set(Membership.objects.values_list("pk", "status"))
        read = payloads.employees
        stranger = str(uuid.uuid4())

        def of_another_company(body):
            found = read(body)
            for employee in found:
                employee.company_uuid = stranger
            return found

        monkeypatch.setattr(payloads, "employees", of_another_company)
        connection.pages.all().delete()

        run = sync(connection)

        connection.refresh_from_db()
        assert (run.state, run.totals.get("seen", 0)) == ("failed", 0)
        assert "another account" in run.trouble
        assert connection.quarantine == "wrong_company"
        assert set(Membership.objects.values_list("pk", "status")) == people

    def test_begins_when_the_request_is_refused(self, connection, sync, world):
        world.set_fault("redirect", times=None, path=EMPLOYEES)

        sync(connection)

        connection.refresh_from_db()
        assert connection.quarantine == "refused"

    def test_begins_when_many_records_fail(self, connection, sync):
        sync(connection)
        broken = ExternalIdentity.objects.filter(connection=connection).order_by("pk").values("pk")[:20]
        ExternalIdentity.objects.filter(pk__in=broken).update(reason="unreadable")

        run = sync(connection)

        connection.refresh_from_db()
        assert (run.state, connection.quarantine) == ("partial", "many_failed")

    def test_does_not_begin_when_the_provider_is_away(self, connection, sync, world):
        world.set_fault("503", times=None, path=EMPLOYEES)

        sync(connection)

        connection.refresh_from_db()
        assert (connection.state, connection.failures_in_a_row) == ("active", 1)

    def test_ends_by_itself_with_the_next_good_sync(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        sync(connection)
        world.clear_faults()

        run = sync(connection)

        connection.refresh_from_db()
        assert run.state == "completed"
        assert (connection.state, connection.quarantine, connection.quarantined_at) == ("active", "", None)
        assert (connection.state_reason, connection.failures_in_a_row) == ("", 0)

    def test_tries_ever_later(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        waits = []
        for _ in range(5):
            sync(connection)
            connection.refresh_from_db()
            waits.append(round((connection.next_due_at - timezone.now()).total_seconds() / 3600))

        assert waits == [1, 6, 12, 24, 24]

    def test_waits_for_as_long_as_the_provider_asks(self, connection, sync, world):
        world.set_fault("429", times=None, path=EMPLOYEES, retry_after="86400")

        sync(connection)

        connection.refresh_from_db()
        assert timedelta(hours=23) < connection.next_due_at - timezone.now() < timedelta(hours=25)

    def test_stops_trying_after_four_weeks_but_not_when_asked(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        sync(connection)
        Connection.objects.update(quarantined_at=timezone.now() - timedelta(days=29))
        sync(connection)
        connection.refresh_from_db()
        assert connection.next_due_at is None
        world.clear_faults()

        sync(connection, trigger=SyncRun.Trigger.MANUAL)

        connection.refresh_from_db()
        assert connection.state == "active"
        assert connection.next_due_at is not None

    def test_does_not_begin_with_a_preview(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)

        sync(connection, trigger=SyncRun.Trigger.PREVIEW)

        connection.refresh_from_db()
        assert connection.state == "active"

    def test_gives_way_to_a_lost_consent(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        sync(connection)
        world.clear_faults()
        world.revoke_grants()

        sync(connection)

        connection.refresh_from_db()
        assert connection.state == "needs_reconnecting"

    def test_ends_with_a_disconnect(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        sync(connection)

        connecting.disconnect(connection=connection, user=None)

        connection.refresh_from_db()
        assert (connection.state, connection.quarantine, connection.told_trouble) == ("disconnected", "", "")


class TestSyncDueConnections:
    @pytest.fixture
    def started(self, monkeypatch):
        run_ids = []
        monkeypatch.setattr(tasks.sync_connection, "delay", lambda *, run_id: run_ids.append(run_id))
        return run_ids

    def test_tries_connections_in_quarantine_when_they_are_due(self, started):
        past, future = timezone.now() - timedelta(minutes=1), timezone.now() + timedelta(hours=1)
        due = ConnectionFactory(state="quarantined", quarantine="emptied", next_due_at=past)
        ConnectionFactory(state="quarantined", quarantine="emptied", next_due_at=future)
        ConnectionFactory(state="quarantined", quarantine="emptied", next_due_at=None)

        tasks.sync_due_connections()

        assert started == [SyncRun.objects.get(connection=due).pk]


class TestTellNews:
    def test_tells_of_a_lost_consent_once(self, connection, sync, world):
        world.revoke_grants()
        sync(connection)

        assert [tell(), tell(), tell()] == [1, 0, 0]

        notice = Notice.objects.get()
        assert notice.subject == f"{connection.portal.name}: Gusto needs to be connected again"
        assert notice.link == connection.portal.url("/admin/settings/integrations/gusto/")
        assert "Connect again with the same account." in notice.text

    def test_tells_of_quarantine_once_and_again_when_the_reason_changes(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        for _ in range(3):
            sync(connection)
            tell()
        assert len(subjects()) == 1
        world.clear_faults()
        world.set_fault("redirect", times=None, path=EMPLOYEES)

        sync(connection)
        tell()

        assert [text.partition(": ")[2] for text in subjects()] == ["Gusto: the daily sync is paused"] * 2
        assert "refuses" in Notice.objects.latest("pk").text

    def test_tells_of_the_recovery(self, connection, sync, world):
        sync(connection)
        world.set_fault("empty_list", times=None)
        sync(connection)
        tell()
        world.clear_faults()
        sync(connection)

        assert [tell(), tell()] == [1, 0]

        assert subjects()[-1].endswith("Gusto works again")

    def test_tells_of_silence_once(self, connection, sync):
        sync(connection)
        Connection.objects.update(
            connected_at=timezone.now() - timedelta(days=9),
            last_complete_sync_at=timezone.now() - timedelta(hours=37),
        )

        assert [tell(), tell()] == [1, 0]
        assert subjects()[0].endswith("no sync for 36 hours")
        sync(connection)
        assert tell() == 1
        assert subjects()[-1].endswith("Gusto works again")

    def test_says_nothing_while_all_is_well(self, connection, sync):
        sync(connection)

        assert tell() == 0
        assert not Notice.objects.exists()

    def test_says_nothing_of_what_was_disconnected(self, connection, sync, world):
        world.revoke_grants()
        sync(connection)
        connecting.disconnect(connection=connection, user=None)

        assert tell() == 0

    def test_leaves_unwanted_reports_out_with_their_recovery(self, connection, sync, world):
        Connection.objects.update(unwanted_reports=["quarantine", "needs_reconnecting"])
        sync(connection)
        world.set_fault("empty_list", times=None)
        sync(connection)
        tell()
        world.clear_faults()
        sync(connection)
        tell()
        assert not Notice.objects.exists()

        world.revoke_grants()
        sync(connection)
        tell()

        # Nobody can do without this one.
        assert subjects()[0].endswith("needs to be connected again")


class TestRecipients:
    def test_are_all_full_admins_of_the_portal(self):
        connection = ConnectionFactory()
        admin, other = AdminFactory.create_batch(2, portal=connection.portal)
        AdminFactory(portal=connection.portal, is_limited=True)
        AdminFactory(portal=connection.portal, status="ended")
        AdminFactory()

        assert reports.recipients(connection) == [admin, other]

    def test_are_those_chosen_as_long_as_they_are_admins(self):
        connection = ConnectionFactory()
        admin, chosen = AdminFactory.create_batch(2, portal=connection.portal)
        connection.report_to = [chosen.pk, AdminFactory().pk]
        assert reports.recipients(connection) == [chosen]

        chosen.status = "ended"
        chosen.save()

        assert reports.recipients(connection) == [admin]

    def test_are_the_admins_above_where_a_sub_portal_has_none(self):
        above = AdminFactory()
        sub_portal = PortalFactory(realm=above.portal.realm, parent=above.portal)

        assert reports.recipients(ConnectionFactory(portal=sub_portal)) == [above]


class TestAboutRun:
    def test_tells_of_held_changes_once_for_the_same_people(self, connection, sync, world):
        sync(connection)
        for name in ("Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"):
            world.terminate(name, timezone.localdate() - timedelta(days=2))

        run = sync(connection)
        sync(connection)

        notice = Notice.objects.get()
        assert notice.subject.endswith(f"{run.totals['held']} changes wait for your approval")
        assert notice.link.endswith(f"/runs/{run.pk}/?show=held#changes")

    def test_tells_of_mails_that_wait(self, connection, sync):
        SafetySettings.objects.update(holds_first_mails=True)

        run = sync(connection)

        notice = Notice.objects.get()
        assert "wait for your release" in notice.subject
        assert notice.link.endswith(f"/runs/{run.pk}/mails/")

    def test_says_nothing_of_a_preview(self, connection, sync):
        SafetySettings.objects.update(holds_first_mails=True)

        sync(connection, trigger=SyncRun.Trigger.PREVIEW)

        assert not Notice.objects.exists()


class TestSyncRun:
    @pytest.mark.parametrize(
        ("state", "seconds", "label"),
        [
            ("running", 30, "Running"),
            ("running", -1, "Interrupted; goes on soon"),
            ("queued", -1, "Waiting to start"),
            ("completed", -1, "Completed"),
        ],
    )
    def test_is_not_running_once_its_worker_is_gone(self, state, seconds, label):
        run = SyncRunFactory(state=state, lease_expires_at=timezone.now() + timedelta(seconds=seconds))

        assert run.state_label == label
