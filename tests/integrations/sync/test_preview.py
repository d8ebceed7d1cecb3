"""Saying what a sync would do, and doing just that."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import connections
from django.utils import timezone

from integrations.models import InviteSettings, PlannedChange, SafetySettings, SyncRun
from integrations.sync import approval
from integrations.sync import run as sync_run
from tests.factories.integrations import FieldMappingFactory
from tests.factories.portals import CourseFactory, CustomFieldFactory, DynamicRuleFactory, GroupCourseFactory
from users.models import Enrollment, Invitation, Membership, User

pytestmark = pytest.mark.django_db

# What a preview writes: itself.
OWN_TABLES = {"integrations_syncrun", "integrations_plannedchange"}


def dump():
    """Return every row of every table that a preview must not touch."""
    with database.cursor() as cursor:
        tables = set(database.introspection.table_names(cursor)) - OWN_TABLES
        rows = {}
        for table in sorted(tables):
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {database.ops.quote_name(table)} AS t ORDER BY 1")  # noqa: S608
            rows[table] = cursor.fetchall()
    return rows


@pytest.fixture
def preview(sync):
    return lambda connection: sync(connection, trigger=SyncRun.Trigger.PREVIEW)


@pytest.fixture
def apply_preview():
    def carry_out(run, **options):
        started = approval.apply_preview(preview=run, user=None, now=timezone.now(), **options)
        return sync_run.carry_out(run_id=started.pk)

    return carry_out


@pytest.fixture
def furnished(connect):
    """A connection whose people come into a group with a course, by a rule for everyone."""
    connection = connect()
    everyone = DynamicRuleFactory(group__portal=connection.portal, state="active").group
    GroupCourseFactory(group=everyone, course=CourseFactory(portal=connection.portal, status="published"))
    department = CustomFieldFactory(portal=connection.portal, label="Department")
    FieldMappingFactory(connection=connection, custom_field=department, attribute="department")
    return connection


class TestPreview:
    def test_changes_nothing_and_sends_nothing(self, furnished, preview):
        before = dump()

        run = preview(furnished)

        assert run.state == SyncRun.State.COMPLETED
        assert run.totals["invite"] == 28
        assert dump() == before

    def test_changes_nothing_of_people_who_are_there(self, furnished, preview, sync, world):
        sync(furnished)
        world.rename("Maya Okafor", "Maya", "Okafor-Lund")
        world.terminate("Wei Zhang", timezone.localdate() - timedelta(days=2))
        before = dump()

        run = preview(furnished)

        assert (run.totals["update"], run.totals["end_access"]) == (1, 1)
        assert dump() == before

    def test_says_field_by_field_what_would_change(self, furnished, preview, sync, world):
        sync(furnished)
        world.rename("Maya Okafor", "Maya", "Okafor-Lund")

        line = preview(furnished).changes.get(kind="update")

        assert (line.state, line.before, line.after) == (
            "planned",
            {"last_name": "Okafor"},
            {"last_name": "Okafor-Lund"},
        )

    def test_says_which_groups_courses_and_mails_would_follow(self, furnished, preview):
        group = furnished.portal.groups.get()

        line = preview(furnished).changes.filter(kind="invite", person__startswith="Maya").get()

        # A pending person is in no group before they accept; the mail is the invitation.
        later = {"joins_later": [group.pk], "enrolls_later": [group.group_courses.get().course_id]}
        assert line.consequences == {"mail": "invite", **later}
        InviteSettings.objects.update_or_create(connection=furnished, defaults={"how": "active"})
        line = preview(furnished).changes.filter(kind="add", person__startswith="Maya").get()
        assert line.consequences == {"joins": [group.pk], "enrolls": [group.group_courses.get().course_id]}

    def test_promises_the_invited_no_course_that_is_not_published(self, furnished, preview):
        group = furnished.portal.groups.get()
        group.group_courses.get().course.delete()
        GroupCourseFactory(group=group, course=CourseFactory(portal=furnished.portal, status="draft"))

        line = preview(furnished).changes.filter(kind="invite", person__startswith="Maya").get()

        assert line.consequences == {"mail": "invite", "joins_later": [group.pk], "enrolls_later": []}

    def test_is_the_same_when_asked_twice(self, furnished, preview):
        first, second = preview(furnished), preview(furnished)

        def lines(run):
            return list(run.changes.order_by("external_id", "kind").values_list("external_id", "kind", "after"))

        assert lines(first) == lines(second)

    def test_marks_what_a_sync_would_hold(self, furnished, preview, sync, world):
        sync(furnished)
        for name in ("Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"):
            world.terminate(name, timezone.localdate() - timedelta(days=2))

        run = preview(furnished)

        assert run.totals["held"] == 4
        assert set(run.changes.filter(kind="end_access").values_list("state", flat=True)) == {"held"}

    def test_leaves_the_next_sync_as_it_would_have_been(self, furnished, preview, sync):
        preview(furnished)

        run = sync(furnished)

        assert (run.totals["invite"], run.totals["seen"]) == (28, 30)


class TestApplyingAPreview:
    def test_does_what_it_said(self, furnished, preview, apply_preview):
        planned = preview(furnished)

        run = apply_preview(planned, seen=planned.plan_hash)

        def lines(of):
            rows = of.changes.exclude(kind="skip").order_by("external_id", "kind")
            return list(rows.values_list("external_id", "kind", "before", "after"))

        assert lines(run) == lines(planned)
        assert Membership.objects.filter(source="gusto").count() == 28
        assert Invitation.objects.filter(state="held").count() == 28

    def test_leaves_out_whoever_changed_here_since(self, furnished, preview, apply_preview, sync, world):
        sync(furnished)
        world.rename("Maya Okafor", "Maya", "Okafor-Lund")
        world.rename("Wei Zhang", "Wei", "Zhang-Lund")
        planned = preview(furnished)
        maya = Membership.objects.get(user__first_name="Maya").user
        maya.last_name = "Lund"
        maya.save(update_fields=["last_name"])

        run = apply_preview(planned)

        assert run.changes.get(kind="skip").reason == "changed_since"
        assert run.totals["update"] == 1
        maya.refresh_from_db()
        assert maya.last_name == "Lund"

    def test_gives_an_address_of_two_people_to_neither_and_all_else(
        self, furnished, preview, apply_preview, sync, world
    ):
        sync(furnished)
        newcomer = world.add_broken("no_email").uuid
        world.change("Maya Okafor", first_name="May", work_email="both@example.com")
        world.change(newcomer, work_email="both@example.com")

        run = apply_preview(preview(furnished))

        line = run.changes.get(kind="update")
        assert (line.state, line.after) == ("applied", {"first_name": "May"})
        assert line.warnings == [["email", "shared_email", "both@example.com"]]
        assert not User.objects.filter(email="both@example.com").exists()

    def test_holds_what_is_too_much(self, furnished, preview, apply_preview, sync, world):
        sync(furnished)
        for name in ("Maya Okafor", "Wei Zhang", "Joy Delgado", "Yuki Desai"):
            world.terminate(name, timezone.localdate() - timedelta(days=2))
        planned = preview(furnished)

        run = apply_preview(planned)

        assert run.totals["held"] == 4
        assert not Membership.objects.filter(status="ended").exists()

    def test_goes_once(self, furnished, preview, apply_preview):
        planned = preview(furnished)
        apply_preview(planned)

        with pytest.raises(approval.NothingHeld):
            apply_preview(planned)

    @pytest.mark.django_db(transaction=True)
    def test_goes_once_for_two_admins_at_once(self, furnished, preview, apply_preview, monkeypatch):
        planned = preview(furnished)
        look, looked, both_are_there = approval.can_be_applied, threading.Event(), threading.Event()

        def look_and_wait(*args):
            found = look(*args)
            if not looked.is_set():
                looked.set()
                both_are_there.wait(10)
            return found

        def answer():
            try:
                return apply_preview(planned).trigger
            except approval.NothingHeld:
                return "too late"
            finally:
                connections.close_all()

        monkeypatch.setattr(approval, "can_be_applied", look_and_wait)
        with ThreadPoolExecutor() as admins:
            first = admins.submit(answer)
            looked.wait(10)
            second = admins.submit(answer)
            wait([second], timeout=0.5)
            both_are_there.set()

        assert {first.result(), second.result()} == {"plan", "too late"}

    def test_is_refused_for_another_plan_than_was_seen(self, furnished, preview, apply_preview):
        with pytest.raises(approval.PlanChanged):
            apply_preview(preview(furnished), seen="0" * 32)

    def test_is_refused_after_a_sync(self, furnished, preview, apply_preview, sync):
        planned = preview(furnished)
        sync(furnished)

        with pytest.raises(approval.NothingHeld):
            apply_preview(planned)

    def test_is_refused_after_a_day(self, furnished, preview):
        planned = preview(furnished)

        assert not approval.can_be_applied(planned, timezone.now() + timedelta(hours=25))

    def test_leaves_the_daily_sync_nothing_to_do(self, furnished, preview, apply_preview, sync):
        apply_preview(preview(furnished))

        run = sync(furnished)

        assert run.totals.get("invite", 0) == 0
        assert run.changes.exclude(kind="skip").count() == 0


class TestSmallRemovals:
    def test_a_new_address_and_an_emptied_value_are_followed(self, furnished, sync, world):
        sync(furnished)
        maya = Membership.objects.get(user__first_name="Maya")
        assert maya.custom_data
        world.change("Maya Okafor", work_email="maya.lund@example.com", department="")

        run = sync(furnished)

        maya = Membership.objects.select_related("user").get(pk=maya.pk)
        assert (run.totals["change_email"], maya.user.email) == (1, "maya.lund@example.com")
        assert (run.totals["clear"], maya.custom_data) == (1, {})

    def test_an_address_that_somebody_took_meanwhile_fails_alone(self, furnished, sync, world):
        sync(furnished)
        run = SyncRun.objects.get()
        people = list(Membership.objects.filter(source="gusto").select_related("user").order_by("pk")[:2])
        for person in people:
            identity = person.external_identities.get()
            PlannedChange.objects.create(
                run=run,
                external_id=identity.external_id,
                membership_id=person.pk,
                kind="change_email",
                state="held",
                before={"email": person.user.email},
                after={"email": "same@example.com"},
            )

        approved = approval.approve(run=run, user=None, now=timezone.now())
        sync_run.carry_out(run_id=approved.pk)

        assert sorted(approved.changes.values_list("state", flat=True)) == ["applied", "failed"]


class TestMissingPeople:
    def test_do_not_keep_an_address_from_those_who_have_it_now(self, furnished, sync, world):
        twin = world.add_broken("duplicate_email").uuid
        first = sync(furnished)
        assert first.changes.filter(reason="shared_email").count() == 2
        world.remove(twin)

        run = sync(furnished)

        assert run.totals["invite"] == 1

    def test_are_forgotten_at_the_second_complete_read_if_they_never_were_users(self, furnished, sync, world):
        nobody = world.add_broken("no_email").uuid
        sync(furnished)
        world.remove(nobody)
        world.remove("Maya Okafor")

        sync(furnished)
        assert furnished.identities.get(external_id=nobody).times_missing == 1

        sync(furnished)
        assert not furnished.identities.filter(external_id=nobody).exists()
        assert furnished.identities.get(times_missing=2).membership.user.first_name == "Maya"

    def test_keep_their_access_unless_the_admin_asked(self, furnished, sync, world):
        sync(furnished)
        world.remove("Maya Okafor")
        sync(furnished)
        sync(furnished)

        assert not Membership.objects.filter(status="ended").exists()

    def test_lose_it_at_the_second_complete_read_without_them(self, furnished, sync, world):
        SafetySettings.objects.create(connection=furnished, ends_missing=True)
        sync(furnished)
        world.remove("Maya Okafor")
        assert "end_access" not in sync(furnished).totals

        run = sync(furnished)

        assert run.changes.get(kind="end_access").reason == ""
        assert Membership.objects.get(status="ended").user.first_name == "Maya"
        assert Enrollment.objects.count() == 0
