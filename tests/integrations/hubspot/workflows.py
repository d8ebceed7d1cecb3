"""Sends what HubSpot's workflows send, signed, and returns what they are told."""

import itertools
import json
from http import HTTPStatus

from django.conf import settings
from django.test import Client

from .signing import signed

ROOT = "/integrations/hubspot/actions/"
_numbers = itertools.count(1)


def execution(connection, *, callback="", record="901", kind="CONTACT", portal=None, **inputs):
    """Return the body of an execution about a contact; `email`, `first_name`, `last_name` say who it is."""
    properties = {
        "email": inputs.pop("email", "ana.silva@example.org"),
        "firstname": inputs.pop("first_name", "Ana"),
        "lastname": inputs.pop("last_name", "Silva"),
        "hs_object_id": record,
    }
    account = inputs.pop("account", connection.external_account_id)
    return {
        "callbackId": callback or f"ap-{account}-{next(_numbers)}-3-0",
        "origin": {"portalId": int(account), "actionDefinitionId": 10860211, "actionDefinitionVersion": 2},
        "context": {"source": "WORKFLOWS", "workflowId": 192814114},
        "object": {
            "objectId": int(record),
            "objectType": kind,
            "properties": {name: value for name, value in properties.items() if value},
        },
        "inputFields": {"portal": portal or f"prt_{connection.portal_id}", **inputs},
    }


def post(path, body, *, client=None, **headers):
    """Post a body as HubSpot does, to the platform's host."""
    path = f"{ROOT}{path}"
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    client = client or Client()
    return client.post(
        path,
        data=raw,
        content_type="application/json",
        headers={"host": settings.PLATFORM_DOMAIN, **(headers or signed(path, raw))},
    )


def run(action, connection, **details):
    """Run "invite" or "add" on a contact and return the output fields."""
    answer = post(f"user-{action}/", execution(connection, **details))
    assert answer.status_code == HTTPStatus.OK, answer.content
    return answer.json()["outputFields"]
