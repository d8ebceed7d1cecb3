"""The admin's side navigation: what the visitor may use at this host."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portals.models import Portal
from portals.scoping import administers, is_full_admin, portal_of, standing
from portals.standing import Level, Standing

Group = dict[str, Any]

# What limited admins may not open.
FULL_ADMINS_ONLY = [
    _("Integrations"),
    _("Portal settings"),
    _("Settings as a file"),
    _("Single sign-on"),
    _("Deletion requests"),
]


def sidebar(request: HttpRequest) -> list[Group]:
    """Return the groups of links for this visitor."""
    portal = portal_of(request)
    if portal and not administers(request):
        return _staff_groups(standing(request))
    if not administers(request):
        return []
    groups = _portal_groups(portal) if portal else _platform_groups()
    return groups if is_full_admin(request) else [_open_to_limited(group) for group in groups]


def _open_to_limited(group: Group) -> Group:
    """Return a group of links without those that only full admins may use."""
    closed = {str(title) for title in FULL_ADMINS_ONLY}
    return {**group, "items": [item for item in group["items"] if str(item["title"]) not in closed]}


def _staff_groups(who: Standing) -> list[Group]:
    """Return what managers and instructors may use: their people, groups and courses."""
    people = [
        _item(_("Users"), "group", "admin:users_membership_changelist"),
        _item(_("Pending users"), "outgoing_mail", "admin:users_pendinguser_changelist"),
    ]
    learning = [
        _item(_("Courses"), "school", "admin:portals_course_changelist"),
        _item(_("Progress"), "trending_up", "admin:users_enrollment_changelist"),
    ]
    is_manager = who.level == Level.MANAGER
    if is_manager:
        learning.insert(0, _item(_("Groups"), "groups", "admin:portals_group_changelist"))
    return [
        *([_group(_("People"), *people)] if is_manager else []),
        *([_group(_("Learning"), *learning)] if who.level > Level.NONE else []),
    ]


def _portal_groups(portal: Portal) -> list[Group]:
    settings = _item(_("Portal settings"), "settings", "admin:portals_portal_change", portal.pk)
    return [
        _group("", _item(_("Home"), "home", "admin:index")),
        _group(
            _("People"),
            _item(_("Users"), "group", "admin:users_membership_changelist"),
            _item(_("Pending users"), "outgoing_mail", "admin:users_pendinguser_changelist"),
            _item(_("Upcoming"), "event", "integrations:upcoming"),
            _item(_("Deletion requests"), "person_remove", "admin:users_deletionrequest_changelist"),
            _item(_("Uploads & downloads"), "import_export", "admin:users_bulkjob_changelist"),
        ),
        _group(
            _("Learning"),
            _item(_("Groups"), "groups", "admin:portals_group_changelist"),
            _item(_("Courses"), "school", "admin:portals_course_changelist"),
            _item(_("Progress"), "trending_up", "admin:users_enrollment_changelist"),
        ),
        _group(
            _("Set-up"),
            _item(_("Custom user data"), "list_alt", "admin:portals_customfield_changelist"),
            {**_item(_("Integrations"), "sync_alt", "integrations:catalog"), "active": _is_at_integrations},
            {**_item(_("Single sign-on"), "key", "admin:portals_samlsettings_overview"), "active": _is_at_sign_on},
            settings,
            _item(_("Settings as a file"), "file_copy", "portal_settings:file"),
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
            _item(_("Health"), "monitor_heart", "health_page"),
            _item(_("Connections"), "sync_alt", "admin:integrations_connection_changelist"),
            _item(_("Sync runs"), "cycle", "admin:integrations_syncrun_changelist"),
            _item(_("Periodic tasks"), "schedule", "admin:django_celery_beat_periodictask_changelist"),
            _item(_("Audit trail"), "history", "admin:users_auditentry_changelist"),
        ),
    ]


def _group(title: Any, *items: dict[str, Any]) -> Group:
    return {"title": title, "items": list(items)}


def _is_at_integrations(request: HttpRequest) -> bool:
    """Whether the page belongs to the integrations: their addresses begin alike, and that of Upcoming too."""
    is_below = request.path.startswith(reverse("integrations:catalog"))
    return is_below and not request.path.startswith(reverse("integrations:upcoming"))


def _is_at_sign_on(request: HttpRequest) -> bool:
    """Whether the page is about one of the two ways of single sign-on, or about both."""
    ways = ("admin:portals_samlsettings_changelist", "admin:portals_signedlinksettings_changelist")
    return request.path.startswith(tuple(reverse(way) for way in ways))


def _item(title: Any, icon: str, page: str, *args: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(page, args=args)}
