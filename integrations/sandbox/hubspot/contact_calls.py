"""What only contacts have: merging and deletion for privacy ("Contacts")."""

from integrations.sandbox.hubspot import rows
from integrations.sandbox.hubspot.calls import Call, dated
from integrations.sandbox.hubspot.errors import error, invalid, not_found
from integrations.sandbox.hubspot.records import MERGED_IDS
from integrations.sandbox.wire import Response, Route, json_response

MOST_MERGED = 250
_SOURCE = "INTEGRATION"


class ContactCalls:
    """The endpoints under /crm/objects/{version}/contacts that other types do not have."""

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            dated("POST", "/crm/objects/{version}/contacts/merge", self.merge),
            dated("POST", "/crm/objects/{version}/contacts/gdpr-delete", self.delete_for_privacy),
        ]

    def merge(self, call: Call) -> Response:
        """Make one contact of two; whether it gets a new id is up to the account."""
        kind, body = call.account.contacts, call.body()
        call.require(kind.scopes.update)
        primary = kind.find(str(body.get("primaryObjectId", "")))
        other = kind.find(str(body.get("objectIdToMerge", "")))
        if primary is None or other is None:
            raise not_found("One of the contacts does not exist.")
        if primary is other:
            raise invalid("A contact cannot be merged with itself.")
        merged = [*primary.properties.get(MERGED_IDS, "").split(";"), *other.properties.get(MERGED_IDS, "").split(";")]
        if len(merged) > MOST_MERGED:
            raise error(414, "LIMIT_EXCEEDED", f"A contact may consist of {MOST_MERGED} merged ones at most.")
        record = kind.merge(primary, other, call.at, makes_new_id=call.account.merges_make_new_ids, source=_SOURCE)
        return json_response(rows.shown(kind, record, [*kind.default_properties, MERGED_IDS]))

    def delete_for_privacy(self, call: Call) -> Response:
        """Delete a contact for good, by id or by address; an unknown one is no error."""
        kind, body = call.account.contacts, call.body()
        call.require(kind.scopes.archive)
        value = str(body.get("objectId", ""))
        record = kind.find(value, str(body.get("idProperty") or "")) or kind.archived.get(value)
        if record:
            kind.erase(record, call.at, source=_SOURCE)
        return Response(204)
