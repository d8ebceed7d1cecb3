"""The files of Rollcall's HubSpot developer project that name hosts, scopes or properties.

HubSpot takes an app from such a project only (pages "App configuration", "Custom workflow actions", "App objects",
"Configure webhooks"). What stays the same in every installation lies beside the files that this module makes, in
project/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from integrations.hubspot import enrollment_properties as told
from integrations.hubspot import scopes

# The host of the files that lie in the repository.
EXAMPLE_HOST: Final = "rollcall.example.com"
PLATFORM_VERSION: Final = "2026.03"
APP_OBJECT_UID: Final = "course_enrollment_object"
PROGRESS_GROUP: Final = "progress"
APP_OBJECT: Final = "src/app/app-objects/course-enrollment-hsmeta.json"
ASSOCIATION: Final = "src/app/app-object-associations/course-enrollment-to-contact-hsmeta.json"
CARD_SETTINGS: Final = "src/app/cards/installation.ts"
_HOST: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_APP_ID: Final = re.compile(r"[0-9]{1,12}")


class Unusable(ValueError):
    """HubSpot would not take this host or app id; the message says why."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What differs between installations. The app's id is known only after its first upload."""

    host: str
    support_email: str
    app_id: str = ""
    # As the app's page spells them; empty: as they are derived from the app's id.
    known_app_object_scopes: tuple[str, ...] = ()
    # HubSpot has to approve the app object first.
    has_app_object: bool = True

    def __post_init__(self) -> None:
        """Raise Unusable for a host that HubSpot could not reach, or something that is no app id."""
        if not _HOST.fullmatch(self.host):
            raise Unusable(
                f"“{self.host}” is no host name that HubSpot can reach: give the name alone, such as "
                f"{EXAMPLE_HOST}, in lower case, without https://, port or path. HubSpot calls by https only, and "
                "neither localhost nor a network address."
            )
        if self.app_id and not _APP_ID.fullmatch(self.app_id):
            raise Unusable(f"“{self.app_id}” is no app id: HubSpot shows it as a number on the app's page.")

    def url(self, path: str = "") -> str:
        """Return an address below HubSpot's part of the installation."""
        return f"https://{self.host}/integrations/hubspot/{path}"

    @property
    def app_object_scopes(self) -> tuple[str, ...]:
        """The scopes of the app object; none without one, and before the app has an id."""
        if not self.has_app_object:
            return ()
        if self.known_app_object_scopes or not self.app_id:
            return self.known_app_object_scopes
        name = f"a{self.app_id}_{told.OBJECT_NAME.lower()}"
        rights = ("view", "create", "edit", "delete")
        return (*(f"crm.app.objects.{name}.{right}" for right in rights), f"crm.app.schemas.{name}.read")


@dataclass(frozen=True, slots=True)
class WorkflowAction:
    """One of the two workflow actions: its address, and what people read in HubSpot's workflow editor."""

    slug: str
    name: str
    description: str
    card: str


WORKFLOW_ACTIONS: Final = (
    WorkflowAction(
        "user-invite",
        "User Invite Action",
        "Invite the contact to a training portal; the person gets an e-mail and creates an account.",
        "Invite to {{portal}}",
    ),
    WorkflowAction(
        "user-add",
        "User Add Action",
        "Create a learner in a training portal for the contact; the person can sign in at once.",
        "Add to {{portal}}",
    ),
)
OUTCOMES: Final = (
    ("created", "Created"),
    ("invited", "Invited"),
    ("already_member", "Already a learner"),
    ("reinvited", "Invited again"),
    ("activated", "Activated"),
    ("skipped", "Skipped"),
    ("failed", "Failed"),
)
STATES: Final = (("active", "Active"), ("pending", "Invited, not accepted yet"), ("ended", "Access ended"))
# What HubSpot sends of the record with every call.
READ_PROPERTIES: Final = ("email", "firstname", "lastname", "hs_additional_emails", "hs_object_id")


