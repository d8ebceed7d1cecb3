"""The page of one contact or user: properties, course enrollments, the card and workflow actions."""

from collections.abc import Mapping
from typing import Any

from integrations.sandbox.hubspot.account_pages import PROVIDER, note
from integrations.sandbox.hubspot.actions import Execution
from integrations.sandbox.hubspot.definitions import Definition
from integrations.sandbox.hubspot.directory import Shown, address_of, associated, headings, name_of, own_properties
from integrations.sandbox.hubspot.objects import ObjectType
from integrations.sandbox.hubspot.outgoing import DELETION_FIRST, PRIVACY_FIRST
from integrations.sandbox.hubspot.records import Record
from integrations.sandbox.hubspot.state import HubSpot
from integrations.sandbox.hubspot.transport import Answer
from integrations.sandbox.pages import form, hidden, page, select, text_input
from integrations.sandbox.wire import Response, escape

_API = "/_control/hubspot"
_SHOWN_COLUMNS = 8
_USER_NAMES = ("hs_email", "hs_given_name", "hs_family_name")


def record(hubspot: HubSpot, shown: Shown, query: Mapping[str, str], card: Answer) -> Response:
    """Return the page of a contact or user; `card` is what the application's card shows."""
    if shown.record.archived_at:
        parts = [_bin(shown)]
    else:
        parts = [
            _enrollments(shown),
            _card(card),
            _workflows(hubspot, shown),
            _properties(shown),
            "" if shown.is_user else _removal(shown),
        ]
    return page(name_of(shown.record), note(query) + _summary(shown) + "".join(parts), provider=PROVIDER)


def told(execution: Execution) -> str:
    """Return one line on how an action ended, with everything that it put out."""
    shown = sorted(execution.outputs.items(), key=lambda output: output[0] != "outcome")
    outputs = ", ".join(f"{key} {value}" for key, value in shown if value and key[:3] != "hs_")
    action = execution.action.replace("-", " ").capitalize()
    return f"{action}: {execution.state}{f' ({outputs})' if outputs else ''}."


def _summary(shown: Shown) -> str:
    one, known = shown.record, shown.account
    gone = "<p><strong>In the bin</strong></p>" if one.archived_at else ""
    return (
        f"<section>{gone}<p>{escape(address_of(one) or 'no e-mail')}</p>"
        f'<p class="soft">{shown.name[:-1].capitalize()} {one.id}</p>'
        f'<p><a href="/accounts/{known.id}">{escape(known.name)}</a> · '
        f'<a href="{_API}/{shown.name}/{one.id}?account={known.id}">as JSON</a></p></section>'
    )


def _enrollments(shown: Shown) -> str:
    found = associated(shown.account, shown.kind, shown.record)
    parts = [_records(partner, records) for partner, records in found if records]
    if own := own_properties(shown.kind, shown.record):
        rows = "".join(
            f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>' for label, text in own.items()
        )
        parts.append(f'<div class="scroll" tabindex="0"><table><tbody>{rows}</tbody></table></div>')
    return (
        f"<section><h2>Course enrollments</h2>{''.join(parts) or '<p>HubSpot knows of no enrollments.</p>'}</section>"
    )


