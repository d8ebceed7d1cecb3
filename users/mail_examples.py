"""Examples of the mails that a portal sends, for its admins: the real look, an invented person, no link that works."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.mail import EmailMultiAlternatives
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portals.models import Portal
from users import emails
from users.models import Invitation, Membership, User

# The mails by the names of their templates, in the order in which people meet them.
NAMES = {
    "invite": gettext_lazy("Invitation"),
    "reminder": gettext_lazy("Reminder"),
    "welcome": gettext_lazy("Welcome"),
    "reset": gettext_lazy("Password reset"),
}


def of_invented_person(*, portal: Portal, name: str, now: datetime) -> EmailMultiAlternatives:
    """Return the mail of this name as somebody new would get it."""
    person = User(realm_id=portal.realm_id, email="robin.field@example.com", first_name="Robin", last_name="Field")
    person.set_unusable_password()
    return _example(Membership(portal=portal, user=person), name, now)


def of_person(*, membership: Membership, name: str, now: datetime) -> EmailMultiAlternatives:
    """Return the mail of this name as this person would get it."""
    return _example(membership, name, now)


def to_oneself(*, portal: Portal, name: str, user: User, now: datetime) -> EmailMultiAlternatives:
    """Return an example addressed to an admin, which says in its subject that it is one."""
    message = of_invented_person(portal=portal, name=name, now=now)
    message.subject = _("Test: %(subject)s") % {"subject": message.subject}
    message.to = [user.email]
    return message


def _example(membership: Membership, name: str, now: datetime) -> EmailMultiAlternatives:
    is_reminder = name == emails.REMINDER
    return emails.compose(
        Invitation(
            membership=membership,
            kind=Invitation.Kind.INVITE if is_reminder else name,
            reminder=Invitation.Reminder.BEFORE if is_reminder else "",
            expires_at=now + timedelta(days=1),
        ),
        is_example=True,
    )
