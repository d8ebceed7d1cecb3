"""What came of a workflow action, in HubSpot's fields and in words that its users read in the workflow's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import explanations
from integrations.engine.changes import Reason
from integrations.hubspot.action_requests import LEARNER
from integrations.hubspot.models import WorkflowCall
from integrations.sync import requests

Outcome = WorkflowCall.Outcome
Text = str | Promise

# The record or the workflow has to be mended first; all others who get nothing are left out on purpose.
_FAILURES = frozenset(
    {
        Reason.NO_EMAIL,
        Reason.INVALID_EMAIL,
        Reason.SHARED_EMAIL,
        Reason.EMAIL_TAKEN,
        Reason.TWO_LEARNERS,
        Reason.NAME_TOO_LONG,
        Reason.NO_SEAT,
    }
)
_REFUSALS: dict[str, Text] = {
    "unknown_portal": _("The portal that the workflow names is not connected with this HubSpot account."),
    "not_connected": _("The portal is not connected with this HubSpot account any more."),
    "turned_off": _("HubSpot is not turned on for the portal."),
    "unknown_group": _("The group that the workflow names does not exist in the portal any more."),
    "bad_last_day": _("The last day of access is not a date."),
    "last_day_over": _("The last day of access is over already."),
    "wrong_object": _("The portal takes another kind of records from this HubSpot account."),
    "access_ended": _("The person's access to the portal has ended. A workflow does not give it back."),
    Reason.NO_EMAIL: _("The record has no e-mail address."),
    Reason.NAME_TOO_LONG: _("The first or last name is longer than 150 characters."),
    Reason.STAFF_ACCOUNT: _("The account is an admin, manager or instructor of the portal. A workflow changes none."),
    Reason.KNOWN_ELSEWHERE: _(
        "Another portal of the organization has an account with this address. Use the User Invite Action instead."
    ),
    Reason.ERASED: _("The person was deleted for good and is not added again by a workflow."),
    Reason.UNDONE: _("An admin took back what an earlier workflow did for this person."),
    Reason.INVITATION_CANCELLED: _("An admin cancelled this person's invitation, so no other is sent."),
    Reason.INACTIVE: _("No mail can be sent to this person as things are."),
}
_MESSAGES: dict[str, Text] = {
    Outcome.CREATED: _("The person is a learner of the portal now."),
    Outcome.INVITED: _("An invitation is on its way."),
    Outcome.ALREADY_MEMBER: _("The person is in the portal already. No mail was sent."),
    Outcome.REINVITED: _("The last invitation was no longer valid: a new one is on its way."),
    Outcome.ACTIVATED: _("The person was invited before and is a learner of the portal now."),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call, for which membership; `error_code` says why nothing did."""

    outcome: WorkflowCall.Outcome
    membership_id: int | None = None
    status: str = ""
    error_code: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the call came to nothing."""
        return self.outcome in (Outcome.SKIPPED, Outcome.FAILED)

    def fields(self) -> dict[str, str]:
        """Return the output fields, with the state that HubSpot gives to the step of the workflow."""
        is_ours = self.membership_id is not None and not self.is_refused
        return {
            "outcome": self.outcome.value,
            "learner_id": f"{LEARNER}{self.membership_id}" if is_ours else "",
            "state": self.status,
            "message": str(sentence(self.outcome, self.error_code)),
            "error_code": self.error_code,
            "hs_execution_state": "FAIL_CONTINUE" if self.is_refused else "SUCCESS",
        }


def failure(error_code: str) -> Result:
    """Return that nothing could be done, because of the workflow or the record."""
    return Result(Outcome.FAILED, error_code=error_code)


def of(answer: requests.Answer) -> Result:
    """Return what came of a request as HubSpot is told."""
    if answer.outcome is not requests.Outcome.SKIPPED:
        return Result(Outcome(answer.outcome.value), answer.membership_id, answer.status)
    outcome = Outcome.FAILED if answer.reason in _FAILURES else Outcome.SKIPPED
    code = "access_ended" if answer.reason == Reason.ENDED_BY_ADMIN else answer.reason
    return Result(outcome, answer.membership_id, answer.status, code)


def sentence(outcome: str, error_code: str) -> Text:
    """Return what came of a call, as a sentence in the language of the moment."""
    if error_code:
        return _REFUSALS.get(error_code) or explanations.sentence(error_code)
    return _MESSAGES.get(outcome, "")


def is_refusal(fields: Mapping[str, Any]) -> bool:
    """Whether the output fields say that nothing was done."""
    return fields.get("hs_execution_state") == "FAIL_CONTINUE"
