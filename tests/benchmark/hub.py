"""The portal that workflows are measured with: a group with a course, a rule over a mapped property, a connection."""

from contextlib import closing
from typing import Any

from django.utils import timezone

from integrations import connecting
from integrations.hubspot.provider import client_for
from integrations.models import FieldMapping
from portals.field_types import FieldType
from portals.models import Course, CustomField, DynamicRule, Group, GroupCourse, Portal, Realm, RuleCondition
from portals.rules import Operator, Subject


def prepare(code: str) -> dict[str, Any]:
    """Make and connect the portal; return its account, the inputs of a workflow and (id, address) of each contact."""
    realm = Realm.objects.create(name="Benchmark")
    portal = Portal.objects.create(realm=realm, name="Academy", slug="academy", enabled_integrations=["hubspot"])
    consent = connecting.exchange(provider="hubspot", code=code)
    connection = connecting.connect(
        portal=portal, provider="hubspot", consent=consent, record_type="contacts", user=None, now=timezone.now()
    )
    field = CustomField.objects.create(portal=portal, label="Job title", type=FieldType.STRING)
    FieldMapping.objects.create(connection=connection, attribute="jobtitle", custom_field=field)
    leads, partners = (Group.objects.create(portal=portal, title=title) for title in ("Leads", "Partners"))
    rule = DynamicRule.objects.create(group=leads, state=DynamicRule.State.ACTIVE)
    RuleCondition.objects.create(
        rule=rule, subject=Subject.CUSTOM_FIELD, custom_field=field, operator=Operator.CONTAINS, operands=["Lead"]
    )
    course = Course.objects.create(portal=portal, title="Safety basics", status=Course.Status.PUBLISHED)
    GroupCourse.objects.create(group=partners, course=course, is_required=True)
    contacts = []
    with closing(client_for(connection)) as client:
        after = ""
        while True:
            page = client.list_records("contacts", ["email"], after)
            contacts += [(one.id, email) for one in page.results if (email := one.properties.get("email"))]
            after = page.after
            if not after:
                break
    inputs = {"portal": f"prt_{portal.pk}", "group": f"grp_{partners.pk}"}
    return {"account": connection.external_account_id, "inputs": inputs, "contacts": contacts}
