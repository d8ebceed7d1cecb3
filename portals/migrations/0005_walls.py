from django.db import migrations

from portals import walls


class Migration(migrations.Migration):
    dependencies = [("portals", "0004_archive_and_draft")]

    operations = [
        walls.anchor_function(),
        walls.anchor("portals_portal", "realm_id"),
        walls.anchor("portals_customfield", "portal_id"),
        walls.anchor("portals_customfieldchoice", "field_id"),
        walls.anchor("portals_group", "portal_id"),
        walls.anchor("portals_course", "portal_id"),
        walls.anchor("portals_dynamicrule", "group_id"),
        walls.wall("portals_portal", {"realm_id": "", "parent_id": "portals_portal.realm_id"}),
        walls.wall(
            "portals_dynamicrule",
            {"group_id": "portals_group.portal_id", "base_group_id": "portals_group.portal_id"},
        ),
        walls.wall(
            "portals_rulecondition",
            {
                "rule_id": "portals_dynamicrule.group_id.portals_group.portal_id",
                "custom_field_id": "portals_customfield.portal_id",
            },
        ),
        walls.wall(
            "portals_groupcourse",
            {"group_id": "portals_group.portal_id", "course_id": "portals_course.portal_id"},
        ),
    ]
