"""Why a consent leads to no connection, in words for the admin who gave it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


class Trouble(StrEnum):
    """Why a consent leads to no connection."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    OTHER_USER = "other_user"
    DENIED = "denied"
    CODE_REFUSED = "code_refused"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    COMPANY_IN_USE = "company_in_use"
    OTHER_COMPANY = "other_company"
    OTHER_REALM = "other_realm"
    NO_RECORD_TYPE = "no_record_type"
    TURNED_OFF = "turned_off"


class ConsentProblem(Exception):
    """A consent that led to no connection and changed nothing."""

    def __init__(self, trouble: Trouble, *, account: str = "", expected: str = "") -> None:
        super().__init__(trouble.value)
        self.trouble = trouble
        self._names = {"account": account, "expected": expected}

    def explain(self, system: str) -> dict[str, str]:
        """Return title, sentence and advice for an admin who wanted to connect `system`."""
        explanation = EXPLANATIONS[self.trouble]
        names = {**self._names, "system": system}
        return {
            "title": str(explanation.title) % names,
            "sentence": str(explanation.sentence) % names,
            "advice": str(explanation.advice) % names,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the page says about a trouble; names stand for %(system)s, %(account)s and %(expected)s."""

    title: str | Promise
    sentence: str | Promise
    advice: str | Promise


START_AGAIN = gettext_lazy("Go back to the page of %(system)s and select Connect again.")
EXPLANATIONS = {
    Trouble.UNKNOWN: Explanation(
        gettext_lazy("This link belongs to no connection"),
        gettext_lazy("Nobody started a connection to %(system)s that this link could finish. Nothing was changed."),
        START_AGAIN,
    ),
    Trouble.EXPIRED: Explanation(
        gettext_lazy("Too much time has passed"),
        gettext_lazy("A connection has to be finished within ten minutes. Nothing was changed."),
        START_AGAIN,
    ),
    Trouble.USED: Explanation(
        gettext_lazy("This link was used before"),
        gettext_lazy("A link from %(system)s works once. Nothing was changed by opening it again."),
        gettext_lazy("The page of %(system)s shows whether the connection works. If not, connect again."),
    ),
    Trouble.OTHER_USER: Explanation(
        gettext_lazy("Somebody else started this connection"),
        gettext_lazy("Only the admin who selected Connect can finish it. Nothing was changed."),
        START_AGAIN,
    ),
    Trouble.DENIED: Explanation(
        gettext_lazy("%(system)s was not connected"),
        gettext_lazy("The consent was refused on the page of %(system)s. Nothing was changed."),
        gettext_lazy("To connect, start again and agree there. You need full admin access in %(system)s."),
    ),
    Trouble.CODE_REFUSED: Explanation(
        gettext_lazy("%(system)s did not confirm the consent"),
        gettext_lazy("%(system)s no longer knows this consent: it works once and for ten minutes."),
        START_AGAIN,
    ),
    Trouble.UNAVAILABLE: Explanation(
        gettext_lazy("%(system)s does not answer"),
        gettext_lazy("%(system)s could not be reached or is too busy. Nothing was changed."),
        gettext_lazy("Wait a few minutes, then connect again."),
    ),
    Trouble.REJECTED: Explanation(
        gettext_lazy("%(system)s refused the connection"),
        gettext_lazy("%(system)s does not accept the way in which Rollcall is set up. Nothing was changed."),
        gettext_lazy("Tell the operator of this installation; the log says what was refused."),
    ),
    Trouble.COMPANY_IN_USE: Explanation(
        gettext_lazy("%(account)s is connected to another portal"),
        gettext_lazy("Each portal needs a company of its own in %(system)s. Nothing was changed."),
        gettext_lazy("Connect another company, or disconnect this one from the other portal first."),
    ),
    Trouble.OTHER_COMPANY: Explanation(
        gettext_lazy("This is not %(expected)s"),
        gettext_lazy(
            "This portal was connected to %(expected)s before; you chose %(account)s. The people of one "
            "would be taken for those of the other, so nothing was changed."
        ),
        gettext_lazy("Connect %(expected)s again. %(account)s needs a portal of its own."),
    ),
    Trouble.OTHER_REALM: Explanation(
        gettext_lazy("%(account)s belongs to another organization here"),
        gettext_lazy(
            "One account of %(system)s can serve several portals, but only those of one organization. "
            "Nothing was changed."
        ),
        gettext_lazy("Connect another account, or have this one disconnected from all portals of the other first."),
    ),
    Trouble.NO_RECORD_TYPE: Explanation(
        gettext_lazy("A choice is missing"),
        gettext_lazy("Whether learners come from one kind of records or another is chosen before connecting."),
        gettext_lazy("Choose one on the page of %(system)s and connect again."),
    ),
    Trouble.TURNED_OFF: Explanation(
        gettext_lazy("%(system)s is not turned on"),
        gettext_lazy("This portal may not use %(system)s yet. Nothing was changed."),
        gettext_lazy("Ask the operator of this installation to turn it on."),
    ),
}