def files(installation: Installation) -> Mapping[str, object]:
    """Return what each JSON file of the project holds, by its path in the project."""
    return {
        "hsproject.json": {"name": "rollcall", "srcDir": "src", "platformVersion": PLATFORM_VERSION},
        "src/app/app-hsmeta.json": _app(installation),
        **({APP_OBJECT: _app_object(), ASSOCIATION: _association()} if installation.has_app_object else {}),
        "src/app/webhooks/webhooks-hsmeta.json": _webhooks(installation),
        "src/app/cards/course-enrollments-hsmeta.json": _card(),
        **{
            f"src/app/workflow-actions/{action.slug}-hsmeta.json": _workflow_action(action, installation)
            for action in WORKFLOW_ACTIONS
        },
    }


def card_settings(installation: Installation) -> str:
    """Return the card's installation.ts; the app's id is there for the app object."""
    app_id = installation.app_id if installation.has_app_object else ""
    return (
        "// Written by `manage.py hubspot_project`: where Rollcall answers, and the app's id once HubSpot gave one.\n"
        f"export const ROLLCALL: string = 'https://{installation.host}';\n"
        f"export const APP_ID: string = '{app_id}';\n"
    )


def definitions(installation: Installation) -> Mapping[str, object]:
    """Return what those need who have no project: both actions for the API, and the custom object."""
    return {
        "workflow_actions": [
            {
                **_action_fields(action, installation),
                "labels": {"en": {"appDisplayName": "Rollcall", **_labels(action)}},
                "published": False,
                "functions": [],
            }
            for action in WORKFLOW_ACTIONS
        ],
        "custom_object": told.custom_object(),
    }


def _app(installation: Installation) -> dict[str, object]:
    return {
        "uid": "rollcall_app",
        "type": "app",
        "config": {
            "name": "Rollcall",
            "description": "Creates learners from HubSpot and reports their course progress",
            # App objects exist for marketplace apps only; such an app need not be listed.
            "distribution": "marketplace",
            "auth": {
                "type": "oauth",
                "redirectUrls": [installation.url("callback/")],
                "requiredScopes": list(scopes.REQUIRED),
                "conditionallyRequiredScopes": [scope for kind in scopes.CONDITIONAL.values() for scope in kind],
                "optionalScopes": [*scopes.OPTIONAL, *installation.app_object_scopes],
            },
            "permittedUrls": {"fetch": [f"https://{installation.host}"], "iframe": [], "img": []},
            "support": {"supportEmail": installation.support_email},
        },
    }


def _app_object() -> dict[str, object]:
    singular, plural = told.OBJECT_LABELS
    return {
        "uid": APP_OBJECT_UID,
        "type": "app-object",
        "config": {
            "name": told.OBJECT_NAME,
            "description": told.OBJECT_DESCRIPTION,
            "singularForm": singular,
            "pluralForm": plural,
            "appPrefix": "Rollcall",
            "primaryDisplayLabelPropertyName": told.TITLE,
            "secondaryDisplayLabelPropertyNames": list(told.SECONDARY),
            "properties": [each.definition(groupName=PROGRESS_GROUP) for each in told.ENROLLMENT],
            "propertyGroups": [{"name": PROGRESS_GROUP, "label": "Progress"}],
            "settings": {"hasRecordPage": True, "allowsUserCreatedRecords": False, "hasEngagements": False},
        },
    }


def _association() -> dict[str, object]:
    return {
        "uid": "course_enrollment_to_contact",
        "type": "app-object-association",
        "config": {"firstObjectType": APP_OBJECT_UID, "secondObjectType": "CONTACT"},
    }


