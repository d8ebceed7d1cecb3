"""The storages and refusals of progress in the words of an admin."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.hubspot.models import ProgressTarget, Strategy
from integrations.hubspot.progress.storage import LADDER, Finding

Text = str | Promise

GIVES: dict[str, Text] = {
    Strategy.APP_OBJECT: gettext_lazy(
        "A record for each course of each person, shown on the contact and usable in reports and workflows. It comes "
        "with the Rollcall app."
    ),
    Strategy.CUSTOM_OBJECT: gettext_lazy(
        "A record for each course of each person, shown on the contact and usable in reports and workflows. It is one "
        "of the account's custom objects, which are part of HubSpot Enterprise."
    ),
    Strategy.PROPERTIES: gettext_lazy(
        "How many courses each person has completed, begun and not begun, and the last one completed, as properties "
        "of the person's record. Single courses are not listed."
    ),
    Strategy.NONE: gettext_lazy("No course progress is sent. What was sent before stays in HubSpot."),
}
_OBSTACLES: dict[tuple[str, str], Text] = {
    (Strategy.APP_OBJECT, Finding.NOT_SET_UP): gettext_lazy(
        "The operator of this installation has not set up an object of the app."
    ),
    (Strategy.APP_OBJECT, Finding.NO_SCOPE): gettext_lazy(
        "The account has not granted it. Connect again and accept everything that HubSpot asks for."
    ),
    (Strategy.APP_OBJECT, Finding.NOT_THERE): gettext_lazy("The account does not have the object of the app."),
    (Strategy.CUSTOM_OBJECT, Finding.NO_SCOPE): gettext_lazy(
        "The account has not granted custom objects; they are part of HubSpot Enterprise."
    ),
    (Strategy.CUSTOM_OBJECT, Finding.NOT_THERE): gettext_lazy(
        "The account has no custom object “Course enrollment”, and Rollcall was not allowed to make it. An admin of "
        "HubSpot can."
    ),
    (Strategy.CUSTOM_OBJECT, Finding.REFUSED): gettext_lazy(
        "HubSpot did not let Rollcall make the custom object. An admin of HubSpot can make it."
    ),
    (Strategy.PROPERTIES, Finding.NO_SCOPE): gettext_lazy(
        "The account has not granted the right to make or to write properties."
    ),
    (Strategy.PROPERTIES, Finding.REFUSED): gettext_lazy("HubSpot did not let Rollcall make the properties."),
}
_INCOMPLETE = gettext_lazy("It lacks a property that is needed: enrollment key, course or status.")
_REFUSALS: tuple[tuple[str, Text], ...] = (
    ("NOT_FOUND", gettext_lazy("HubSpot no longer has the record of this person.")),
    (
        "INVALID_OPTION",
        gettext_lazy("HubSpot does not know a value that would be written, because a choice is missing."),
    ),
    ("PROPERTY_DOESNT_EXIST", gettext_lazy("A property that would be written is missing in HubSpot.")),
    ("REQUIRED", gettext_lazy("An admin of HubSpot demands a property that Rollcall does not know.")),
    ("READ_ONLY", gettext_lazy("A property that would be written must not be changed in HubSpot.")),
    ("NO_ANSWER", gettext_lazy("HubSpot did not say what became of it.")),
    ("MISSING_SCOPES", gettext_lazy("The account no longer allows Rollcall to do this.")),
    ("CONFLICT", gettext_lazy("Another record in HubSpot is in the way.")),
)


def reason(target: ProgressTarget) -> str:
    """Return why progress goes where it goes, in one sentence."""
    if target.checked_at is None:
        return _("The account is being looked at; this takes a minute.")
    if target.chosen and target.chosen == target.strategy:
        return _("Chosen by an admin of this portal.")
    if target.chosen:
        return _("An admin chose “%(choice)s”, which does not work now: %(obstacle)s") % {
            "choice": Strategy(target.chosen).label,
            "obstacle": obstacle(target, target.chosen),
        }
    if target.strategy == Strategy.NONE:
        return _("The account allows none of the ways to keep progress.")
    better = LADDER[: LADDER.index(Strategy(target.strategy))]
    if not better:
        return _("The best of the ways that there are; the account allows it.")
    return _("The best of the ways that the account allows. %(obstacle)s") % {
        "obstacle": " ".join(f"{Strategy(one).label}: {obstacle(target, one)}" for one in better)
    }


def obstacle(target: ProgressTarget, strategy: str) -> Text:
    """Return what stands in the way of a storage, or an empty text."""
    finding = target.findings.get(strategy, "")
    if not finding:
        return ""
    return _OBSTACLES.get((strategy, finding), _INCOMPLETE)


def refusal(problem: str) -> Text:
    """Return a refusal of a row in plain words."""
    return next((sentence for code, sentence in _REFUSALS if code in problem), gettext_lazy("HubSpot refused it."))
