from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0001_initial"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="course",
            constraint=models.UniqueConstraint(
                models.F("portal"),
                Lower("reference"),
                condition=models.Q(("reference", ""), _negated=True),
                name="course_reference_once",
            ),
        ),
    ]
