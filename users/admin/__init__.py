"""Admin pages about people."""

from .accounts import UserAdmin
from .audit import AuditEntryAdmin
from .bulk_jobs import BulkJobAdmin
from .courses import CourseAdmin
from .custom_fields import CustomFieldAdmin
from .deletions import DeletionRequestAdmin
from .enrollments import EnrollmentAdmin
from .group_members import GroupAdmin, GroupMembershipAdmin, RuleAdmin
from .memberships import MembershipAdmin
from .pending import PendingUserAdmin

__all__ = [
    "AuditEntryAdmin",
    "BulkJobAdmin",
    "CourseAdmin",
    "CustomFieldAdmin",
    "DeletionRequestAdmin",
    "EnrollmentAdmin",
    "GroupAdmin",
    "GroupMembershipAdmin",
    "MembershipAdmin",
    "PendingUserAdmin",
    "RuleAdmin",
    "UserAdmin",
]
