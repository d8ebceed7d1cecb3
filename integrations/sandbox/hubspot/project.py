"""What the application's developer project declares: its app object, as uploaded to HubSpot."""

from typing import Any

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


def _property(name: str, label: str, kind: str, field_type: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "label": label, "type": kind, "fieldType": field_type}
    return made | ({"hasUniqueValue": True} if name == "enrollment_key" else {})


def _choice(name: str, label: str, values: tuple[str, ...]) -> dict[str, Any]:
    options = [{"label": value.replace("_", " ").title(), "value": value} for value in values]
    return _property(name, label, "enumeration", "select") | {"options": options}
