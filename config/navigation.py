"""The admin's side navigation: what the visitor may use at this host."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portals.models import Portal
from portals.scoping import administers, portal_of

Group = dict[str, Any]


def sidebar(request: HttpRequest) -> list[Group]:
    """Return the groups of links for this visitor."""
    if not administers(request):
        return []
    portal = portal_of(request)
    return _portal_groups(portal) if portal else _platform_groups()


def _portal_groups(portal: Portal) -> list[Group]:
    settings = _item(_("Portal settings"), "settings", "admin:portals_portal_change", portal.pk)
    return [
        _group("", _item(_("Home"), "home", "admin:index")),
        _group(
            _("People"),
            _item(_("Users"), "group", "admin:users_membership_changelist"),
            _item(_("Pending users"), "outgoing_mail", "admin:users_pendinguser_changelist"),
            _item(_("Deletion requests"), "person_remove", "admin:users_deletionrequest_changelist"),
            _item(_("Uploads & downloads"), "import_export", "admin:users_bulkjob_changelist"),
        ),
        _group(
            _("Learning"),
            _item(_("Groups"), "groups", "admin:portals_group_changelist"),
            _item(_("Courses"), "school", "admin:portals_course_changelist"),
        ),
        _group(
            _("Set-up"),
            _item(_("Custom user data"), "list_alt", "admin:portals_customfield_changelist"),
            _item(_("Integrations"), "sync_alt", "integrations:catalog"),
            settings,
        ),
        _group("", _item(_("Audit trail"), "history", "admin:users_auditentry_changelist")),
    ]


def _platform_groups() -> list[Group]:
    return [
        _group("", _item(_("Home"), "home", "admin:index")),
        _group(
            _("Installation"),
            _item(_("Realms"), "domain", "admin:portals_realm_changelist"),
            _item(_("Portals"), "web", "admin:portals_portal_changelist"),
            _item(_("Operators & accounts"), "badge", "admin:users_user_changelist"),
        ),
        _group(
            _("People"),
            _item(_("Users"), "group", "admin:users_membership_changelist"),
            _item(_("Pending users"), "outgoing_mail", "admin:users_pendinguser_changelist"),
            _item(_("Uploads & downloads"), "import_export", "admin:users_bulkjob_changelist"),
        ),
        _group(
            _("Definitions"),
            _item(_("Groups"), "groups", "admin:portals_group_changelist"),
            _item(_("Courses"), "school", "admin:portals_course_changelist"),
            _item(_("Custom user data"), "list_alt", "admin:portals_customfield_changelist"),
        ),
        _group(
            _("Operation"),
            _item(_("Connections"), "sync_alt", "admin:integrations_connection_changelist"),
            _item(_("Sync runs"), "cycle", "admin:integrations_syncrun_changelist"),
            _item(_("Periodic tasks"), "schedule", "admin:django_celery_beat_periodictask_changelist"),
            _item(_("Audit trail"), "history", "admin:users_auditentry_changelist"),
        ),
    ]


def _group(title: Any, *items: dict[str, Any]) -> Group:
    return {"title": title, "items": list(items)}


def _item(title: Any, icon: str, page: str, *args: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(page, args=args)}
