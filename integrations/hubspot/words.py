"""How the shared pages speak of HubSpot."""

from django.utils.translation import gettext_lazy as _

from integrations.hubspot import scopes
from integrations.providers import RecordType, SetupStep, Tab, Words

RECORD_TYPES = (
    RecordType(
        scopes.CONTACTS,
        _("Contact records"),
        _("For customers and partners: people whom your organization deals with become learners."),
    ),
    RecordType(
        scopes.USERS,
        _("User records"),
        _("For your own teams: the colleagues who work in your HubSpot account become learners."),
    ),
)

# Pages of HubSpot's own, after those that all providers share.
TABS = (
    Tab(_("Workflows"), "hubspot:workflows"),
    Tab(_("Received calls"), "hubspot:calls"),
    Tab(_("Course progress"), "hubspot:progress"),
    Tab(_("Link learners"), "hubspot:linking"),
    Tab(_("Privacy"), "hubspot:privacy"),
)
SETUP = (
    SetupStep(
        _("Use the actions in HubSpot"),
        _("Workflows add and invite people, one by one, with the two actions that this connection brings."),
        "hubspot:workflows",
    ),
)

WORDS = Words(
    section=_("CRM"),
    description=_("Adds learners by HubSpot workflows, and reports their course progress back."),
    account=_("HubSpot account"),
    purpose=_(
        "Workflows in %(system)s add or invite learners to %(portal)s, their properties fill custom user data, and "
        "their course progress can be seen and reported on in %(system)s."
    ),
    needs=(
        _("A super admin of the %(system)s account, or a user who may install apps from the marketplace."),
        _("Workflows, to add people by themselves: they are part of %(system)s Professional and Enterprise."),
    ),
    receives=(
        _("Of each person whom a workflow adds or invites: name and e-mail address."),
        _("The properties that you map to custom user data, and no others."),
        _("The names of the owners of records, where you map them."),
    ),
    connecting=(
        _("Workflows of %(account)s can add and invite learners to %(portal)s. Nobody is added before one does."),
        _("Once a day, and when you ask for it, the mapped properties of learners are read again."),
        _("The course progress of linked learners is written to %(account)s, once they have accepted."),
    ),
    first_sync=_("Compares the mapped properties of linked learners. After that this happens once per day by itself."),
    disconnecting=(
        _("Workflows in %(system)s can no longer add or invite anyone here, and no more course progress is sent."),
        _("What was sent stays in %(system)s."),
        _("The links to the records are kept for 30 days. Whoever connects again after that starts without links."),
    ),
    nobody=_("Nobody yet: people appear here once a workflow has added or invited them."),
    missing=_(
        "Has a HubSpot workflow with the User Invite Action or the User Add Action run for the person? "
        "Nobody comes in from HubSpot before."
    ),
    leaving=_(
        "The daily sync stops. No other portal uses %(account)s, so Rollcall is uninstalled there; "
        "%(system)s tells the admins of the account by mail."
    ),
)
