"""Questions that are asked before something happens to a group."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portals import drafts
from portals.confirmations import ConfirmationForm
from portals.models import DynamicRule
from users import group_changes, rule_effects
from users.rule_effects import Effect


class HandOverForm(ConfirmationForm):
    """Make members by hand members by rule."""

    title = gettext_lazy("Sync all users")
    button = gettext_lazy("Sync all users")
    is_dangerous = True

    def sentences(self) -> list[Any]:
        """Say how many stay and leave, and what becomes of their courses."""
        group = self.rows[0]
        rule = DynamicRule.objects.filter(group=group, state=DynamicRule.State.ACTIVE).first()
        if rule is None:
            return [_("The group has no rule at work, so nothing can be handed over to it.")]
        effect = rule_effects.effect(
            portal_id=group.portal_id, rule=drafts.saved(rule), now=timezone.now(), takes_over=True
        )
        count = group_changes.members_by_hand(group)
        return [
            ngettext(
                "%d member by hand becomes a member by rule.", "%d members by hand become members by rule.", count
            )
            % count,
            _leavers(effect),
            _courses(rule, effect),
        ]


def _leavers(effect: Effect) -> str:
    if not effect.kept:
        return _("All of them match the rule, so nobody leaves.")
    text = ngettext(
        "%d of them does not match the rule and leaves the group.",
        "%d of them do not match the rule and leave the group.",
        effect.kept,
    )
    return text % effect.kept


def _courses(rule: DynamicRule, effect: Effect) -> str:
    if rule.on_leaving == DynamicRule.OnLeaving.KEEP:
        return _("They keep the group's courses.")
    text = ngettext(
        "%d unfinished enrollment ends with it; finished courses stay in the history.",
        "%d unfinished enrollments end with it; finished courses stay in the history.",
        effect.ends,
    )
    return text % effect.ends
