from django.db import migrations

REFUSE = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('rollcall.audit', true), '') <> 'erasing' THEN
        RAISE check_violation USING CONSTRAINT = 'audit_is_append_only', TABLE = 'users_auditentry',
            MESSAGE = 'entries of the audit trail are never changed';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON users_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""
ALLOW = "DROP TRIGGER audit_is_append_only ON users_auditentry; DROP FUNCTION audit_is_append_only();"


class Migration(migrations.Migration):
    dependencies = [("users", "0002_walls")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
