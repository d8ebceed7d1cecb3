"""Why single sign-on refuses somebody: a code for the list of attempts, a sentence for the portal's admin."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Reason(StrEnum):
    """A code; visitors never see it, so that nobody learns who is known at the portal."""

    # Of both ways.
    NOT_SET_UP = "not_set_up"
    NO_EMAIL = "no_email"
    UNKNOWN_PERSON = "unknown_person"
    KNOWN_ELSEWHERE = "known_elsewhere"
    STAFF = "staff"
    ACCESS_ENDED = "access_ended"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    OTHER_IDENTITY = "other_identity"
    NO_SEAT = "no_seat"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"
    WRONG_SIGNATURE = "wrong_signature"
    # Of SAML.
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    HAS_DTD = "has_dtd"
    ENCRYPTED = "encrypted"
    PROVIDER_REFUSED = "provider_refused"
    UNSIGNED = "unsigned"
    WEAK_ALGORITHM = "weak_algorithm"
    WRAPPED = "wrapped"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_RECIPIENT = "wrong_recipient"
    NOT_ASKED_FOR = "not_asked_for"
    OTHER_BROWSER = "other_browser"
    UNSTABLE_NAME_ID = "unstable_name_id"
    INVALID = "invalid"
    # Of signed links.
    PARAMETER_MISSING = "parameter_missing"
    PARAMETER_TWICE = "parameter_twice"
    NOT_A_TIME = "not_a_time"
    AMBIGUOUS = "ambiguous"


EXPLANATIONS = {
    Reason.NOT_SET_UP: _("Single sign-on is not completely set up, or not switched on."),
    Reason.NO_EMAIL: _("No valid e-mail address arrived. Check which attribute or parameter carries it."),
    Reason.UNKNOWN_PERSON: _("Nobody in this portal has this address, and people are not created at sign-in."),
    Reason.KNOWN_ELSEWHERE: _(
        "The address belongs to an account of another portal; the portal's settings allow only inviting such people."
    ),
    Reason.STAFF: _("Admins, managers and instructors sign in at the direct address, never by single sign-on."),
    Reason.ACCESS_ENDED: _("The person's access has ended. Signing in does not bring it back; an admin can."),
    Reason.INVITATION_WITHDRAWN: _("The person's invitation was withdrawn."),
    Reason.OTHER_IDENTITY: _(
        "The person with this address came in under another name id before. If it is the same person, forget the old "
        "link on the settings page."
    ),
    Reason.NO_SEAT: _("All seats of the portal are taken. End the access of people who left, or buy more seats."),
    Reason.REPLAYED: _("It was used already. Each works once."),
    Reason.EXPIRED: _("It is too old. Check the clock of the other side."),
    Reason.TOO_EARLY: _("It is not valid yet. Check the clock of the other side."),
    Reason.WRONG_SIGNATURE: _("The signature does not fit. Check the certificates, or the secret and the format."),
    Reason.TOO_LARGE: _("The response is too large."),
    Reason.MALFORMED: _("What arrived is no SAML response."),
    Reason.HAS_DTD: _("The response has a document type definition, which is not allowed."),
    Reason.ENCRYPTED: _("The assertion is encrypted. Switch encryption off: the connection is encrypted already."),
    Reason.PROVIDER_REFUSED: _("The identity provider did not let the person in."),
    Reason.UNSIGNED: _("The assertion is not signed. Let the identity provider sign assertions, not only responses."),
    Reason.WEAK_ALGORITHM: _("The signature is made with an outdated or unknown method. Choose RSA with SHA-256."),
    Reason.WRAPPED: _("The signature does not cover exactly this assertion, as if somebody had tampered with it."),
    Reason.WRONG_ISSUER: _("It comes from another identity provider. Compare the entity id."),
    Reason.WRONG_AUDIENCE: _("It is meant for another service. The audience must be this portal's entity id."),
    Reason.WRONG_RECIPIENT: _("It is meant for another address. The recipient must be this portal's ACS URL."),
    Reason.NOT_ASKED_FOR: _("The sign-in began at the identity provider, and such sign-ins are switched off."),
    Reason.OTHER_BROWSER: _("The sign-in was begun in another browser, or too long ago. Try again from the portal."),
    Reason.UNSTABLE_NAME_ID: _("The name id changes with each sign-in (transient). Choose persistent or e-mail."),
    Reason.INVALID: _("The response breaks the rules of SAML."),
    Reason.PARAMETER_MISSING: _("The link lacks the e-mail address, the time or the token."),
    Reason.PARAMETER_TWICE: _("A parameter stands in the link twice."),
    Reason.NOT_A_TIME: _("The time is not a number of seconds since 1970."),
    Reason.AMBIGUOUS: _("A value holds the character &, which could pass for the end of a field."),
}


class Refused(Exception):
    """This person does not come in; `reason` says why, for the admin's eyes."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
