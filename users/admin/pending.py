"""The list of pending users: who was invited and has not answered yet."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from portals.confirmations import confirmed_action
from users import invitations
from users.admin.people import InvitationInline, PeopleAdmin, visitor
from users.admin.person_actions import CancelForm, ReleaseForm, ResendForm
from users.admin.person_filters import CreatedAfterFilter
from users.models import Invitation, PendingUser

State = Invitation.State
# Told apart from "sent" by the clock.
EXPIRED = "expired"
STATES = [
    *((state.value, state.label) for state in (State.SCHEDULED, State.HELD, State.SENT, State.FAILED)),
    (EXPIRED, gettext_lazy("Expired")),
    (State.CANCELLED.value, State.CANCELLED.label),
]


class InvitationStateFilter(DropdownFilter):
    """Pending people by the state of their invitation."""

    title = gettext_lazy("invitation")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return STATES

    def queryset(self, request: HttpRequest, queryset: QuerySet[PendingUser]) -> QuerySet[PendingUser]:
        """Return those whose invitation is in the state."""
        wanted, now = self.value(), timezone.now()
        if not wanted:
            return queryset
        over = Q(state=State.SENT, expires_at__lte=now)
        mails = Invitation.objects.filter(membership=OuterRef("pk"), kind=Invitation.Kind.INVITE)
        if wanted == EXPIRED:
            return queryset.filter(Exists(mails.filter(over)))
        if wanted == State.CANCELLED:
            is_open = Exists(mails.filter(state__in=Invitation.OPEN_STATES))
            return queryset.filter(Exists(mails.filter(state=wanted)), ~is_open)
        return queryset.filter(Exists(mails.filter(~over, state=wanted)))


@admin.register(PendingUser)
class PendingUserAdmin(PeopleAdmin):
    """Pending people with their invitations."""

    list_display = [
        "show_person",
        "show_state",
        "invited_at",
        "last_sent_at",
        "times_sent",
        "expires_at",
        "show_source",
        "sent_by",
    ]
    list_filter = [InvitationStateFilter, CreatedAfterFilter, ("source", ChoicesDropdownFilter)]
    actions = ["resend", "cancel", "release"]
    actions_detail = ["resend", "cancel"]
    inlines = [InvitationInline]
    readonly_fields = ["role", "invitation_state", "show_source", "created_at"]
    fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "role"]}),
        (gettext_lazy("Invitation"), {"fields": ["invitation_state", "show_source", "created_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PendingUser]:
        """Return the pending people with their invitations."""
        mails = Invitation.objects.filter(kind=Invitation.Kind.INVITE).select_related("sent_by").order_by("-pk")
        rows: QuerySet[PendingUser] = super().get_queryset(request)
        return rows.filter(status=PendingUser.Status.PENDING).prefetch_related(
            Prefetch("invitations", mails, to_attr="mails")
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may here: people are added to the list of users, as pending ones too."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save what was changed; a new address needs a new mail."""
        was = obj.user.email
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("email", was) != was:
            self.message_user(request, _("The old link no longer works. Send the invitation again."))

    @display(
        description=gettext_lazy("invitation"),
        label={
            State.SENT: "success",
            State.SCHEDULED: "info",
            State.HELD: "warning",
            EXPIRED: "warning",
            State.FAILED: "danger",
        },
    )
    def show_state(self, person: Any) -> tuple[str, Any]:
        """Return the state of the invitation as a label."""
        mail = _mail(person)
        if mail is None:
            return "", _("None")
        state = state_of(mail)
        return state, dict(STATES).get(state, mail.get_state_display())

    @display(description=gettext_lazy("invitation"))
    def invitation_state(self, person: Any) -> Any:
        """Return the state of the invitation in words."""
        return self.show_state(person)[1]

    @display(description=gettext_lazy("invited at"), ordering="created_at")
    def invited_at(self, person: Any) -> Any:
        """Return when the invitation was made."""
        return _short(_mail(person), "created_at")

    @display(description=gettext_lazy("last sent"))
    def last_sent_at(self, person: Any) -> Any:
        """Return when the mail was last sent."""
        return _short(_mail(person), "last_sent_at")

    @display(description=gettext_lazy("times sent"))
    def times_sent(self, person: Any) -> Any:
        """Return how often the mail was sent."""
        return getattr(_mail(person), "times_sent", None)

    @display(description=gettext_lazy("expires"))
    def expires_at(self, person: Any) -> Any:
        """Return until when the link works."""
        return _short(_mail(person), "expires_at")

    @display(description=gettext_lazy("sent by"))
    def sent_by(self, person: Any) -> Any:
        """Return who sent the mail by hand."""
        return getattr(_mail(person), "sent_by", None)

    @confirmed_action(ResendForm, permissions=["change"], description=gettext_lazy("Send again"), icon="send")
    def resend(self, request: HttpRequest, form: Any, rows: list[PendingUser]) -> str:
        """Mail a new link to pending people; the old one dies."""
        now, sent = timezone.now(), 0
        open_ = {mail.membership_id: mail for mail in form.open_invitations()}
        for person in rows:
            try:
                if person.pk in open_:
                    invitations.resend(invitation=open_[person.pk], sent_by=visitor(request), now=now)
                else:
                    kind = Invitation.Kind.INVITE
                    invitations.issue(membership=person, kind=kind, sent_by=visitor(request), now=now)
                sent += 1
            except invitations.InvitationRefused:
                continue
        text = ngettext("%d invitation is on its way.", "%d invitations are on their way.", sent) % sent
        if refused := len(rows) - sent:
            text += " " + _("%d could not be sent: these people sign in another way.") % refused
        return text

    @confirmed_action(
        CancelForm,
        permissions=["change"],
        description=gettext_lazy("Cancel invitation"),
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, form: Any, rows: list[PendingUser]) -> str:
        """Withdraw the invitations of pending people."""
        found = form.open_invitations()
        for invitation in found:
            invitations.cancel(invitation=invitation, actor=visitor(request))
        return ngettext("%d invitation cancelled.", "%d invitations cancelled.", len(found)) % len(found)

    @confirmed_action(
        ReleaseForm, permissions=["change"], description=gettext_lazy("Release held invitations"), icon="outgoing_mail"
    )
    def release(self, request: HttpRequest, form: Any, rows: list[PendingUser]) -> str:
        """Let held invitations go out."""
        released = invitations.release(invitation_ids=form.held(), now=timezone.now())
        return ngettext("%d invitation released.", "%d invitations released.", released) % released


def state_of(mail: Invitation) -> str:
    """Return the state of an invitation, told apart from "sent" when its link is too old."""
    is_over = mail.state == State.SENT and mail.expires_at is not None and mail.expires_at <= timezone.now()
    return EXPIRED if is_over else mail.state


def _mail(person: Any) -> Invitation | None:
    """Return the open invitation, else the last one."""
    mails = getattr(person, "mails", [])
    return next((mail for mail in mails if mail.state in Invitation.OPEN_STATES), mails[0] if mails else None)


def _short(mail: Invitation | None, name: str) -> str:
    """Return an instant as a short text."""
    instant = getattr(mail, name, None)
    return date_format(timezone.localtime(instant), "SHORT_DATETIME_FORMAT") if instant else "–"
