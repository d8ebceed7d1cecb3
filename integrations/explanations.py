"""Plain words for an HR person: what a sync did, why it did not, and what to do about it."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.engine.changes import Kind, Reason

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something is as it is, and what the reader can do."""

    sentence: Text
    advice: Text


def sentence(reason: str) -> Text:
    """Return why a person was skipped, held or failed; an empty text for no reason."""
    return _of(reason).sentence


def advice(reason: str) -> Text:
    """Return what the admin can do about a reason; an empty text when there is nothing to do."""
    return _of(reason).advice


def kind(value: str) -> Text:
    """Return what a change does with a person, in two or three words."""
    return _KINDS.get(value, value)


def field_problem(code: str) -> Text:
    """Return why one value of a person could not be taken over."""
    if code in _REASONS:
        return _REASONS[code].sentence
    return _FIELD_PROBLEMS.get(code, _UNKNOWN_FIELD_PROBLEM)


def problem(cause: str) -> Explanation:
    """Return what is wrong with people, for a cause of integrations.problems, and where to mend it."""
    return _PROBLEMS.get(cause) or _of(cause)


def step(value: str) -> Explanation:
    """Return what a step from the list into the portal asks, and what it means to have passed it."""
    return _STEPS[value]


def _of(reason: str) -> Explanation:
    return _REASONS.get(reason, _UNKNOWN_REASON) if reason else _NO_REASON


_NO_REASON = Explanation("", "")
# A row may be older or newer than this code.
_UNKNOWN_REASON = Explanation(
    _("This version of Rollcall does not know the reason that is stored."),
    _("Start another sync; the person is looked at again."),
)
_UNKNOWN_FIELD_PROBLEM = _("The value does not fit the field.")

