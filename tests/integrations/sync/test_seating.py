"""Syncs into a portal with fewer seats than people."""

import pytest

from integrations.models import ExternalIdentity, InviteSettings, SyncRun
from portals.models import Portal
from users.models import Membership

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(connect):
    """A connection to a portal of ten seats, whose people are added as active users."""
    connection = connect()
    Portal.objects.update(seats=10)
    InviteSettings.objects.update_or_create(connection=connection, defaults={"how": "active"})
    connection.refresh_from_db()
    return connection


def waiting():
    return ExternalIdentity.objects.filter(reason="no_seat")


def active():
    return Membership.objects.filter(status="active")


class TestSync:
    def test_lets_in_as_many_as_there_is_room_for(self, small, sync):
        run = sync(small)

        assert run.state == SyncRun.State.COMPLETED
        assert run.totals["add"] == active().count() == 10
        assert waiting().count() == 18

    def test_says_of_everybody_else_why_they_are_left_out(self, small, sync):
        run = sync(small)

        assert run.changes.filter(state="skipped", reason="no_seat").count() == 18

    def test_adds_the_others_once_there_are_more_seats(self, small, sync):
        sync(small)
        Portal.objects.update(seats=12)

        run = sync(small)

        assert (run.totals["add"], active().count(), waiting().count()) == (2, 12, 16)

    def test_takes_no_seats_for_people_who_are_invited(self, small, sync):
        InviteSettings.objects.update(how="pending_invite")

        assert sync(small).totals["invite"] == 28

    def test_gives_nobody_access_back_without_a_seat(self, small, sync, world):
        Portal.objects.update(seats=None)
        sync(small)
        world.rename("Maya Okafor", "Maya", "Okafor-Lund")
        maya = ExternalIdentity.objects.get(external_id=world.find("Maya Okafor-Lund").uuid).membership
        Membership.objects.filter(pk=maya.pk).update(status="ended", ended_by="gusto")
        Portal.objects.update(seats=27)

        run = sync(small)

        maya.refresh_from_db()
        assert maya.status == "ended"
        assert run.changes.get(membership_id=maya.pk).reason == "no_seat"


class TestPreview:
    def test_promises_no_more_than_there_is(self, small, sync):
        run = sync(small, trigger=SyncRun.Trigger.PREVIEW)

        assert run.totals["add"] == 10
        assert run.changes.filter(reason="no_seat").count() == 18
        assert not active().exists()

    def test_counts_what_its_earlier_batches_have_promised(self, small, sync, monkeypatch):
        monkeypatch.setattr("integrations.gusto.client.PER_PAGE", 5)

        assert sync(small, trigger=SyncRun.Trigger.PREVIEW).totals["add"] == 10
