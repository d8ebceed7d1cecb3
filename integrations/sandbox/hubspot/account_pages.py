"""The page of one HubSpot account: its people, what its plan has, and how requests to the application go."""

import json
from collections.abc import Mapping

from integrations.sandbox import faults
from integrations.sandbox.hubspot.accounts import TIERS, Account
from integrations.sandbox.hubspot.directory import PER_PAGE, Listing, address_of, name_of
from integrations.sandbox.hubspot.outbound import BASE
from integrations.sandbox.hubspot.signing import Flaw
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.pages import form, hidden, page, select, text_input
from integrations.sandbox.wire import Response, escape

PROVIDER = "HubSpot"
_API = "/_control/hubspot"
_SHOWN_REQUESTS = 15
_FLAWS: dict[str, str] = {
    Flaw.NONE: "Rightly signed",
    Flaw.WRONG_SIGNATURE: "Signed with another secret",
    Flaw.OLD_TIMESTAMP: "Signed six minutes ago",
    Flaw.OTHER_SCHEME: "http in place of https, or the other way round",
    Flaw.UNSIGNED: "Not signed",
}


def section(hubspot: HubSpot) -> str:
    """Return the part of the control page that leads to the accounts."""
    rows = "".join(
        f'<tr><td><a href="/accounts/{one.id}">{escape(one.name)}</a></td><td>{one.id}</td><td>{one.tier}</td>'
        f"<td>{len(one.contacts):,}</td><td>{_installed(hubspot, one)}</td></tr>"
        for one in hubspot.accounts.values()
    )
    return (
        '<section><h2>HubSpot</h2><div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Account'
        '<th scope="col">Id<th scope="col">Plan<th scope="col">Contacts<th scope="col">Rollcall</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p><a href="{_API}/state">State</a></p></section>'
    )


def account(hubspot: HubSpot, listing: Listing) -> Response:
    """Return the page of an account with one page of its contacts or users."""
    known = listing.account
    back = f"/accounts/{known.id}"
    body = "".join(
        (
            note(listing.query),
            _summary(hubspot, known),
            _people(listing),
            _new_contact(known, back) if listing.kind is known.contacts else "",
            _plan(hubspot, known, back),
            _sending(hubspot, back),
            _faults(hubspot, back),
            _requests(hubspot, known),
        )
    )
    return page(known.name, body, provider=PROVIDER)


def note(query: Mapping[str, str]) -> str:
    """Return what the last action said."""
    text = query.get("note")
    return f'<p class="note" role="status">{escape(text)}</p>' if text else ""


def _installed(hubspot: HubSpot, known: Account) -> str:
    return "connected" if known.id in hubspot.grants.by_account else "not connected"


def _summary(hubspot: HubSpot, known: Account) -> str:
    target = hubspot.app.target_urls.get(BASE)
    where = f"go to {escape(target)}" if target else "go nowhere yet"
    return (
        f"<section><p>Account {known.id} · {known.tier} · {escape(known.ui_domain)} · {_installed(hubspot, known)}</p>"
        f'<p class="soft">Webhooks and workflow actions {where}.</p>'
        '<p><a href="/">All of the sandbox</a></p></section>'
    )


def _people(listing: Listing) -> str:
    name, other = listing.name, "contacts" if listing.name == "users" else "users"
    here = f"/accounts/{listing.account.id}"
    rows = "".join(
        f'<tr><td><a href="{here}/{name}/{one.id}">{escape(name_of(one)[:60])}</a></td><td>{one.id}</td>'
        f"<td>{escape(address_of(one) or 'no e-mail')}</td></tr>"
        for one in listing.people
    )
    search = listing.query.get("search", "")
    return f"""<section><h2>{name.capitalize()}</h2><p><a href="{here}?kind={other}">Show {other}</a></p>
<form method="get" action="{here}" role="search">{hidden(kind=name)}{text_input("search", "Search", search)}
<button class="plain">Search</button></form>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Name<th scope="col">Id<th scope="col">E-mail
</tr></thead><tbody>{rows or '<tr><td colspan="3">Nobody matches.</td></tr>'}</tbody></table></div>
{_pages(listing, here)}</section>"""


