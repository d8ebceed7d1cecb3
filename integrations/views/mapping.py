"""Map your data: which attribute fills which custom user data field."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.forms import COMPANY_FIELD, MAX_ROWS, BaseMappings, Mappings
from integrations.models import Connection, FieldMapping
from integrations.providers import Attribute
from integrations.sync.policy import policy_for
from integrations.views import attributes
from integrations.views.base import ConnectedPage
from integrations.views.choice_values import aliases_of, unmatched
from integrations.views.confirming import ConfirmedSettings
from integrations.views.trial import Trial, try_on
from portals.hosts import PortalRequest
from portals.models import CustomField
from users import audit

Row = dict[str, str]


class MappingPage(ConfirmedSettings):
    """Settings > Integrations > Gusto > Map your data."""

    title = gettext_lazy("Map your data")
    tab = "mapping"

    def get(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Show the mappings as they are."""
        return self.table(self.formset([row_of(mapping) for mapping in self.mappings]))

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Save, or add or remove a row of the table without saving."""
        rows = posted_rows(request.POST)
        if "add" in request.POST:
            return self.with_another_row(rows)
        if "remove" in request.POST:
            return self.without_row(request.POST["remove"], rows)
        if "edit" in request.POST:
            return self.table(self.formset(rows), is_changed=True)
        formset = self.formset(data=request.POST)
        if not formset.is_valid():
            return self.table(formset, is_changed=True, status=422)
        return self.try_or_save(formset)

    def try_or_save(self, formset: BaseMappings) -> HttpResponse:
        """Show what valid mappings make of somebody, or save them; ask first when that changes people."""
        wanted = formset.mappings()
        if "try" in self.request.POST:
            trial = self.trial(wanted, self.request.POST["try"])
            return self.table(formset, is_changed=True, trial=trial)
        if question := self.question(policy_for(self.connection, mappings=wanted)):
            return question
        save(self.connection, wanted, self.request)
        messages.success(self.request, _("Saved. The next sync takes the values over for everyone."))
        return redirect(self.url("mapping"))

    def with_another_row(self, rows: list[Row]) -> HttpResponse:
        """Return the page with one more row, ready to be filled in."""
        formset = self.formset([*rows, {}])
        formset.forms[-1].fields["attribute"].widget.attrs["autofocus"] = True
        return self.table(formset, is_changed=True)

    def without_row(self, removed: str, rows: list[Row]) -> HttpResponse:
        """Return the page without one of its rows."""
        kept = [row for number, row in enumerate(rows) if str(number) != removed]
        # The button that was pressed is gone: the focus needs a new place.
        return self.table(self.formset(kept), is_changed=True, focuses_add=True)

    def trial(self, wanted: Sequence[FieldMapping], chosen: str) -> Trial:
        """Return what these mappings, saved or not, make of somebody; `chosen` is the button that was pressed."""
        labels = {attribute.key: str(attribute.label) for attribute in self.known_attributes}
        policy = policy_for(self.connection, mappings=wanted)
        searched = self.request.POST.get("person", "").replace("\0", "").strip()
        return try_on(self.connection, policy, wanted, searched=searched, chosen=chosen, labels=labels)

    @cached_property
    def mappings(self) -> list[FieldMapping]:
        return list(self.connection.mappings.select_related("custom_field").order_by("pk"))

    @cached_property
    def custom_fields(self) -> list[CustomField]:
        fields = CustomField.objects.filter(portal=self.portal).order_by("position", "label")
        fields = fields.prefetch_related("choices")
        mapped = {mapping.custom_field_id for mapping in self.mappings}
        return [field for field in fields if not field.is_archived or field.pk in mapped]

    @cached_property
    def offer(self) -> attributes.Offer:
        return attributes.offered(self.connection)

    @cached_property
    def known_attributes(self) -> tuple[Attribute, ...]:
        """What is offered, and what is mapped though it is not offered any more."""
        return (*self.offer.attributes, *no_longer_offered(self.mappings, self.offer.attributes))

    def formset(self, rows: Sequence[Row] | None = None, data: Mapping[str, Any] | None = None) -> BaseMappings:
        """Return the table, with the given rows or with what was posted."""
        return Mappings(  # type: ignore[return-value]
            data,
            initial=rows,
            prefix="rows",
            form_kwargs={"attributes": self.known_attributes, "custom_fields": self.custom_fields},
        )

    def table(
        self,
        formset: BaseMappings,
        *,
        is_changed: bool = False,
        focuses_add: bool = False,
        trial: Trial | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Return the page around the table."""
        context = {
            "formset": formset,
            "trouble": self.offer.trouble,
            "gone": gone(self.mappings, self.offer),
            "unmatched": unmatched(self.connection, self.mappings, self.offer.attributes),
            "aliases": aliases_of(self.connection),
            "trial": trial,
            "searched": self.request.POST.get("person", ""),
            "has_custom_fields": bool(self.custom_fields),
            "is_changed": is_changed,
            "focuses_add": focuses_add,
            "sensitive": [one.label for one in self.offer.attributes if one.is_sensitive],
        }
        return self.page("integrations/mapping.html", context, status=status)


