from django.db import migrations

from portals import walls

FIELD = {"custom_field_id": "portals_customfield.portal_id"}


class Migration(migrations.Migration):
    dependencies = [("portals", "0001_initial")]

    operations = [
        walls.anchor_function(),
        walls.anchor("portals_portal", "realm_id"),
        walls.anchor("portals_customfield", "portal_id"),
        walls.anchor("portals_customfieldchoice", "field_id"),
        walls.anchor("portals_group", "portal_id"),
        walls.anchor("portals_course", "portal_id"),
        walls.anchor("portals_dynamicrule", "group_id"),
        walls.anchor("portals_samlsettings", "portal_id"),
        walls.anchor("portals_signedlinksettings", "portal_id"),
        walls.wall("portals_portal", {"realm_id": "", "parent_id": "portals_portal.realm_id"}),
        walls.wall(
            "portals_dynamicrule",
            {"group_id": "portals_group.portal_id", "base_group_id": "portals_group.portal_id"},
        ),
        walls.wall(
            "portals_rulecondition", {"rule_id": "portals_dynamicrule.group_id.portals_group.portal_id", **FIELD}
        ),
        walls.wall(
            "portals_groupcourse",
            {"group_id": "portals_group.portal_id", "course_id": "portals_course.portal_id"},
        ),
        walls.wall("portals_samlmapping", {"settings_id": "portals_samlsettings.portal_id", **FIELD}),
        walls.wall("portals_signedlinkmapping", {"settings_id": "portals_signedlinksettings.portal_id", **FIELD}),
    ]