def _pages(listing: Listing, here: str) -> str:
    current, last = listing.number, max(1, -(-listing.total // PER_PAGE))
    search = escape(listing.query.get("search"))
    links = [
        f'<a href="{here}?kind={listing.name}&amp;search={search}&amp;page={number}">{label}</a>'
        for number, label in ((current - 1, "Previous"), (current + 1, "Next"))
        if 1 <= number <= last
    ]
    return f'<p class="soft">{listing.total:,} found, page {current} of {last} {" · ".join(links)}</p>'


def _new_contact(known: Account, back: str) -> str:
    fields = (
        text_input("property:email", "E-mail", key="new-")
        + text_input("property:firstname", "First name", key="new-")
        + text_input("property:lastname", "Last name", key="new-")
    )
    body = hidden(account=known.id, back=back) + f'<div class="grid">{fields}</div>'
    return f"<details><summary>Add a contact</summary>{form(f'{_API}/add_contact', body, 'Add')}</details>"


def _plan(hubspot: HubSpot, known: Account, back: str) -> str:
    who = hidden(account=known.id, back=back)
    switch = "off" if known.app_objects_enabled else "on"
    merges = "off" if known.merges_make_new_ids else "on"
    grant = hubspot.grants.by_account.get(known.id)
    scopes = {scope: scope for scope in sorted(grant.scopes)} if grant else {}
    parts = [
        form(
            f"{_API}/set_tier",
            who + select("tier", "Plan (custom objects need enterprise)", {one: one for one in TIERS}, known.tier),
            "Change the plan",
        ),
        form(f"{_API}/set_app_objects", who + hidden(enabled=switch), f"Switch app objects {switch}", style="plain"),
        form(
            f"{_API}/set_merges",
            who + hidden(make_new_ids=merges),
            "Keep the primary id in merges" if merges == "off" else "Give merged contacts a new id",
            style="plain",
        ),
        form(
            f"{_API}/require_on_create",
            who + text_input("property_name", "Property that new contacts need", key="rule-"),
            "Demand it",
        ),
        form(f"{_API}/clear_rules", who, "Demand nothing", style="plain"),
    ]
    if scopes:
        parts.append(form(f"{_API}/withdraw_scope", who + select("scope", "Scope", scopes), "Take the scope away"))
        parts.append(form(f"{_API}/uninstall", who, "Uninstall Rollcall", style="bad"))
    return f"<details><summary>Plan, scopes and rules</summary>{''.join(parts)}</details>"


def _sending(hubspot: HubSpot, back: str) -> str:
    outbound = hubspot.outbound
    where = hidden(back=back)
    held = "off" if outbound.deliveries.is_held else "on"
    shuffled = "on" if outbound.webhooks.habits.shuffles else "off"
    copies = text_input("copies", "Copies of each event", outbound.webhooks.habits.copies, kind="number")
    order = select("shuffle", "Order", {"off": "As things happen", "on": "Shuffled"}, shuffled)
    limit = text_input("limit", "Calls in ten seconds, 0 for any number", hubspot.limiter.limit, kind="number")
    target = text_input("base_url", "Address of the application", hubspot.app.target_urls.get(BASE, ""))
    parts = (
        form(f"{_API}/set_target", where + target, "Send there"),
        form(
            f"{_API}/sign_badly",
            where + select("flaw", "Signatures", _FLAWS, outbound.webhooks.habits.flaw),
            "Sign so",
        ),
        form(f"{_API}/set_webhooks", where + copies + order, "Send so"),
        form(f"{_API}/set_rate_limit", where + limit, "Set the limit"),
        form(f"{_API}/repeat_at_once", where + hidden(on="on"), "Repeat at once", style="plain"),
        form(
            f"{_API}/hold_requests",
            where + hidden(on=held),
            "Hold requests back" if held == "on" else "Let requests go",
            style="plain",
        ),
    )
    waiting = outbound.deliveries.waiting()
    return (
        f"<details{' open' if waiting else ''}><summary>Requests to the application</summary>"
        f"<p>{waiting} waiting to be taken.</p>{''.join(parts)}</details>"
    )


def _faults(hubspot: HubSpot, back: str) -> str:
    fields = (
        select("kind", "What goes wrong", faults.KINDS, key="fault-")
        + text_input("times", "How many times", 1, kind="number", key="fault-")
        + text_input("path", "Only paths that begin with", "/crm/", key="fault-")
    )
    active = "".join(f"<li>{escape(faults.KINDS[one.kind])}</li>" for one in hubspot.faults.active)
    body = hidden(back=back) + f'<div class="grid">{fields}</div>'
    return (
        f"<details{' open' if active else ''}><summary>Let something go wrong</summary>"
        f"{f'<ul>{active}</ul>' if active else ''}{form(f'{_API}/set_fault', body, 'Switch on')}"
        f"{form('/_control/clear_faults', hidden(back=back), 'Clear all', style='plain')}</details>"
    )


def _requests(hubspot: HubSpot, known: Account) -> str:
    sent = [one for one in list(hubspot.outbound.deliveries.sent) if one.account == known.id]
    rows = "".join(
        f"<tr><td>{one.kind}</td><td>{escape(_content(one.kind, one.body))}</td><td>{one.attempt}</td>"
        f"<td>{one.status or 'no answer'}</td></tr>"
        for one in reversed(sent[-_SHOWN_REQUESTS:])
    )
    return f"""<section><h2>Last requests to the application</h2><div class="scroll" tabindex="0"><table><thead><tr>
<th scope="col">Kind<th scope="col">Content<th scope="col">Repeat<th scope="col">Answer</tr></thead>
<tbody>{rows or '<tr><td colspan="4">Nothing was sent yet.</td></tr>'}</tbody></table></div></section>"""


def _content(kind: str, body: str) -> str:
    """Return what a request was about, in a few words."""
    content = json.loads(body)
    if kind == "webhook":
        kinds = sorted({event["subscriptionType"] for event in content})
        return f"{len(content)} × {', '.join(kinds)}"
    return f"{content['object']['objectType']} {content['object']['objectId']}"
