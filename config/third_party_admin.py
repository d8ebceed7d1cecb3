"""Other packages' admin pages: replaced by ours for operators, or removed."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import display

from portals.scoping import GlobalAdmin

# Roles are kept on memberships; the settings name the tasks and beat writes their schedules back at each start.
admin.site.unregister([Group, ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule])
# Second factors belong to people: they set them up themselves, and only a reset is for others.
admin.site.unregister([StaticDevice, TOTPDevice])


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(GlobalAdmin):
    """Shows when tasks run and did run; an operator may pause one."""

    list_display = ["name", "show_schedule", "enabled", "last_run_at", "total_run_count"]
    list_filter = ["enabled"]
    list_select_related = ["interval", "crontab", "solar", "clocked"]
    search_fields = ["name", "task"]
    ordering = ["name"]
    fields = ["name", "task", "show_schedule", "enabled", "last_run_at", "total_run_count"]
    readonly_fields = ["name", "task", "show_schedule", "last_run_at", "total_run_count"]
    actions = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may: the settings name the tasks."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may: beat would write the task back at its next start."""
        return False

    @display(description=_("schedule"))
    def show_schedule(self, task: PeriodicTask) -> str:
        """Return the schedule in words."""
        return str(task.scheduler)
