"""Seeing what a sync would do, and applying it."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from integrations.models import SyncRun
from integrations.sync import approval
from tests.factories.integrations import PlannedChangeFactory, SyncRunFactory
from tests.factories.portals import CourseFactory, GroupFactory

from .conftest import text_of

pytestmark = pytest.mark.django_db

PREVIEW = "/admin/settings/integrations/gusto/preview/"


def run_path(run, page=""):
    return f"/admin/settings/integrations/gusto/runs/{run.pk}/{page}"


@pytest.fixture
def preview(connection):
    """A finished preview of one newcomer."""
    run = SyncRunFactory(connection=connection, trigger="preview", state="completed", totals={"seen": 1, "invite": 1})
    PlannedChangeFactory(
        run=run,
        kind="invite",
        state="planned",
        person="Noor Ahmadi <noor@example.com>",
        source={"key": "e-1"},
        consequences={"mail": "invite"},
    )
    run.plan_hash = approval.plan_hash(run)
    run.save(update_fields=["plan_hash"])
    return run


class TestPreviewButton:
    def test_starts_a_preview_that_uses_up_no_manual_sync(self, portal_admin, connection):
        response = portal_admin.post(PREVIEW)

        run = SyncRun.objects.get()
        assert (response.status_code, response.url) == (HTTPStatus.FOUND, run_path(run))
        assert (run.trigger, run.connection.last_manual_sync_at) == ("preview", None)

    def test_is_refused_while_a_sync_runs(self, portal_admin, connection):
        running = SyncRunFactory(connection=connection, state="running")

        assert portal_admin.post(PREVIEW).url == run_path(running)
        assert SyncRun.objects.count() == 1

    def test_does_nothing_by_a_link(self, portal_admin, connection):
        assert portal_admin.get(PREVIEW).status_code == HTTPStatus.METHOD_NOT_ALLOWED


class TestPreviewPage:
    def test_says_that_nothing_has_been_changed_and_what_would_follow(self, portal_admin, preview):
        page = portal_admin.get(run_path(preview)).content.decode()

        assert "nothing has been changed or sent" in page
        assert "Mail: Invitation" in page
        assert "Apply this preview" in page
        assert "Why not" not in page

    def test_says_where_the_invited_come_once_they_accept(self, portal_admin, portal, preview):
        group, course = GroupFactory(portal=portal, title="Sellers"), CourseFactory(portal=portal, title="Wood")
        later = {"mail": "invite", "joins_later": [group.pk], "enrolls_later": [course.pk]}
        preview.changes.update(consequences=later)
        SyncRun.objects.update(totals={"seen": 1, "invite": 1, "mails": 1})

        page = text_of(portal_admin.get(run_path(preview)))

        assert "Joins on accepting: Sellers" in page
        assert "Is enrolled on accepting in: Wood" in page
        assert "What would follow 1 email" in page

    @pytest.mark.parametrize(
        ("totals", "words"),
        [
            ({"invite": 1}, ["1 change is made."]),
            ({"invite": 1, "held": 2}, ["1 change is made.", "2 changes wait for your approval afterwards."]),
            ({"held": 6}, ["No change is made at once.", "6 changes wait for your approval afterwards."]),
        ],
    )
    def test_asks_with_the_numbers_of_what_is_made_and_what_waits(self, portal_admin, preview, totals, words):
        SyncRun.objects.update(totals=totals)

        page = text_of(portal_admin.get(run_path(preview, "apply/")))

        assert [sentence for sentence in words if sentence not in page] == []

    def test_is_applied_as_it_was_seen(self, portal_admin, preview):
        response = portal_admin.post(run_path(preview, "apply/"), {"seen": preview.plan_hash})

        run = SyncRun.objects.get(trigger="plan")
        assert response.url == run_path(run)
        assert run.origin == preview

    @pytest.mark.parametrize("change", [{"seen": "0" * 32}, {"age": 25}])
    def test_is_not_applied_when_it_is_out_of_date(self, portal_admin, preview, change):
        if "age" in change:
            created_at = timezone.now() - timedelta(hours=change["age"])
            SyncRun.objects.filter(pk=preview.pk).update(created_at=created_at)

        response = portal_admin.post(run_path(preview, "apply/"), {"seen": change.get("seen", preview.plan_hash)})

        assert response.url == run_path(preview)
        assert not SyncRun.objects.filter(trigger="plan").exists()


class TestDecidingLineByLine:
    @pytest.fixture
    def held(self, connection):
        """A run that holds two leavers."""
        run = SyncRunFactory(connection=connection, state="completed", totals={"held": 2})
        PlannedChangeFactory.create_batch(2, run=run, kind="end_access", state="held", reason="too_many_removals")
        return run

    def test_shows_a_box_for_each_person(self, portal_admin, held):
        page = portal_admin.get(run_path(held) + "?show=held").content.decode()

        assert page.count('name="line"') == 2

    def test_approves_the_ticked_one_only(self, portal_admin, held):
        line = held.changes.order_by("pk").first()

        portal_admin.post(run_path(held, "approve/"), {"line": [line.pk], "typed": "1"})

        approved = SyncRun.objects.get(trigger="approval")
        assert list(approved.changes.values_list("pk", "state")) == [(line.pk, "planned")]
        assert held.changes.get().state == "held"

    def test_asks_for_ticks_first(self, portal_admin, held):
        response = portal_admin.get(run_path(held, "approve/") + "?ticked=1")

        assert response.url.startswith(run_path(held))

    def test_wants_the_number_typed_for_more_than_half_of_all(self, portal_admin, held):
        refused = portal_admin.post(run_path(held, "approve/"), {"typed": "1"})

        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert portal_admin.post(run_path(held, "approve/"), {"typed": "2"}).status_code == HTTPStatus.FOUND

    def test_is_about_what_was_seen(self, portal_admin, held):
        portal_admin.post(run_path(held, "reject/"), {"seen": "0" * 32})

        assert held.changes.filter(state="held").count() == 2

    def test_ignores_lines_of_other_runs(self, portal_admin, held):
        foreign = PlannedChangeFactory(kind="end_access", state="held")

        portal_admin.post(run_path(held, "reject/"), {"line": [foreign.pk]})

        foreign.refresh_from_db()
        assert foreign.state == "held"
