"""People, and what happens to them."""

from .accounts import User
from .audit import AuditEntry
from .enrollments import Enrollment
from .group_memberships import GroupMembership
from .invitations import Invitation
from .managers import CourseInstructor, GroupManager
from .memberships import Membership, PendingUser

__all__ = [
    "AuditEntry",
    "CourseInstructor",
    "Enrollment",
    "GroupManager",
    "GroupMembership",
    "Invitation",
    "Membership",
    "PendingUser",
    "User",
]
