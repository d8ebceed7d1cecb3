"""What a visitor may do at a portal: one level, and for managers and instructors the groups, courses and switches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any


class Level(IntEnum):
    """How much someone may do; whoever has more may do everything below, too."""

    NONE = 0
    INSTRUCTOR = 1
    MANAGER = 2
    LIMITED_ADMIN = 3
    FULL_ADMIN = 4
    OPERATOR = 5


class Permission(StrEnum):
    """A switch of one manager or instructor; admins may do all of it."""

    # Of managers.
    ENROLL = "enroll"
    UNENROLL = "unenroll"
    MARK_COMPLETE = "mark_complete"
    MOVE_GROUPS = "move_groups"
    DELETE_USERS = "delete_users"
    ACT_AS_INSTRUCTOR = "act_as_instructor"
    # Of instructors.
    EDIT_COURSES = "edit_courses"
    CREATE_COURSES = "create_courses"


@dataclass(frozen=True, slots=True)
class Standing:
    """What one account may do in one portal.

    `group_ids` are the groups that a manager manages, `creating_group_ids` those into which they may also add people,
    `course_ids` the courses of an instructor; all are empty for admins, whom nothing narrows.
    """

    level: Level = Level.NONE
    group_ids: frozenset[int] = frozenset()
    course_ids: frozenset[int] = frozenset()
    permissions: frozenset[str] = frozenset()
    creating_group_ids: frozenset[int] = frozenset()
    # An admin of the top-level portal at one of its sub-portals.
    is_from_above: bool = False

    @property
    def administers(self) -> bool:
        """Whether nothing in the portal but its settings may be closed to them."""
        return self.level >= Level.LIMITED_ADMIN

    def may(self, permission: Permission) -> bool:
        """Whether a switch is on, or none is needed."""
        return self.administers or permission in self.permissions


NOBODY = Standing()


def standing_at(request: Any, user: Any) -> Standing:
    """Return what an account may do at the host of a request; asked of the database once per request."""
    known: dict[Any, Standing] = request.__dict__.setdefault("_standings", {})
    if user.pk not in known:
        known[user.pk] = user.standing_in(request.portal) if user.is_authenticated else NOBODY
    return known[user.pk]
