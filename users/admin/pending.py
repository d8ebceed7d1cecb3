"""The list of pending users: who was invited and has not answered yet."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from portals.confirmations import confirmed_action
from users import pending
from users.admin.mail_examples import MailExamples
from users.admin.pending_actions import AllowForm, CancelForm, ReleaseForm, ResendForm
from users.admin.people import InvitationInline, PeopleAdmin, visitor
from users.admin.person_filters import CreatedAfterFilter
from users.models import Invitation, PendingUser

State = Invitation.State
# Told apart from "sent" by the clock, from "failed" by the reason, and from all others by an admin's word.
EXPIRED, ADDRESS_CHANGED, NONE = "expired", "address_changed", "none"
STATES = {
    State.SCHEDULED: (State.SCHEDULED.label, "info"),
    State.HELD: (State.HELD.label, "warning"),
    State.SENT: (State.SENT.label, "success"),
    State.FAILED: (State.FAILED.label, "danger"),
    ADDRESS_CHANGED: (gettext_lazy("Address changed, resend needed"), "warning"),
    EXPIRED: (gettext_lazy("Expired"), "warning"),
    NONE: (gettext_lazy("Not invited"), ""),
    State.CANCELLED: (State.CANCELLED.label, ""),
    State.REJECTED: (gettext_lazy("Declined"), ""),
}


# What of the mail the list can be sorted by, and its names in the query.
SORTED_BY = {
    "mail_created_at": "created_at",
    "mail_last_sent_at": "last_sent_at",
    "mail_expires_at": "expires_at",
    "mail_state": "state",
    "mail_sender": "sent_by__last_name",
}


class InvitationStateFilter(DropdownFilter):
    """Pending people by the state of their invitation; those who are not to be invited only when asked for."""

    title = gettext_lazy("invitation")
    parameter_name = "state"
    all_option = ("", gettext_lazy("All but cancelled and declined"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return [(state, label) for state, (label, _color) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PendingUser]) -> QuerySet[PendingUser]:
        """Return those whose invitation is in the state."""
        wanted = self.value()
        mails = Invitation.objects.filter(membership=OuterRef("pk"), kind=Invitation.Kind.INVITE)
        if wanted in (State.CANCELLED, State.REJECTED):
            withdrawn = queryset.filter(invitation_withdrawn_at__isnull=False)
            last = mails.order_by("-pk").values("state")[:1]
            withdrawn = withdrawn.annotate(last_state=Coalesce(Subquery(last), Value("")))
            is_declined = Q(last_state=State.REJECTED)
            return withdrawn.filter(is_declined if wanted == State.REJECTED else ~is_declined)
        rows = queryset.filter(invitation_withdrawn_at=None)
        if not wanted:
            return rows
        if wanted == NONE:
            return rows.filter(~Exists(mails.filter(state__in=Invitation.OPEN_STATES)))
        return rows.filter(Exists(mails.filter(_in_state(wanted))))


@admin.register(PendingUser)
class PendingUserAdmin(MailExamples, PeopleAdmin):
    """Pending people with their invitations."""

    list_display = [
        "show_person",
        "show_state",
        "invited_at",
        "last_sent_at",
        "expires_at",
        "show_source",
        "sent_by",
    ]
    list_filter = [InvitationStateFilter, CreatedAfterFilter, ("source", ChoicesDropdownFilter)]
    actions = ["resend", "release", "cancel", "allow"]
    actions_detail = ["resend", "release", "cancel", "allow"]
    inlines = [InvitationInline]
    readonly_fields = ["role", "show_state", "last_sent_at", "expires_at", "show_source", "created_at", "show_history"]
    fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "role"]}),
        (
            gettext_lazy("Invitation"),
            {"fields": ["show_state", "last_sent_at", "expires_at", "show_source", "created_at", "show_history"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PendingUser]:
        """Return the pending people with their invitations."""
        mails = Invitation.objects.filter(kind=Invitation.Kind.INVITE).select_related("sent_by").order_by("-pk")
        rows: QuerySet[PendingUser] = super().get_queryset(request)
        # Read only for the rows of a page, unless the list is sorted by one of them.
        shown = Invitation.objects.filter(membership=OuterRef("pk"), kind=Invitation.Kind.INVITE)
        shown = shown.order_by(Case(When(state__in=Invitation.OPEN_STATES, then=0), default=1), "-pk")
        columns = {name: Subquery(shown.values(path)[:1]) for name, path in SORTED_BY.items()}
        return (
            rows.filter(status=PendingUser.Status.PENDING)
            .prefetch_related(Prefetch("invitations", mails, to_attr="mails"))
            .annotate(**columns)
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may here: people are added to the list of users, as pending ones too."""
        return False

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done with the person as things are."""
        person = self.get_object(request, str(object_id))
        state = state_of(person) if person else ""
        fit = {"allow"} if state in (State.CANCELLED, State.REJECTED) else {"resend", "cancel"}
        if state == State.HELD:
            fit.add("release")
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if any(action.action_name.endswith(name) for name in fit)]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save what was changed; a new address needs a new mail."""
        was = obj.user.email
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("email", was) != was:
            self.message_user(request, _("The old link no longer works. Send the invitation again."))

    @display(description=gettext_lazy("invitation"), ordering="mail_state")
    def show_state(self, person: Any) -> SafeString:
        """Return the state of the invitation as a label, what stands against it, and where the mail can be seen."""
        label, color = STATES[state_of(person)]
        return format_html(
            '{}<span class="block max-w-xs pt-1 text-xs">{} {}</span>',
            render_to_string("unfold/helpers/label.html", {"text": label, "type": color}),
            _note_on(_mail(person)),
            self.link_to_mail(person),
        )

    @display(description=gettext_lazy("invited at"), ordering="mail_created_at")
    def invited_at(self, person: Any) -> Any:
        """Return when the invitation was made."""
        return _short(_mail(person), "created_at")

    @display(description=gettext_lazy("last sent"), ordering="mail_last_sent_at")
    def last_sent_at(self, person: Any) -> Any:
        """Return when the mail was last sent, and how often it was."""
        mail = _mail(person)
        if mail is None or not mail.times_sent:
            return _("Never")
        times = ngettext("%d time", "%d times", mail.times_sent) % mail.times_sent
        return f"{_short(mail, 'last_sent_at')} ({times})"

    @display(description=gettext_lazy("expires"), ordering="mail_expires_at")
    def expires_at(self, person: Any) -> Any:
        """Return until when the link works."""
        return _short(_mail(person), "expires_at")

    @display(description=gettext_lazy("sent by"), ordering="mail_sender")
    def sent_by(self, person: Any) -> Any:
        """Return who sent the mail by hand."""
        return getattr(_mail(person), "sent_by", None)

    @confirmed_action(
        ResendForm, permissions=["change"], description=gettext_lazy("Send again"), icon="send", takes_all=True
    )
    def resend(self, request: HttpRequest, form: Any, rows: QuerySet[PendingUser]) -> str:
        """Mail a new link to pending people; the old one dies."""
        ids = _ids(rows)
        sent = pending.resend(membership_ids=ids, actor=visitor(request), now=timezone.now())
        text = ngettext("%d invitation is on its way.", "%d invitations are on their way.", sent) % sent
        if refused := len(ids) - sent:
            text += " " + _("%d could not be sent: these people sign in another way, or are cancelled.") % refused
        return text

    @confirmed_action(
        ReleaseForm,
        permissions=["change"],
        description=gettext_lazy("Release held invitations"),
        icon="outgoing_mail",
        takes_all=True,
    )
    def release(self, request: HttpRequest, form: Any, rows: QuerySet[PendingUser]) -> str:
        """Let held invitations go out."""
        released = pending.release(
            membership_ids=_ids(rows),
            actor=visitor(request),
            now=timezone.now(),
            per_hour=form.cleaned_data["per_hour"],
        )
        return ngettext("%d invitation released.", "%d invitations released.", released) % released

    @confirmed_action(
        CancelForm,
        permissions=["change"],
        description=gettext_lazy("Cancel invitation"),
        icon="cancel",
        variant=ActionVariant.DANGER,
        takes_all=True,
    )
    def cancel(self, request: HttpRequest, form: Any, rows: QuerySet[PendingUser]) -> str:
        """Withdraw the invitations of pending people."""
        count = pending.cancel(membership_ids=_ids(rows), actor=visitor(request), now=timezone.now())
        return ngettext("%d invitation cancelled.", "%d invitations cancelled.", count) % count

    @confirmed_action(
        AllowForm,
        permissions=["change"],
        description=gettext_lazy("Allow invitations again"),
        icon="undo",
        takes_all=True,
    )
    def allow(self, request: HttpRequest, form: Any, rows: QuerySet[PendingUser]) -> str:
        """Take back that no invitation may be sent to people."""
        now, actor = timezone.now(), visitor(request)
        allowed = pending.allow(membership_ids=_ids(rows), actor=actor, now=now)
        if form.cleaned_data["send_now"]:
            pending.resend(membership_ids=allowed, actor=actor, now=now)
        count = len(allowed)
        return ngettext("%d person can be invited again.", "%d people can be invited again.", count) % count


