from django.db import migrations

from portals import walls

FIELD = {"custom_field_id": "portals_customfield.portal_id"}


class Migration(migrations.Migration):
    dependencies = [("portals", "0008_reminders")]

    operations = [
        walls.anchor("portals_samlsettings", "portal_id"),
        walls.anchor("portals_signedlinksettings", "portal_id"),
        walls.wall("portals_samlmapping", {"settings_id": "portals_samlsettings.portal_id", **FIELD}),
        walls.wall("portals_signedlinkmapping", {"settings_id": "portals_signedlinksettings.portal_id", **FIELD}),
    ]
