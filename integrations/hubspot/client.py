"""HubSpot's API: one method per endpoint, errors as in integrations.http.

Reference: developers.hubspot.com, the dated API version of the setting HUBSPOT_API_VERSION.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from django.conf import settings

from integrations import bodies
from integrations.http import Answer, Api, ProviderUnavailable, Refusal, RequestRejected, Response
from integrations.hubspot import payloads, refusals
from integrations.rate_limits import retry_after

# The most inputs of a batch, and the largest page of a list ("Using object APIs").
BATCH = 100
OWNERS_PER_PAGE = 500

Input = Mapping[str, object]
Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why some rows of a batch were refused: HubSpot's word for it, what was wrong with what, and which rows.

    Without ids and trace ids it concerns rows that cannot be told.
    """

    category: str
    detail: str = ""
    ids: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()
    # The record that is in the way of a new one.
    existing_id: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether the records do not exist (any more)."""
        return self.category.upper().endswith("NOT_FOUND")


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What became of a batch: 2xx does not mean that every row was done."""

    results: tuple[payloads.Record, ...] = ()
    errors: tuple[BatchError, ...] = ()
    # Keys of rows that came in a shape that cannot be read.
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of a list of records; an empty `after` ends the list, an empty page does not."""

    results: tuple[payloads.Record, ...]
    after: str = ""


class Client:
    """Calls for one HubSpot account."""

    def __init__(self, api: Api, account_id: str = "") -> None:
        self._api = api
        self.account_id = account_id
        self._version = settings.HUBSPOT_API_VERSION

    def close(self) -> None:
        """Let the network connection go."""
        self._api.close()

    # Records ("Using object APIs"; read or write scope of the object type).

    def record(
        self, object_type: str, key: str, properties: Sequence[str], *, id_property: str = ""
    ) -> payloads.Record:
        """Return one record, by its id or by a unique property such as the e-mail address. Raises RecordMissing."""
        params = {"properties": ",".join(properties), **({"idProperty": id_property} if id_property else {})}
        return decoded(self._api.get(f"{self._objects(object_type)}/{_part(key)}", params), payloads.Record)

    def list_records(self, object_type: str, properties: Sequence[str], after: str = "") -> RecordPage:
        """Return one page of the records that are not archived, in order of their ids.

        Raises ProviderUnavailable for a page with a row that cannot be read.
        """
        params: dict[str, str | int] = {"limit": BATCH, "properties": ",".join(properties)}
        if after:
            params["after"] = after
        page = decoded(self._api.get(self._objects(object_type), params), payloads.RawPage)
        found, unreadable = payloads.records(page.results)
        if unreadable:
            raise ProviderUnavailable("HubSpot: unreadable row in a list")
        return RecordPage(tuple(found), _after(page))

    def batch_read(
        self, object_type: str, ids: Sequence[str], properties: Sequence[str], id_property: str = ""
    ) -> BatchAnswer:
        """Return up to 100 records by id or by a unique property; those that do not exist are errors (207)."""
        body: dict[str, object] = {
            "properties": list(properties),
            "propertiesWithHistory": [],
            # The same id twice fails the whole batch.
            "inputs": [{"id": key} for key in dict.fromkeys(ids)],
        }
        if id_property:
            body["idProperty"] = id_property
        return self._batch(object_type, "read", body)

    def batch_create(self, object_type: str, inputs: Sequence[Input]) -> BatchAnswer:
        """Create up to 100 records; give each input an objectWriteTraceId, or one bad row fails all of them.

        Not tried again when no answer comes: the records may be there.
        """
        return self._batch(object_type, "create", {"inputs": list(inputs)}, is_repeatable=False)

    def batch_update(self, object_type: str, inputs: Sequence[Input]) -> BatchAnswer:
        """Change up to 100 records by id."""
        return self._batch(object_type, "update", {"inputs": list(inputs)})

    def batch_upsert(self, object_type: str, inputs: Sequence[Input]) -> BatchAnswer:
        """Create or change up to 100 records by a property with unique values (idProperty and id of each input)."""
        return self._batch(object_type, "upsert", {"inputs": list(inputs)})

    def batch_archive(self, object_type: str, inputs: Sequence[Input]) -> BatchAnswer:
        """Archive up to 100 records by id; HubSpot says nothing about single rows."""
        return self._batch(object_type, "archive", {"inputs": list(inputs)})

    # Associations ("Associate records", "Associations schema").

    def associate_default(self, from_type: str, to_type: str, pairs: Iterable[tuple[str, str]]) -> BatchAnswer:
        """Connect pairs of records with the types' default association; connecting again changes nothing."""
        inputs = [{"from": {"id": start}, "to": {"id": end}} for start, end in pairs]
        path = f"{self._associations(from_type, to_type)}/batch/associate/default"
        page = _raw_page(self._api.call("POST", path, body={"inputs": inputs}))
        return BatchAnswer(errors=tuple(map(_batch_error, page.errors or ())))

    def associated(self, from_type: str, to_type: str, ids: Iterable[str]) -> dict[str, list[str]]:
        """Return the records that each of up to 1,000 is associated with, 500 at most; those with none are missing."""
        path = f"{self._associations(from_type, to_type)}/batch/read"
        page = _raw_page(self._api.call("POST", path, body={"inputs": [{"id": key} for key in ids]}))
        found = (_decoded(row, payloads.Associated) for row in page.results)
        return {str(one.start.id): [str(other.to_object_id) for other in one.to] for one in found}

    def dissociate(self, from_type: str, to_type: str, pairs: Iterable[tuple[str, str]]) -> None:
        """End every association of up to 2,000 pairs of records; those that are not there need nothing."""
        inputs = [{"from": {"id": start}, "to": [{"id": end}]} for start, end in pairs]
        self._api.call("POST", f"{self._associations(from_type, to_type)}/batch/archive", body={"inputs": inputs})

    def association_labels(self, from_type: str, to_type: str) -> list[payloads.AssociationLabel]:
        """Return the kinds of association between two types; their ids differ per account and direction."""
        page = _raw_page(self._api.get(f"{self._associations(from_type, to_type)}/labels"))
        return [_decoded(row, payloads.AssociationLabel) for row in page.results]

    # Properties ("Properties"; scope of the object type, for new ones crm.schemas.contacts.write).

    def properties(self, object_type: str) -> list[payloads.Property]:
        """Return every property definition that is neither archived nor sensitive; the list is not paged."""
        path = f"/crm/properties/{self._version}/{_part(object_type)}"
        page = _raw_page(self._api.get(path, {"dataSensitivity": "non_sensitive"}))
        return [_decoded(row, payloads.Property) for row in page.results]

    def create_property(self, object_type: str, body: Input) -> payloads.Property:
        """Return a new property. Raises RequestRejected, with the category CONFLICT when the name is taken."""
        path = f"/crm/properties/{self._version}/{_part(object_type)}"
        return decoded(self._api.call("POST", path, body=body, is_repeatable=False), payloads.Property)

    def create_property_group(self, object_type: str, body: Input) -> None:
        """Create a group of properties; raises as `create_property` does."""
        path = f"/crm/properties/{self._version}/{_part(object_type)}/groups"
        self._api.call("POST", path, body=body, is_repeatable=False)

    # Owners ("Owners"; scope crm.objects.owners.read).

    def owners(self, *, archived: bool = False) -> Iterator[payloads.Owner]:
        """Yield those to whom records can belong, or those who were deactivated."""
        params: dict[str, str | int] = {"limit": OWNERS_PER_PAGE, "archived": "true" if archived else "false"}
        while True:
            page = _raw_page(self._api.get(f"/crm/owners/{self._version}", params))
            yield from (_decoded(row, payloads.Owner) for row in page.results)
            after = _after(page)
            if not after or after == params.get("after"):
                return
            params["after"] = after

    # Object types ("Custom objects"; reading one needs no scope of its own).

    def schemas(self) -> list[payloads.Schema]:
        """Return the object types that the account has defined."""
        page = _raw_page(self._api.get(f"/crm-object-schemas/{self._version}/schemas"))
        return [_decoded(row, payloads.Schema) for row in page.results]

    def schema(self, object_type: str) -> payloads.Schema:
        """Return an object type by its id or its qualified name. Raises RecordMissing."""
        path = f"/crm-object-schemas/{self._version}/schemas/{_part(object_type)}"
        return decoded(self._api.get(path), payloads.Schema)

    def create_schema(self, body: Input) -> payloads.Schema:
        """Return a new object type. Raises RequestRejected where the account's plan or our consent has none."""
        path = f"/crm-object-schemas/{self._version}/schemas"
        return decoded(self._api.call("POST", path, body=body, is_repeatable=False), payloads.Schema)

    # The account and our consent ("Account information", "Manage OAuth tokens").

    def account(self) -> payloads.Account:
        """Return what the settings page shows of the account (scope oauth)."""
        return decoded(self._api.get(f"/account-info/{self._version}/details"), payloads.Account)

    def introspect(self, token: str, *, client_id: str, client_secret: str) -> payloads.TokenInfo:
        """Return whose token this is and what it may do."""
        body = {
            "client_id": client_id,
            "client_secret": client_secret,
            "token": token,
            # The guide's older name for the same.
            "access_token": token,
            "token_type_hint": "access_token",
        }
        path = f"/oauth/{self._version}/token/introspect"
        return decoded(self._api.post(path, body, is_form=True), payloads.TokenInfo)

    def uninstall(self) -> None:
        """Take our app out of the account; every token of the account ends with it."""
        self._api.call("DELETE", f"/appinstalls/{self._version}/external-install", is_repeatable=False)

    def _objects(self, object_type: str) -> str:
        return f"/crm/objects/{self._version}/{_part(object_type)}"

    def _associations(self, from_type: str, to_type: str) -> str:
        return f"/crm/associations/{self._version}/{_part(from_type)}/{_part(to_type)}"

    def _batch(
        self, object_type: str, verb: str, body: Mapping[str, Any], *, is_repeatable: bool = True
    ) -> BatchAnswer:
        if len(body["inputs"]) > BATCH:
            raise ValueError(f"more than {BATCH} inputs")
        if not body["inputs"]:
            return BatchAnswer()
        path = f"{self._objects(object_type)}/batch/{verb}"
        page = _raw_page(self._api.call("POST", path, body=body, is_repeatable=is_repeatable))
        found, unreadable = payloads.records(page.results)
        return BatchAnswer(tuple(found), tuple(map(_batch_error, page.errors or ())), tuple(unreadable))


