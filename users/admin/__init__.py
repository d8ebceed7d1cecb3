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
from .saml import SamlSettingsAdmin
from .sign_in_attempts import SignInAttemptAdmin
from .signed_links import SignedLinkSettingsAdmin

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
    "SamlSettingsAdmin",
    "SignInAttemptAdmin",
    "SignedLinkSettingsAdmin",
    "UserAdmin",
]
