"""The runs of a connection, one run, its download, and the approval of what it held."""

import csv
import io
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from integrations import tasks
from integrations.models import PlannedChange, SyncRun
from tests.factories.integrations import PlannedChangeFactory, SyncRunFactory
from tests.factories.portals import CustomFieldFactory
from tests.factories.users import MembershipFactory
from users.models import AuditEntry

from .conftest import ROOT, markup_of, text_of

RUNS = f"{ROOT}gusto/runs/"


@pytest.fixture
def run(connection, admin):
    now = timezone.now()
    return SyncRunFactory(
        connection=connection,
        requested_by=admin,
        started_at=now - timedelta(minutes=2),
        finished_at=now,
        totals={"seen": 12, "pages": 2, "total_pages": 2, "total_people": 12, "add": 2, "unchanged": 9, "skipped": 1},
    )


@pytest.fixture
def run_page(run):
    return f"{RUNS}{run.pk}/"


def held(run, count=1, **more):
    return PlannedChangeFactory.create_batch(
        count, run=run, kind="end_access", state="held", reason="too_many_removals", **more
    )


class TestRunsPage:
    def test_says_what_will_be_here(self, portal_admin, connection):
        page = text_of(portal_admin.get(RUNS))

        assert "There has been no sync yet" in page
        assert "Go to the overview to start one" in page

    def test_lists_the_runs_newest_first(self, portal_admin, connection, run):
        later = SyncRunFactory(connection=connection, trigger="schedule", state="failed", trouble="Gusto was down.")

        page = text_of(portal_admin.get(RUNS))

        assert page.index(f"Run {later.pk}") < page.index(f"Run {run.pk}")
        assert "Started by an admin (Robin Vale)" in page
        assert "12 people read, 2 created, 1 not taken over" in page
        assert "Gusto was down." in page
        assert "2 minutes" in page

    def test_filters_by_state_and_trigger(self, portal_admin, connection, run):
        failed = SyncRunFactory(connection=connection, trigger="schedule", state="failed")

        page = text_of(portal_admin.get(RUNS, {"state": "failed", "trigger": "schedule"}))

        assert f"Run {failed.pk}" in page
        assert f"Run {run.pk}" not in page
        assert "No run fits the filter." in text_of(portal_admin.get(RUNS, {"state": "cancelled"}))

    def test_ignores_a_filter_that_does_not_exist(self, portal_admin, run):
        assert f"Run {run.pk}" in text_of(portal_admin.get(RUNS, {"state": "x", "trigger": "\0", "page": "-3"}))

    def test_pages_and_keeps_the_filter(self, portal_admin, connection):
        SyncRunFactory.create_batch(30, connection=connection, state="failed")

        page = portal_admin.get(RUNS, {"state": "failed", "page": 2}).content.decode()

        assert page.count('scope="row"') == 5
        assert 'href="?state=failed&amp;page=1"' in page

    def test_costs_the_same_for_any_number_of_runs(self, connection, admin, run, queries):
        before = queries(RUNS)
        SyncRunFactory.create_batch(20, connection=connection, requested_by=admin)

        assert queries(RUNS) == before <= 9