class RefreshView(ConnectedPage):
    """Asks the provider for its attributes again."""

    http_method_names = ["post"]

    def post(self, request: PortalRequest, **kwargs: Any) -> HttpResponse:
        """Refresh the list and go back to the mappings."""
        trouble = attributes.refresh(self.connection).trouble
        if not trouble:
            messages.success(request, _("The list of attributes is up to date."))
        return redirect(self.url("mapping"))


@transaction.atomic
def save(connection: Connection, wanted: Sequence[FieldMapping], request: PortalRequest) -> None:
    """Replace a connection's mappings, and record what changed."""
    Connection.objects.select_for_update().get(pk=connection.pk)
    old = {mapping.custom_field_id: mapping for mapping in connection.mappings.all()}
    before = summary(old.values())
    after = summary(wanted)
    if before == after:
        return
    connection.mappings.exclude(custom_field__in=[mapping.custom_field_id for mapping in wanted]).delete()
    for mapping in wanted:
        mapping.connection = connection
        mapping.is_broken = _is_still_broken(mapping, old.get(mapping.custom_field_id))
    FieldMapping.objects.bulk_create(
        wanted,
        update_conflicts=True,
        unique_fields=["connection", "custom_field"],
        update_fields=["attribute", "fallback_attribute", "default", "when_empty", "is_broken"],
    )
    audit.record(
        portal=connection.portal,
        action="mappings_changed",
        object=connection,
        before=before,
        after=after,
        request=request,
    )


def summary(mappings: Any) -> dict[str, str]:
    """Return mappings for the audit trail: custom field id → sources in order, and what an empty value does."""
    return {
        str(one.custom_field_id): " > ".join(
            filter(None, [one.attribute, one.fallback_attribute, one.default and f"“{one.default}”"])
        )
        + f" ({one.when_empty})"
        for one in mappings
    }


def _is_still_broken(mapping: FieldMapping, old: FieldMapping | None) -> bool:
    """Whether the last read said of the same attributes that one is gone."""
    return old is not None and old.is_broken and old.attributes == mapping.attributes


def row_of(mapping: FieldMapping) -> Row:
    """Return a stored mapping as a row of the table."""
    return {
        "attribute": mapping.attribute,
        "custom_field": str(mapping.custom_field_id),
        "fallback_attribute": mapping.fallback_attribute,
        "default": mapping.default,
        "when_empty": mapping.when_empty,
    }


def posted_rows(data: QueryDict) -> list[Row]:
    """Return the rows of a posted table as they are, valid or not."""
    try:
        total = min(int(data.get("rows-TOTAL_FORMS", "0")), MAX_ROWS - 1)
    except ValueError:
        total = 0
    names = ("attribute", "custom_field", "fallback_attribute", "default", "when_empty")
    return [{name: data.get(f"rows-{number}-{name}", "") for name in names} for number in range(total)]


def gone(mappings: Sequence[FieldMapping], offer: attributes.Offer) -> list[FieldMapping]:
    """Return the mappings of attributes that do not exist any more: as the provider says now, or said last."""
    if offer.trouble:
        return [mapping for mapping in mappings if mapping.is_broken]
    known = {attribute.key for attribute in offer.attributes}
    return [mapping for mapping in mappings if not known.issuperset(mapping.attributes)]


def no_longer_offered(mappings: Sequence[FieldMapping], offered: Sequence[Attribute]) -> list[Attribute]:
    """Return mapped attributes that are missing from the offer, so that their rows can be kept."""
    known = {attribute.key for attribute in offered}
    mapped = {name for mapping in mappings for name in mapping.attributes}
    missing = mapped - known
    return [Attribute(key, label_of_unknown(key), kind="") for key in sorted(missing)]


def label_of_unknown(key: str) -> str:
    """Return words for an attribute that is not in the list: a key of the provider says little."""
    if key.startswith(COMPANY_FIELD):
        return _("A field that is not in the list now (…%(end)s)") % {"end": key[-6:]}
    return key.replace("_", " ").capitalize()
