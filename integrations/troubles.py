"""Plain words for a connection in trouble: what is wrong, and what to do about it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integrations.engine.care import Trouble
from integrations.explanations import Explanation, Text

_WORDS: dict[str, Explanation] = {
    Trouble.NEEDS_RECONNECTING: Explanation(
        _("The other system no longer accepts the consent that was given."),
        _("Connect again with the same account. Mappings, settings and learners stay as they are."),
    ),
    Trouble.WRONG_COMPANY: Explanation(
        _("The list that was read belongs to another account, so nothing was taken from it."),
        _("Connect again with the right account, or tell the operator of this installation."),
    ),
    Trouble.REFUSED: Explanation(
        _("The other system refuses to give the list of people."),
        _("Check the rights of whoever connected, and connect again. If that does not help, tell the operator."),
    ),
    Trouble.EMPTIED: Explanation(
        _("The list of people was empty, although there were people before."),
        _("Check in the other system whether the people are still there. Then sync by hand."),
    ),
    Trouble.MANY_FAILED: Explanation(
        _("More than 40 % of the records could not be read or saved."),
        _("Look at the people who failed in the latest run, and tell the operator of this installation."),
    ),
    Trouble.SILENT: Explanation(
        _("No sync has been completed for 36 hours."),
        _("Sync by hand. If that does not work either, tell the operator of this installation."),
    ),
}
_UNKNOWN = Explanation(_("Something is wrong with the connection."), _("Look at the latest run."))


def sentence(trouble: str) -> Text:
    """Return what is wrong."""
    return _WORDS.get(trouble, _UNKNOWN).sentence


def advice(trouble: str) -> Text:
    """Return what the admin can do."""
    return _WORDS.get(trouble, _UNKNOWN).advice