class TestRunPage:
    def test_shows_counts_that_open_lists(self, portal_admin, run, run_page):
        response = portal_admin.get(run_page)

        text = text_of(response)
        assert f"Run {run.pk} Completed" in text
        assert "2 Created" in text
        assert "9 Unchanged" in text
        assert "0 Failed" in text
        assert f'href="{run_page}?show=add#changes"' in response.content.decode()
        assert "show=unchanged" not in response.content.decode()

    def test_lists_what_a_count_counts(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, kind="add", person="Maya Okafor <maya@harbor.example>")
        PlannedChangeFactory(run=run, kind="skip", state="skipped", reason="no_email", person="Ines Duarte")
        PlannedChangeFactory(
            run=run, kind="update", person="Tom Reyes", warnings=[["department", "unknown_choice", "X"]]
        )

        assert "Maya" in text_of(portal_admin.get(run_page, {"show": "add"}))
        assert "Ines" not in text_of(portal_admin.get(run_page, {"show": "add"}))
        assert "Ines" in text_of(portal_admin.get(run_page, {"show": "skipped"}))
        assert "Tom" in text_of(portal_admin.get(run_page, {"show": "warnings"}))
        assert "Maya" not in text_of(portal_admin.get(run_page, {"show": "warnings"}))

    def test_says_why_and_what_to_do(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, kind="skip", state="skipped", reason="no_email", person="Ines Duarte")

        text = text_of(portal_admin.get(run_page))

        assert "Ines Duarte" in text
        assert "The person has no e-mail address that may be used." in text
        assert "Enter a work or personal e-mail in the connected system" in text

    def test_shows_before_and_after_in_words(self, portal_admin, portal, run, run_page):
        unit = CustomFieldFactory(portal=portal, label="Unit")
        learner = MembershipFactory(portal=portal)
        PlannedChangeFactory(
            run=run,
            person="Maya Okafor",
            membership_id=learner.pk,
            before={"last_name": "Okafor", "custom_data": {unit.key: "Sales"}, "last_day": None},
            after={"last_name": "Reyes", "custom_data": {unit.key: None}, "last_day": "2026-09-30"},
        )

        response = portal_admin.get(run_page)

        text = text_of(response)
        assert "Last name before: Okafor → after: Reyes" in text
        assert "Last day of access Sept. 30, 2026" in text
        assert "Unit before: Sales → after: (empty)" in text
        assert f"/users/membership/{learner.pk}/change/" in response.content.decode()

    def test_explains_each_value_that_was_refused(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, person="Tom Reyes", warnings=[["hire_date", "not_a_date", "soon"]])

        assert "Hire date: “soon” This is not a date." in text_of(portal_admin.get(run_page))

    def test_shows_text_from_outside_as_text(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, person="<script>alert(1)</script>", warnings=[["<b>", "too_long", "<i>"]])

        body = portal_admin.get(run_page).content.decode()

        assert "<script>alert(1)" not in body
        assert "<i>" not in body

    def test_searches_by_name_and_id(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, kind="add", person="Maya Okafor", external_id="e-1")
        PlannedChangeFactory(run=run, kind="add", person="Tom Reyes", external_id="e-2")

        assert "Tom" not in text_of(portal_admin.get(run_page, {"q": "okafor"}))
        assert "Maya" not in text_of(portal_admin.get(run_page, {"q": "e-2"}))
        assert "Nobody called “zzz” is in this list." in text_of(portal_admin.get(run_page, {"q": "zzz"}))
        assert portal_admin.get(run_page, {"q": "\0", "show": "%", "page": "x"}).status_code == HTTPStatus.OK

    def test_pages_within_a_count(self, portal_admin, run, run_page):
        PlannedChangeFactory.create_batch(60, run=run, kind="add")

        body = portal_admin.get(run_page, {"show": "add", "page": 2}).content.decode()

        assert body.count('scope="row"') == 10
        assert 'href="?show=add&amp;page=1#changes"' in body

    def test_says_when_nobody_changed(self, portal_admin, run_page):
        assert "This run changed nobody: everyone is as they should be." in text_of(portal_admin.get(run_page))

    def test_says_what_troubled_the_run(self, portal_admin, run, run_page):
        run.state, run.trouble = "partial", "The list was empty."
        run.save()

        text = text_of(portal_admin.get(run_page))

        assert "Completed in part" in text
        assert "The list was empty." in text

    def test_asks_for_a_decision_on_held_changes(self, portal_admin, run, run_page):
        held(run, 4, person="Maya Okafor", after={"last_day": "2026-09-30"})

        text = text_of(portal_admin.get(run_page, {"show": "held"}))

        assert "4 changes wait for your approval" in text
        assert "Held for approval: Access ends" in text
        assert "4 people lose access." in text
        assert "4 people stay as they are." in text

    def test_asks_no_more_when_a_newer_run_took_its_place(self, portal_admin, connection, run, run_page):
        held(run, 4)
        SyncRunFactory(connection=connection)

        text = text_of(portal_admin.get(run_page))

        assert "wait for your approval" not in text
        assert "4 changes were held for approval and are out of date" in text

    def test_says_what_became_of_held_changes(self, portal_admin, run, run_page):
        run.totals["held"] = 5
        run.save()
        PlannedChangeFactory.create_batch(2, run=run, kind="end_access", state="rejected")

        text = text_of(portal_admin.get(run_page))

        assert "0 Held for approval" in text
        assert "2 Rejected" in text
        assert "3 changes were held here, approved, and carried out in a run of their own." in text

    def test_costs_the_same_for_any_number_of_changes(self, run, run_page, queries):
        held(run)
        before = queries(run_page)
        PlannedChangeFactory.create_batch(50, run=run, kind="add", after={"email": "maya@harbor.example"})
        held(run, 4)

        assert queries(run_page) == before <= 15

    def test_says_that_its_lines_are_gone_after_three_months(self, portal_admin, run, run_page):
        PlannedChangeFactory.create_batch(2, run=run)
        SyncRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=91))
        tasks.forget_old_lines()

        page = text_of(portal_admin.get(run_page))

        assert "What a sync did with each person is kept for 90 days." in page
        assert "This run changed nobody" not in page
        assert "2 Created" in page

    def test_says_nothing_of_old_approvals_when_its_lines_are_gone(self, portal_admin, run, run_page):
        SyncRun.objects.filter(pk=run.pk).update(
            created_at=timezone.now() - timedelta(days=91), totals={**run.totals, "held": 3}
        )

        page = text_of(portal_admin.get(run_page))

        assert "carried out in a run of their own" not in page
        assert "out of date" not in page


