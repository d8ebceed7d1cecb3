"""Admin pages of what an admin defines."""

from .courses import CourseAdmin
from .custom_fields import CustomFieldAdmin
from .groups import GroupAdmin
from .realms import PortalAdmin, RealmAdmin
from .rules import DynamicRuleAdmin

__all__ = ["CourseAdmin", "CustomFieldAdmin", "DynamicRuleAdmin", "GroupAdmin", "PortalAdmin", "RealmAdmin"]
