"""HubSpot's part of the control pages, below /accounts/, and of the control API, below /_control/hubspot/.

GET  state                                  accounts, scopes, limits, where requests go and what waits to be sent
     sent?count=N&kind=webhook|action       the last requests to the application with its answers, oldest first
     executions?count=N&account=            workflow actions with all answers, oldest first; executions/<callback id>
     contacts?search=&page=&account=        people; contacts/<id>?account=, users likewise
     options?field=&action=&account=&q=&after=&input:portal=…    the choices that the application offers
     card?record=&account=&object_type=     what the application's card would show
POST <name of a method of HubSpot, Outgoing or Crm> with its arguments as JSON object, for example
     change_contact {"contact": "901", "department": "support"}, delete_for_privacy {"contact": "901", "apart": true},
     merge_contacts {"primary": "901", "other": "902"}, set_app_objects {"enabled": false}, set_tier {"tier": "free"},
     run_workflow {"records": ["901"], "action": "user-add", "inputs": {"portal": "prt_1"}, "copies": 10},
     set_target {"base_url": "http://localhost:8000/integrations/hubspot/"}, repeat_at_once {}, sign_badly
     {"flaw": "old_timestamp"}, set_webhooks {"copies": 2, "shuffle": true}, wait_until_quiet {"seconds": 10}.

The answer is JSON; a refusal is 422 {"error": "..."}. The forms of the pages post to the same addresses and are sent
back to the page that they came from.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox.faults import Fault
from integrations.sandbox.hubspot import account_pages, record_pages, workflow_pages
from integrations.sandbox.hubspot.accounts import Account
from integrations.sandbox.hubspot.actions import Execution
from integrations.sandbox.hubspot.directory import Shown, record_shown, search
from integrations.sandbox.hubspot.errors import Json
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.records import Record
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.hubspot.transport import Answer
from integrations.sandbox.pages import message_page
from integrations.sandbox.wire import Malformed, Request, Response, json_response, redirect

API, PAGES = "/_control/hubspot/", "/accounts/"
_ACTIONS = frozenset(
    (
        "add_contact",
        "authorize",
        "change_contact",
        "change_user",
        "clear_rules",
        "clear_sent",
        "delete_contact",
        "delete_for_privacy",
        "gather_webhooks",
        "hold_requests",
        "merge_contacts",
        "register_redirects",
        "release_webhooks",
        "repeat_at_once",
        "require_on_create",
        "restore_contact",
        "revise_action",
        "run_workflow",
        "set_app_objects",
        "set_concurrency",
        "set_fault",
        "set_further_emails",
        "set_merges",
        "set_rate_limit",
        "set_scopes",
        "set_search_delay",
        "set_target",
        "set_tier",
        "set_webhooks",
        "sign_badly",
        "subscribe",
        "uninstall",
        "upload_action",
        "upload_app_object",
        "upload_webhooks",
        "wait_until_quiet",
        "withdraw_scope",
    )
)
_SWITCHES = frozenset(("apart", "enabled", "make_new_ids", "makes_new_id", "on", "shuffle"))
_NAMES_OF_RESULTS = {bool: "done", str: "code", int: "count"}
_WHOLE_NUMBERS = frozenset(("copies", "limit", "times"))
_MOST_SHOWN = 5000
# How long a form waits for the application's answer, so that the next page can show it.
_PATIENCE_SECONDS = 5.0


class HubSpotControl:
    """Answers what a visitor of the control pages or a test asks of the HubSpot side."""

    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot
        self._reads: dict[str, Callable[[Request], object]] = {
            "state": self._state,
            "sent": self._sent,
            "executions": self._executions,
            "contacts": lambda request: self._people(request, "contacts"),
            "users": lambda request: self._people(request, "users"),
            "options": self._options,
            "card": self._card,
        }

    @staticmethod
    def is_for(request: Request) -> bool:
        """Tell whether a request is for these pages or their API."""
        return request.path.startswith((API, PAGES))

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.method == "POST":
            return self._act(request)
        if request.method != "GET":
            return json_response({"error": "There is nothing here."}, 404)
        try:
            return self._page(request) if request.path.startswith(PAGES) else self._read(request)
        except ValueError as problem:
            if request.path.startswith(PAGES):
                return message_page("Not here", str(problem), status=404)
            return json_response({"error": str(problem)}, 404)

    # What is changed

    def _act(self, request: Request) -> Response:
        name = request.path.removeprefix(API)
        if name not in _ACTIONS:
            return json_response({"error": "There is nothing here to post to."}, 404)
        try:
            arguments = request.fields()
            back = str(arguments.pop("back", "/")) if request.is_form else ""
            if request.is_form:
                arguments = _from_form(arguments)
            result = getattr(self._hubspot, name)(**arguments)
        except (Malformed, TypeError, ValueError, AttributeError) as problem:
            if request.is_form:
                return message_page("That was not possible", str(problem), status=422)
            return json_response({"error": str(problem)}, 422)
        if not request.is_form:
            return json_response(_result(name, result))
        return redirect(_with_note(_next_page(back, name, result), self._note(name, result)))

    def _note(self, name: str, result: object) -> str:
        if name == "run_workflow" and isinstance(result, list):
            self._hubspot.outbound.workflows.wait_for(result, _PATIENCE_SECONDS)
            return " ".join(record_pages.told(one) for one in result)
        return f"{name.replace('_', ' ').capitalize()}: done."

    # What is read

    def _read(self, request: Request) -> Response:
        name, _, rest = request.path.removeprefix(API).partition("/")
        if name not in self._reads:
            return json_response({"error": "There is nothing here."}, 404)
        if rest:
            return json_response(self._one(request, name, rest))
        return json_response(self._reads[name](request))

    def _one(self, request: Request, name: str, which: str) -> Json:
        if name == "executions":
            found = self._hubspot.outbound.workflows.find(which)
            if found is None:
                raise ValueError("There is no such execution.")
            return found.as_dict()
        account, kind = self._kind(request.query.get("account"), name)
        with self._hubspot.lock:
            return record_shown(account, kind, _record(kind, which))

    def _state(self, _: Request) -> Json:
        hubspot, outbound = self._hubspot, self._hubspot.outbound
        with hubspot.lock:
            shown: Json = hubspot.shown()
        return shown | {
            "waiting": outbound.deliveries.waiting(),
            "is_held": outbound.deliveries.is_held,
            "subscribed_kinds": sorted(outbound.webhooks.kinds) if outbound.webhooks.kinds is not None else None,
        }

    def _sent(self, request: Request) -> list[Json]:
        kind = request.query.get("kind")
        chosen = [one.as_dict() for one in list(self._hubspot.outbound.deliveries.sent) if kind in (None, one.kind)]
        return chosen[-_count(request) :]

    def _executions(self, request: Request) -> list[Json]:
        wanted = request.query.get("account")
        account = self._hubspot.find_account(wanted).id if wanted else None
        executions = self._hubspot.outbound.workflows.newest(_count(request), account)
        return [one.as_dict() for one in executions]

    def _people(self, request: Request, name: str) -> Json:
        account, kind = self._kind(request.query.get("account"), name)
        with self._hubspot.lock:
            listing = search(account, kind, request.query)
            return {"total": listing.total, name: [record_shown(account, kind, one) for one in listing.people]}

    def _options(self, request: Request) -> Json:
        query = request.query
        answer = self._hubspot.fetch_options(
            query.get("field", "portal"),
            action=query.get("action", "user-invite"),
            inputs=_prefixed(query, "input:"),
            account=query.get("account"),
            q=query.get("q", ""),
            after=query.get("after", ""),
        )
        return _answer(answer)

    def _card(self, request: Request) -> Json:
        query = request.query
        return _answer(
            self._hubspot.fetch_card(
                query.get("record", ""),
                account=query.get("account"),
                object_type=query.get("object_type", "contacts"),
            )
        )

    # Pages

    def _page(self, request: Request) -> Response:
        hubspot, query = self._hubspot, request.query
        match request.path.removeprefix(PAGES).split("/"):
            case [number]:
                account, kind = self._kind(number, query.get("kind", "contacts"))
                with hubspot.lock:
                    return account_pages.account(hubspot, search(account, kind, query))
            case [number, name, which]:
                shown = self._shown(number, name, which)
                # Outside of the lock: the application may ask something while it answers.
                card = hubspot.outbound.card(shown.account, shown.kind.type_id, which)
                with hubspot.lock:
                    return record_pages.record(hubspot, shown, query, card)
            case [number, name, which, "workflow"]:
                return workflow_pages.workflow(hubspot, self._shown(number, name, which), query)
        raise ValueError("There is no such page.")

    def _shown(self, number: str, name: str, which: str) -> Shown:
        account, kind = self._kind(number, name)
        with self._hubspot.lock:
            return Shown(account, kind, _record(kind, which))

    def _kind(self, account: str | None, name: str) -> tuple[Account, ObjectType]:
        known = self._hubspot.find_account(account)
        kind = known.find_type(name)
        if kind is None:
            raise ValueError(f"There are no {name}.")
        return known, kind


def _record(kind: ObjectType, which: str) -> Record:
    found = kind.get(which) or kind.archived.get(which)
    if found is None:
        raise ValueError("This record was removed, or it was never there.")
    return found


def _from_form(fields: dict[str, str]) -> Json:
    """Return arguments: `input:NAME` gathered as inputs, `property:NAME` as they are called, empty texts left out."""
    arguments: Json = _prefixed(fields, "property:")
    inputs = _prefixed(fields, "input:")
    for key, text in fields.items():
        if ":" in key:
            continue
        if key in _SWITCHES:
            arguments[key] = text == "on"
        elif text:
            arguments[key] = int(text) if key in _WHOLE_NUMBERS else text
    return arguments | ({"inputs": inputs} if inputs else {})


def _prefixed(fields: dict[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): text for key, text in fields.items() if key.startswith(prefix)}


def _next_page(back: str, name: str, result: object) -> str:
    """Return the page that shows a record after an action; a merge may have given it another id."""
    path = back if back.startswith("/") and not back.startswith("//") else "/"
    if name in ("merge_contacts", "add_contact") and isinstance(result, Record):
        parts = path.split("/")
        return "/".join([*parts[:3], "contacts", result.id])
    return path


def _with_note(path: str, note: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'note': note})}"


def _count(request: Request) -> int:
    given = request.query.get("count", "")
    return min(int(given), _MOST_SHOWN) if given.isdigit() and int(given) else 100


def _answer(answer: Answer) -> Json:
    return {"status": answer.status, "answer": answer.json()}


def _result(name: str, result: object) -> Any:
    match result:
        case Record():
            return {"id": result.id, "properties": result.properties}
        case Fault():
            return {"kind": result.kind, "times": result.times}
        case list():
            return {"executions": [one.as_dict() for one in islice(result, _MOST_SHOWN) if isinstance(one, Execution)]}
        case bool() | str() | int():
            return {_NAMES_OF_RESULTS[type(result)]: result}
    return {"done": name}
