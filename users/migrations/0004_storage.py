from django.db import migrations

# What a search compares. Without statistics of it PostgreSQL takes every search for one that finds next to nobody.
SEARCHED = ("first_name", "last_name", "email")


class Migration(migrations.Migration):
    dependencies = [("users", "0003_append_only")]

    operations = [
        # Room on each page, so that changing a membership moves no index entry.
        migrations.RunSQL(
            "ALTER TABLE users_membership SET (fillfactor = 80)",
            "ALTER TABLE users_membership RESET (fillfactor)",
        ),
        *(
            migrations.RunSQL(
                f"CREATE STATISTICS users_user_upper_{column} ON (upper({column}::text)) FROM users_user",
                f"DROP STATISTICS users_user_upper_{column}",
            )
            for column in SEARCHED
        ),
    ]