class TestRunProgress:
    @pytest.fixture
    def live(self, connection):
        return SyncRunFactory(
            connection=connection,
            state="running",
            started_at=timezone.now(),
            lease_expires_at=timezone.now() + timedelta(seconds=50),
            totals={"seen": 300, "pages": 3, "total_pages": 12, "total_people": 1200, "add": 7},
        )

    def test_is_polled_while_the_run_is_live(self, portal_admin, live):
        run_page = markup_of(portal_admin.get(f"{RUNS}{live.pk}/"))

        assert f'hx-get="{RUNS}{live.pk}/progress/" hx-trigger="every 1s"' in run_page
        assert '<progress value="3" max="12"' in run_page
        assert '<noscript><a href="">Refresh</a></noscript>' in run_page

    def test_shows_how_far_the_run_is(self, portal_admin, live):
        response = portal_admin.get(f"{RUNS}{live.pk}/progress/")

        assert "Page 3 of 12, 300 people read" in text_of(response)
        assert "7 Created" in text_of(response)
        assert "hx-trigger" in response.content.decode()
        assert "HX-Refresh" not in response

    def test_stops_and_shows_the_lists_when_the_run_is_done(self, portal_admin, run):
        response = portal_admin.get(f"{RUNS}{run.pk}/progress/")

        assert "hx-trigger" not in response.content.decode()
        assert response["HX-Refresh"] == "true"

    def test_says_that_an_interrupted_run_goes_on(self, portal_admin, live):
        live.lease_expires_at = timezone.now() - timedelta(seconds=5)
        live.save()

        assert "The worker stopped answering." in text_of(portal_admin.get(f"{RUNS}{live.pk}/progress/"))

    def test_wonders_about_a_run_that_nobody_begins(self, portal_admin, connection):
        waiting = SyncRunFactory(
            connection=connection, state="queued", created_at=timezone.now() - timedelta(minutes=5)
        )

        text = text_of(portal_admin.get(f"{RUNS}{waiting.pk}/progress/"))

        assert "Waiting for a free worker." in text
        assert "No worker has taken this run up yet." in text

    def test_costs_few_queries(self, live, queries):
        assert queries(f"{RUNS}{live.pk}/progress/") <= 7


