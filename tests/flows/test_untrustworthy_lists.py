"""Lists that are not what they seem: cut short, empty, shifted, of another company. Nobody loses access."""

from datetime import timedelta

import pytest

from integrations.models import Connection, ExternalIdentity, SafetySettings, SyncRun
from integrations.sandbox import payloads
from integrations.sandbox.faults import Fault
from integrations.sync import leases
from integrations.sync import run as sync_run
from users.models import Membership

from .conftest import GUSTO, sync_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def everyone_is_in(connection, world, monkeypatch, smtp):
    """The first sync is done, of a list of several pages; the admin wants the missing to lose their access."""
    monkeypatch.setattr("integrations.gusto.client.PER_PAGE", 5)
    sync_now(connection)
    SafetySettings.objects.update_or_create(connection=connection, defaults={"ends_missing": True})
    return connection


@pytest.fixture
def leaver(everyone_is_in, world, today):
    """Somebody who has left, so that every sync has access to end."""
    return world.terminate("Maya Okafor", today - timedelta(days=2))


def with_access():
    return Membership.objects.learners().exclude(status="ended").count()


def sync_again(connection):
    """Carry out one more sync, whatever the hour says."""
    connection = Connection.objects.select_related("portal").get(pk=connection.pk)
    run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=connection.connected_at)
    return sync_run.carry_out(run_id=run.pk)


class TestUntrustworthyList:
    @pytest.mark.parametrize(
        ("fault", "options", "words"),
        [
            ("empty_list", {}, "The list was empty."),
            ("wrong_total", {"page": 2}, "The list changed its length while it was read."),
            ("page_shift", {"page": 2}, "The list changed its length while it was read."),
            ("500", {"page": 3}, "Gusto"),
            ("drop", {"page": 3}, "Gusto"),
            ("truncate", {"page": 3}, "Gusto"),
            ("not_json", {"page": 3}, "Gusto"),
        ],
        ids=["empty", "other length", "shifted", "error", "dropped", "cut", "no list"],
    )
    def test_takes_nothing_away_and_the_page_says_why(
        self, admin, everyone_is_in, leaver, world, fault, options, words
    ):
        before = with_access()
        world.faults.active.append(Fault(fault, times=None, path="/v1/companies/", **options))

        for _ in range(3):
            run = sync_again(everyone_is_in)
        page = admin.open(f"{GUSTO}runs/{run.pk}/")

        assert with_access() == before
        assert not ExternalIdentity.objects.filter(times_missing__gt=0).exists()
        assert run.state in {"partial", "failed"}
        assert run.trouble in page.words
        assert words in page.words

    def test_is_made_good_by_the_next_whole_one(self, everyone_is_in, leaver, world, people):
        world.faults.active.append(Fault("empty_list", path="/v1/companies/"))
        sync_again(everyone_is_in)

        sync_again(everyone_is_in)

        assert people("Maya Okafor").status == "ended"
        assert Membership.objects.filter(status="ended").count() == 1


def _of(company):
    """Return the sandbox's way to write an employee, for the people of another company than was asked for."""
    write = payloads.employee
    return lambda _company, *arguments, **options: write(company, *arguments, **options)


class TestListOfAnotherCompany:
    def test_changes_nobody_and_the_page_says_so(self, admin, everyone_is_in, world, monkeypatch):
        before = with_access(), Membership.objects.count()
        other = world.find_company("Juniper Works Inc")
        # The provider answers our question about our company with the list of another one.
        monkeypatch.setattr(world.company, "roster", other.roster)
        monkeypatch.setattr(payloads, "employee", _of(other))
        other.roster.forget_answers()

        run = sync_again(everyone_is_in)
        page = admin.open(f"{GUSTO}runs/{run.pk}/")

        assert (with_access(), Membership.objects.count()) == before
        assert run.state == "failed"
        assert run.trouble in page.words
        assert not ExternalIdentity.objects.filter(times_missing__gt=0).exists()
