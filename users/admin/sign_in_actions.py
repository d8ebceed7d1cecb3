"""What admins can do about somebody's sign-ins and second factor."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.enums import ActionVariant

from portals.confirmations import ConfirmationForm, confirmed_action
from portals.models import Portal
from portals.scoping import is_full_admin, is_operator
from portals.standing import Level
from users import audit, notices, second_factors, sessions
from users.models import Membership, Notice, User


class EndSignInsForm(ConfirmationForm):
    """Sign people out on all their devices."""

    title = gettext_lazy("Sign out everywhere")
    button = gettext_lazy("Sign out")
    is_dangerous = True

    def sentences(self) -> list[Any]:
        """Say how many sign-ins end."""
        count = sum(_sign_ins(row).count() for row in self.rows)
        return [
            ngettext("%d sign-in ends at once.", "%d sign-ins end at once.", count) % count,
            _("Passwords stay as they are, so people can sign in again."),
        ]


class ResetSecondFactorForm(ConfirmationForm):
    """Take a second factor away from someone who lost phone and recovery codes."""

    title = gettext_lazy("Reset the second factor")
    button = gettext_lazy("Reset")
    is_dangerous = True

    def sentences(self) -> list[Any]:
        """Say what a password opens from then on."""
        count = sum(second_factors.is_set_up(_account(row)) for row in self.rows)
        return [
            ngettext(
                "The second factor of %d person is removed; they are signed out and told by mail.",
                "The second factors of %d people are removed; they are signed out and told by mail.",
                count,
            )
            % count,
            _("Make sure that it is really them who ask: from then on, the password alone opens the account."),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse where the account opens more than the visitor may open."""
        if not is_operator(self.request) and not all(_is_below(self.request, row) for row in self.rows):
            raise ValidationError(_("Only an operator can reset the second factor of this person."))
        return self.cleaned_data


class SignInActions:
    """Mixed into the admin of memberships or accounts."""

    def has_reset_second_factor_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the visitor is a full admin or operator, and may change the person."""
        may_change: bool = self.has_change_permission(request, obj)  # type: ignore[attr-defined]
        return is_full_admin(request) and may_change

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Return what can be done; a second factor can be reset where there is one."""
        actions = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if row and second_factors.is_set_up(_account(row)):
            return actions
        return [action for action in actions if not action.action_name.endswith("reset_second_factor")]

    @confirmed_action(
        EndSignInsForm,
        permissions=["change"],
        description=gettext_lazy("Sign out everywhere"),
        icon="logout",
        variant=ActionVariant.DEFAULT,
    )
    def end_sign_ins(self, request: HttpRequest, form: Any, rows: list[Any]) -> str:
        """End the sign-ins of people: of members at their portal, of accounts wherever they are."""
        total = 0
        for row in rows:
            ended = sessions.end_all(user_ids=[_account(row).pk], portal=_portal(row))
            total += ended
            after = {"ended": ended}
            audit.record(portal=_portal(row), action="sign_ins_ended", object=row, after=after, request=request)
        return ngettext("%d sign-in was ended.", "%d sign-ins were ended.", total) % total

    @confirmed_action(
        ResetSecondFactorForm,
        permissions=["reset_second_factor"],
        description=gettext_lazy("Reset second factor"),
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
    )
    def reset_second_factor(self, request: HttpRequest, form: Any, rows: list[Any]) -> str:
        """Remove second factors, with the sign-ins that were made by them."""
        count = 0
        for row in rows:
            account, portal = _account(row), _portal(row)
            with transaction.atomic():
                if not second_factors.remove(account):
                    continue
                count += 1
                sessions.end_all(user_ids=[account.pk])
                kind = Notice.Kind.SECOND_FACTOR_REMOVED
                notices.announce(kind=kind, user=account, portal=portal, now=timezone.now())
                audit.record(portal=portal, action="second_factor_reset", object=row, request=request)
        return ngettext("%d second factor was reset.", "%d second factors were reset.", count) % count


def _account(row: Membership | User) -> User:
    return row.user if isinstance(row, Membership) else row


def _portal(row: Membership | User) -> Portal | None:
    return row.portal if isinstance(row, Membership) else None


def _sign_ins(row: Membership | User) -> Any:
    sign_ins = sessions.sign_ins_of(_account(row), now=timezone.now())
    portal = _portal(row)
    return sign_ins.filter(portal=portal) if portal else sign_ins


def _is_below(request: HttpRequest, row: Membership | User) -> bool:
    """Whether the visitor is a full admin wherever this account may use an admin."""
    visitor = request.user
    staff = Membership.objects.filter(user=_account(row)).exclude(role=Membership.Role.LEARNER)
    return isinstance(visitor, User) and all(
        visitor.standing_in(one.portal).level >= Level.FULL_ADMIN for one in staff.select_related("portal__parent")
    )
