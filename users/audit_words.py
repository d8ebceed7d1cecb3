"""The audit trail in the words of an HR person: what was done, with what, and the values before and after."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise

ACTIONS: dict[str, Text] = {
    "access_ended": gettext_lazy("Access ended"),
    "access_given_back": gettext_lazy("Access that a sync ended given back"),
    "access_restored": gettext_lazy("Access restored"),
    "account_erased": gettext_lazy("Deleted permanently"),
    "admin_hidden": gettext_lazy("Taken off the list of users"),
    "calendar_link_made": gettext_lazy("Link to the calendar made"),
    "calendar_link_revoked": gettext_lazy("Link to the calendar revoked"),
    "call_replayed": gettext_lazy("Call of a workflow carried out again"),
    "change_undone": gettext_lazy("Change of a sync undone"),
    "changed": gettext_lazy("Changed"),
    "choice_added": gettext_lazy("Choice added"),
    "choice_alias_added": gettext_lazy("Value stands for a choice"),
    "choice_alias_removed": gettext_lazy("Value stands for itself again"),
    "choice_renamed": gettext_lazy("Choice renamed"),
    "connect": gettext_lazy("Integration connected"),
    "deletion_requested": gettext_lazy("Deletion requested"),
    "deletion_taken_back": gettext_lazy("Deletion request taken back"),
    "saml_set_up": gettext_lazy("Single sign-on set up from a terminal"),
    "reports_changed": gettext_lazy("Changed who is told about a connection"),
    "disconnect": gettext_lazy("Integration disconnected"),
    "enrolled": gettext_lazy("Enrolled in a course"),
    "group_joined": gettext_lazy("Put into a group"),
    "group_left": gettext_lazy("Taken out of a group"),
    "linking_looked": gettext_lazy("Looked for learners to link by e-mail"),
    "merge_settled": gettext_lazy("Merged record taken off the list"),
    "hubspot_link_moved": gettext_lazy("Link follows a merged HubSpot record"),
    "hubspot_link_removed": gettext_lazy("Link to HubSpot removed"),
    "hubspot_link_renewed": gettext_lazy("Link to HubSpot brought back"),
    "invitation_accepted": gettext_lazy("Invitation accepted"),
    "invitation_cancelled": gettext_lazy("Invitation cancelled"),
    "invitation_declined": gettext_lazy("Invitation declined"),
    "invitation_released": gettext_lazy("Invitation released"),
    "invitation_resent": gettext_lazy("Invitation sent again"),
    "invitations_allowed": gettext_lazy("Invitations allowed again"),
    "invite_settings_changed": gettext_lazy("Invite configuration changed"),
    "last_day_set": gettext_lazy("Last day of access set"),
    "learner_added": gettext_lazy("Person added"),
    "learner_changed": gettext_lazy("Person changed"),
    "learner_removed": gettext_lazy("Person removed again"),
    "links_dropped": gettext_lazy("Links to a system disconnected long ago dropped"),
    "mails_released": gettext_lazy("Held mails released"),
    "mappings_changed": gettext_lazy("Data mapping changed"),
    "members_handed_over": gettext_lazy("Members handed over to the rule"),
    "password_changed": gettext_lazy("Password changed"),
    "password_set": gettext_lazy("Password set"),
    "pins_lifted": gettext_lazy("Pins lifted"),
    "people_exported": gettext_lazy("People of a sync downloaded"),
    "progress_set": gettext_lazy("Result set"),
    "progress_storage_chosen": gettext_lazy("Place of course progress in HubSpot chosen"),
    "portal_created": gettext_lazy("Portal created"),
    "settings_exported": gettext_lazy("Settings downloaded"),
    "settings_imported": gettext_lazy("Settings imported"),
    "preview_applied": gettext_lazy("Preview applied"),
    "progress_file_applied": gettext_lazy("Progress file applied"),
    "progress_file_uploaded": gettext_lazy("Progress file uploaded"),
    "responsibilities_changed": gettext_lazy("Responsibilities changed"),
    "role_changed": gettext_lazy("Role changed"),
    "run_exported": gettext_lazy("Sync downloaded"),
    "run_undone": gettext_lazy("Sync undone"),
    "recovery_codes_replaced": gettext_lazy("Recovery codes replaced"),
    "safety_settings_changed": gettext_lazy("Scope and safety changed"),
    "second_factor_added": gettext_lazy("Second factor set up"),
    "second_factor_removed": gettext_lazy("Second factor removed"),
    "second_factor_reset": gettext_lazy("Second factor reset"),
    "sign_in_method_changed": gettext_lazy("Sign-in method changed"),
    "sign_ins_ended": gettext_lazy("Sign-ins ended"),
    "sign_on_links_forgotten": gettext_lazy("Single sign-on links forgotten"),
    "signed_in": gettext_lazy("Signed in"),
    "signed_link_made": gettext_lazy("Signed link made"),
    "signed_link_secret_changed": gettext_lazy("Secret of signed links changed"),
    "trail_exported": gettext_lazy("Audit trail downloaded"),
    "unenrolled": gettext_lazy("Taken off a course"),
    "users_downloaded": gettext_lazy("User data downloaded"),
    "users_exported": gettext_lazy("User data exported"),
    "users_file_applied": gettext_lazy("User file applied"),
    "users_file_uploaded": gettext_lazy("User file uploaded"),
    "values_pinned": gettext_lazy("Values pinned"),
}
# What the admin's forms report about any kind of row.
EDITS: dict[str, Text] = {
    "added": gettext_lazy("%(kind)s added"),
    "changed": gettext_lazy("%(kind)s changed"),
    "deleted": gettext_lazy("%(kind)s deleted"),
}
REASONS: dict[str, Text] = {
    "by_admin": gettext_lazy("by an admin"),
    "hubspot_deleted": gettext_lazy("The record was deleted in HubSpot."),
    "hubspot_merged": gettext_lazy("The record was merged with another learner's."),
    "hubspot_privacy": gettext_lazy("HubSpot was asked to delete the person's data."),
    "last_day_over": gettext_lazy("The last day of access is over."),
    "requested": gettext_lazy("The person asked for it."),
    "single_sign_on": gettext_lazy("Came by single sign-on."),
    "users_file": gettext_lazy("From an uploaded file."),
}
NAMES: dict[str, Text] = {
    "custom_data": gettext_lazy("custom user data"),
    "email": gettext_lazy("e-mail address"),
    "first_name": gettext_lazy("first name"),
    "last_name": gettext_lazy("last name"),
    "last_day": gettext_lazy("last day of access"),
}
NOTHING = "–"
# A stored day, or the beginning of a stored instant.
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d(T|$)")


def action(code: str) -> str:
    """Return what was done."""
    if code in ACTIONS:
        return str(ACTIONS[code])
    model_name, _separator, edit = code.rpartition("_")
    if edit in EDITS and model_name:
        model = _model_named(model_name)
        kind = str(model._meta.verbose_name) if model else model_name
        return str(EDITS[edit] % {"kind": kind[:1].upper() + kind[1:]})
    return code.replace("_", " ").capitalize()


def reason(code: str) -> str:
    """Return why it was done."""
    return str(REASONS.get(code, code))


def kind(object_type: str) -> str:
    """Return what kind of thing it was done to."""
    model = model_of(object_type)
    return str(model._meta.verbose_name) if model else object_type


def model_of(object_type: str) -> type[Model] | None:
    """Return the model that is meant by "app.model", None if there is none any more."""
    try:
        return apps.get_model(object_type)
    except (LookupError, ValueError):
        return None


def changes(object_type: str, before: dict[str, Any], after: dict[str, Any], labels: dict[str, str]) -> str:
    """Return what differs before and after in one line; `labels` names the custom fields by their keys."""
    model = model_of(object_type)
    before, after = _flat(before), _flat(after)
    found = []
    for name in dict.fromkeys([*before, *after]):
        old, new = _value(model, name, before.get(name)), _value(model, name, after.get(name))
        if old == new:
            continue
        label = labels.get(name) or _label(model, name)
        found.append(f"{label}: {new}" if old == NOTHING else f"{label}: {old} → {new}")
    return "; ".join(found)


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Lift custom values to the level of the others."""
    custom = values.get("custom_data")
    if not isinstance(custom, dict):
        return values
    return {**{name: value for name, value in values.items() if name != "custom_data"}, **custom}


