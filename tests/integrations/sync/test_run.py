"""Whole runs against the sandbox: what they do, repeat, leave alone, and survive."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from integrations.gusto import client
from integrations.models import ExternalIdentity, PlannedChange, SafetySettings, SyncRun
from integrations.sync import apply, leases, ledger
from integrations.sync import run as sync_run
from portals.models import CustomField
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import CustomFieldFactory
from tests.factories.users import AdminFactory, MembershipFactory, UserFactory
from users.models import AuditEntry, Invitation, Membership, User

pytestmark = pytest.mark.django_db(transaction=True)


def identity(world, name):
    return ExternalIdentity.objects.select_related("membership__user").get(external_id=world.find(name).uuid)


def learner(world, name):
    return identity(world, name).membership


class TestFirstRun:
    def test_invites_everyone_who_is_employed_and_has_an_address(self, world, connect, sync):
        run = sync(connect())

        pending = Membership.objects.filter(status="pending", role="learner", source="gusto")
        assert run.state == SyncRun.State.COMPLETED
        assert run.totals["seen"] == 30
        assert run.totals["invite"] == pending.count() == Invitation.objects.filter(state="held").count()
        assert run.totals["invite"] + run.totals["skipped"] == 30

    def test_says_why_somebody_is_left_out(self, world, connect, sync):
        run = sync(connect())

        reasons = dict(run.changes.filter(state="skipped").values_list("external_id", "reason"))
        assert reasons[world.find("Sam Boyd").uuid] == "no_email"
        assert reasons[world.find("Tomas Lindqvist").uuid] == "left"

    def test_keeps_a_plan_line_an_audit_row_and_the_source_of_everybody(self, world, connect, sync):
        run = sync(connect())

        maya = learner(world, "Maya Okafor")
        line = run.changes.get(membership_id=maya.pk)
        entry = AuditEntry.objects.get(object_id=maya.pk, object_type="users.membership")
        assert (line.kind, line.state, line.after["email"]) == ("invite", "applied", maya.user.email)
        assert (entry.action, entry.run_id) == ("learner_added", run.pk)
        assert not maya.user.has_usable_password()

    def test_links_a_learner_who_was_there_before(self, world, connect, sync):
        connection = connect()
        by_hand = MembershipFactory(portal=connection.portal, user__email="maya@harborpine.example")

        run = sync(connection)

        assert identity(world, "Maya Okafor").membership == by_hand
        assert run.totals["link"] == 1
        assert not by_hand.invitations.exists()

    def test_leaves_an_admin_with_the_same_address_alone(self, world, connect, sync):
        connection = connect()
        admin = AdminFactory(portal=connection.portal, user__email="maya@harborpine.example", user__first_name="M")

        sync(connection)

        admin.user.refresh_from_db()
        assert admin.user.first_name == "M"
        assert identity(world, "Maya Okafor").reason == "staff_account"

    def test_invites_an_account_of_another_portal_without_touching_it(self, world, connect, sync):
        connection = connect()
        account = UserFactory(realm=connection.portal.realm, email="maya@harborpine.example")

        sync(connection)

        assert learner(world, "Maya Okafor").user == account


class TestSecondRun:
    def test_changes_nothing(self, connect, sync):
        connection = connect()
        sync(connection)
        before = PlannedChange.objects.count(), AuditEntry.objects.count(), Invitation.objects.count()

        run = sync(connection)

        assert run.totals["unchanged"] == run.totals["seen"] == 30
        assert before == (PlannedChange.objects.count(), AuditEntry.objects.count(), Invitation.objects.count())

    def test_follows_a_new_name_and_address_without_a_new_invitation(self, world, connect, sync):
        connection = connect()
        sync(connection)
        world.rename("Maya Okafor", "Maya", "Winter")
        world.change("Maya Winter", work_email="maya.winter@harborpine.example")

        run = sync(connection)

        maya = learner(world, "Maya Winter")
        assert (maya.user.last_name, maya.user.email) == ("Winter", "maya.winter@harborpine.example")
        assert run.totals["update"] == 1
        assert [one.state for one in maya.invitations.all()] == ["failed"]

    def test_does_not_bring_back_who_was_deleted_by_hand(self, world, connect, sync):
        connection = connect()
        sync(connection)
        learner(world, "Maya Okafor").delete()
        world.rename("Maya Okafor", "Maya", "Winter")

        sync(connection)

        assert identity(world, "Maya Winter").membership is None
        assert identity(world, "Maya Winter").reason == "removed_by_admin"

    def test_takes_so_few_statements_in_a_small_portal(self, connect, sync, statements_run, django_assert_num_queries):
        connection = connect()
        sync(connection)
        statements_run.clear()

        with django_assert_num_queries(20):
            run = sync(connection)

        assert run.totals["unchanged"] == 30
        assert len(statements_run) == 6


class TestMapping:
    @pytest.fixture
    def department(self, connect):
        connection = connect()
        field = CustomFieldFactory(
            portal=connection.portal, type=CustomField.Type.STRING_CHOICE, choices=["Sales", "Support"]
        )
        return FieldMappingFactory(connection=connection, attribute="department", custom_field=field)

    def test_fills_custom_fields_and_reports_values_that_are_no_choice(self, world, department, sync):
        world.change("Maya Okafor", department="Sales")
        world.change("Jorge Silva", department="Operations")

        run = sync(department.connection)

        key = department.custom_field.key
        assert learner(world, "Maya Okafor").custom_data == {key: "Sales"}
        assert learner(world, "Jorge Silva").custom_data == {}
        line = run.changes.get(external_id=world.find("Jorge Silva").uuid)
        assert line.warnings == [["department", "unknown_choice", "Operations"]]

    def test_looks_at_everyone_again_when_a_choice_is_added(self, world, department, sync):
        world.change("Jorge Silva", department="Operations")
        sync(department.connection)
        department.custom_field.choices.create(value="Operations")

        sync(department.connection)

        assert learner(world, "Jorge Silva").custom_data == {department.custom_field.key: "Operations"}

    def test_fills_in_the_manager_from_the_rest_of_the_list(self, world, connect, sync):
        connection = connect()
        name = CustomFieldFactory(portal=connection.portal)
        boss = CustomFieldFactory(portal=connection.portal)
        FieldMappingFactory(connection=connection, attribute="manager_name", custom_field=name)
        FieldMappingFactory(connection=connection, attribute="is_manager", custom_field=boss)
        sync(connection)
        assert learner(world, "Maya Okafor").custom_data == {name.key: "Ines Duarte", boss.key: "false"}

        world.rename("Ines Duarte", "Ines", "Castro")
        sync(connection)

        assert learner(world, "Maya Okafor").custom_data[name.key] == "Ines Castro"
        assert learner(world, "Ines Castro").custom_data[boss.key] == "true"

        again = sync(connection)
        assert again.totals.get("update", 0) == 0


class TestHireDate:
    @pytest.fixture
    def connection(self, connect):
        """One that adds people on their hiring date."""
        connection = connect()
        connection.invite_settings.when = "hire_date"
        connection.invite_settings.save()
        return connection

    @pytest.fixture
    def newcomer(self, world):
        return world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example", hired_on=date(2031, 5, 5))

    @pytest.fixture
    def on_the_day(self):
        return timezone.now().replace(year=2031, month=5, day=5, hour=12)

    def test_adds_people_on_the_day_although_nothing_changed_at_the_source(
        self, world, connection, newcomer, on_the_day, sync
    ):
        sync(connection)
        assert ExternalIdentity.objects.get(external_id=newcomer.uuid).reason == "hire_date_ahead"

        sync(connection, now=on_the_day)
        assert learner(world, "Noor Ahmadi").status == "pending"

    def test_adds_nobody_who_is_no_longer_listed(self, world, connection, newcomer, on_the_day, sync):
        sync(connection)
        world.remove(newcomer.uuid)

        sync(connection, now=on_the_day)

        assert not User.objects.filter(email="noor@harborpine.example").exists()
        assert ExternalIdentity.objects.get(external_id=newcomer.uuid).times_missing == 1


class TestLeavers:
    def test_keep_access_through_the_last_day(self, world, connect, sync):
        connection = connect()
        sync(connection)
        last_day = timezone.localdate() + timedelta(days=10)
        world.terminate("Maya Okafor", last_day)

        sync(connection)

        maya = learner(world, "Maya Okafor")
        assert (maya.status, maya.last_day, maya.ended_by) == ("pending", last_day, "gusto")

    def test_lose_access_and_the_open_invitation_afterwards(self, world, connect, sync):
        connection = connect()
        sync(connection)
        world.terminate("Maya Okafor", timezone.localdate() - timedelta(days=2))

        run = sync(connection)

        maya = learner(world, "Maya Okafor")
        assert (maya.status, maya.ended_by) == ("ended", "gusto")
        assert [one.state for one in maya.invitations.all()] == ["cancelled"]
        assert run.totals["end_access"] == 1

    def test_come_back_to_the_same_account(self, world, connect, sync):
        connection = connect()
        sync(connection)
        before = learner(world, "Maya Okafor")
        world.terminate("Maya Okafor", timezone.localdate() - timedelta(days=2))
        sync(connection)
        world.rehire("Maya Okafor", timezone.localdate() - timedelta(days=1))

        run = sync(connection)

        after = learner(world, "Maya Okafor")
        assert (after.pk, after.status, after.last_day) == (before.pk, "pending", None)
        assert run.totals["restore"] == 1

    def test_are_held_when_they_are_too_many(self, world, connect, sync):
        connection = connect()
        sync(connection)
        leavers = ["Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"]
        for name in leavers:
            world.terminate(name, timezone.localdate() - timedelta(days=2))

        run = sync(connection)

        assert run.totals["held"] == 4
        assert not Membership.objects.filter(status="ended").exists()
        assert set(run.changes.filter(state="held").values_list("reason", flat=True)) == {"too_many_removals"}

    def test_of_small_runs_add_up_for_the_brake(self, world, connect, sync):
        connection = connect()
        sync(connection)
        for name in ["Maya Okafor", "Wei Zhang", "Joy Delgado"]:
            world.terminate(name, timezone.localdate() - timedelta(days=2))
            sync(connection)
        world.terminate("Yuki Desai", timezone.localdate() - timedelta(days=2))

        run = sync(connection)

        assert run.totals["held"] == 1
        assert learner(world, "Yuki Desai").status == "pending"

    def test_whose_last_days_are_ahead_add_up_for_the_brake(self, world, connect, sync):
        connection = connect()
        SafetySettings.objects.create(connection=connection, most_people=3, most_percent=20)
        sync(connection)
        linked = connection.identities.filter(membership__isnull=False).select_related("membership__user")
        names = [f"{one.membership.user.first_name} {one.membership.user.last_name}" for one in linked]
        most = len(names) // 5
        for name in names[:most]:
            world.terminate(name, timezone.localdate() + timedelta(days=9))
        assert sync(connection).totals["end_access"] == most
        world.terminate(names[most], timezone.localdate() + timedelta(days=9))

        assert sync(connection).totals["held"] == 1


class TestIncompleteRead:
    @pytest.mark.parametrize("fault", ["empty_list", "wrong_total"])
    def test_takes_nothing_away(self, world, connect, sync, fault):
        connection = connect()
        sync(connection)
        world.terminate("Maya Okafor", timezone.localdate() - timedelta(days=2))
        world.set_fault(fault, path="/v1/companies/")

        run = sync(connection)

        assert run.state == SyncRun.State.PARTIAL
        assert run.trouble
        assert not Membership.objects.filter(status="ended").exists()
        assert not ExternalIdentity.objects.filter(times_missing__gt=0).exists()

    def test_is_made_good_by_the_next_whole_one(self, world, connect, sync):
        connection = connect()
        sync(connection)
        world.terminate("Maya Okafor", timezone.localdate() - timedelta(days=2))
        world.set_fault("wrong_total", path="/v1/companies/")
        sync(connection)

        sync(connection)

        assert learner(world, "Maya Okafor").status == "ended"

    def test_somebody_who_vanished_is_counted_and_keeps_access(self, world, connect, sync):
        connection = connect()
        sync(connection)
        vanished = learner(world, "Maya Okafor")
        world.remove("Maya Okafor")

        sync(connection)
        sync(connection)

        vanished.refresh_from_db()
        assert vanished.status == "pending"
        assert vanished.external_identities.get().times_missing == 2


class TestProviderTrouble:
    def test_before_anybody_was_read_fails_the_run_and_gives_the_hour_back(self, world, connect):
        connection = connect()
        world.set_fault("500", times=None, path="/v1/companies/", retry_after="0")
        run = leases.claim_manual(connection=connection, user=None, now=timezone.now())

        done = sync_run.carry_out(run_id=run.pk)

        connection.refresh_from_db()
        assert done.state == SyncRun.State.FAILED
        assert connection.last_manual_sync_at is None
        assert connection.next_due_at > timezone.now()

    def test_a_withdrawn_consent_asks_for_a_new_one_and_ends_nobodys_access(self, world, connect, sync):
        connection = connect()
        sync(connection)
        world.revoke_grants()

        run = sync(connection)

        connection.refresh_from_db()
        assert run.state == SyncRun.State.FAILED
        assert connection.state == "needs_reconnecting"
        assert not Membership.objects.filter(status="ended").exists()


class TestBrokenPeople:
    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("no_email", "no_email"),
            ("duplicate_email", "shared_email"),
            ("long_name", "name_too_long"),
            ("wrong_type", "unreadable"),
        ],
    )
    def test_are_listed_and_hurt_nobody_else(self, world, connect, sync, kind, reason):
        broken = world.add_broken(kind)

        run = sync(connect())

        assert run.state == SyncRun.State.COMPLETED
        assert run.changes.get(external_id=broken.uuid).reason == reason
        assert learner(world, "Wei Zhang").status == "pending"

    @pytest.mark.parametrize("kind", ["impossible_date", "nul_name"])
    def test_are_taken_over_as_far_as_they_are_sound(self, world, connect, sync, kind):
        broken = world.add_broken(kind)

        run = sync(connect())

        line = run.changes.get(external_id=broken.uuid)
        assert line.kind == "invite"
        assert line.warnings

    def test_that_the_database_refuses_stand_alone(self, world, connect, sync, monkeypatch):
        connection = connect()
        surroundings = apply.snapshot.surroundings

        def blind(*args):
            found = surroundings(*args)
            found.accounts.clear()
            return found

        # Two workers at once: the account came into being after we had looked.
        UserFactory(realm=connection.portal.realm, email="wei.zhang@harborpine.example")
        monkeypatch.setattr(apply.snapshot, "surroundings", blind)

        run = sync(connection)

        assert run.totals["failed"] == 1
        assert run.changes.get(state="failed").external_id == world.find("Wei Zhang").uuid
        assert learner(world, "Maya Okafor").status == "pending"

        monkeypatch.undo()
        assert sync(connection).totals["invite"] == 1
        assert learner(world, "Wei Zhang").status == "pending"


class TestInterruption:
    class Killed(BaseException):
        """What a SIGKILL looks like from inside: nothing after it runs."""

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch):
        monkeypatch.setattr(client, "PER_PAGE", 5)

    def test_resumes_at_the_checkpoint_and_ends_as_an_undisturbed_run_would(self, connect, monkeypatch, world):
        connection = connect()
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        with monkeypatch.context() as patch:
            self.kill_at(patch, batch=3)
            with pytest.raises(self.Killed):
                sync_run.carry_out(run_id=run.pk)
        run.refresh_from_db()
        assert (run.state, run.cursor["page"]) == (SyncRun.State.RUNNING, 3)

        self.let_the_lease_lapse(run)
        assert leases.lapsed_runs() == [run.pk]
        done = sync_run.carry_out(run_id=run.pk)

        assert done.state == SyncRun.State.COMPLETED
        assert done.totals["seen"] == 30
        assert Invitation.objects.count() == done.totals["invite"] == Membership.objects.count()

    @pytest.mark.parametrize("place", ["plan_missing", "settle"])
    def test_after_the_last_page_resumes_there(self, world, connect, sync, monkeypatch, place):
        connection = connect()
        sync(connection)
        world.terminate("Maya Okafor", timezone.localdate() - timedelta(days=2))
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())

        def kill(*args):
            raise self.Killed

        with monkeypatch.context() as patch:
            patch.setattr(sync_run.removals, place, kill)
            with pytest.raises(self.Killed):
                sync_run.carry_out(run_id=run.pk)
        self.let_the_lease_lapse(run)
        leases.lapsed_runs()
        done = sync_run.carry_out(run_id=run.pk)

        assert (done.state, done.totals["seen"], done.totals["end_access"]) == (SyncRun.State.COMPLETED, 30, 1)
        assert learner(world, "Maya Okafor").status == "ended"

    def test_a_worker_that_comes_back_too_late_writes_nothing(self, connect, monkeypatch):
        connection = connect()
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        write = apply.snapshot.surroundings

        def slow(*args):
            monkeypatch.setattr(apply.snapshot, "surroundings", write)
            self.let_the_lease_lapse(run)
            leases.take(run.pk)
            return write(*args)

        monkeypatch.setattr(apply.snapshot, "surroundings", slow)

        sync_run.carry_out(run_id=run.pk)

        assert not Membership.objects.exists()
        assert not PlannedChange.objects.exists()

    def test_by_an_error_of_ours_is_tried_again_soon(self, connect, monkeypatch):
        run = leases.claim(connection=connect(), trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "keep_plan", None)
            with pytest.raises(TypeError):
                sync_run.carry_out(run_id=run.pk)

        assert leases.lapsed_runs() == [run.pk]
        assert sync_run.carry_out(run_id=run.pk).state == SyncRun.State.COMPLETED

    def test_is_given_up_after_three_lapses_without_progress(self, connect):
        run = leases.claim(connection=connect(), trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        for _ in range(3):
            leases.take(run.pk)
            self.let_the_lease_lapse(run)
            leases.lapsed_runs()

        run.refresh_from_db()
        assert run.state == SyncRun.State.FAILED
        assert "three times" in run.trouble

    def test_leaves_its_mails_to_the_next_run_when_it_was_given_up(self, connect, monkeypatch, sync):
        connection = connect()
        SafetySettings.objects.create(connection=connection, holds_first_mails=False, most_mails=1000)
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
        with monkeypatch.context() as patch:
            self.kill_at(patch, batch=3)
            with pytest.raises(self.Killed):
                sync_run.carry_out(run_id=run.pk)
        for _ in range(3):
            self.let_the_lease_lapse(run)
            leases.lapsed_runs()
            leases.take(run.pk)
        run.refresh_from_db()
        assert run.state == SyncRun.State.FAILED
        assert Invitation.objects.filter(state="held").exists()

        sync(connection)

        assert set(Invitation.objects.values_list("state", flat=True)) == {"scheduled"}

    def test_a_slice_that_is_used_up_leaves_the_run_to_the_next(self, connect):
        run = leases.claim(connection=connect(), trigger=SyncRun.Trigger.COMMAND, now=timezone.now())

        states = [sync_run.carry_out(run_id=run.pk, seconds=0).state]
        while states[-1] == SyncRun.State.QUEUED:
            states.append(sync_run.carry_out(run_id=run.pk, seconds=0).state)

        run.refresh_from_db()
        assert states[-1] == SyncRun.State.COMPLETED
        assert len(states) > 3
        assert run.totals["seen"] == 30

    def kill_at(self, monkeypatch, *, batch):
        keep_plan, calls = ledger.keep_plan, []

        def killed(*args, **options):
            calls.append(None)
            if len(calls) == batch:
                raise self.Killed
            keep_plan(*args, **options)

        monkeypatch.setattr(ledger, "keep_plan", killed)

    def let_the_lease_lapse(self, run):
        SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
