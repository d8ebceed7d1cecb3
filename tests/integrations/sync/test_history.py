"""What runs keep of people is gone when nobody can use it any more."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from integrations import tasks
from integrations.models import PlannedChange, SyncRun
from integrations.sync import undo
from tests.factories.integrations import PlannedChangeFactory, SyncRunFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()
TRACE = {"value.1": ["Sales", "Support"]}


def clean(**later):
    with time_machine.travel(NOW + timedelta(**later)):
        tasks.forget_old_lines()


@pytest.fixture
def line():
    run = SyncRunFactory(created_at=NOW)
    return PlannedChangeFactory(run=run, person="Maya Okafor", trace=TRACE, source={"key": "maya"})


class TestForgetOld:
    def test_keeps_what_an_undo_needs_as_long_as_it_is_possible(self, line):
        clean(days=30, hours=1)

        line.refresh_from_db()
        assert (line.trace, line.source) == (TRACE, {"key": "maya"})

    def test_clears_it_afterwards_and_keeps_what_the_page_tells(self, line):
        clean(days=31, hours=1)

        line.refresh_from_db()
        assert (line.trace, line.source, line.person) == (None, None, "Maya Okafor")
        assert undo.is_too_old(line.run, NOW + timedelta(days=31))

    def test_waits_for_an_undo_that_is_still_at_work(self, line):
        undoing = SyncRunFactory(
            connection=line.run.connection, origin=line.run, trigger="undo", state="running", created_at=NOW
        )
        clean(days=120)
        line.refresh_from_db()
        assert line.trace == TRACE

        SyncRun.objects.filter(pk=undoing.pk).update(state="completed")
        clean(days=40)
        line.refresh_from_db()
        assert line.trace is None

    def test_deletes_the_lines_after_three_months_and_keeps_the_runs(self, line):
        clean(days=89)
        assert PlannedChange.objects.count() == 1

        clean(days=91)
        assert not PlannedChange.objects.exists()
        assert SyncRun.objects.get() == line.run

    def test_leaves_younger_runs_alone(self, line):
        younger = PlannedChangeFactory(run=SyncRunFactory(created_at=NOW + timedelta(days=80)), trace=TRACE)

        clean(days=100)

        assert PlannedChange.objects.get() == younger
        assert PlannedChange.objects.get().trace == TRACE
