"""What people and the clock do with the product: connect, start a sync, accept an invitation.

Each begins with a new connection to the database, which may have been restarted.
"""

from contextlib import suppress
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from integrations import tasks
from integrations.models import Connection, Grant, InviteSettings, SafetySettings, SyncRun
from integrations.sync import leases
from tests.benchmark import portal
from users import invitations
from users.models import Invitation


def prepare(code: str) -> int:
    """Make the portal with its mapping, rules and courses, connect it, and return the connection's id."""
    connection_id: int = portal.prepare(code)["connections"][0]
    # The brake and the release of mails wait for an admin, and here is none.
    SafetySettings.objects.update_or_create(
        connection_id=connection_id,
        defaults={"most_people": 1000, "most_percent": 50, "holds_first_mails": False, "most_mails": 1_000_000},
    )
    return connection_id


def invite_from_now_on(connection_id: int) -> None:
    """Let whoever joins from now on be pending until they accept."""
    connections.close_all()
    InviteSettings.objects.filter(connection=connection_id).update(how="pending_invite")


def start_sync(connection_id: int) -> int | None:
    """Start a sync as an operator does and return the run, or None when that is not possible now."""
    connections.close_all()
    try:
        connection = Connection.objects.get(pk=connection_id)
        run = leases.claim(connection=connection, trigger=SyncRun.Trigger.COMMAND, now=timezone.now())
    except (leases.Refused, DatabaseError, InterfaceError, OperationalError):
        connections.close_all()
        return None
    # A wake-up call may be lost: the sweeper finds the run.
    with suppress(BrokerError, RedisError, OSError):
        tasks.sync_connection.apply_async(kwargs={"run_id": run.pk}, retry=False)
    return run.pk


def let_tokens_expire() -> None:
    """Make the next call renew the token."""
    connections.close_all()
    Grant.objects.update(expires_at=timezone.now() - timedelta(minutes=1))


def accept(uuid: str) -> None:
    """Accept a person's invitation as the page behind the link does."""
    connections.close_all()
    found = Invitation.objects.select_related("membership__user", "membership__portal")
    invitation = found.get(membership__external_identities__external_id=uuid, kind="invite", state="sent")
    invitations.accept(invitation=invitation, password=f"Quiet Harbour {uuid}", now=timezone.now())
