"""What staff are responsible for: the groups of a manager, the courses of an instructor; on the page of the person."""

from django.utils.translation import gettext_lazy as _

from portals.scoping import PortalScopedTabularInline
from users.models import CourseInstructor, GroupManager


class ManagedGroupInline(PortalScopedTabularInline):
    """The groups of a manager, who can do nothing before there is one."""

    model = GroupManager
    portal_path = "membership__portal"
    fields = ["group", "can_create_users"]
    # An empty line, so that nobody needs a script to add one.
    extra = 1
    ordering = ["pk"]
    tab = True
    verbose_name = _("managed group")
    verbose_name_plural = _("manages")


class InstructedCourseInline(PortalScopedTabularInline):
    """The courses of an instructor."""

    model = CourseInstructor
    portal_path = "membership__portal"
    fields = ["course"]
    extra = 1
    ordering = ["pk"]
    tab = True
    verbose_name = _("course")
    verbose_name_plural = _("instructor of")
