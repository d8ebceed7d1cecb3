"""Contacts and users as every account has them: scopes, default properties and definitions."""

from collections.abc import Iterable
from typing import Any

from integrations.sandbox.hubspot.definitions import Definition, Group
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType, Scopes
from integrations.sandbox.hubspot.records import MERGED_IDS, OBJECT_ID

CONTACTS = "0-1"
USERS = "0-115"
EMAIL = "email"
FURTHER_EMAILS = "hs_additional_emails"
FIRST_CONTACT_ID = 901
FIRST_USER_ID = 207838823231

_CONTACT_SCOPES = Scopes(
    read="crm.objects.contacts.read",
    create="crm.objects.contacts.write",
    update="crm.objects.contacts.write",
    archive="crm.objects.contacts.write",
    schema_read="crm.objects.contacts.read crm.schemas.contacts.read",
    schema_write="crm.schemas.contacts.write",
)
_USER_SCOPES = Scopes(
    read="crm.objects.users.read",
    create="crm.objects.users.write",
    update="crm.objects.users.write",
    archive="crm.objects.users.write",
    schema_read="crm.objects.users.read",
    schema_write="crm.objects.users.write",
)
_CONTACT_GROUPS = (
    Group("contactinformation", "Contact information", 0, is_seeded=True),
    Group("sales_properties", "Sales properties", 1, is_seeded=True),
    Group("training", "Training", 2, is_seeded=True),
)
_USER_GROUPS = (Group("userinformation", "User information", 0, is_seeded=True),)


def contacts(*, at: str) -> ObjectType:
    """Return the type of contacts, without any contact; `at` is when its definitions were made."""
    kind = ObjectType(
        type_id=CONTACTS,
        name="contact",
        aliases=("contacts", "CONTACT"),
        scopes=_CONTACT_SCOPES,
        first_id=FIRST_CONTACT_ID,
        default_properties=("createdate", EMAIL, "firstname", "lastname", OBJECT_ID, "lastmodifieddate"),
        created_property="createdate",
        modified_property="lastmodifieddate",
        further_values={EMAIL: FURTHER_EMAILS},
        is_standard=True,
    )
    return _filled(kind, _CONTACT_GROUPS, _contact_definitions(), at)


def users(*, at: str) -> ObjectType:
    """Return the type of users, without any user."""
    kind = ObjectType(
        type_id=USERS,
        name="user",
        aliases=("users", "USER"),
        scopes=_USER_SCOPES,
        first_id=FIRST_USER_ID,
        default_properties=("hs_createdate", "hs_lastmodifieddate", OBJECT_ID),
        required=("hs_email", "hs_internal_user_id"),
        is_standard=True,
    )
    return _filled(kind, _USER_GROUPS, _user_definitions(), at)


def _filled(kind: ObjectType, groups: Iterable[Group], definitions: Iterable[Definition], at: str) -> ObjectType:
    for group in groups:
        kind.add_group(group)
    for definition in definitions:
        definition.created_at = definition.updated_at = at
        kind.define(definition)
    kind.changes = 0
    return kind


def _contact_definitions() -> list[Definition]:
    return [
        _own(EMAIL, "Email", is_unique=True),
        _own("firstname", "First name"),
        _own("lastname", "Last name"),
        _own("phone", "Phone number", field_type="phonenumber"),
        _own("mobilephone", "Mobile phone number", field_type="phonenumber"),
        _own("company", "Company name"),
        _own("jobtitle", "Job title"),
        _own("city", "City"),
        _own("country", "Country/Region"),
        _own("date_of_birth", "Date of birth"),
        _own(
            "lifecyclestage",
            "Lifecycle stage",
            type="enumeration",
            field_type="radio",
            options=_options("Subscriber", "Lead", "Opportunity", "Customer", "Evangelist"),
        ),
        _own(
            "hubspot_owner_id",
            "Contact owner",
            type="enumeration",
            field_type="select",
            group="sales_properties",
            has_external_options=True,
            referenced_object_type="OWNER",
        ),
        *_kept_by_hubspot("contactinformation", "createdate", "lastmodifieddate"),
        _own(FURTHER_EMAILS, "Additional email addresses", type="string", is_read_only=True),
        _own(MERGED_IDS, "Merged record IDs", is_read_only=True),
        _own("hs_sa_first_engagement_descr", "Description of first engagement", is_hidden=True, is_read_only=True),
        _own(
            "num_associated_deals",
            "Number of deals",
            type="number",
            field_type="number",
            is_calculated=True,
            is_read_only=True,
        ),
        *_custom_contact_definitions(),
    ]