_REASONS: dict[str, Explanation] = {
    Reason.INACTIVE: Explanation(
        _("The person is inactive in the connected system."),
        _("Nothing to do. As soon as they are active there, the next sync adds them."),
    ),
    Reason.LEFT: Explanation(
        _("The person has left the organization."),
        _("Nothing to do. If this is wrong, correct the termination in the connected system."),
    ),
    Reason.HIRE_DATE_AHEAD: Explanation(
        _("The hiring date is still ahead."),
        _("Nothing to do. The person is added on that day, because the invite configuration says so."),
    ),
    Reason.HIRE_DATE_UNKNOWN: Explanation(
        _("The connected system knows no hiring date, and people are added on their hiring date."),
        _("Enter the hiring date in the connected system, or change the invite configuration."),
    ),
    Reason.NO_EMAIL: Explanation(
        _("The person has no e-mail address that may be used."),
        _(
            "Enter a work or personal e-mail in the connected system, "
            "or change the address used in the invite configuration."
        ),
    ),
    Reason.INVALID_EMAIL: Explanation(
        _("The e-mail address is not valid."),
        _("Correct the address in the connected system."),
    ),
    Reason.SHARED_EMAIL: Explanation(
        _("Two or more people in the connected system have the same e-mail address."),
        _(
            "Give each of them an address of their own in the connected system. "
            "Until then none of them is changed here."
        ),
    ),
    Reason.EMAIL_TAKEN: Explanation(
        _("The e-mail address belongs to another user of this portal who is linked to somebody else."),
        _("Check which of the two people the address belongs to, and correct the other one."),
    ),
    Reason.TWO_LEARNERS: Explanation(
        _("The person fits two users of this portal: one by their link, another by their e-mail address."),
        _("Decide which account is theirs, and change the e-mail address of the other one."),
    ),
    Reason.STAFF_ACCOUNT: Explanation(
        _("The account is an admin, manager or instructor. A sync never changes those by itself."),
        _("Nothing to do, or keep the account up to date by hand under Users."),
    ),
    Reason.SECOND_ADDRESS: Explanation(
        _("The address is only a further one of the record, whose main address is another."),
        _("Make it the main address of the record, or correct the address of the user."),
    ),
    Reason.MERGED_RECORD: Explanation(
        _("The person's record was merged with the one of another user of this portal, who keeps the link."),
        _("Find out whether both accounts are one person's. If they are, end the access of this one under Users."),
    ),
    Reason.DATA_DELETED: Explanation(
        _("The person asked the other system to delete their data, so nobody is linked to them unasked."),
        _("Nothing to do. A workflow that names the person links them again."),
    ),
    Reason.KNOWN_ELSEWHERE: Explanation(
        _("Another portal of your organization already has an account with this e-mail address."),
        _(
            "Choose “Create as pending user and send invitation email” in the invite configuration, "
            "or ask the operator to allow adding people who are known elsewhere."
        ),
    ),
    Reason.REMOVED_BY_ADMIN: Explanation(
        _("An admin removed this person or cancelled their invitation, so they are not invited again."),
        _("To take the person back, add or invite them by hand under Users."),
    ),
    Reason.ENDED_BY_ADMIN: Explanation(
        _("An admin ended this person's access, so the sync does not give it back."),
        _("To give access again, restore it under Users."),
    ),
    Reason.ERASED: Explanation(
        _("The person was deleted for good from this portal, so they are not added again."),
        _("Nothing to do. To take the person back, add or invite them by hand under Users."),
    ),
    Reason.INVITATION_CANCELLED: Explanation(
        _("An admin cancelled this person's invitation, so the sync sends no other."),
        _("To invite them, filter Pending users by “Cancelled” and allow invitations again."),
    ),
    Reason.NO_SEAT: Explanation(
        _("All seats of the portal are taken."),
        _(
            "End the access of people who left, or ask the operator for more seats. "
            "The next sync tries again, for as many as there is room for."
        ),
    ),
    Reason.UNREADABLE: Explanation(
        _("The record that the connected system sent cannot be read."),
        _("Open and save the person in the connected system. If that does not help, tell the support team the id."),
    ),
    Reason.NAME_TOO_LONG: Explanation(
        _("The first or last name is longer than 150 characters."),
        _("Shorten the name in the connected system."),
    ),
    Reason.OUT_OF_SCOPE: Explanation(
        _("The person is outside the scope that this connection is set to."),
        _("Nothing to do. To take such people in, change the scope under “Scope and safety”."),
    ),
    Reason.MISSING: Explanation(
        _("The person was missing from two complete lists in a row."),
        _("Check in the connected system whether the record was deleted. Whoever comes back gets the access back."),
    ),
    Reason.CHANGED_SINCE: Explanation(
        _("Something about this person has been changed in the meantime, so it was left as it is."),
        _("Nothing to do. If it should be different, change it under Users."),
    ),
    Reason.UNDONE: Explanation(
        _("The sync that added or linked this person was undone, so it is not done again."),
        _("To take the person back, change their record in the connected system, or add them by hand under Users."),
    ),
    Reason.REMOVED_AGAIN: Explanation(
        _("The run had added this person and nothing had happened since, so they were removed again."),
        _("Nothing to do. The next sync adds them only when their record in the connected system changes."),
    ),
    Reason.UNLINKED_AGAIN: Explanation(
        _("The run had linked this person to a user who was here before; the link was taken away again."),
        _("Nothing to do. The user stays and is no longer kept up to date by syncs."),
    ),
    Reason.ENDED_INSTEAD: Explanation(
        _("The run had added this person, and something has happened since: a mail, a sign-in, progress or a change."),
        _("The account stays and has no access. Restore the access under Users, or delete the person there."),
    ),
    Reason.MAIL_WAS_SENT: Explanation(
        _("A mail of the run had been sent to this person before it was undone."),
        _("Write to the person if the mail needs an explanation."),
    ),
    Reason.TOO_MANY_REMOVALS: Explanation(
        _("Unusually many people would lose something at once, so an admin has to approve it first."),
        _("Compare the list with the connected system, then approve or reject it on the page of the run."),
    ),
    Reason.ADDRESS_NOT_CONFIRMED: Explanation(
        _(
            "The person signs in with the old address, and the new one may come from a form that anyone can fill in, "
            "so an admin has to approve it first."
        ),
        _("Ask the person whether the new address is theirs, then approve or reject it on the page of the run."),
    ),
    Reason.READ_INCOMPLETE: Explanation(
        _("The list of people could not be read to its end, so nobody's access is ended on the strength of it."),
        _("Nothing to do. The next complete sync looks at the person again."),
    ),
    Reason.COULD_NOT_BE_SAVED: Explanation(
        _("The change was refused when it was being saved."),
        _("The next sync tries again. If it keeps failing, tell the support team the id and the run's number."),
    ),
}