def _model_named(name: str) -> type[Model] | None:
    return next((model for model in apps.get_models() if model._meta.model_name == name), None)


def _label(model: type[Model] | None, name: str) -> str:
    if name in NAMES:
        return str(NAMES[name])
    fields = _fields(model, name)
    return str(getattr(fields[0], "verbose_name", name.replace("_", " ")) if fields else name.replace("_", " "))


def _fields(model: type[Model] | None, name: str) -> list[Any]:
    """Return what a name means: a field of the model, or of enrollments, which people's entries tell of."""
    found = []
    for one in (model, model_of("users.enrollment")):
        try:
            found += [one._meta.get_field(name)] if one else []
        except FieldDoesNotExist:
            continue
    return found


def _value(model: type[Model] | None, name: str, value: Any) -> str:
    if value in (None, "", {}, []):
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_value(model, name, part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    choices: dict[Any, Any] = {}
    for field in _fields(model, name):
        choices = {**dict(getattr(field, "flatchoices", ())), **choices}
    return str(choices[value]) if value in choices else _day_or_text(str(value))


def _day_or_text(value: str) -> str:
    """Return a stored day or instant as people write it, by the portal's time; anything else as it is."""
    if not ISO_DAY.match(value):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    if len(value) == len("2026-01-31"):
        return date_format(moment, "SHORT_DATE_FORMAT")
    return date_format(timezone.localtime(moment) if moment.tzinfo else moment, "SHORT_DATETIME_FORMAT")
