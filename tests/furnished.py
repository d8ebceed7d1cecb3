"""A portal with one row of everything, each with a marker in all its texts: to look for where it must not be."""

from types import SimpleNamespace

from django.utils import timezone

from portals.models import RuleCondition
from tests.factories.integrations import (
    ConnectionFactory,
    ExternalIdentityFactory,
    FieldMappingFactory,
    PlannedChangeFactory,
    SyncRunFactory,
)
from tests.factories.portals import (
    CourseFactory,
    CustomFieldFactory,
    DynamicRuleFactory,
    GroupCourseFactory,
    GroupFactory,
    PortalFactory,
)
from tests.factories.users import AdminFactory, InvitationFactory, MembershipFactory
from users.models import AuditEntry, BulkJob, Enrollment, GroupMembership, PendingUser


def furnished_portal(marker, *, realm):
    """Return a portal and its rows by name."""
    now = timezone.now()
    portal = PortalFactory(realm=realm, name=f"Portal {marker}", slug=f"portal-{marker.lower()}")
    person = {"portal": portal, "user__last_name": marker}
    admin = AdminFactory(**person, user__email=f"admin@{marker.lower()}.test")
    member = MembershipFactory(**person, user__email=f"member@{marker.lower()}.test")
    waiting = MembershipFactory(**person, user__email=f"waiting@{marker.lower()}.test", status="pending")
    field = CustomFieldFactory(portal=portal, label=f"Field {marker}", type="string_choice", choices=[f"One {marker}"])
    free_field = CustomFieldFactory(portal=portal, label=f"Free field {marker}")
    member.custom_data = {field.key: f"One {marker}", free_field.key: marker}
    member.save()
    group = GroupFactory(portal=portal, title=f"Group {marker}", description=marker)
    base_group = GroupFactory(portal=portal, title=f"Base {marker}")
    course = CourseFactory(portal=portal, title=f"Course {marker}", content_text=marker)
    rule = DynamicRuleFactory(group=group, base_group=base_group)
    condition = RuleCondition.objects.create(
        rule=rule, subject="custom_field", custom_field=field, operator="is", operands=[f"One {marker}"]
    )
    connection = ConnectionFactory(portal=portal, external_account_id=marker, external_account_name=marker)
    run = SyncRunFactory(connection=connection, trouble=marker)
    return SimpleNamespace(
        portal=portal,
        admin=admin,
        member=member,
        waiting=PendingUser.objects.get(pk=waiting.pk),
        field=field,
        free_field=free_field,
        group=group,
        base_group=base_group,
        course=course,
        group_course=GroupCourseFactory(group=group, course=course),
        rule=rule,
        condition=condition,
        group_membership=GroupMembership.objects.create(group=group, membership=member, created_at=now),
        enrollment=Enrollment.objects.create(membership=member, course=course, source_group=group, enrolled_at=now),
        invitation=InvitationFactory(membership=waiting),
        job=BulkJob.objects.create(
            portal=portal,
            kind="export_users",
            state="failed",
            requested_by=admin.user,
            trouble=marker,
            file_name=marker,
            created_at=now,
        ),
        audit_entry=AuditEntry.objects.create(
            portal=portal, at=now, action="changed", object_type=marker, before={"name": marker}, reason=marker
        ),
        connection=connection,
        mapping=FieldMappingFactory(connection=connection, custom_field=field, attribute=f"attribute-{marker}"),
        run=run,
        identity=ExternalIdentityFactory(connection=connection, membership=member, external_id=marker),
        change=PlannedChangeFactory(run=run, person=marker, membership_id=member.pk),
    )


def rows_by_model(world):
    """Return the rows of a furnished portal, one per model that has an admin page of its own."""
    rows = [world.portal, world.member, world.waiting, world.field, world.group, world.course, world.rule]
    rows += [world.group_membership, world.enrollment, world.audit_entry, world.connection, world.run]
    rows += [world.identity, world.change, world.portal.realm, world.member.user, world.job]
    return {type(row): row for row in rows}
