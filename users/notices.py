"""Tell people what happened to their account: a row in the transaction of the change, a mail soon after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portals.models import Portal
from users.models import Membership, Notice, User

# How long a notice that left, or never will, is kept.
KEPT = timedelta(days=30)


def announce(*, kind: str, user: User, portal: Portal | None, now: datetime) -> None:
    """Put a notice for the account's present address into the outbox."""
    _add([(user, user.email)], kind=kind, portal=portal, now=now)


def send_to(addresses: Iterable[str], *, kind: str, user: User, portal: Portal | None, now: datetime) -> int:
    """Tell others, such as a portal's admins, about an account; return how many mails that makes."""
    return _add([(user, address) for address in addresses], kind=kind, portal=portal, now=now)


def report(*, to: Iterable[Membership], portal: Portal, subject: str, text: str, link: str, now: datetime) -> int:
    """Tell admins something that they should know, in words of the caller's; return how many mails that makes."""
    letters = [Letter(admin.user, subject, text) for admin in to]
    return write(letters, kind=Notice.Kind.REPORT, portal=portal, link=link, now=now)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in words of the caller's, in the portal's language."""

    to: User
    subject: str
    text: str


def write(letters: Iterable[Letter], *, kind: str, portal: Portal, link: str, now: datetime) -> int:
    """Put mails with their own words and a page that they are about into the outbox; return how many."""
    found = [
        Notice(
            user=letter.to,
            portal=portal,
            kind=kind,
            address=letter.to.email,
            subject=letter.subject[:200],
            text=letter.text,
            link=link,
            created_at=now,
            next_try_at=now,
        )
        for letter in letters
    ]
    return len(Notice.objects.bulk_create(found))


def announce_new_addresses(*, addresses: Mapping[int, str], portal: Portal, now: datetime) -> int:
    """Tell people, by membership id, at both addresses that theirs is about to change; return how many mails wait.

    Accounts without a password never came in by their address, so they hear nothing. Call it before the change.
    """
    if not addresses:
        return 0
    members = Membership.objects.filter(pk__in=addresses, portal=portal).select_related("user")
    moves = [(member.user, addresses[member.pk]) for member in members if member.user.has_usable_password()]
    both = [(user, address) for user, new in moves if user.email != new for address in (user.email, new)]
    return _add(both, kind=Notice.Kind.ADDRESS_CHANGED, portal=portal, now=now)


def announce_new_address(*, user: User, old: str, portal: Portal | None, now: datetime) -> int:
    """Tell one account at both addresses that its address was changed."""
    return _add([(user, old), (user, user.email)], kind=Notice.Kind.ADDRESS_CHANGED, portal=portal, now=now)


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
