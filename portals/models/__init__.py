"""Everything that an admin defines."""

from .courses import Course, GroupCourse
from .custom_fields import CustomField, CustomFieldChoice
from .groups import DynamicRule, Group, RuleCondition
from .realms import Portal, PortalLogo, Realm
from .sso import SamlCertificate, SamlMapping, SamlSettings, SignedLinkMapping, SignedLinkSettings

__all__ = [
    "Course",
    "CustomField",
    "CustomFieldChoice",
    "DynamicRule",
    "Group",
    "GroupCourse",
    "Portal",
    "PortalLogo",
    "Realm",
    "RuleCondition",
    "SamlCertificate",
    "SamlMapping",
    "SamlSettings",
    "SignedLinkMapping",
    "SignedLinkSettings",
]
