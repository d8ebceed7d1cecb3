"""How the shared pages speak of Gusto."""

from django.utils.translation import gettext_lazy as _

from integrations.providers import Words

WORDS = Words(
    section=_("HR Integrations"),
    description=_("Adds learners from your HR records, keeps them up to date, and ends their access when they leave."),
    account=_("Company"),
    purpose=_(
        "%(system)s becomes the source of truth about your learners. The integration works in one direction: Rollcall "
        "reads from %(system)s once a day and never changes anything there."
    ),
    needs=(
        _("A %(system)s account with Full Access: only such an admin can give consent."),
        _("A %(system)s company that no other portal uses: each portal requires a separate one."),
    ),
    receives=(
        _("Of each employee: name, e-mail addresses, employment status, hiring and termination dates."),
        _(
            "The attributes that you map to custom user data, and no others. "
            "Pay and identity numbers are never stored."
        ),
    ),
    connecting=(
        _("%(portal)s reads the employees of %(account)s from %(system)s, daily and when you ask for it."),
        _("%(system)s is only read; nothing is changed there."),
        _("Nobody is added or invited before the first sync."),
    ),
    first_sync=_("Adds your people. After the first sync this happens once per day by itself."),
    disconnecting=(_("People who leave from now on keep their access until you end it by hand."),),
    nobody=_("Nobody yet: people appear here after the first sync."),
    missing=_("Is the person an employee there, in the company that is connected? Contractors are not in the list."),
    leaving=_("The daily sync stops, and Rollcall deletes its access to %(system)s."),
)
