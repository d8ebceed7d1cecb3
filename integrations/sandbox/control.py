"""The control page at / and the control API under /_control; the HubSpot side has its own in hubspot.control.

GET  /_control/state, /_control/calls?count=N, /_control/counters, /_control/people?search=&page=,
     /_control/people/<UUID>
POST /_control/<name of a method of World> with its arguments as JSON object, for example
     /_control/hire {"first_name": "Noor", "last_name": "Haddad"} or /_control/authorize {}.
     The answer is JSON; a refusal is 422 {"error": "..."}. The forms of the pages post to the
     same addresses and are sent back to the page that they came from.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox import control_pages, payloads
from integrations.sandbox.companies import Company
from integrations.sandbox.employees import Employee
from integrations.sandbox.faults import Fault
from integrations.sandbox.hubspot.control import HubSpotControl
from integrations.sandbox.pages import message_page
from integrations.sandbox.wire import Malformed, Request, Response, json_response, redirect
from integrations.sandbox.world import World

_ACTIONS = (
    "add_broken",
    "add_company",
    "advance_clock",
    "authorize",
    "cancel_rehire",
    "cancel_termination",
    "change",
    "change_every",
    "clear_calls",
    "clear_faults",
    "hire",
    "keep_old_terminations",
    "let_team_leave",
    "register_redirects",
    "rehire",
    "remove",
    "rename",
    "rename_department",
    "repeat_webhooks",
    "revoke_grants",
    "set_fault",
    "set_minimum_version",
    "set_rate_limit",
    "set_scopes",
    "set_today",
    "terminate",
)
_PER_PAGE = 25
_WHOLE_NUMBERS = frozenset(("limit", "page", "people", "size", "step", "times"))
_NUMBERS = frozenset(("days", "probability", "seconds"))
_SWITCHES = frozenset(("keep", "runs_payroll"))


class Control:
    """Everything that is not a provider."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hubspot = HubSpotControl(world.hubspot)
        self._reads: dict[str, Callable[[Request], object]] = {
            "state": self._state,
            "calls": self._calls,
            "counters": lambda _: world.calls.counters(),
            "people": self._people,
        }

    @staticmethod
    def is_for(request: Request) -> bool:
        """Tell whether a request is for the control pages or their API."""
        path = request.path
        if HubSpotControl.is_for(request):
            return True
        return path in ("/", "/favicon.ico") or path.startswith(("/_control/", "/people/"))

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        name = request.path.removeprefix("/_control/")
        if request.method == "POST" and request.comes_from_elsewhere():
            return json_response({"error": "Other sites may not control the sandbox."}, 403)
        if HubSpotControl.is_for(request):
            return self._hubspot.answer(request)
        if request.method == "POST" and name in _ACTIONS:
            return self._act(name, request)
        if request.method != "GET":
            return json_response({"error": "There is nothing here to post to."}, 404)
        with self._world.lock:
            return self._read(name, request)

    def _read(self, name: str, request: Request) -> Response:
        if request.path == "/":
            return self._home(request)
        if request.path.startswith("/people/"):
            return self._person_page(request)
        if name in self._reads:
            return json_response(self._reads[name](request))
        if name.startswith("people/"):
            return self._person(name.removeprefix("people/"))
        return json_response({"error": "There is nothing here."}, 404)

    def _act(self, name: str, request: Request) -> Response:
        try:
            arguments = request.fields()
            back = arguments.pop("back", "/") if request.is_form else ""
            if request.is_form:
                arguments = _from_form(arguments)
            result = getattr(self._world, name)(**arguments)
        except (Malformed, TypeError, ValueError, AttributeError) as problem:
            if request.is_form:
                return message_page("That was not possible", str(problem), status=422)
            return json_response({"error": str(problem)}, 422)
        if request.is_form:
            return redirect(_with_note(back, _note(name, result)))
        return json_response(self._result(name, result))

    def _result(self, name: str, result: object) -> object:
        match result:
            case Employee():
                return self._employee(result)
            case Company():
                return {"uuid": result.uuid, "name": result.name}
            case Fault():
                return {"kind": result.kind, "times": result.times}
            case str():
                return {"code": result}
            case int():
                return {"count": result}
        return {"done": name}

    def _employee(self, person: Employee) -> payloads.Json:
        everything = frozenset(("custom_fields", "current_home_address"))
        return payloads.employee(
            self._world.company,
            person,
            today=self._world.clock.today(),
            includes=everything,
            with_pay=False,
        )

    def _state(self, _: Request) -> payloads.Json:
        world = self._world
        return {
            "today": world.clock.today().isoformat(),
            "now": world.clock.now().isoformat(timespec="seconds"),
            "companies": [
                {"uuid": one.uuid, "name": one.name, "people": len(one.roster)} for one in world.companies.values()
            ],
            "rate_limit": world.limiter.limit,
            "scopes": sorted(world.scopes),
            "minimum_version": world.minimum_version,
            "connected": world.grants.living(),
            "webhooks": [one.shown() for one in world.webhooks.subscriptions.values()],
            "faults": [{"kind": one.kind, "times": one.times, "hits": one.hits} for one in world.faults.active],
        }

    def _calls(self, request: Request) -> list[payloads.Json]:
        count = request.query.get("count", "100")
        wanted = int(count) if count.isdigit() else 100
        return [call.as_dict() for call in self._world.calls.newest(wanted)]

    def _people(self, request: Request) -> payloads.Json:
        people, total = self._search(request)
        return {"total": total, "people": [self._employee(person) for person in people]}

    def _person(self, uuid: str) -> Response:
        person = self._world.company.roster.find(uuid)
        if person is None:
            return json_response({"error": "There is nobody with this id."}, 404)
        return json_response(self._employee(person))

    def _search(self, request: Request) -> tuple[list[Employee], int]:
        """Return one page of the people whose name or address holds the words, and how many."""
        roster, wanted = self._world.company.roster, request.query.get("search", "").casefold()
        numbers = roster.numbers()
        if wanted:
            numbers = roster.select(
                ("search", wanted),
                lambda people: [one.number for one in people if wanted in _words(one)],
            )
        page = request.query.get("page", "1")
        first = (int(page) - 1) * _PER_PAGE if page.isdigit() and int(page) else 0
        found = (roster.by_number(number) for number in numbers[first : first + _PER_PAGE])
        return [person for person in found if person], len(numbers)

    def _home(self, request: Request) -> Response:
        people, total = self._search(request)
        return control_pages.home(self._world, request.query, people, total, _PER_PAGE)

    def _person_page(self, request: Request) -> Response:
        person = self._world.company.roster.find(request.path.removeprefix("/people/"))
        if person is None:
            return message_page("Nobody here", "This person was removed.", status=404)
        return control_pages.person(self._world, person, request.query)


def _words(person: Employee) -> str:
    return f"{person.name} {person.email} {person.work_email} {person.title}".casefold()


def _from_form(fields: dict[str, str]) -> dict[str, Any]:
    """Return arguments: numbers as numbers, `custom:NAME` gathered, empty numbers left out."""
    arguments: dict[str, Any] = {}
    for key, text in fields.items():
        if key.startswith("custom:"):
            arguments.setdefault("custom", {})[key.removeprefix("custom:")] = text
        elif key in _WHOLE_NUMBERS or key in _NUMBERS:
            if text:
                arguments[key] = int(text) if key in _WHOLE_NUMBERS else float(text)
        elif key in _SWITCHES:
            arguments[key] = text == "on"
        elif text or key != "retry_after":
            arguments[key] = text
    return arguments


def _with_note(back: str, note: str) -> str:
    path = back if back.startswith("/") and not back.startswith("//") else "/"
    return f"{path}?{urlencode({'note': note})}"


def _note(name: str, result: object) -> str:
    done = name.replace("_", " ").capitalize()
    return f"{done}: {result.name}." if isinstance(result, Employee) else f"{done}: done."
