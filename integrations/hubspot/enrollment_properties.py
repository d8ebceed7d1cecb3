"""What HubSpot is told about an enrollment, and about a person where it keeps no record per enrollment.

The one list for all storages: the app object of the HubSpot project, the custom object and the properties of contacts
and users are made from it. An app object's names and types can never be changed or removed, only added to
(HubSpot: "App objects"), so nothing is listed that Rollcall cannot fill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its name, how HubSpot shows it, its type and field type, and the options of a choice."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    is_unique: bool = False
    description: str = ""

    def definition(self, **more: object) -> dict[str, object]:
        """Return what HubSpot reads (API page "Properties"); `more` are further keys, such as groupName."""
        made: dict[str, object] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
        }
        if self.description:
            made["description"] = self.description
        if self.options:
            made["options"] = [
                {"label": label, "value": value, "displayOrder": place}
                for place, (value, label) in enumerate(self.options)
            ]
        if self.is_unique:
            made["hasUniqueValue"] = True
        return made | more


def _number(name: str, label: str, description: str = "") -> Property:
    return Property(name, label, "number", "number", description=description)


def _date(name: str, label: str, description: str = "") -> Property:
    return Property(name, label, "date", "date", description=description)


def _yes_or_no(name: str, label: str, description: str = "") -> Property:
    options = (("true", "Yes"), ("false", "No"))
    return Property(name, label, "bool", "booleancheckbox", options, description=description)


# The name of the app object in the project's file, and in lower case that of the custom object.
OBJECT_NAME: Final = "COURSE_ENROLLMENT"
OBJECT_LABELS: Final = ("Course enrollment", "Course enrollments")
OBJECT_DESCRIPTION: Final = "One learner's enrollment in one course, kept by Rollcall"
KEY: Final = "enrollment_key"
TITLE: Final = "course_name"

STATUSES: Final = (
    ("not_started", "Not Started"),
    ("in_progress", "In Progress"),
    ("completed", "Completed"),
    ("passed", "Passed"),
    ("failed", "Failed"),
    ("pending_review", "Pending Review"),
)
PROGRESSES: Final = (("not_started", "Not Started"), ("in_progress", "In Progress"), ("completed", "Completed"))
# Reports that ask for "Completed" mean those who passed too; who failed has yet to do it again.
PROGRESS_OF_STATUS: Final[Mapping[str, str]] = {
    "not_started": "not_started",
    "in_progress": "in_progress",
    "completed": "completed",
    "passed": "completed",
    "failed": "in_progress",
    "pending_review": "in_progress",
}

ENROLLMENT: Final = (
    Property(TITLE, "Course"),
    Property(KEY, "Enrollment key", is_unique=True, description="Rollcall finds its record by this key."),
    Property("course_id", "Course id"),
    Property("course_reference", "Course reference code"),
    Property("portal_id", "Portal id"),
    Property("portal_name", "Portal"),
    Property("learner_id", "Learner id"),
    Property("learner_name", "Learner"),
    Property("learner_email", "Learner e-mail"),
    Property("hubspot_user_id", "User id", description="Only for people who are HubSpot users."),
    Property("status", "Status", "enumeration", "select", STATUSES),
    Property(
        "progress", "Progress", "enumeration", "select", PROGRESSES, description="Passed counts as completed here."
    ),
    _number("percent_complete", "Percent complete"),
    _number("score", "Score"),
    _yes_or_no("is_required", "Required"),
    _yes_or_no("is_overdue", "Overdue"),
    _date("enrolled_on", "Enrolled on"),
    _date("started_on", "Started on"),
    _date("completed_on", "Completed on"),
    _date("due_on", "Due on"),
    _date("access_ends_on", "Access ends on", "The learner's last day in the portal."),
    Property("group_name", "Group", description="The group that brought the course."),
)
REQUIRED: Final = (TITLE, KEY)
SEARCHABLE: Final = (TITLE, KEY, "learner_email")
SECONDARY: Final = ("status", "portal_name")

# On the contact or user itself, where the account can keep neither an app object nor a custom object.
PERSON_GROUP: Final = ("rollcall", "Rollcall")
PERSON: Final = (
    Property("rollcall_learner_id", "Learner id"),
    _number("rollcall_courses_completed", "Courses completed", "Passed counts as completed."),
    _number("rollcall_courses_in_progress", "Courses in progress"),
    _number("rollcall_courses_not_started", "Courses not started"),
    _number("rollcall_percent_complete", "Courses completed (%)"),
    _number("rollcall_required_courses", "Required courses"),
    _number("rollcall_required_courses_completed", "Required courses completed"),
    _yes_or_no("rollcall_all_required_completed", "All required courses completed"),
    Property("rollcall_last_completed_course", "Last completed course"),
    _date("rollcall_last_completed_on", "Last completed on"),
)


def custom_object() -> dict[str, object]:
    """Return the definition of the custom object, for accounts without the app object (API page "Custom objects").

    Users cannot be associated with other records, so contacts are the only ones.
    """
    singular, plural = OBJECT_LABELS
    return {
        "name": OBJECT_NAME.lower(),
        "description": OBJECT_DESCRIPTION,
        "labels": {"singular": singular, "plural": plural},
        "primaryDisplayProperty": TITLE,
        "secondaryDisplayProperties": list(SECONDARY),
        "searchableProperties": list(SEARCHABLE),
        "requiredProperties": list(REQUIRED),
        "properties": [prop.definition() for prop in ENROLLMENT],
        "associatedObjects": ["CONTACT"],
    }
