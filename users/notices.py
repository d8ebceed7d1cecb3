"""Tell people what happened to their account: a row in the transaction of the change, a mail soon after."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from portals.models import Portal
from users.models import Notice, User

# How long a notice that left, or never will, is kept.
KEPT = timedelta(days=30)


def announce(*, kind: str, user: User, portal: Portal | None, now: datetime) -> None:
    """Put a notice for the account's present address into the outbox."""
    _add([(user, user.email)], kind=kind, portal=portal, now=now)


def announce_new_addresses(*, old: Iterable[tuple[User, str]], portal: Portal | None, now: datetime) -> int:
    """Tell accounts at the address they had and at the one they have; return how many mails that makes.

    Accounts without a password never came in by their address, so they hear nothing.
    """
    changed = [(user, before) for user, before in old if user.has_usable_password() and user.email != before]
    both = [(user, address) for user, before in changed for address in (before, user.email)]
    return _add(both, kind=Notice.Kind.ADDRESS_CHANGED, portal=portal, now=now)


def forget_old(*, now: datetime) -> int:
    """Delete notices that were dealt with a while ago, with the addresses in them; return how many."""
    dealt_with = Notice.objects.exclude(state=Notice.State.SCHEDULED)
    return dealt_with.filter(created_at__lt=now - KEPT).delete()[0]


def _add(to: list[tuple[User, str]], *, kind: str, portal: Portal | None, now: datetime) -> int:
    Notice.objects.bulk_create(
        Notice(user=user, portal=portal, kind=kind, address=address, created_at=now, next_try_at=now)
        for user, address in to
    )
    return len(to)