def _records(kind: ObjectType, records: list[Record]) -> str:
    """Return the table of associated records, with the columns that say most."""
    filled = [one for one in kind.definitions.values() if any(record.properties.get(one.name) for record in records)]
    shown = _most_telling(kind, filled)
    head = "".join(f'<th scope="col">{escape(one.label)}' for one in shown)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(_label(one, record.properties.get(one.name)))}</td>' for one in shown)}</tr>"
        for record in records
    )
    return (
        f"<h3>{escape(kind.facts['labels'].get('plural', kind.name))}</h3>"
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _most_telling(kind: ObjectType, filled: list[Definition]) -> list[Definition]:
    first = [kind.facts["primary"], *kind.facts["secondary"]]
    ordered = sorted(filled, key=lambda one: (one.name not in first, one.name.endswith(("_id", "_key"))))
    return [one for one in ordered if not one.is_hubspot_defined][:_SHOWN_COLUMNS]


def _label(definition: Definition, value: str | None) -> str:
    return next((option["label"] for option in definition.options if option["value"] == value), value or "")


def _card(card: Answer) -> str:
    if not card.is_good:
        reason = f"answered {card.status}" if card.status else "did not answer"
        return f"<section><h2>The card of Rollcall</h2><p>The application {reason}.</p></section>"
    portals = card.json().get("portals") or []
    parts = "".join(_portal(portal) for portal in portals if isinstance(portal, dict))
    return (
        "<section><h2>The card of Rollcall</h2>"
        f"{parts or '<p>The application knows nobody for this record.</p>'}</section>"
    )


def _portal(portal: Mapping[str, Any]) -> str:
    learner = portal.get("learner") or {}
    rows = "".join(
        f"<tr><td>{escape(one.get('course'))}</td><td>{escape(one.get('status'))}</td>"
        f"<td>{escape(one.get('completed_on'))}</td></tr>"
        for one in portal.get("enrollments") or ()
    )
    table = (
        '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Course<th scope="col">Status'
        f'<th scope="col">Completed</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return f"<h3>{escape(portal.get('name'))}: {escape(learner.get('state'))}</h3>{table if rows else ''}"


def _workflows(hubspot: HubSpot, shown: Shown) -> str:
    workflows = hubspot.outbound.workflows
    links = " · ".join(
        f'<a href="{shown.path}/workflow?action={action.key}">{escape(action.name)}</a>'
        for action in workflows.actions.values()
    )
    history = "".join(
        f"<li>{execution.began_at:%H:%M:%S} {escape(told(execution))}</li>"
        for execution in workflows.of_record(shown.account.id, shown.kind.type_id, shown.record.id)
    )
    return f"<section><h2>Run a workflow action</h2><p>{links}</p>{f'<ul>{history}</ul>' if history else ''}</section>"


def _properties(shown: Shown) -> str:
    who = hidden(account=shown.account.id, back=shown.path)
    who += hidden(user=shown.record.id) if shown.is_user else hidden(contact=shown.record.id)
    parts = []
    for group in headings(shown.kind):
        editable = [
            definition
            for definition in shown.kind.definitions.values()
            if definition.group == group.name and _is_editable(definition, is_user=shown.is_user)
        ]
        if editable:
            fields = "".join(_field(definition, shown.record) for definition in editable)
            parts.append(f'<h3>{escape(group.label)}</h3><div class="grid">{fields}</div>')
    action = "change_user" if shown.is_user else "change_contact"
    return f"<section><h2>Properties</h2>{form(f'{_API}/{action}', who + ''.join(parts), 'Save')}</section>"


def _is_editable(definition: Definition, *, is_user: bool) -> bool:
    if definition.archived_at or definition.is_hidden:
        return False
    return not definition.is_read_only or (is_user and definition.name in _USER_NAMES)


def _field(definition: Definition, one: Record) -> str:
    name, value = f"property:{definition.name}", one.properties.get(definition.name, "")
    if definition.options and not definition.holds_several:
        options = {"": ""} | {option["value"]: option["label"] for option in definition.options}
        return select(name, definition.label, options | ({} if value in options else {value: value}), value)
    hint = " (separated by ;)" if definition.holds_several else ""
    kind = "date" if definition.type == "date" else "text"
    return text_input(name, definition.label + hint, value, kind=kind)


def _removal(shown: Shown) -> str:
    who = hidden(account=shown.account.id, back=shown.path)
    merge = who + hidden(primary=shown.record.id)
    merge += text_input("other", "Contact to merge into this one, by id or e-mail")
    return (
        "<details><summary>Merge</summary>"
        f"{form(f'{_API}/merge_contacts', merge, 'Merge')}</details>"
        "<details><summary>Delete</summary>"
        f"{form(f'{_API}/delete_contact', who + hidden(contact=shown.record.id), 'Delete', style='bad')}"
        f"{_privacy(shown)}</details>"
    )


def _bin(shown: Shown) -> str:
    who = hidden(account=shown.account.id, back=shown.path, contact=shown.record.id)
    return f"<section><h2>Deleted</h2>{form(f'{_API}/restore_contact', who, 'Restore')}{_privacy(shown)}</section>"


def _privacy(shown: Shown) -> str:
    orders = {DELETION_FIRST: "Deletion, then privacy deletion", PRIVACY_FIRST: "Privacy deletion, then deletion"}
    account = shown.account.id
    fields = (
        hidden(account=account, back=f"/accounts/{account}", contact=shown.record.id)
        + select("order", "Order of the two events", orders)
        + select("apart", "Sent", {"off": "Together", "on": "One by one"})
    )
    return form(f"{_API}/delete_for_privacy", fields, "Delete for privacy", style="bad")