class TestRunDownload:
    def rows(self, response):
        body = b"".join(response.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(body, newline="")))

    def test_holds_what_the_page_lists(self, portal_admin, run, run_page):
        PlannedChangeFactory(
            run=run,
            kind="update",
            person="Maya Okafor",
            external_id="e-1",
            before={"last_name": "Okafor"},
            after={"last_name": "Reyes"},
            warnings=[["department", "unknown_choice", "X"]],
        )

        response = portal_admin.get(f"{run_page}csv/")

        header, row = self.rows(response)
        assert header[:4] == ["Person", "Gusto id", "Change", "State"]
        assert row[:4] == ["Maya Okafor", "e-1", "Updated", "Done"]
        assert row[6:8] == ["Last name: Okafor", "Last name: Reyes"]
        assert row[8].startswith("Department: X (This value is not among the choices")
        assert response["Content-Type"].startswith("text/csv")
        assert f'run-{run.pk}.csv"' in response["Content-Disposition"]

    def test_is_filtered_as_the_page_is(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, kind="add", person="Maya Okafor")
        PlannedChangeFactory(run=run, kind="skip", state="skipped", person="Ines Duarte")

        rows = self.rows(portal_admin.get(f"{run_page}csv/", {"show": "skipped"}))

        assert [row[0] for row in rows[1:]] == ["Ines Duarte"]

    def test_gives_a_spreadsheet_no_formula(self, portal_admin, run, run_page):
        PlannedChangeFactory(run=run, person='=HYPERLINK("https://evil.example")', external_id="+1")

        row = self.rows(portal_admin.get(f"{run_page}csv/"))[1]

        assert row[:2] == ['\'=HYPERLINK("https://evil.example")', "'+1"]

    def test_leaves_a_trace(self, portal_admin, portal, admin, run, run_page):
        portal_admin.get(f"{run_page}csv/")

        entry = AuditEntry.objects.get(action="run_exported")
        assert (entry.portal_id, entry.actor_id, entry.object_id) == (portal.pk, admin.pk, run.pk)


class TestApprovePage:
    def test_asks_with_numbers(self, portal_admin, run, run_page):
        held(run, 4)

        text = text_of(portal_admin.get(f"{run_page}approve/"))

        assert "Approve all held changes?" in text
        assert "4 people lose access." in text
        assert PlannedChange.objects.filter(state="held").count() == 4

    def test_carries_the_changes_out_in_a_run_of_their_own(self, portal_admin, admin, run, run_page, started):
        changes = held(run, 4)

        response = portal_admin.post(f"{run_page}approve/", {"typed": "4"})

        approved = SyncRun.objects.get(trigger="approval")
        assert response.url == f"{RUNS}{approved.pk}/"
        assert approved.requested_by == admin
        assert set(approved.changes.values_list("pk", flat=True)) == {change.pk for change in changes}

    @pytest.mark.parametrize("page", ["approve/", "reject/", "mails/"])
    def test_survives_ticked_numbers_without_end(self, portal_admin, run, run_page, page):
        (change,) = held(run)
        ticked = {"ticked": "1", "line": "9" * 5000, "mail": "9" * 5000}

        assert portal_admin.post(f"{run_page}{page}", ticked).status_code == HTTPStatus.FOUND
        change.refresh_from_db()
        assert change.state == "held"

    @pytest.mark.parametrize("decision", ["approve", "reject"])
    def test_does_nothing_when_nothing_is_held(self, portal_admin, run, run_page, started, decision):
        text = text_of(portal_admin.post(f"{run_page}{decision}/", follow=True))

        assert "Nothing waits here any more" in text
        assert SyncRun.objects.count() == 1

    @pytest.mark.parametrize("decision", ["approve", "reject"])
    def test_refuses_a_decision_that_is_out_of_date(self, portal_admin, run, run_page, started, decision):
        run.created_at = timezone.now() - timedelta(hours=25)
        run.save()
        held(run, 4)

        portal_admin.post(f"{run_page}{decision}/")

        assert PlannedChange.objects.filter(state="held").count() == 4

    def test_wants_a_working_connection(self, portal_admin, connection, run, run_page, started):
        held(run, 4)
        connection.state = "needs_reconnecting"
        connection.save()

        text = text_of(portal_admin.post(f"{run_page}approve/", {"typed": "4"}, follow=True))

        assert "Connect Gusto first." in text
        assert PlannedChange.objects.filter(state="held").count() == 4


class TestRejectPage:
    def test_drops_the_changes(self, portal_admin, run, run_page):
        held(run, 4)

        response = portal_admin.post(f"{run_page}reject/", follow=True)

        assert "4 changes are rejected." in text_of(response)
        assert PlannedChange.objects.filter(state="rejected").count() == 4
        assert AuditEntry.objects.filter(action="removals_rejected").count() == 1
