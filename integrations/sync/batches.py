"""A batch of people on its way through a sync: for whom, by what, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import chain

from integrations.engine.changes import Change, Reason
from integrations.engine.records import Person, Policy
from integrations.models import Connection
from integrations.sync.snapshot import Known
from users.provisioning import Cause


class Admission(StrEnum):
    """Who of a batch is brought in line, where a provider speaks only of those who were asked for."""

    EVERYONE = "everyone"
    # Those who are linked, and those whom a link may lead to a learner; nobody is added.
    LEARNERS = "learners"
    LINKED = "linked"


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
    admission: Admission = Admission.EVERYONE
    # Mails wait for the end of the run.
    holds_mails: bool = True
    # The run is about single people: what others held for the rest still waits.
    is_of_single_people: bool = False

    @property
    def cause(self) -> Cause:
        """Who or what makes the changes."""
        return Cause(run_id=self.run_id, holds_mails=self.holds_mails)


@dataclass(frozen=True, slots=True)
class Batch:
    """People to bring in line, with what is stored of them and the digests to store.

    `agreed` are the changes of a preview, by person: whoever would now be changed in another way is left alone.
    `is_current`: the identities were read in this transaction, while the connection was held.
    """

    people: Sequence[Person]
    identities: Mapping[str, Known]
    digests: Mapping[str, bytes]
    agreed: Mapping[str, Sequence[Change]] | None = None
    is_current: bool = False

    @property
    def left_to_several(self) -> frozenset[str]:
        """The addresses that a preview gave to nobody, for several people have them, not all of whom are in here."""
        changes = chain.from_iterable((self.agreed or {}).values())
        flaws = chain.from_iterable(change.flaws for change in changes)
        return frozenset(flaw.value for flaw in flaws if flaw.code == Reason.SHARED_EMAIL)

    def part(self, people: Sequence[Person]) -> Batch:
        """Return a batch of some of these people."""
        return replace(self, people=people)


@dataclass(frozen=True, slots=True)
class Result:
    """Counts by kind of change and outcome, the stored identities' ids and the new memberships by person.

    `changes` are those that were decided on, of people who could be saved.
    """

    tally: Counter[str]
    identity_ids: dict[str, int]
    failed: frozenset[str] = frozenset()
    changes: Sequence[Change] = ()
    added: Mapping[str, int] = field(default_factory=dict)
