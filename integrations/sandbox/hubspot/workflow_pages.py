"""The page on which a workflow action gets its inputs, with the choices that the application offers."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox.hubspot.account_pages import PROVIDER
from integrations.sandbox.hubspot.directory import Shown, name_of
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.hubspot.transport import Answer
from integrations.sandbox.pages import form, hidden, page, select, text_input
from integrations.sandbox.wire import Response, escape


def workflow(hubspot: HubSpot, shown: Shown, query: Mapping[str, str]) -> Response:
    """Return the step that is next: to choose a portal, then everything else. Raises ValueError."""
    action = hubspot.outbound.workflows.action(query.get("action", "user-invite"))
    step = _last_step if query.get("portal") else _first_step
    name = name_of(shown.record)
    body = step(hubspot, shown, action.key, query)
    back = f'<p><a href="{shown.path}">{escape(name)}</a></p>'
    return page(f"{action.name} on {name}", f"<section>{back}{body}</section>", provider=PROVIDER)


def _first_step(hubspot: HubSpot, shown: Shown, action: str, query: Mapping[str, str]) -> str:
    here = f"{shown.path}/workflow"
    q, after = query.get("q", ""), query.get("after", "")
    answer = hubspot.fetch_options("portal", action=action, account=shown.account.id, q=q, after=after)
    content, kept = answer.json(), hidden(action=action)
    choices = _choices(content.get("options") or ())
    parts = [
        f'<form method="get" action="{here}">{kept}{select("portal", "Portal", choices)}<button>Next</button></form>'
        if choices
        else f'<p class="problem">No portal to choose: the application {_said(answer)}.</p>'
    ]
    if content.get("searchable") or q:
        parts.append(
            f'<form method="get" action="{here}" role="search">{kept}{text_input("q", "Search portals", q)}'
            '<button class="plain">Search</button></form>'
        )
    if content.get("after"):
        more = urlencode({"action": action, "q": q, "after": content["after"]})
        parts.append(f'<p><a href="{here}?{escape(more)}">More portals</a></p>')
    return "".join(parts)


def _last_step(hubspot: HubSpot, shown: Shown, action: str, query: Mapping[str, str]) -> str:
    portal, account = query["portal"], shown.account.id
    portals = _choices(hubspot.fetch_options("portal", action=action, account=account).json().get("options") or ())
    answer = hubspot.fetch_options("group", action=action, inputs={"portal": portal}, account=account)
    groups = {"": "No group"} | _choices(answer.json().get("options") or ())
    chosen = {
        "account": account,
        "records": shown.record.id,
        "object_type": shown.name,
        "action": action,
        "input:portal": portal,
        "back": shown.path,
    }
    fields = (
        hidden(**chosen)
        + f"<p>Portal: {escape(portals.get(portal, portal))}</p>"
        + select("input:group", "Group (optional)", groups)
        + text_input("input:last_day", "Last day of access (optional)", kind="date")
    )
    return form("/_control/hubspot/run_workflow", fields, "Run")


def _choices(options: Iterable[Any]) -> dict[str, str]:
    return {
        str(one.get("value", "")): " – ".join(filter(None, (one.get("label"), one.get("description"))))
        for one in options
        if isinstance(one, dict)
    }


def _said(answer: Answer) -> str:
    if answer.is_good:
        return "offers none"
    return f"answered {answer.status}" if answer.status else "did not answer"
