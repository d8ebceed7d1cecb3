"""What the application's developer project declares, as uploaded to HubSpot: its app object and its subscriptions."""

from typing import Any

# Subscriptions belong to the application and not to an account, so few properties can be among them.
KINDS = frozenset(
    ("contact.deletion", "contact.merge", "contact.privacyDeletion", "contact.propertyChange", "contact.restore")
)
PROPERTIES = frozenset(("email", "firstname", "lastname"))
_OBJECTS = ("contact", "object")
_DEEDS = ("creation", "deletion", "merge", "privacyDeletion", "propertyChange", "restore")

_STATUSES = ("not_started", "in_progress", "completed", "passed", "failed", "pending_review")
_PROGRESSES = _STATUSES[:3]
_TEXTS = {
    "course_name": "Course",
    "enrollment_key": "Enrollment key",
    "course_id": "Course id",
    "course_reference": "Course reference code",
    "portal_id": "Portal id",
    "portal_name": "Portal",
    "learner_id": "Learner id",
    "learner_name": "Learner",
    "learner_email": "Learner e-mail",
    "hubspot_user_id": "User id",
    "group_name": "Group",
}
_NUMBERS = {"percent_complete": "Percent complete", "score": "Score"}
_SWITCHES = {"is_required": "Required", "is_overdue": "Overdue"}
_DATES = {
    "enrolled_on": "Enrolled on",
    "started_on": "Started on",
    "completed_on": "Completed on",
    "due_on": "Due on",
    "access_ends_on": "Access ends on",
}


def course_enrollment() -> dict[str, Any]:
    """Return the `config` of the app object's file; a real project's takes its place by the control API."""
    return {
        "name": "COURSE_ENROLLMENT",
        "description": "One learner's enrollment in one course",
        "singularForm": "Course enrollment",
        "pluralForm": "Course enrollments",
        "primaryDisplayLabelPropertyName": "course_name",
        "secondaryDisplayLabelPropertyNames": ["status", "portal_name"],
        "properties": [
            *(_property(name, label, "string", "text") for name, label in _TEXTS.items()),
            _choice("status", "Status", _STATUSES),
            _choice("progress", "Progress", _PROGRESSES),
            *(_property(name, label, "number", "number") for name, label in _NUMBERS.items()),
            *(_property(name, label, "bool", "booleancheckbox") for name, label in _SWITCHES.items()),
            *(_property(name, label, "date", "date") for name, label in _DATES.items()),
        ],
    }


def subscriptions(config: dict[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the kinds of events and the properties of a project's webhooks file. Raises ValueError."""
    listed = [one for group in config.get("subscriptions", {}).values() for one in group if one.get("active")]
    kinds = frozenset(str(one.get("subscriptionType")) for one in listed)
    known = {f"{kind}.{deed}" for kind in _OBJECTS for deed in _DEEDS}
    if not listed or kinds - known:
        raise ValueError(f"There are no such subscriptions: {', '.join(sorted(kinds - known)) or 'none at all'}.")
    return kinds, frozenset(one["propertyName"] for one in listed if "propertyName" in one)


def _property(name: str, label: str, kind: str, field_type: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "label": label, "type": kind, "fieldType": field_type}
    return made | ({"hasUniqueValue": True} if name == "enrollment_key" else {})


def _choice(name: str, label: str, values: tuple[str, ...]) -> dict[str, Any]:
    options = [{"label": value.replace("_", " ").title(), "value": value} for value in values]
    return _property(name, label, "enumeration", "select") | {"options": options}
