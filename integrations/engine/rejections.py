"""Pure: changes that an admin does not want, rejected or undone, until the source says something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .changes import Change, Kind

# {kind of change: its values}, as stored with an external identity.
Rejected = Mapping[str, Any]

_ADDITIONS = (Kind.ADD, Kind.INVITE)
# Of these kinds single values can be rejected.
_BY_VALUE = (Kind.UPDATE, Kind.CLEAR)
# What a record says of somebody new; the status comes from the settings.
_NEW = ("email", "first_name", "last_name", "last_day")


def rejection(kind: str, *, membership_id: int | None, after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to store so that this change is not made again."""
    if kind in _ADDITIONS:
        return {Kind.ADD: {name: value for name, value in after.items() if name != "status"}}
    if kind == Kind.LINK:
        return {Kind.LINK: {"membership_id": membership_id}}
    if kind == Kind.RESTORE:
        return {Kind.RESTORE: {"last_day": after.get("last_day")}}
    return {kind: dict(after)}


def merged(old: Rejected | None, new: Rejected) -> dict[str, Any]:
    """Return both rejections in one; of single values the newer counts."""
    result = dict(old or {})
    for kind, values in new.items():
        if kind in _BY_VALUE and kind in result:
            custom = {**result[kind].get("custom_data", {}), **values.get("custom_data", {})}
            result[kind] = {**result[kind], **values, **({"custom_data": custom} if custom else {})}
        else:
            result[kind] = values
    return result


def without_rejected(changes: Sequence[Change], rejected: Rejected) -> tuple[list[Change], dict[str, Any]]:
    """Return one person's changes that are left, and which rejections still speak of what the source says.

    Whoever must not be added, linked or let in again is left alone altogether.
    """
    for change in changes:
        if _is_rejected_whole(change, rejected):
            return [], dict(rejected)
    left: list[Change] = []
    still: dict[str, Any] = {}
    for change in changes:
        values = rejected.get(change.kind)
        if values is None:
            left.append(change)
        elif change.kind in _BY_VALUE:
            rest, same = _parted(change, values)
            left += [rest] if rest.after or rest.flaws else []
            still |= {change.kind.value: same} if same else {}
        elif change.after == values:
            still[change.kind.value] = values
        else:
            left.append(change)
    return left, still


def _is_rejected_whole(change: Change, rejected: Rejected) -> bool:
    if change.kind in _ADDITIONS:
        return Kind.ADD in rejected and _is_same_newcomer(change.after, rejected[Kind.ADD])
    if change.kind is Kind.LINK:
        return bool(rejected.get(Kind.LINK, {}).get("membership_id") == change.membership_id)
    if change.kind is Kind.RESTORE:
        return Kind.RESTORE in rejected and bool(rejected[Kind.RESTORE]["last_day"] == change.after.get("last_day"))
    return False


def _is_same_newcomer(after: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether the source says what it said; a field that was mapped since makes nobody another person."""
    old, new = known.get("custom_data", {}), after.get("custom_data", {})
    same_values = all(new[key] == old[key] for key in new.keys() & old.keys())
    return same_values and all(after.get(name) == known.get(name) for name in _NEW)


def _parted(change: Change, values: Mapping[str, Any]) -> tuple[Change, dict[str, Any]]:
    """Return the change without the rejected values, and those of them that it had."""
    after, before, same = dict(change.after), dict(change.before), {}
    for name, value in values.items():
        if name != "custom_data" and name in after and after[name] == value:
            same[name] = after.pop(name)
            before.pop(name, None)
    wanted = dict(after.get("custom_data", {}))
    refused = {key: value for key, value in values.get("custom_data", {}).items() if wanted.get(key, ...) == value}
    if refused:
        same["custom_data"] = refused
        after["custom_data"] = {key: value for key, value in wanted.items() if key not in refused}
        before["custom_data"] = {k: v for k, v in before.get("custom_data", {}).items() if k not in refused}
        if not after["custom_data"]:
            after.pop("custom_data")
            before.pop("custom_data")
    return replace(change, before=before, after=after), same
