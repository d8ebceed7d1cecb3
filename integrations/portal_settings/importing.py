"""Bring a portal's settings in line with a file, or say what that would do: both are the same work.

A preview does everything and takes it back, so that what it promises and refuses is what importing does and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

import msgspec
from django.db import transaction
from django.http import HttpRequest

from integrations import models
from integrations.engine.records import Policy
from integrations.portal_settings import connections, definitions, reading
from integrations.portal_settings.difference import Difference, Kind, compare
from integrations.portal_settings.document import Document, key
from integrations.sync import effects, policy
from portals import drafts
from portals.models import DynamicRule, Portal
from users import audit, rule_effects
from users.models import Enrollment, User

# Names that the audit trail keeps of each kind.
MOST_NAMES = 50


class Outdated(Exception):
    """The portal's settings are no longer those that the preview was about."""


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """What a new or changed rule does to its group."""

    group: str
    effect: rule_effects.Effect


@dataclass(frozen=True, slots=True)
class SyncEffect:
    """What changed mappings, invite configuration or scope do to the people of a connection, as last read."""

    provider: str
    effect: effects.Effect


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an import does: the difference, and what follows for people.

    `enrollments` begin because groups get courses or courses are published; large groups follow in the background.
    """

    difference: Difference
    rules: list[RuleEffect] = field(default_factory=list)
    syncs: list[SyncEffect] = field(default_factory=list)
    enrollments: int = 0
    broken_rules: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def seal(self) -> str:
        """Digest of the settings before and after: an agreement names it."""
        return _seal(self.difference)


def preview(*, portal: Portal, wanted: Document, now: datetime) -> Outlook:
    """Return what importing would do, without doing it. Raises document.Unfit."""
    with transaction.atomic():
        outlook = _carry_out(portal, wanted, now)
        transaction.set_rollback(True)
    return outlook


@transaction.atomic
def apply(
    *,
    portal: Portal,
    wanted: Document,
    now: datetime,
    seal: str = "",
    request: HttpRequest | None = None,
    actor: User | None = None,
) -> Outlook:
    """Import a file, all of it or nothing; a second time changes nothing.

    With a `seal` only what that preview was about. Raises document.Unfit and Outdated.
    """
    outlook = _carry_out(portal, wanted, now)
    if seal and seal != outlook.seal:
        raise Outdated
    if outlook.difference.changes:
        audit.record(
            portal=portal,
            action="settings_imported",
            object=portal,
            after={kind.value: _names(outlook.difference, kind) for kind in (Kind.ADDED, Kind.CHANGED)},
            request=request,
            actor=actor,
        )
    return outlook


def _carry_out(portal: Portal, wanted: Document, now: datetime) -> Outlook:
    # One at a time, and nobody changes a rule meanwhile.
    locked = Portal.objects.select_for_update().get(pk=portal.pk)
    difference = compare(reading.settings_of(locked), wanted)
    if not difference.changes:
        return Outlook(difference)
    before = _policies(locked)
    enrolled = _enrollments(locked)
    broken = _broken(locked)
    definitions.write(locked, difference)
    notes = connections.write(locked, difference)
    return Outlook(
        difference,
        rules=list(_rule_effects(locked, difference, now)),
        syncs=list(_sync_effects(locked, before, now)),
        enrollments=_enrollments(locked) - enrolled,
        broken_rules=sorted(_broken(locked) - broken),
        notes=notes,
    )


def _rule_effects(portal: Portal, difference: Difference, now: datetime) -> Iterator[RuleEffect]:
    """Yield what the rules do that go to work; two statements each."""
    changed = difference.changed_rules()
    at_work = DynamicRule.objects.filter(group__portal=portal, state=DynamicRule.State.ACTIVE)
    for rule in at_work.select_related("group").prefetch_related("conditions").order_by("group__title"):
        if key(rule.group.title) in changed:
            effect = rule_effects.effect(portal_id=portal.pk, rule=drafts.saved(rule), now=now)
            yield RuleEffect(rule.group.title, effect)


def _policies(portal: Portal) -> dict[int, Policy]:
    found = models.Connection.objects.filter(portal=portal).select_related("portal")
    return {one.pk: policy.policy_for(one) for one in found}


def _sync_effects(portal: Portal, before: dict[int, Policy], now: datetime) -> Iterator[SyncEffect]:
    found = models.Connection.objects.filter(portal=portal, pk__in=before).select_related("portal")
    for connection in found.order_by("pk"):
        old, new = before[connection.pk], policy.policy_for(connection)
        if old.version != new.version:
            effect = effects.effect_of(connection, old=old, new=new, today=portal.today(now))
            yield SyncEffect(connection.get_provider_display(), effect)


def _broken(portal: Portal) -> set[str]:
    """Return the titles of the groups whose rules make no sense at present."""
    rules = DynamicRule.objects.filter(group__portal=portal, state=DynamicRule.State.BROKEN)
    return set(rules.values_list("group__title", flat=True))


def _enrollments(portal: Portal) -> int:
    return Enrollment.objects.filter(membership__portal=portal).count()


def _names(difference: Difference, kind: Kind) -> list[str]:
    lines = difference.of_kind(kind)
    names = [f"{line.section}: {line.name}" if line.name else line.section.value for line in lines[:MOST_NAMES]]
    return names + (["…"] if len(lines) > MOST_NAMES else [])


def _seal(difference: Difference) -> str:
    content = msgspec.json.encode([difference.present, difference.merged], order="deterministic")
    return blake2b(content, digest_size=16).hexdigest()
