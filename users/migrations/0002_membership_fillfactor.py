from django.db import migrations


class Migration(migrations.Migration):
    """Leave room on each page, so that changing a membership moves no index entry."""

    dependencies = [("users", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE users_membership SET (fillfactor = 80)",
            "ALTER TABLE users_membership RESET (fillfactor)",
        )
    ]
