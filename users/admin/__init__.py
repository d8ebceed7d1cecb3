"""Admin pages about people."""

from .accounts import UserAdmin
from .audit import AuditEntryAdmin
from .enrollments import EnrollmentAdmin
from .group_members import GroupAdmin, GroupMembershipAdmin, RuleAdmin
from .memberships import MembershipAdmin
from .pending import PendingUserAdmin

__all__ = [
    "AuditEntryAdmin",
    "EnrollmentAdmin",
    "GroupAdmin",
    "GroupMembershipAdmin",
    "MembershipAdmin",
    "PendingUserAdmin",
    "RuleAdmin",
    "UserAdmin",
]
