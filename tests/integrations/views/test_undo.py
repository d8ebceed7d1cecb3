"""Undoing a run, or only the access that it ended, on the run's page."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from integrations.models import SyncRun
from tests.factories.integrations import ExternalIdentityFactory, PlannedChangeFactory, SyncRunFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry, User

from .conftest import text_of

pytestmark = pytest.mark.django_db

RUNS = "/admin/settings/integrations/gusto/runs/"


def run_path(run, page=""):
    return f"{RUNS}{run.pk}/{page}"


@pytest.fixture
def run(connection, portal):
    """A run that renamed ten people and ended the access of one."""
    run = SyncRunFactory(connection=connection)
    for _ in range(10):
        learner = MembershipFactory(portal=portal)
        ExternalIdentityFactory(connection=connection, membership=learner)
        PlannedChangeFactory(run=run, membership_id=learner.pk, trace={"last_name": ["A", "B"]})
    PlannedChangeFactory(run=run, kind="end_access", membership_id=learner.pk, trace={"state": [{}, {}]})
    return run


class TestRunPage:
    def test_offers_both_ways_back(self, portal_admin, run):
        page = text_of(portal_admin.get(run_path(run)))

        assert "Undo this run" in page
        assert "Restore everyone whose access this run ended" in page

    def test_offers_no_restoring_where_nobody_lost_access(self, portal_admin, run):
        run.changes.filter(kind="end_access").delete()

        assert "Restore everyone" not in text_of(portal_admin.get(run_path(run)))

    def test_offers_nothing_for_a_preview(self, portal_admin, run):
        SyncRun.objects.update(trigger="preview")

        assert "Undo this run" not in text_of(portal_admin.get(run_path(run)))

    def test_says_that_the_run_is_too_old(self, portal_admin, run):
        SyncRun.objects.update(created_at=timezone.now() - timedelta(days=31))

        page = text_of(portal_admin.get(run_path(run)))

        assert "Undo this run" not in page
        assert "more than 30 days old" in page

    def test_leads_to_the_run_that_took_it_back_and_from_there_home(self, portal_admin, run):
        undone = SyncRunFactory(
            connection=run.connection, trigger="undo", origin=run, totals={"undo": 9, "skipped": 2}
        )

        there, back = text_of(portal_admin.get(run_path(run))), text_of(portal_admin.get(run_path(undone)))

        assert "This run was undone." in there
        assert f"This run took back what run {run.pk} had done." in back
        assert "9 Taken back" in back
        assert "2 Left as it is" in back
        assert "People read" not in back
        assert "9 changes taken back, 2 left as they are" in text_of(portal_admin.get(RUNS))

    def test_costs_the_same_for_many_lines(self, run, queries):
        few = queries(run_path(run))
        PlannedChangeFactory.create_batch(30, run=run, trace={"last_name": ["A", "B"]})

        assert queries(run_path(run)) == few


class TestQuestion:
    def test_says_with_numbers_what_happens(self, portal_admin, run):
        page = text_of(portal_admin.get(run_path(run, "undo/")))

        assert f"Undo run {run.pk}?" in page
        assert "10 changes of values, links, groups and courses are taken back." in page
        assert "1 person gets back the access that this run ended" in page
        assert "Whoever has been changed since is left as they are and listed." in page
        assert "does not do it again until Gusto says something else" in page

    def test_tells_who_is_removed_from_who_only_loses_access(self, portal_admin, portal, connection):
        run = SyncRunFactory(connection=connection)
        for _ in range(2):
            learner = MembershipFactory(portal=portal)
            User.objects.filter(pk=learner.user_id).update(last_login=timezone.now())
            PlannedChangeFactory(run=run, kind="add", membership_id=learner.pk, after={"email": learner.user.email})

        page = text_of(portal_admin.get(run_path(run, "undo/")))

        assert "2 people whom this run added lose access and stay" in page
        assert "Type the number 2 to go on" in page

    def test_of_restoring_is_about_ended_access_only(self, portal_admin, run):
        page = text_of(portal_admin.get(run_path(run, "restore/")))

        assert "Restore everyone whose access this run ended?" in page
        assert "1 person gets back" in page
        assert "changes of values" not in page

    def test_of_restoring_is_not_asked_where_nobody_lost_access(self, portal_admin, run):
        run.changes.filter(kind="end_access").delete()

        page = text_of(portal_admin.get(run_path(run, "restore/"), follow=True))

        assert "The run ended nobody’s access, so there is none to give back." in page

    def test_is_not_asked_about_a_run_that_cannot_be_undone(self, portal_admin, run):
        SyncRun.objects.update(state="running")

        response = portal_admin.get(run_path(run, "undo/"))

        assert response.url == run_path(run)

    def test_costs_the_same_for_many_lines(self, run, queries):
        few = queries(run_path(run, "undo/"))
        PlannedChangeFactory.create_batch(30, run=run, trace={"last_name": ["A", "B"]})

        assert queries(run_path(run, "undo/")) == few


class TestUndoing:
    @pytest.mark.parametrize(("page", "trigger"), [("undo/", "undo"), ("restore/", "restore")])
    def test_starts_a_run_of_its_own(self, portal_admin, admin, run, started, page, trigger):
        response = portal_admin.post(run_path(run, page))

        undone = SyncRun.objects.get(trigger=trigger)
        assert response.url == run_path(undone)
        assert (undone.origin, undone.requested_by, undone.cursor) == (run, admin, {"phase": "undo"})
        assert AuditEntry.objects.filter(actor_id=admin.pk, object_id=run.pk).exists()

    def test_happens_once(self, portal_admin, run):
        portal_admin.post(run_path(run, "undo/"))
        SyncRun.objects.filter(trigger="undo").update(state="completed")

        response = portal_admin.post(run_path(run, "undo/"))

        assert response.url == run_path(run)
        assert SyncRun.objects.filter(trigger="undo").count() == 1

    def test_waits_for_a_sync_that_runs(self, portal_admin, run):
        SyncRunFactory(connection=run.connection, state="running")

        assert portal_admin.post(run_path(run, "undo/")).url == run_path(run)
        assert not SyncRun.objects.filter(trigger="undo").exists()

    def test_wants_the_number_typed_when_more_than_half_lose_access(self, portal_admin, portal, connection):
        run = SyncRunFactory(connection=connection)
        learner = MembershipFactory(portal=portal)
        PlannedChangeFactory(run=run, kind="add", membership_id=learner.pk, after={"email": learner.user.email})

        refused = portal_admin.post(run_path(run, "undo/"), {"typed": "7"})

        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert portal_admin.post(run_path(run, "undo/"), {"typed": "1"}).status_code == HTTPStatus.FOUND

    @pytest.mark.parametrize("page", ["undo/", "restore/"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_is_refused_for_a_run_of_another_portal(self, portal_admin, connection, method, page):
        foreign = PlannedChangeFactory(kind="end_access", trace={"state": [{}, {}]}).run

        response = getattr(portal_admin, method)(run_path(foreign, page))

        assert response.status_code == HTTPStatus.NOT_FOUND
        assert not SyncRun.objects.exclude(pk=foreign.pk).exists()
