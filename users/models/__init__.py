"""People, and what happens to them."""

from .accounts import User
from .audit import AuditEntry
from .enrollments import Enrollment
from .group_memberships import GroupMembership
from .invitations import Invitation
from .memberships import Membership, PendingUser

__all__ = ["AuditEntry", "Enrollment", "GroupMembership", "Invitation", "Membership", "PendingUser", "User"]
