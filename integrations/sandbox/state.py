"""What a world remembers beyond its seed, as JSON can hold it: consents, switches, the clock and changed people.

Faults, the limiter and its windows and the record of calls begin anew with each start.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from integrations.sandbox.companies import Company
from integrations.sandbox.grants import Grants
from integrations.sandbox.hubspot.state import DEFAULT_CONTACTS
from integrations.sandbox.world import World

FORMAT = 1  # goes up when this form changes, or the people that a seed makes


class Unfit(Exception):
    """A state that cannot be continued; the message says why."""


def outline(world: World) -> dict[str, Any]:
    """Return everything but the people: two equal outlines mean that nothing has changed.

    The world's lock is the caller's.
    """
    return {
        "format": FORMAT,
        "people": world.company.roster.began_with,
        "seed": world.seed,
        "began_on": world.began_on.isoformat(),
        "clock_offset": world.clock.offset.total_seconds(),
        "redirect_uris": list(world.redirect_uris),
        "scopes": sorted(world.scopes),
        "minimum_version": world.minimum_version,
        "grants": world.grants.record(),
        "webhooks": world.webhooks.record(),
        "hub_contacts": world.hubspot.began_with,
        "hubspot_progress": world.hubspot.progress(),
        "companies": [_company(company) for company in world.companies.values()],
    }


def complete(world: World) -> dict[str, Any]:
    """Return the outline with everybody who differs from the seed. The world's lock is the caller's."""
    rosters = [company.roster.record() for company in world.companies.values()]
    return outline(world) | {"rosters": rosters, "hubspot": world.hubspot.record()}


def resume(record: Any, *, people: int, seed: int, rate_limit: int, today: date | None, hub_contacts: int) -> World:
    """Return the world that `complete` described; `today` moves its clock. Raises Unfit."""
    if not isinstance(record, Mapping) or record.get("format") != FORMAT:
        raise Unfit("it was not written by this version of the sandbox")
    for name, wanted in (("people", people), ("seed", seed), ("hub_contacts", hub_contacts)):
        # A file from before there was a HubSpot side says nothing of contacts.
        if record.get(name, DEFAULT_CONTACTS) != wanted:
            raise Unfit(f"it was made with --{name.replace('_', '-')} {record.get(name)}, not {wanted}")
    try:
        began_on = date.fromisoformat(record["began_on"])
        world = World(
            people=people,
            seed=seed,
            rate_limit=rate_limit,
            today=today,
            began_on=began_on,
            hub_contacts=hub_contacts,
        )
        _restore(world, record)
        if today is None:
            world.clock.offset = timedelta(seconds=record["clock_offset"])
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as problem:
        raise Unfit("its content is damaged") from problem
    return world


def _restore(world: World, record: Mapping[str, Any]) -> None:
    world.redirect_uris = list(record["redirect_uris"])
    world.set_scopes(record["scopes"])
    world.set_minimum_version(record["minimum_version"])
    world.grants = Grants.of_record(record["grants"])
    world.webhooks.restore(record.get("webhooks", []))
    if "hubspot" in record:
        world.hubspot.resume(record["hubspot"])
    for further in record["companies"][len(world.companies) :]:
        world.add_company(further["name"], people=further["people"])
    for company, known, roster in zip(world.companies.values(), record["companies"], record["rosters"], strict=True):
        company.departments = dict(known["departments"])
        company.keeps_old_terminations = known["keeps_old_terminations"]
        company.roster.restore(roster)


def _company(company: Company) -> dict[str, Any]:
    return {
        "name": company.name,
        "people": company.roster.began_with,
        "departments": dict(company.departments),
        "keeps_old_terminations": company.keeps_old_terminations,
        "changes": company.roster.changes,
    }
