"""The pages on which a visitor plays HR department and saboteur."""

from collections.abc import Mapping
from datetime import date

from integrations.sandbox import broken, faults
from integrations.sandbox.employees import Employee
from integrations.sandbox.hubspot.account_pages import section as hubspot_section
from integrations.sandbox.pages import form, hidden, page, select, text_input
from integrations.sandbox.wire import Response, escape
from integrations.sandbox.world import World

_SHOWN_CALLS = 15
_PLAIN_INPUTS = {
    "first_name": "First name",
    "last_name": "Last name",
    "preferred_first_name": "Preferred first name",
    "email": "Personal e-mail",
    "work_email": "Work e-mail",
    "title": "Job title",
    "phone": "Phone",
}


def home(world: World, query: Mapping[str, str], people: list[Employee], total: int, per_page: int) -> Response:
    """Return the control page with one page of people."""
    today = world.clock.today()
    body = "".join(
        (
            _note(query),
            _summary(world, today),
            _people(world, people, query, total, per_page),
            _hire(world),
            _clock(today),
            _faults(world),
            hubspot_section(world.hubspot),
            _calls(world),
        )
    )
    return page(world.company.name, body)


def person(world: World, employee: Employee, query: Mapping[str, str]) -> Response:
    """Return the page of one person."""
    today = world.clock.today()
    back = f"/people/{employee.uuid}"
    return page(
        employee.name,
        f"{_note(query)}<section><p><strong>{_status(employee, today)}</strong></p>"
        f'<p class="soft">Gusto id {employee.uuid}</p>'
        f'<p><a href="/">All people</a> · <a href="/_control/people/{employee.uuid}">as JSON</a></p>'
        f"</section>{_employment(employee, today, back)}{_change(world, employee, back)}"
        f"{_removal(employee)}",
    )


def _note(query: Mapping[str, str]) -> str:
    note = query.get("note")
    return f'<p class="note" role="status">{escape(note)}</p>' if note else ""


def _summary(world: World, today: date) -> str:
    limit = f"{world.limiter.limit} calls a minute" if world.limiter.limit else "no rate limit"
    return (
        f"<section><p>{len(world.company.roster):,} people · today is {today:%A, %d %B %Y} in Los "
        f"Angeles · {world.grants.living()} connected · {limit}</p>"
        '<p><a href="/_control/state">State</a> · <a href="/_control/calls">Calls</a> · '
        '<a href="/_control/counters">Counters</a></p></section>'
    )


def _people(world: World, people: list[Employee], query: Mapping[str, str], total: int, per_page: int) -> str:
    today = world.clock.today()
    rows = "".join(
        f'<tr><td><a href="/people/{one.uuid}">{escape(one.name[:60])}</a></td>'
        f"<td>{escape(one.title)}</td>"
        f"<td>{escape(world.company.departments.get(one.department_uuid or ''))}</td>"
        f"<td>{escape(one.work_email or one.email or 'no e-mail')}</td>"
        f"<td>{_status(one, today)}</td></tr>"
        for one in people
    )
    search = escape(query.get("search"))
    return f"""<section><h2>People</h2>
<form method="get" action="/" role="search">{text_input("search", "Search", query.get("search", ""))}
<button class="plain">Search</button></form>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Name<th scope="col">Job title
<th scope="col">Department<th scope="col">E-mail<th scope="col">Status</tr></thead>
<tbody>{rows or '<tr><td colspan="5">Nobody matches.</td></tr>'}</tbody></table></div>
{_pages(query, search, total, per_page)}</section>"""


