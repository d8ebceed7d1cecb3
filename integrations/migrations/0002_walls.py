from django.db import migrations

from portals import walls

CONNECTION = {"connection_id": "integrations_connection.portal_id"}


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial"), ("users", "0002_walls")]

    operations = [
        walls.anchor("integrations_grant", "realm_id"),
        walls.anchor("integrations_connection", "portal_id"),
        walls.anchor("integrations_fieldmapping", "connection_id"),
        walls.anchor("integrations_syncrun", "connection_id"),
        walls.wall(
            "integrations_connection",
            {"portal_id": "portals_portal.realm_id", "grant_id": "integrations_grant.realm_id"},
        ),
        walls.wall("integrations_fieldmapping", {**CONNECTION, "custom_field_id": "portals_customfield.portal_id"}),
        walls.wall("integrations_externalidentity", {**CONNECTION, "membership_id": "users_membership.portal_id"}),
        walls.wall("integrations_syncrun", {"connection_id": "", "origin_id": "integrations_syncrun.connection_id"}),
        walls.wall("integrations_webhookevent", {"connection_id": "", "run_id": "integrations_syncrun.connection_id"}),
        walls.wall(
            "integrations_choicealias",
            {
                "mapping_id": "integrations_fieldmapping.connection_id.integrations_connection.portal_id",
                "choice_id": "portals_customfieldchoice.field_id.portals_customfield.portal_id",
            },
        ),
    ]