def _webhooks(installation: Installation) -> dict[str, object]:
    def active(kind: str, **more: str) -> dict[str, object]:
        return {"subscriptionType": f"contact.{kind}", "active": True, **more}

    return {
        "uid": "rollcall_webhooks",
        "type": "webhooks",
        "config": {
            "settings": {"targetUrl": installation.url("webhooks/"), "maxConcurrentRequests": 10},
            "subscriptions": {
                "crmObjects": [],
                "legacyCrmObjects": [
                    *map(active, ("deletion", "merge", "restore")),
                    # Mapped properties differ from portal to portal, while these lines are the app's: the daily sync
                    # reads them.
                    *(active("propertyChange", propertyName=name) for name in ("email", "firstname", "lastname")),
                ],
                "hubEvents": [active("privacyDeletion")],
            },
        },
    }


def _card() -> dict[str, object]:
    return {
        "uid": "course_enrollments_card",
        "type": "card",
        "config": {
            "name": "Course enrollments",
            "description": "The courses of this person, and how far they are",
            "location": "crm.record.tab",
            "entrypoint": "/app/cards/CourseEnrollments.tsx",
            "objectTypes": ["contacts"],
        },
    }


def _workflow_action(action: WorkflowAction, installation: Installation) -> dict[str, object]:
    return {
        "uid": f"{action.slug.replace('-', '_')}_action",
        "type": "workflow-action",
        "config": {
            "isPublished": True,
            "supportedClients": [{"client": "WORKFLOWS"}],
            **_action_fields(action, installation),
        },
    }


def _action_fields(action: WorkflowAction, installation: Installation) -> dict[str, object]:
    """Return what the project's file and the API have in common (page "Custom workflow actions")."""
    return {
        "actionUrl": installation.url(f"actions/{action.slug}/"),
        "objectTypes": ["CONTACT"],
        "objectRequestOptions": {"properties": list(READ_PROPERTIES)},
        "inputFields": [
            _choice_input("portal", installation, is_required=True),
            _choice_input("group", installation),
            {
                "typeDefinition": {"name": "last_day", "type": "date", "fieldType": "date", "options": []},
                "supportedValueTypes": ["STATIC_VALUE", "OBJECT_PROPERTY"],
                "isRequired": False,
            },
        ],
        "inputFieldDependencies": [
            {"dependencyType": "SINGLE_FIELD", "controllingFieldName": "portal", "dependentFieldNames": ["group"]}
        ],
        "outputFields": [
            _output("outcome", OUTCOMES),
            _output("learner_id"),
            _output("state", STATES),
            _output("message"),
            _output("error_code"),
        ],
        "labels": {"en": _labels(action)},
    }


def _choice_input(name: str, installation: Installation, *, is_required: bool = False) -> dict[str, object]:
    return {
        "typeDefinition": {
            "name": name,
            "type": "enumeration",
            "fieldType": "select",
            "options": [],
            "optionsUrl": installation.url(f"actions/options/{name}/"),
        },
        "supportedValueTypes": ["STATIC_VALUE"],
        "isRequired": is_required,
    }


def _output(name: str, options: tuple[tuple[str, str], ...] = ()) -> dict[str, object]:
    kind = ("enumeration", "select") if options else ("string", "text")
    return {
        "typeDefinition": {
            "name": name,
            "type": kind[0],
            "fieldType": kind[1],
            "options": [{"label": label, "value": value} for value, label in options],
        }
    }


def _labels(action: WorkflowAction) -> dict[str, object]:
    return {
        "actionName": action.name,
        "actionDescription": action.description,
        "actionCardContent": action.card,
        "inputFieldLabels": {"portal": "Portal", "group": "Group", "last_day": "Last day of access"},
        "inputFieldDescriptions": {
            "portal": "The training portal, of those that are connected to this account",
            "group": "Also put the person into this group",
            "last_day": "Access ends at the end of this day; empty: no end",
        },
        "outputFieldLabels": {
            "outcome": "Outcome",
            "learner_id": "Learner id",
            "state": "State in the portal",
            "message": "Message",
            "error_code": "Error code",
        },
    }
