"""Migration operations that let PostgreSQL refuse relations between portals, whatever code writes them.

A wall compares the owners of what a row points to. New rows are checked once per statement, so that writing a page of
people costs one more look-up each; changed rows only when a relation changed. What owns a row never changes (`anchor`),
so a wall that held once holds for ever, without locks.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.migrations import RunSQL

_WALL = """
CREATE FUNCTION {name}_insert() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows AS n WHERE {crossing_n}) THEN
        RAISE check_violation USING CONSTRAINT = '{name}', TABLE = '{table}',
            MESSAGE = 'a row of {table} leads from one portal into another';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {name}_insert AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {name}_insert();
CREATE FUNCTION {name}_update() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF {crossing_new} THEN
        RAISE check_violation USING CONSTRAINT = '{name}', TABLE = '{table}',
            MESSAGE = 'a row of {table} leads from one portal into another';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {name}_update AFTER UPDATE ON {table} FOR EACH ROW
    WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {name}_update();
"""

_ANCHOR_FUNCTION = """
CREATE FUNCTION refuse_another_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME,
        MESSAGE = format('a row of %I stays with its owner', TG_TABLE_NAME);
END $$;
"""

_ANCHOR = """
CREATE TRIGGER anchor_{table} BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION refuse_another_owner();
"""


def wall(table: str, owners: Mapping[str, str]) -> RunSQL:
    """Refuse rows whose columns lead to different owners.

    `owners` says for each column how to get from its value to the owner, as pairs of table and column:
    `{"rule_id": "portals_dynamicrule.group_id.portals_group.portal_id", …}`; an empty text means the value itself.
    Empty relations lead nowhere and are let through.
    """
    name = f"wall_{table}"
    words = {
        "name": name,
        "table": table,
        "crossing_n": _crossing("n", owners),
        "crossing_new": _crossing("NEW", owners),
        "old": ", ".join(f"OLD.{column}" for column in owners),
        "new": ", ".join(f"NEW.{column}" for column in owners),
    }
    undo = (
        f"DROP TRIGGER {name}_insert ON {table}; DROP FUNCTION {name}_insert();"
        f"DROP TRIGGER {name}_update ON {table}; DROP FUNCTION {name}_update();"
    )
    return RunSQL(_WALL.format(**words), undo)


def anchor_function() -> RunSQL:
    """Create what anchors execute."""
    return RunSQL(_ANCHOR_FUNCTION, "DROP FUNCTION refuse_another_owner();")


def anchor(table: str, column: str) -> RunSQL:
    """Refuse to change the column through which rows belong to their owner."""
    return RunSQL(_ANCHOR.format(table=table, column=column), f"DROP TRIGGER anchor_{table} ON {table};")


def _crossing(row: str, owners: Mapping[str, str]) -> str:
    first, *others = (_owner(f"{row}.{column}", path) for column, path in owners.items())
    return " OR ".join(f"{first} <> {other}" for other in others)


def _owner(value: str, path: str) -> str:
    steps = path.split(".") if path else []
    for table, column in zip(steps[::2], steps[1::2], strict=True):
        # A scalar sub-query is always one look-up per row, whatever the statistics say.
        value = f"(SELECT {column} FROM {table} WHERE id = {value})"
    return value
