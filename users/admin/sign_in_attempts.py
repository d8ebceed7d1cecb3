"""The list of attempts to come in by single sign-on, with the reasons that visitors never see."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from portals.paging import InfinitePaginator
from portals.scoping import PortalScopedAdmin, ReadOnly
from portals.standing import Level
from users.admin.sign_on_pages import explanation
from users.models import SignInAttempt


@admin.register(SignInAttempt)
class SignInAttemptAdmin(ReadOnly, PortalScopedAdmin):
    """The attempts of the last 30 days, newest first."""

    portal_path = "portal"
    least_level = Level.FULL_ADMIN
    list_display = ["number", "at", "method", "show_result", "show_explanation", "membership", "address"]
    list_display_links = None
    list_filter = [("method", ChoicesDropdownFilter)]
    list_select_related = ["membership__user"]
    # The number that a refused visitor was told.
    search_fields = ["=pk"]
    search_help_text = gettext_lazy("Number that a visitor was told")
    ordering = ["-at", "-pk"]
    paginator = InfinitePaginator
    fields = ["at", "method", "show_result", "show_explanation", "membership", "address"]
    readonly_fields = ["show_result", "show_explanation"]
    actions = ()

    @display(description=gettext_lazy("number"), ordering="pk")
    def number(self, attempt: SignInAttempt) -> int:
        """Return the number of the attempt."""
        return int(attempt.pk)

    @display(description=gettext_lazy("result"), label={"in": "success", "out": "danger"})
    def show_result(self, attempt: SignInAttempt) -> tuple[str, str]:
        """Return as a label whether the person came in."""
        return ("out", _("Refused")) if attempt.reason else ("in", _("Signed in"))

    @display(description=gettext_lazy("why"))
    def show_explanation(self, attempt: SignInAttempt) -> str:
        """Return the reason in words."""
        return explanation(attempt) or "–"