_KINDS: dict[str, Text] = {
    Kind.ADD: _("Created"),
    Kind.INVITE: _("Invited"),
    Kind.LINK: _("Linked"),
    Kind.UPDATE: _("Updated"),
    Kind.RESTORE: _("Access restored"),
    Kind.END_ACCESS: _("Access ends"),
    Kind.CHANGE_EMAIL: _("New e-mail address"),
    Kind.CLEAR: _("Values emptied"),
    Kind.SKIP: _("Not taken over"),
    Kind.UNDO: _("Taken back"),
}

_FIELD_PROBLEMS: dict[str, Text] = {
    "unknown_choice": _("This value is not among the choices of the field. Add the choice, or change the value."),
    "not_a_number": _("This is not a number."),
    "not_a_whole_number": _("This is not a whole number."),
    "not_a_date": _("This is not a date."),
    "too_long": _("This value is too long."),
    "unknown_owner": _("Nobody with this id is among the owners, so the old value stays."),
    "characters_removed": _("Characters that cannot be stored were removed from this value."),
}

# Of integrations.problems.Cause; all other causes are reasons.
_PROBLEMS: dict[str, Explanation] = {
    "refused_value": Explanation(
        _("Values do not fit the field that they are mapped to. The people keep their old values."),
        _("Add the missing choice or an alias under “Map your data”, or correct the value in the connected system."),
    ),
    "impossible_date": Explanation(
        _("A date cannot be read, so it is treated as if it were empty."),
        _("Correct the date in the connected system."),
    ),
    "address_not_followed": Explanation(
        _("A new e-mail address could not be taken over. The people keep their old address."),
        _("Check whom the address belongs to, and correct it in the connected system or with the other user here."),
    ),
    "manager_missing": Explanation(
        _("The manager named in the connected system is not in its list of people."),
        _("Choose another manager in the connected system, or check why the manager's record is not in the list."),
    ),
    "not_listed": Explanation(
        _("People who have access here were not in the last complete list of the connected system."),
        _("Check whether their record was deleted there. They keep their access unless you decided otherwise."),
    ),
    "mail_failed": Explanation(
        _("A mail with a link could not be delivered."),
        _("Correct the address in the connected system, or send the mail again under Pending users."),
    ),
    "held": Explanation(
        _(
            "Changes wait for your approval: unusually many people would lose something at once, "
            "or an address changed that somebody signs in with."
        ),
        _("Compare the list with the other system, then approve or reject it on the page of the run."),
    ),
}

# Of engine.steps.Step: the question, and the answer when all is well.
_STEPS: dict[str, Explanation] = {
    "listed": Explanation(
        _("Is the person in the list of the connected system?"),
        _("The last complete list contained the person."),
    ),
    "readable": Explanation(_("Can the record be read?"), _("The record is readable.")),
    "wanted_back": Explanation(
        _("Has nobody removed the person here?"),
        _("No admin removed or deleted the person, or undid the sync that brought them."),
    ),
    "employed": Explanation(
        _("Is the person active in the connected system?"),
        _("The person is active there and has not left."),
    ),
    "in_scope": Explanation(
        _("Does the person belong to the scope?"),
        _("The person fits the scope under “Scope and safety”."),
    ),
    "address": Explanation(
        _("Is there an e-mail address of their own?"),
        _("There is a valid address that nobody else has."),
    ),
    "matched": Explanation(
        _("Is it clear which user of the portal it is?"),
        _("The person fits one user, or nobody yet."),
    ),
    "hired": Explanation(
        _("Has the hiring date come?"),
        _("The hiring date has come, or does not matter here."),
    ),
    "saved": Explanation(_("Could the person be saved?"), _("The person is linked to a user of this portal.")),
    "approved": Explanation(
        _("Is nothing held for approval?"),
        _("No change of the person waits for an approval."),
    ),
    "access": Explanation(_("Does the person have access?"), _("The access has not ended.")),
    "mail": Explanation(
        _("Has the mail with the link arrived?"),
        _("No mail is missing."),
    ),
}
