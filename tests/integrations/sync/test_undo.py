"""Taking back what a run did: everything that nobody has touched since, and nothing else."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import connecting
from integrations.models import ExternalIdentity, InviteSettings, SafetySettings, SyncRun
from integrations.sync import approval, undo
from integrations.sync import run as sync_run
from portals.models import Course, GroupCourse
from tests.dumps import dump
from tests.factories.integrations import FieldMappingFactory, PlannedChangeFactory, SyncRunFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, DynamicRuleFactory, GroupCourseFactory
from tests.factories.users import MembershipFactory
from users import access, enrollments, grouping, progress, provisioning
from users.models import AuditEntry, Enrollment, GroupMembership, Invitation, Membership, User
from users.provisioning import Amendment, Cause

pytestmark = pytest.mark.django_db

TODAY = timezone.localdate()


def take_back(run, trigger="undo"):
    started = undo.start(run=run, user=None, now=timezone.now(), trigger=SyncRun.Trigger(trigger))
    done = sync_run.carry_out(run_id=started.pk)
    assert done.state == SyncRun.State.COMPLETED
    return done


def person(name):
    first, _, last = name.partition(" ")
    return Membership.objects.select_related("user").get(user__first_name=first, user__last_name=last)


def amend(membership, **fields):
    """Edit somebody as an admin does."""
    before = dict.fromkeys(fields)
    provisioning.amend_learners(
        portal=membership.portal,
        amendments=[Amendment(membership.pk, fields, before)],
        cause=Cause(reason="by_admin"),
        now=timezone.now(),
    )


@pytest.fixture
def connection(connect):
    """A connection that fills a field, which a rule looks at; everyone is in a group with a course."""
    connection = connect()
    InviteSettings.objects.update_or_create(connection=connection, defaults={"how": "active"})
    SafetySettings.objects.create(connection=connection, most_people=1000, holds_first_mails=False)
    department = CustomFieldFactory(portal=connection.portal, label="Department")
    FieldMappingFactory(connection=connection, custom_field=department, attribute="department")
    everyone = DynamicRuleFactory(group__portal=connection.portal).group
    GroupCourseFactory(group=everyone, course=CourseFactory(portal=connection.portal), is_required=True, due_days=30)
    for title in ("Sales", "Customer Support"):
        rule = DynamicRuleFactory(group__portal=connection.portal, group__title=title)
        rule.conditions.create(subject="custom_field", custom_field=department, operator="is", operands=[title])
        GroupCourseFactory(group=rule.group, course=CourseFactory(portal=connection.portal, title=f"{title} course"))
    return connection


@pytest.fixture
def synced(connection, sync):
    """The same, after its first sync."""
    sync(connection)
    return connection


class TestUndo:
    def test_leaves_everything_as_it_was_before(self, synced, sync, world):
        maya = person("Maya Okafor")
        enrollment = maya.enrollments.first()
        progress.record(enrollment=enrollment, status="in_progress", percent=40, now=timezone.now())
        before = dump()
        world.change("Maya Okafor", last_name="Lund", work_email="maya.lund@example.com", department="Engineering")
        world.terminate("Wei Zhang", TODAY - timedelta(days=2))
        world.hire("Noor", "Ahmadi", work_email="noor@example.com")
        run = sync(synced)
        assert dump() != before

        done = take_back(run)

        assert dump() == before
        assert (done.totals["undo"], done.totals.get("skipped", 0)) == (4, 0)
        assert set(run.changes.values_list("state", flat=True)) == {"undone"}

    def test_is_not_done_again_by_the_next_sync(self, synced, sync, world):
        before = dump()
        world.change("Maya Okafor", last_name="Lund", work_email="maya.lund@example.com", department="Engineering")
        world.terminate("Wei Zhang", TODAY - timedelta(days=2))
        world.hire("Noor", "Ahmadi", work_email="noor@example.com")
        take_back(sync(synced))

        # A second look at everyone, whatever is remembered of the pages.
        synced.pages.all().delete()
        ExternalIdentity.objects.update(digest=b"")
        sync(synced)
        sync(synced)

        assert dump() == before

    def test_is_followed_again_when_the_source_says_something_else(self, synced, sync, world):
        world.rename("Maya Okafor", "Maya", "Lund")
        world.hire("Noor", "Ahmadi", work_email="noor@example.com")
        take_back(sync(synced))
        world.change("Maya Lund", department="Engineering")
        world.rename("Noor Ahmadi", "Nora", "Ahmadi")

        sync(synced)

        maya = person("Maya Okafor")
        assert list(maya.custom_data.values()) == ["Engineering"]
        assert person("Nora Ahmadi").status == "active"
        world.rename("Maya Lund", "Maya", "Winter")
        sync(synced)
        assert person("Maya Winter") == maya
        world.rename("Maya Winter", "Maya", "Lund")
        sync(synced)
        assert person("Maya Lund") == maya

    def test_gives_ended_access_back_as_it_was(self, synced, sync, world):
        wei = person("Wei Zhang")
        before = dump()
        world.terminate("Wei Zhang", TODAY - timedelta(days=2))
        run = sync(synced)
        wei.refresh_from_db()
        assert (wei.status, wei.ended_by) == ("ended", "gusto")

        take_back(run)

        assert dump() == before

    def test_gives_access_back_that_the_clock_ended_on_the_runs_word(self, synced, sync, world):
        before = dump()
        world.terminate("Wei Zhang", TODAY + timedelta(days=1))
        run = sync(synced)
        access.end_access_after_last_day(now=timezone.now() + timedelta(days=3))
        assert person("Wei Zhang").status == "ended"

        take_back(run)

        assert dump() == before

    def test_ends_restored_access_again(self, synced, sync, world):
        world.terminate("Wei Zhang", TODAY - timedelta(days=2))
        sync(synced)
        before = dump()
        world.rehire("Wei Zhang")
        run = sync(synced)
        assert person("Wei Zhang").status == "active"

        take_back(run)

        assert dump() == before
        sync(synced)
        assert dump() == before

    def test_brings_progress_back_that_was_lost_with_a_group(self, synced, sync, world):
        world.change("Maya Okafor", department="Sales")
        sync(synced)
        maya = person("Maya Okafor")
        begun = maya.enrollments.get(course__title="Sales course")
        progress.record(enrollment=begun, status="in_progress", percent=70, now=timezone.now())
        world.change("Maya Okafor", department="Customer Support")
        run = sync(synced)
        assert not maya.enrollments.filter(course=begun.course).exists()

        take_back(run)

        assert maya.enrollments.get(course=begun.course).percent == 70
        assert not maya.enrollments.filter(course__title="Customer Support course").exists()
        assert not maya.former_enrollments.exists()

    def test_brings_back_what_was_finished_and_begun_again(self, synced, sync, world):
        GroupCourse.objects.update(reenroll_completed=True)
        support = Course.objects.get(title="Customer Support course")
        maya = person("Maya Okafor")
        enrollments.enroll(course=support, membership_ids=[maya.pk], now=timezone.now())
        done = maya.enrollments.get(course=support)
        progress.record(enrollment=done, status="completed", percent=100, now=timezone.now())
        before = dump()
        world.change("Maya Okafor", department="Customer Support")
        run = sync(synced)
        done.refresh_from_db()
        assert (done.status, done.attempt) == ("not_started", 2)

        take_back(run)

        assert dump() == before

    def test_unlinks_whom_the_run_had_linked(self, connection, sync):
        by_hand = MembershipFactory(portal=connection.portal, user__email="maya@harborpine.example")
        before = {"first_name": by_hand.user.first_name, "custom_data": by_hand.custom_data}
        run = sync(connection)
        assert by_hand.external_identities.exists()

        take_back(run)

        by_hand = Membership.objects.select_related("user").get(pk=by_hand.pk)
        assert {"first_name": by_hand.user.first_name, "custom_data": by_hand.custom_data} == before
        assert not by_hand.external_identities.exists()
        sync(connection)
        assert not by_hand.external_identities.exists()
        assert ExternalIdentity.objects.filter(reason="undone").count() == run.totals["add"] + 1

    def test_is_written_down(self, synced, sync, world):
        world.rename("Maya Okafor", "Maya", "Lund")
        run = sync(synced)
        done = take_back(run)

        entry = AuditEntry.objects.get(action="change_undone")
        assert (entry.run_id, entry.before, entry.after) == (done.pk, {"last_name": "Lund"}, {"last_name": "Okafor"})
        assert AuditEntry.objects.get(action="run_undone").object_id == run.pk
        line = done.changes.get()
        assert (line.kind, line.state, line.after) == ("undo", "applied", {"last_name": "Okafor"})


class TestUndoOfAFirstSync:
    def test_removes_everyone_whom_it_added(self, connection, sync):
        before = dump()
        run = sync(connection)
        assert Membership.objects.learners().count() == run.totals["add"]

        done = take_back(run)

        assert dump() == before
        assert set(done.changes.values_list("reason", flat=True)) == {"removed_again"}

    def test_takes_unsent_mails_with_it(self, connection, sync):
        InviteSettings.objects.update(how="pending_invite")
        run = sync(connection)
        assert Invitation.objects.filter(state="scheduled").count() == run.totals["mails"]

        take_back(run)

        assert not Invitation.objects.exists()

    @pytest.mark.parametrize(
        "happening",
        [
            lambda one: User.objects.filter(pk=one.user_id).update(last_login=timezone.now()),
            lambda one: User.objects.filter(pk=one.user_id).update(password="pbkdf2_sha256$1$a$b"),
            lambda one: Invitation.objects.create(
                membership=one, kind="welcome", state="sent", times_sent=1, created_at=timezone.now()
            ),
            lambda one: Enrollment.objects.filter(membership=one).update(status="in_progress", percent=5),
            lambda one: GroupMembership.objects.filter(membership=one).update(origin="manual"),
            lambda one: MembershipFactory(user=one.user, portal__realm=one.portal.realm),
            lambda one: amend(one, last_name="Lund"),
        ],
        ids=[
            "signed in",
            "has a password",
            "got a mail",
            "learned",
            "is in a group by hand",
            "is elsewhere",
            "edited",
        ],
    )
    def test_ends_the_access_of_those_to_whom_something_has_happened(self, connection, sync, happening):
        run = sync(connection)
        maya = person("Maya Okafor")
        happening(maya)

        done = take_back(run)

        maya.refresh_from_db()
        assert (maya.status, maya.ended_by) == ("ended", "admin")
        assert done.changes.get(membership_id=maya.pk).reason == "ended_instead"
        assert Membership.objects.filter(portal=connection.portal).count() == 1
        sync(connection)
        maya.refresh_from_db()
        assert maya.status == "ended"

    @pytest.mark.parametrize(("how", "signed_in"), [("pending_invite", True), ("active", False)])
    def test_leaves_the_account_of_somebody_known_elsewhere(self, connection, sync, how, signed_in):
        connection.portal.may_add_people_known_elsewhere = True
        connection.portal.save()
        InviteSettings.objects.update(how=how)
        maya = MembershipFactory(portal__realm=connection.portal.realm, user__email="maya@harborpine.example")
        run = sync(connection)
        assert connection.portal.memberships.filter(user=maya.user).exists()
        if signed_in:
            # At the other portal: the invitation to this one still waits.
            User.objects.filter(pk=maya.user_id).update(last_login=timezone.now())

        take_back(run)

        assert not connection.portal.memberships.filter(user=maya.user).exists()
        assert Membership.objects.get(user=maya.user) == maya

    def test_ends_the_access_of_somebody_known_elsewhere_who_has_come_in(self, connection, sync):
        connection.portal.may_add_people_known_elsewhere = True
        connection.portal.save()
        maya = MembershipFactory(portal__realm=connection.portal.realm, user__email="maya@harborpine.example")
        run = sync(connection)
        User.objects.filter(pk=maya.user_id).update(last_login=timezone.now())

        take_back(run)

        assert connection.portal.memberships.get(user=maya.user).status == "ended"

    def test_leaves_alone_who_has_become_staff(self, connection, sync):
        run = sync(connection)
        maya = person("Maya Okafor")
        Membership.objects.filter(pk=maya.pk).update(role="instructor")

        done = take_back(run)

        maya.refresh_from_db()
        assert maya.status == "active"
        assert done.changes.get(membership_id=maya.pk).reason == "changed_since"


class TestChangedSince:
    def test_is_left_and_listed(self, synced, sync, world):
        world.change("Maya Okafor", last_name="Lund", department="Engineering")
        run = sync(synced)
        maya = person("Maya Lund")
        amend(maya, last_name="Winter")

        done = take_back(run)

        maya = person("Maya Winter")
        assert list(maya.custom_data.values()) != ["Engineering"]
        left = done.changes.get(state="skipped")
        assert (left.reason, left.before, left.after) == (
            "changed_since",
            {"last_name": "Winter"},
            {"last_name": "Okafor"},
        )

    def test_access_that_an_admin_decided_on_stays(self, synced, sync, world):
        world.terminate("Wei Zhang", TODAY + timedelta(days=5))
        run = sync(synced)
        wei = person("Wei Zhang")
        Membership.objects.filter(pk=wei.pk).update(last_day=TODAY + timedelta(days=9), ended_by="admin")

        done = take_back(run)

        wei.refresh_from_db()
        assert (wei.last_day, wei.ended_by) == (TODAY + timedelta(days=9), "admin")
        assert done.changes.get().reason == "changed_since"

    def test_an_old_address_that_somebody_else_has_now_stays_theirs(self, synced, sync, world):
        old = person("Maya Okafor").user.email
        world.change("Maya Okafor", work_email="maya.lund@example.com")
        run = sync(synced)
        MembershipFactory(portal=synced.portal, user__email=old)

        done = take_back(run)

        assert person("Maya Okafor").user.email == "maya.lund@example.com"
        assert done.changes.get().reason == "changed_since"

    def test_somebody_deleted_since_is_listed(self, synced, sync, world):
        world.rename("Maya Okafor", "Maya", "Lund")
        run = sync(synced)
        person("Maya Lund").delete()

        done = take_back(run)

        assert done.changes.get().reason == "changed_since"

    def test_a_group_that_is_gone_is_no_hindrance(self, synced, sync, world):
        world.change("Maya Okafor", department="Sales")
        sync(synced)
        world.change("Maya Okafor", department="Engineering")
        run = sync(synced)
        synced.portal.groups.get(title="Sales").delete()

        take_back(run)

        assert list(person("Maya Okafor").custom_data.values()) == ["Sales"]

    def test_a_pinned_value_stays(self, synced, sync, world):
        world.change("Maya Okafor", department="Engineering")
        run = sync(synced)
        maya = person("Maya Okafor")
        Membership.objects.filter(pk=maya.pk).update(pinned_fields=[int(key) for key in maya.custom_data])

        take_back(run)

        maya.refresh_from_db()
        assert list(maya.custom_data.values()) == ["Engineering"]


class TestRestore:
    def test_gives_back_access_only(self, synced, sync, world):
        world.rename("Maya Okafor", "Maya", "Lund")
        world.terminate("Wei Zhang", TODAY - timedelta(days=2))
        run = sync(synced)

        take_back(run, "restore")

        assert person("Wei Zhang").status == "active"
        assert person("Maya Lund").status == "active"

    def test_leaves_the_rest_to_a_later_undo(self, synced, sync, world):
        before = dump()
        world.rename("Maya Okafor", "Maya", "Lund")
        world.terminate("Wei Zhang", TODAY - timedelta(days=2))
        run = sync(synced)
        take_back(run, "restore")

        take_back(run)

        assert dump() == before

    def test_works_for_an_approval(self, synced, sync, world):
        SafetySettings.objects.update(most_people=1)
        names = ["Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"]
        before = dump()
        for name in names:
            world.terminate(name, TODAY - timedelta(days=2))
        approved = approval.approve(run=sync(synced), user=None, now=timezone.now())
        sync_run.carry_out(run_id=approved.pk)
        assert Membership.objects.filter(status="ended").count() == 4
        approved.refresh_from_db()

        take_back(approved, "restore")

        assert dump() == before


class TestRefusal:
    @pytest.fixture
    def run(self, connection):
        run = SyncRunFactory(connection=connection)
        PlannedChangeFactory(run=run, trace={"first_name": ["A", "B"]})
        return run

    def test_is_empty_for_a_run_that_changed_somebody(self, run):
        assert undo.refusal(run, timezone.now()) == ""

    @pytest.mark.parametrize("changes", [{"trigger": "preview"}, {"trigger": "undo"}, {"state": "running"}])
    def test_speaks_for_what_cannot_be_undone(self, run, changes):
        for name, value in changes.items():
            setattr(run, name, value)

        assert undo.refusal(run, timezone.now())

    def test_says_that_a_run_is_too_old(self, run):
        assert "30 days" in undo.refusal(run, timezone.now() + timedelta(days=31))

    def test_says_that_nothing_was_done(self, connection):
        assert "changed nobody" in undo.refusal(SyncRunFactory(connection=connection), timezone.now())

    def test_lets_a_run_be_undone_once(self, synced, sync, world):
        world.rename("Maya Okafor", "Maya", "Lund")
        run = sync(synced)
        take_back(run)
        after = dump()

        with pytest.raises(undo.CannotUndo, match="undone before"):
            take_back(run)
        assert dump() == after

    def test_needs_no_working_connection(self, synced, sync, world):
        before = dump()
        world.rename("Maya Okafor", "Maya", "Lund")
        run = sync(synced)
        synced.state = "disconnected"
        synced.save(update_fields=["state"])

        take_back(run)

        assert dump() == before

    def test_comes_to_its_end_when_the_connection_is_cut_meanwhile(self, synced, sync, world):
        before = dump()
        world.rename("Maya Okafor", "Maya", "Lund")
        run = undo.start(run=sync(synced), user=None, now=timezone.now())

        connecting.disconnect(connection=synced, user=None)
        done = sync_run.carry_out(run_id=run.pk)

        assert done.state == SyncRun.State.COMPLETED
        assert dump() == before

    def test_waits_for_a_sync_that_runs(self, synced, sync, world):
        world.rename("Maya Okafor", "Maya", "Lund")
        run = sync(synced)
        SyncRunFactory(connection=synced, state="queued")

        with pytest.raises(sync_run.leases.AlreadyRunning):
            take_back(run)


class TestAnyRun:
    """Whatever happens in a company, and whatever is edited here meanwhile."""

    NAMES = ("Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai")
    DEPARTMENTS = ("Sales", "Customer Support", "Engineering", "")

    def happen(self, world, chance):
        """Let a few random things happen in the company."""
        roster = [one for one in world.company.roster if one.is_onboarded]
        for _ in range(chance.randint(1, 12)):
            one = chance.choice(roster)
            number = chance.randint(1, 10**6)
            what = chance.randrange(7)
            if what == 0:
                world.change(one.uuid, department=chance.choice(self.DEPARTMENTS))
            elif what == 1:
                world.change(one.uuid, last_name=f"Name{number}")
            elif what == 2:
                world.change(one.uuid, work_email=f"new{number}@example.com")
            elif what == 3:
                world.hire("New", f"Person{number}", work_email=f"hired{number}@example.com")
            elif what == 4 and not one.is_terminated(world.clock.today()):
                world.terminate(one.uuid, world.clock.today() + timedelta(days=chance.choice((-3, 4))))
            elif what == 5 and one.is_terminated(world.clock.today()):
                world.rehire(one.uuid)
            elif what == 6:
                world.change(one.uuid, manager=chance.choice(roster).uuid)

    def live(self, portal, chance):
        """Let people learn, and be put into groups by hand."""
        now = timezone.now()
        for enrollment in Enrollment.objects.filter(status="not_started").order_by("pk"):
            if chance.random() < 0.3:
                progress.record(enrollment=enrollment, status="in_progress", percent=chance.randint(1, 99), now=now)
        members = list(Membership.objects.filter(portal=portal, status="active").order_by("pk"))
        for group in portal.groups.order_by("pk"):
            ids = [one.pk for one in chance.sample(members, min(2, len(members)))]
            grouping.add_members(group=group, membership_ids=ids, now=now)

    @pytest.mark.parametrize("seed", range(6))
    def test_is_undone_to_the_last_column(self, connection, sync, world, seed):
        chance = random.Random(seed)
        InviteSettings.objects.update(how=chance.choice(["active", "active_welcome", "pending_invite"]))
        manager = CustomFieldFactory(portal=connection.portal, label="Manager")
        FieldMappingFactory(connection=connection, custom_field=manager, attribute="manager_name")
        sync(connection)
        for _ in range(3):
            self.happen(world, chance)
            self.live(connection.portal, chance)
            before = dump()

            run = sync(connection)
            if undo.refusal(run, timezone.now()):
                continue
            done = take_back(run)

            assert dump() == before
            assert not done.changes.filter(state="skipped").exists()

    @pytest.mark.parametrize("seed", range(4))
    def test_spares_what_was_edited_since_and_lists_it(self, synced, sync, world, seed):
        chance = random.Random(seed)
        for name in self.NAMES:
            world.change(name, last_name=f"{name.split()[1]}-Lund", department=chance.choice(self.DEPARTMENTS[:3]))
        before = {row.pk: row.user.last_name for row in Membership.objects.select_related("user")}
        run = sync(synced)
        changed = list(Membership.objects.filter(user__last_name__endswith="-Lund").select_related("user"))
        assert len(changed) == 4
        edited = chance.sample(changed, chance.randint(1, 3))
        for one in edited:
            amend(one, last_name=f"Edited{one.pk}")

        done = take_back(run)

        left = done.changes.filter(state="skipped")
        assert set(left.values_list("membership_id", flat=True)) == {one.pk for one in edited}
        for row in Membership.objects.select_related("user"):
            was_edited = row.pk in {one.pk for one in edited}
            assert row.user.last_name == (f"Edited{row.pk}" if was_edited else before[row.pk])