def state_of(person: Any) -> str:
    """Return the state of a pending person's invitation, as the list names it."""
    mail = _mail(person)
    if person.invitation_withdrawn_at is not None:
        return State.REJECTED if mail and mail.state == State.REJECTED else State.CANCELLED
    if mail is None or mail.state not in Invitation.OPEN_STATES:
        return NONE
    if mail.needs_new_mail:
        return ADDRESS_CHANGED
    return EXPIRED if mail.has_expired(timezone.now()) else mail.state


def _in_state(wanted: str) -> Q:
    """Return the condition of an open invitation in a state; the counterpart of `state_of` in SQL."""
    over = Q(state=State.SENT, expires_at__lte=timezone.now())
    moved = Q(state=State.FAILED, failure=Invitation.ADDRESS_CHANGED)
    if wanted in (EXPIRED, ADDRESS_CHANGED):
        return over if wanted == EXPIRED else moved
    return Q(state=wanted) & ~over & ~moved


def _ids(rows: QuerySet[PendingUser]) -> list[int]:
    return list(rows.values_list("pk", flat=True))


def _mail(person: Any) -> Invitation | None:
    """Return the open invitation, else the last one."""
    mails = getattr(person, "mails", [])
    return next((mail for mail in mails if mail.state in Invitation.OPEN_STATES), mails[0] if mails else None)


def _note_on(mail: Invitation | None) -> str:
    """Return why a mail could not be sent, when it is tried again, and which reminder was sent."""
    said = [mail.why_not_sent.rstrip(".") + "."] if mail and mail.why_not_sent and not mail.needs_new_mail else []
    if mail and mail.state == State.SCHEDULED and mail.next_try_at and mail.next_try_at > timezone.now():
        said.append(_("Next try: %(time)s.") % {"time": _short(mail, "next_try_at")})
    if mail and mail.reminder:
        said.append(_("Reminder: %(which)s.") % {"which": mail.get_reminder_display()})
    return " ".join(said)


def _short(mail: Invitation | None, name: str) -> str:
    """Return an instant as a short text."""
    instant = getattr(mail, name, None)
    return date_format(timezone.localtime(instant), "SHORT_DATETIME_FORMAT") if instant else "–"
