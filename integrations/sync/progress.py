"""How far a run has come: its place, what it counted and whom it saw; kept on the run's own row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import msgspec

from integrations.engine.seen import SeenIds
from integrations.models import SyncRun
from integrations.sync import leases
from integrations.sync.leases import Lease, LeaseLost
from portals import statements

# One statement, because every page of people ends with it. Nothing is written once the lease is lost.
_SAVE = """
WITH run AS (
    UPDATE integrations_syncrun SET cursor = %(cursor)s::text::jsonb, totals = %(totals)s::text::jsonb, lapses = 0,
        lease_expires_at = statement_timestamp() + make_interval(secs => %(lease)s::float8),
        heartbeat_at = statement_timestamp()
    WHERE id = %(run)s::bigint AND attempt = %(attempt)s::bigint AND state = 'running'
    RETURNING id, connection_id
), pages AS (
    INSERT INTO integrations_syncpage (connection_id, number, fingerprint, identity_ranges, people)
    SELECT run.connection_id, r.number, decode(r.fingerprint, 'hex'), r.ranges, r.people
    FROM run, jsonb_to_recordset(%(pages)s::text::jsonb) AS r(number int, fingerprint text, ranges jsonb, people int)
    ON CONFLICT (connection_id, number) DO UPDATE SET
        fingerprint = excluded.fingerprint, identity_ranges = excluded.identity_ranges, people = excluded.people
)
SELECT id FROM run
"""

_PLACE = ("pages", "total_pages", "total_people")


@dataclass(slots=True)
class Progress:
    """The run's place in the list and its counts; `save` is the checkpoint."""

    phase: str = "read"
    page: int = 0
    total_pages: int | None = None
    total_people: int | None = None
    # Why the read cannot be trusted to be complete, or an empty text.
    doubt: str = ""
    after_identity: int = 0
    # People whom a preview met for the first time.
    newcomers: int = 0
    # Mapped attributes that the provider does not have any more.
    gone: list[str] = field(default_factory=list)
    seen: SeenIds = field(default_factory=SeenIds)
    totals: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, run: SyncRun) -> Progress:
        """Return the progress that a run's row holds."""
        # What a newer or older version wrote besides is nothing to this one.
        known = {one.name for one in fields(cls)}
        cursor = {name: value for name, value in run.cursor.items() if name in known}
        seen = SeenIds(cursor.pop("seen", ()))
        return cls(**cursor, seen=seen, totals=Counter({k: v for k, v in run.totals.items() if k not in _PLACE}))

    def copy(self) -> Progress:
        """Return a copy that `reset` takes back."""
        return replace(self, seen=SeenIds(self.seen.flat()), totals=Counter(self.totals))

    def reset(self, earlier: Progress) -> None:
        """Go back to an earlier copy."""
        fresh = earlier.copy()
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))

    def cursor(self) -> dict[str, Any]:
        """Return what a later worker needs to go on."""
        return {
            "phase": self.phase,
            "page": self.page,
            "total_pages": self.total_pages,
            "total_people": self.total_people,
            "doubt": self.doubt,
            "after_identity": self.after_identity,
            "newcomers": self.newcomers,
            "gone": self.gone,
            "seen": self.seen.flat(),
        }

    def counts(self) -> dict[str, Any]:
        """Return the totals as the run's row shows them."""
        return {
            **self.totals,
            "pages": self.page,
            "total_pages": self.total_pages,
            "total_people": self.total_people,
        }

    def save(self, lease: Lease, pages: Sequence[dict[str, Any]] = ()) -> None:
        """Write the checkpoint, remember pages as processed, and renew the lease. Raises LeaseLost.

        Equal bytes of a remembered page need no second look.
        """
        parameters = {
            "cursor": _json(self.cursor()),
            "totals": _json(self.counts()),
            "lease": leases.LEASE.total_seconds(),
            "run": lease.run_id,
            "attempt": lease.attempt,
            "pages": _json(list(pages)),
        }
        if not statements.rows(_SAVE, parameters, keeps_plan=True):
            raise LeaseLost


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
