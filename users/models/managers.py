"""What staff are responsible for: the groups of a manager, the courses of an instructor."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from portals.models import Course, Group

from .memberships import Membership


class GroupManager(models.Model):
    """A manager looks after the people of a group."""

    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, db_index=False, related_name="managed_groups", verbose_name=_("manager")
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="managers", verbose_name=_("group"))
    can_create_users = models.BooleanField(_("may add people to this group"), default=False)

    class Meta:
        verbose_name = _("managed group")
        verbose_name_plural = _("managed groups")
        constraints = [models.UniqueConstraint(fields=["membership", "group"], name="group_manager_once")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.membership_id}"


class CourseInstructor(models.Model):
    """An instructor follows the progress of a course."""

    membership = models.ForeignKey(
        Membership,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="instructed_courses",
        verbose_name=_("instructor"),
    )
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="instructors", verbose_name=_("course"))

    class Meta:
        verbose_name = _("instructed course")
        verbose_name_plural = _("instructed courses")
        constraints = [models.UniqueConstraint(fields=["membership", "course"], name="course_instructor_once")]

    def __str__(self) -> str:
        return f"{self.course_id}: {self.membership_id}"
