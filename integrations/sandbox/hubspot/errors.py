"""HubSpot's error bodies ("Error handling", "Usage guidelines", "Working with OAuth")."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.refusals import Refused
from integrations.sandbox.wire import json_response

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one property value."""

    code: str
    message: str
    property_name: str


class Unacceptable(Exception):
    """One record cannot be written; `category` and `status` are those of an answer about it alone."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        details: Iterable[Json] = (),
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.details = list(details)
        self.context = dict(context or {})

    def row(self, trace_id: str | None) -> Json:
        """Return the error as an entry of a batch's `errors`."""
        context = self.context | ({"objectWriteTraceId": [trace_id]} if trace_id else {})
        return error_row(self.category, self.message, context=context, details=self.details)

    def refused(self) -> Refused:
        """Return the error as the answer to a whole call."""
        return error(self.status, self.category, self.message, details=self.details, context=self.context)


def error(
    status: int,
    category: str,
    message: str,
    *,
    details: Iterable[Json] = (),
    context: Mapping[str, Any] | None = None,
    sub_category: str = "",
) -> Refused:
    """Return the usual error body with a new correlation id."""
    body: Json = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category}
    if sub_category:
        body["subCategory"] = sub_category
    if context:
        body["context"] = dict(context)
    if listed := list(details):
        body["errors"] = listed
    return Refused(json_response(body, status))


def invalid(message: str) -> Refused:
    """Return the error for a request that makes no sense."""
    return error(400, "VALIDATION_ERROR", message)


def invalid_values(problems: Iterable[Problem], account_id: int) -> Unacceptable:
    """Return the error for property values; the message holds a JSON array, as HubSpot's does."""
    found = list(problems)
    listed = [
        {
            "isValid": False,
            "message": problem.message,
            "error": problem.code,
            "name": problem.property_name,
            "portalId": account_id,
        }
        for problem in found
    ]
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    details = [
        {"message": problem.message, "code": problem.code, "context": {"propertyName": [problem.property_name]}}
        for problem in found
    ]
    return Unacceptable(400, "VALIDATION_ERROR", f"Property values were not valid: {text}", details=details)


def taken(kind_name: str, property_name: str, existing_id: str) -> Unacceptable:
    """Return the error for a unique value that another record has."""
    if property_name == "email":
        message = f"{kind_name.capitalize()} already exists. Existing ID: {existing_id}"
        return Unacceptable(409, "CONFLICT", message)
    message = f"A record with this value of {property_name} already exists. Existing ID: {existing_id}"
    return Unacceptable(409, "CONFLICT", message, context={"propertyName": [property_name]})


def not_found(message: str = "resource not found") -> Refused:
    """Return the error for what is not there."""
    return error(404, "OBJECT_NOT_FOUND", message)


def error_row(category: str, message: str, *, context: Mapping[str, Any], details: Iterable[Json] = ()) -> Json:
    """Return one entry of a batch's `errors`."""
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": dict(context),
        "errors": list(details),
        "links": {},
    }


def some_not_found(kind_name: str, ids: list[str]) -> Json:
    """Return the entry of a batch's `errors` that names what could not be found."""
    message = (
        f"Could not get some {kind_name.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    )
    return error_row("OBJECT_NOT_FOUND", message, context={"ids": ids})


def no_token() -> Refused:
    """Return the error for a token that is missing, unknown or of an app that was uninstalled."""
    return error(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
    )


def expired_token(*, ago: int, at: str) -> Refused:
    """Return the error for a token that was good `ago` seconds before; `at` is when it ended."""
    message = f"The OAuth token used to make this call expired {ago} second(s) ago."
    return error(401, "EXPIRED_AUTHENTICATION", message, context={"expire time": [at]})


def missing_scopes(*scopes: str) -> Refused:
    """Return the error for a grant without any of these scopes."""
    message = "This app hasn't been granted all required scopes to make this call. Read more about required scopes."
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(scopes)},
    }
    return error(403, "MISSING_SCOPES", message, details=[detail])


def too_many(policy: str) -> Refused:
    """Return the error for a full window; `policy` is TEN_SECONDLY_ROLLING or SECONDLY."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid.uuid4()),
        "policyName": policy,
        "requestId": str(uuid.uuid4()),
    }
    return Refused(json_response(body, 429))


def grant_refused(status: str, message: str, *, kind: str = "invalid_grant") -> Refused:
    """Return the error of the token endpoint; `status` is for example BAD_AUTH_CODE."""
    body = {"error": kind, "error_description": message, "status": status, "message": message}
    return Refused(json_response(body, 400))
