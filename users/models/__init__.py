"""People, and what happens to them."""

from .accounts import User
from .audit import AuditEntry
from .bulk_jobs import BulkJob, BulkJobPart
from .deletions import DeletionRequest
from .enrollments import Enrollment, FormerEnrollment
from .group_memberships import GroupMembership
from .import_rows import ImportRow
from .invitations import Invitation
from .managers import CourseInstructor, GroupManager
from .memberships import Membership, PendingUser
from .notices import Notice
from .sessions import Session
from .sso import SignInAttempt, SignOnIdentity, SpentToken

__all__ = [
    "AuditEntry",
    "BulkJob",
    "BulkJobPart",
    "CourseInstructor",
    "DeletionRequest",
    "Enrollment",
    "FormerEnrollment",
    "GroupManager",
    "GroupMembership",
    "ImportRow",
    "Invitation",
    "Membership",
    "Notice",
    "PendingUser",
    "Session",
    "SignInAttempt",
    "SignOnIdentity",
    "SpentToken",
    "User",
]
