"""People, and what happens to them."""

from .accounts import User
from .audit import AuditEntry
from .enrollments import Enrollment
from .group_memberships import GroupMembership
from .invitations import Invitation
from .managers import CourseInstructor, GroupManager
from .memberships import Membership, PendingUser
from .notices import Notice
from .sessions import Session

__all__ = [
    "AuditEntry",
    "CourseInstructor",
    "Enrollment",
    "GroupManager",
    "GroupMembership",
    "Invitation",
    "Membership",
    "Notice",
    "PendingUser",
    "Session",
    "User",
]
