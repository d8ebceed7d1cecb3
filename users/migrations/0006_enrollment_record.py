import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0002_course_reference"),
        ("users", "0005_staff"),
    ]

    operations = [
        migrations.AddField(
            model_name="enrollment",
            name="recorded_by",
            field=models.CharField(
                blank=True,
                choices=[("learner", "The learner"), ("admin", "An admin"), ("file", "A file")],
                db_default="",
                default="",
                max_length=7,
                verbose_name="recorded by",
            ),
        ),
        migrations.AddField(
            model_name="enrollment",
            name="note",
            field=models.CharField(blank=True, db_default="", default="", max_length=500, verbose_name="note"),
        ),
        migrations.AlterField(
            model_name="enrollment",
            name="course",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="enrollments",
                to="portals.course",
                verbose_name="course",
            ),
        ),
        migrations.AddIndex(
            model_name="enrollment",
            index=models.Index(fields=["course", "status"], name="enrollment_course_status"),
        ),
    ]
