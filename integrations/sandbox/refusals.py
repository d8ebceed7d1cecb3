"""Gusto's error bodies (guide "Error categories")."""

from integrations.sandbox.wire import Response, json_response

CHALLENGE = (
    'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid or has expired."'
)


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, response: Response) -> None:
        self.response = response


def refusal(
    status: int,
    category: str,
    message: str,
    *,
    key: str = "request",
    metadata: dict[str, str] | None = None,
) -> Refused:
    """Return the error for a status and a category."""
    error: dict[str, object] = {"error_key": key, "category": category, "message": message}
    if metadata:
        error["metadata"] = metadata
    return Refused(json_response({"errors": [error]}, status))


def not_found() -> Refused:
    """Return the error for what does not exist or is not visible to this token."""
    return refusal(404, "not_found", "The requested resource was not found.")


def missing_scope(scope: str) -> Refused:
    """Return the error for a token without a scope."""
    return refusal(
        403,
        "missing_oauth_scopes",
        "This request needs a scope that the token does not have.",
        metadata={"missing_scope_name": scope},
    )


def invalid_parameter(key: str, message: str) -> Refused:
    """Return the error for a query parameter that makes no sense."""
    return refusal(422, "invalid_parameter", message, key=key)


def invalid_token() -> Refused:
    """Return the error for a token that is missing, expired or revoked."""
    refused = refusal(401, "invalid_token", "The access token is invalid or has expired.")
    refused.response.headers["WWW-Authenticate"] = CHALLENGE
    return refused
