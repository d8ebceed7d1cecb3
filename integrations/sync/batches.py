"""A batch of people on its way through a sync: for whom, by what, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from integrations.engine.changes import Change
from integrations.engine.records import Person, Policy
from integrations.models import Connection
from integrations.sync.snapshot import Known


@dataclass(frozen=True, slots=True)
class Context:
    """For whom and by what a batch is written."""

    connection: Connection
    run_id: int
    policy: Policy
    today: date
    now: datetime
    # The run only says what it would do.
    is_preview: bool = False
    # Whether people without a link may come in; else whoever lost theirs since the batch was read is left alone.
    admits_newcomers: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """People to bring in line, with what is stored of them and the digests to store.

    `agreed` are the changes of a preview, by person: whoever would now be changed in another way is left alone.
    """

    people: Sequence[Person]
    identities: Mapping[str, Known]
    digests: Mapping[str, bytes]
    agreed: Mapping[str, Sequence[Change]] | None = None

    def part(self, people: Sequence[Person]) -> Batch:
        """Return a batch of some of these people."""
        return replace(self, people=people)


@dataclass(frozen=True, slots=True)
class Result:
    """Counts by kind of change and outcome, and the stored identities' ids by person."""

    tally: Counter[str]
    identity_ids: dict[str, int]
    failed: frozenset[str] = frozenset()