def read_refusal(response: Response) -> Refusal:
    """Return what HubSpot says in an answer that is no success; for integrations.http.Api."""
    error = refusals.read(response.content)
    return Refusal(
        category=refusals.category_of(error),
        detail=refusals.detail_of(error),
        request_id=re.sub(r"[^\w-]", "", error.correlation_id or "")[:100],
        wait=refusals.wait_of(error, response.status_code, retry_after(response.headers)),
    )


def scopes_missing(error: RequestRejected) -> list[str]:
    """Return the scopes that the consent would have had to include for the refused call."""
    if error.category != refusals.MISSING_SCOPES:
        return []
    return [word for word in error.detail.split() if "." in word]


def existing_id(error: RequestRejected) -> str:
    """Return the id of the record that was in the way of a new one, or an empty text."""
    words = error.detail.split() if error.category == refusals.CONFLICT else []
    return next((word for word in reversed(words) if word.isdigit()), "")


def decoded(answer: Answer, shape: type[Shape]) -> Shape:
    """Return the body of an answer. Raises ProviderUnavailable when it has another shape."""
    return _decoded(answer.body, shape)


def _decoded(body: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    try:
        return bodies.read(lambda text: msgspec.json.decode(text, type=shape), body)
    except ValueError:
        # The original quotes the answer.
        raise ProviderUnavailable("HubSpot: unreadable answer") from None


def _raw_page(answer: Answer) -> payloads.RawPage:
    # 204 has no body.
    return decoded(answer, payloads.RawPage) if answer.body else payloads.RawPage()


def _after(page: payloads.RawPage) -> str:
    return page.paging.next.after if page.paging and page.paging.next else ""


def _batch_error(item: payloads.ErrorItem) -> BatchError:
    context = item.context or payloads.ErrorContext()
    return BatchError(
        category=refusals.category_of(item),
        detail=refusals.detail_of(item),
        ids=(*payloads.texts(item.id), *payloads.texts(context.ids), *payloads.texts(context.from_object_id)),
        trace_ids=payloads.texts(context.object_write_trace_id),
        existing_id=refusals.existing_id(item),
    )


def _part(text: str) -> str:
    return quote(text, safe="")