def _custom_contact_definitions() -> list[Definition]:
    """Return one property of each type, as a customer made them."""
    return [
        _custom("department", "Department", type="enumeration", field_type="select", options=_DEPARTMENTS),
        _custom(
            "region",
            "Region",
            type="enumeration",
            field_type="radio",
            options=_options("North", "South", "East", "West"),
        ),
        _custom(
            "languages",
            "Languages",
            type="enumeration",
            field_type="checkbox",
            options=_options("English", "German", "Portuguese", "Spanish"),
        ),
        _custom("badge_number", "Badge number", type="number", field_type="number"),
        _custom("hourly_rate", "Hourly rate", type="number", field_type="number"),
        _custom("works_remotely", "Works remotely", type="bool", field_type="booleancheckbox"),
        _custom("start_date", "Start date", type="date", field_type="date"),
        _custom("contract_end", "End of contract", type="date", field_type="date"),
        _custom("last_interview_at", "Last interview", type="datetime", field_type="date"),
        _custom("notes_for_trainer", "Notes for the trainer", field_type="textarea"),
        _custom("dietary_needs", "Dietary needs", sensitivity="sensitive"),
        _custom("office_position", "Position of the office", type="object_coordinates"),
    ]


def _user_definitions() -> list[Definition]:
    group = "userinformation"
    read_only = {
        "hs_given_name": "First name",
        "hs_family_name": "Last name",
        "hs_searchable_calculated_name": "Full name",
        "hs_main_phone": "Main phone",
    }
    writable = {
        "hs_job_title": "Job title",
        "hs_additional_phone": "Additional phone",
        "hs_standard_time_zone": "Time zone",
        "hs_working_hours": "Working hours",
        "hs_out_of_office_hours": "Out of office hours",
    }
    return [
        _own("hs_email", "Email", group=group, is_read_only=True),
        _own(
            "hs_internal_user_id",
            "User ID",
            group=group,
            type="number",
            field_type="number",
            is_unique=True,
            is_read_only=True,
        ),
        _own("hubspot_owner_id", "Owner ID", group=group, type="number", field_type="number", is_read_only=True),
        *[_own(name, label, group=group, is_read_only=True) for name, label in read_only.items()],
        *[_own(name, label, group=group) for name, label in writable.items()],
        _own(
            "hs_availability_status",
            "Availability",
            group=group,
            type="enumeration",
            field_type="select",
            options=[{"label": "Available", "value": "available"}, {"label": "Away", "value": "away"}],
        ),
        _own(
            "hs_deactivated",
            "Deactivated",
            group=group,
            type="bool",
            field_type="booleancheckbox",
            is_read_only=True,
        ),
        *_kept_by_hubspot(group, "hs_createdate", "hs_lastmodifieddate"),
        _custom(
            "office",
            "Office",
            group=group,
            type="enumeration",
            field_type="select",
            options=_options("Dublin", "Lisbon", "Remote"),
        ),
        _custom("joined_on", "Joined on", group=group, type="date", field_type="date"),
        _custom("training_budget", "Training budget", group=group, type="number", field_type="number"),
    ]


def _kept_by_hubspot(group: str, created: str, modified: str) -> list[Definition]:
    return [
        _own(created, "Create date", group=group, type="datetime", field_type="date", is_read_only=True),
        _own(modified, "Last modified date", group=group, type="datetime", field_type="date", is_read_only=True),
        _own(OBJECT_ID, "Record ID", group=group, type="number", field_type="number", is_read_only=True),
    ]


def _own(name: str, label: str, *, group: str = "contactinformation", **rest: Any) -> Definition:
    return Definition(name, label, group=group, is_hubspot_defined=True, is_seeded=True, **rest)


def _custom(name: str, label: str, *, group: str = "training", **rest: Any) -> Definition:
    return Definition(name, label, group=group, is_seeded=True, **rest)


def _options(*labels: str) -> list[Json]:
    return [{"label": label, "value": label.lower()} for label in labels]


_DEPARTMENTS = [
    {"label": "Sales", "value": "sales"},
    {"label": "Support", "value": "support"},
    {"label": "Research & Development", "value": "r_and_d"},
    {"label": "Operations", "value": "operations"},
    {"label": "Left the company", "value": "left", "hidden": True},
]
