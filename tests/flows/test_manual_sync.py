"""You can sync manually once per hour, as required."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from django.utils.formats import date_format

from integrations import tasks
from integrations.models import Connection, SyncRun
from integrations.sync import leases

from .conftest import GUSTO, sync

MANUAL = SyncRun.Trigger.MANUAL


@pytest.mark.django_db
@pytest.mark.usefixtures("tasks_at_once", "smtp")
class TestManualSync:
    def test_brings_new_accounts_in_at_once(self, admin, connection, world, people, after_an_hour):
        sync(admin)
        world.hire("Noor", "Ahmadi", work_email="noor@harborpine.example")
        after_an_hour(connection)

        run = sync(admin)

        assert "Completed" in run.words
        assert "Noor Ahmadi" in run.words
        assert people("Noor Ahmadi").status == "pending"

    def test_says_within_the_hour_when_the_next_one_is_possible(self, admin, connection, portal):
        sync(admin)
        connection.refresh_from_db()
        free_at = connection.last_manual_sync_at + timedelta(hours=1)
        clock = date_format(free_at.astimezone(portal.zone), "TIME_FORMAT")

        page = admin.open(GUSTO).press(f"Sync (possible from {clock})")

        assert f"You can sync manually once per hour: from {clock} on the next one is possible." in page.words
        assert SyncRun.objects.count() == 1

    def test_is_possible_again_after_an_hour_and_finds_nothing_to_do(self, admin, connection, after_an_hour, smtp):
        sync(admin)
        after_an_hour(connection)
        sent = len(smtp)

        run = sync(admin)

        assert "This run changed nobody: everyone is as they should be." in run.words
        assert SyncRun.objects.filter(trigger=MANUAL, state="completed").count() == 2
        assert len(smtp) == sent

    def test_that_could_read_nobody_does_not_count(self, admin, connection, world):
        world.set_fault("500", times=None, path="/v1/companies/", retry_after="0")
        assert "Failed" in sync(admin).words
        world.clear_faults()

        assert "Completed" in sync(admin).words

    def test_asks_for_a_new_consent_when_gusto_withdrew_it(self, admin, connection, world, connect, people):
        world.revoke_grants()
        sync(admin)
        assert "Gusto needs to be connected again" in admin.open(GUSTO).words

        admin.press("Connect again").press("Allow").press("Finish")
        sync(admin)

        assert people("Maya Okafor").status == "pending"


class TestTwoPressesAtOnce:
    @pytest.mark.django_db(transaction=True)
    def test_start_one_run(self, admin, connection, portal, visit, monkeypatch):
        started, together = [], threading.Barrier(2, timeout=60)
        monkeypatch.setattr(tasks.sync_connection, "delay", lambda *, run_id: started.append(run_id))
        claim = leases.claim_manual

        def claim_together(**arguments):
            together.wait()
            return claim(**arguments)

        monkeypatch.setattr(leases, "claim_manual", claim_together)
        tabs = [visit(portal).sign_in("nora.bell@harborpine.example").open(GUSTO) for _ in range(2)]

        threads = [threading.Thread(target=press_sync, args=[tab], daemon=True) for tab in tabs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        run = SyncRun.objects.get()
        assert started == [run.pk]
        assert {tab.path for tab in tabs} == {f"{GUSTO}runs/{run.pk}/"}
        assert Connection.objects.get().last_manual_sync_at <= timezone.now()


def press_sync(tab):
    try:
        tab.press("Sync")
    finally:
        connections.close_all()
