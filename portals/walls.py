"""Migration operations that let PostgreSQL refuse relations between portals, whatever code writes them.

A wall compares the owners of what a row points to. New rows are checked once per statement, which keeps bulk writes
fast; changed rows only when a relation changed. What owns a row never changes (`anchor`), so a wall that held once
holds for ever, without locks. Table and column names come from migrations, never from visitors.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.migrations import RunSQL

_WALL = """
CREATE FUNCTION {name}_insert() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    -- Most statements write rows of one portal, which is quickly seen; else each row is looked at.
    IF (SELECT count(*) > 1 FROM ({owners}) AS owners) AND EXISTS (SELECT FROM new_rows AS n WHERE {crossing_n}) THEN
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
        "owners": " UNION ".join(_owners(column, path) for column, path in owners.items()),
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


def _owners(column: str, path: str) -> str:
    found = f"SELECT n.{column} FROM new_rows AS n WHERE n.{column} IS NOT NULL"  # noqa: S608
    for table, next_column in _steps(path):
        found = f"SELECT {next_column} FROM {table} WHERE id IN ({found}) AND {next_column} IS NOT NULL"  # noqa: S608
    return found


def _owner(value: str, path: str) -> str:
    for table, column in _steps(path):
        # A scalar sub-query is always one look-up per row, whatever the statistics say.
        value = f"(SELECT {column} FROM {table} WHERE id = {value})"  # noqa: S608
    return value


def _steps(path: str) -> list[tuple[str, str]]:
    words = path.split(".") if path else []
    return list(zip(words[::2], words[1::2], strict=True))