def _pages(query: Mapping[str, str], search: str, total: int, per_page: int) -> str:
    text = query.get("page", "1")
    current = int(text) if text.isdigit() and int(text) else 1
    last = max(1, -(-total // per_page))
    links = [
        f'<a href="/?search={search}&amp;page={number}">{label}</a>'
        for number, label in ((current - 1, "Previous"), (current + 1, "Next"))
        if 1 <= number <= last
    ]
    return f'<p class="soft">{total:,} found, page {current} of {last} {" · ".join(links)}</p>'


def _hire(world: World) -> str:
    departments = {title: title for title in world.company.departments.values()}
    fields = (
        text_input("first_name", "First name", key="hire-")
        + text_input("last_name", "Last name", key="hire-")
        + text_input("work_email", "Work e-mail (optional)", key="hire-")
        + text_input("title", "Job title", "Sales Associate", key="hire-")
        + select("department", "Department", departments, key="hire-")
        + text_input("hired_on", "Hire date", world.clock.today(), kind="date", key="hire-")
    )
    spoiled = select("kind", "What is wrong", broken.KINDS, key="broken-")
    return (
        "<details><summary>Hire somebody</summary>"
        f"{form('/_control/hire', f'<div class=grid>{fields}</div>', 'Hire')}</details>"
        "<details><summary>Let a team leave</summary><p>Six people worked yesterday for the last time: more than an "
        "application should act upon without asking.</p>"
        f"{form('/_control/let_team_leave', '', 'Let a team leave', style='bad')}</details>"
        "<details><summary>Add somebody whose data are wrong</summary>"
        f"{form('/_control/add_broken', spoiled, 'Add')}</details>"
    )


def _clock(today: date) -> str:
    day = text_input("day", "Today in Los Angeles", today, kind="date")
    return (
        "<details><summary>Move the calendar</summary>"
        "<p>A last day of work takes effect on the next day.</p>"
        f"{form('/_control/set_today', day, 'Set')}"
        f"{form('/_control/advance_clock', hidden(days=1), 'One day on', style='plain')}</details>"
    )


def _faults(world: World) -> str:
    fields = (
        select("kind", "What goes wrong", faults.KINDS, key="fault-")
        + text_input("times", "How many times", 1, kind="number", key="fault-")
        + text_input("path", "Only paths that begin with", key="fault-")
        + text_input("page", "Only page number", kind="number", key="fault-")
        + text_input("seconds", "How many seconds late", 1, key="fault-")
        + text_input("retry_after", "Retry-After of 429, seconds or a date", key="fault-")
        + text_input("probability", "Or a probability, such as 0.02, until cleared", key="fault-")
    )
    active = "".join(
        f"<li>{escape(faults.KINDS[one.kind])}, "
        f"{'until cleared' if one.times is None else f'{one.times - one.hits} more'}</li>"
        for one in world.faults.active
    )
    return (
        f"<details{' open' if active else ''}><summary>Let something go wrong</summary>"
        f"{f'<ul>{active}</ul>' if active else ''}"
        f"{form('/_control/set_fault', f'<div class=grid>{fields}</div>', 'Switch on')}"
        f"{form('/_control/clear_faults', '', 'Clear all', style='plain')}"
        f"{form('/_control/revoke_grants', '', 'Disconnect every application', style='bad')}"
        "</details>"
    )


def _calls(world: World) -> str:
    rows = "".join(
        f"<tr><td>{escape(call.at[11:19])}</td><td>{call.method}</td><td>{escape(call.path)}</td>"
        f"<td>{escape(call.query.get('page'))}</td><td>{call.status or 'dropped'}</td>"
        f"<td>{call.milliseconds} ms</td></tr>"
        for call in reversed(world.calls.newest(_SHOWN_CALLS))
    )
    return f"""<section><h2>Last calls</h2><div class="scroll" tabindex="0"><table><thead><tr>
<th scope="col">Time (UTC)
<th scope="col">Method<th scope="col">Path<th scope="col">Page<th scope="col">Status<th scope="col">Took</tr>
</thead><tbody>{rows or '<tr><td colspan="6">No application has called yet.</td></tr>'}</tbody></table></div>
</section>"""


def _status(employee: Employee, today: date) -> str:
    period, ahead = employee.period(today), employee.rehire()
    if ahead and ahead.hired_on > today:
        return f"back on {ahead.hired_on}"
    if period.last_day:
        return f"left on {period.last_day}" if period.is_over(today) else f"leaves on {period.last_day}"
    if not employee.is_onboarded:
        return "onboarding"
    return f"starts on {period.hired_on}" if period.hired_on > today else "active"


def _employment(employee: Employee, today: date, back: str) -> str:
    who = hidden(person=employee.uuid, back=back)
    ahead = employee.rehire()
    if ahead and ahead.hired_on > today:
        forms = form("/_control/cancel_rehire", who, "Cancel the rehire")
    elif employee.is_terminated(today):
        day = text_input("on", "First day back", today, kind="date")
        forms = form("/_control/rehire", who + day, "Rehire")
    else:
        day = text_input("last_day", "Last day of work", today, kind="date")
        forms = form("/_control/terminate", who + day, "Terminate", style="bad")
        if employee.is_leaving(today):
            forms += form("/_control/cancel_termination", who, "Cancel the termination")
    return f"<section><h2>Employment</h2>{forms}</section>"


def _change(world: World, employee: Employee, back: str) -> str:
    company = world.company
    departments = {"": "None"} | {title: title for title in company.departments.values()}
    chosen = company.departments.get(employee.department_uuid or "")
    fields = "".join(text_input(name, label, getattr(employee, name)) for name, label in _PLAIN_INPUTS.items())
    fields += select("department", "Department", departments, chosen)
    for field in company.fields.values():
        name, value = f"custom:{field.name}", employee.custom.get(field.uuid, "")
        if field.options:
            options = {"": ""} | {text: text for text in field.options} | {value: value}
            fields += select(name, field.name, options, value)
        else:
            fields += text_input(name, field.name, value)
    body = hidden(person=employee.uuid, back=back) + f'<div class="grid">{fields}</div>'
    return f"<section><h2>Change</h2>{form('/_control/change', body, 'Save')}</section>"


def _removal(employee: Employee) -> str:
    return (
        "<details><summary>Remove from Gusto</summary>"
        "<p>The person disappears without a last day, as after a mistaken entry.</p>"
        f"{form('/_control/remove', hidden(person=employee.uuid), 'Remove', style='bad')}</details>"
    )
