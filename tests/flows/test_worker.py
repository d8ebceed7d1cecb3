"""The daily sync alone, with a real worker: beat's tick finds the connection, the worker does the rest."""

import pytest

from integrations import tasks
from integrations.models import Connection, SyncRun
from tests.workers import forget_tasks, wait_until
from users.models import Invitation, Membership

from .conftest import GUSTO

pytestmark = pytest.mark.django_db(transaction=True)


class TestWorker:
    def test_syncs_due_connections_and_mails_the_invitations(self, connection, smtp, start_worker, mails_at_once):
        mails_at_once(connection)
        Connection.objects.update(next_due_at=connection.connected_at)
        forget_tasks()
        worker = start_worker()

        tasks.sync_due_connections()
        tasks.sync_due_connections()
        wait_until(lambda: len(smtp) == 18, explain=worker.said)

        run = SyncRun.objects.get()
        assert (run.trigger, run.state) == ("schedule", "completed")
        assert Membership.objects.filter(source="gusto", status="pending").count() == 18
        assert {mail["To"] for mail in smtp} == set(
            Membership.objects.learners().values_list("user__email", flat=True)
        )
        wait_until(lambda: not Invitation.objects.exclude(state="sent").exists())

    def test_carries_out_what_an_admin_has_started(self, admin, connection, smtp, start_worker):
        forget_tasks()
        worker = start_worker()

        admin.open(GUSTO).press("Sync")
        wait_until(lambda: "Completed" in admin.open(admin.path).words, explain=worker.said)

        assert SyncRun.objects.get().state == "completed"
