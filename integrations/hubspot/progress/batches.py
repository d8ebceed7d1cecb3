"""Write many rows with few calls and tell the bad ones from the others.

HubSpot answers 207 with an error per trace id when it can, and 400 for all of them when it cannot ("Error handling",
multi-status errors): such a batch is halved until whoever is to blame stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from integrations.http import RequestRejected
from integrations.hubspot.client import BatchAnswer, BatchError, Input

# Answers to a whole batch that may be the fault of one row.
OF_ROWS = frozenset({400, 409, 413})
# What the same row would meet again.
FINAL = frozenset({"VALIDATION_ERROR", "CONFLICT", "INVALID_OBJECT_TYPE"})
NO_ANSWER = "NO_ANSWER"
# The definition of a property has gone since the names were read.
PROPERTY_GONE = "PROPERTY_DOESNT_EXIST"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row was not written, in HubSpot's words without values."""

    problem: str
    is_missing: bool = False
    is_final: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of rows by trace id: the id of the record, or the refusal."""

    done: dict[str, str] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)

    @property
    def doubts_the_place(self) -> bool:
        """Whether the definitions at HubSpot are no longer those that were read."""
        return any(PROPERTY_GONE in refusal.problem for refusal in self.refused.values())

    def add(self, other: Outcome) -> None:
        """Take over what became of other rows."""
        self.done.update(other.done)
        self.refused.update(other.refused)


def write(
    inputs: Mapping[str, Input],
    send: Callable[[Sequence[Input]], BatchAnswer],
    *,
    verify: Callable[[], object] = lambda: None,
) -> Outcome:
    """Send inputs by trace id, and return what became of each.

    `verify` is called before rows are blamed for the refusal of a batch: it raises when the place itself is gone.
    Raises the errors of integrations.http that concern all rows.
    """
    try:
        answer = send(list(inputs.values()))
    except RequestRejected as refusal:
        if refusal.status not in OF_ROWS:
            raise
        verify()
        if len(inputs) > 1:
            return _in_halves(inputs, send)
        problem = f"{refusal.category} {refusal.detail}".strip() or str(refusal.status)
        return Outcome(refused={trace: Refusal(problem, is_final=True) for trace in inputs})
    outcome = _sorted(inputs, answer)
    rest = {trace: one for trace, one in inputs.items() if trace not in outcome.done and trace not in outcome.refused}
    if not rest:
        return outcome
    unnamed = [error for error in answer.errors if not error.trace_ids]
    if not unnamed or len(inputs) == 1:
        said = refusal_of(unnamed[0]) if unnamed else Refusal(NO_ANSWER)
        outcome.refused.update(dict.fromkeys(rest, said))
    else:
        outcome.add(_in_halves(rest, send))
    return outcome


def refusal_of(error: BatchError) -> Refusal:
    """Return an error of HubSpot as the outbox keeps it."""
    is_final = error.is_missing or error.category in FINAL
    return Refusal(f"{error.category} {error.detail}".strip(), is_missing=error.is_missing, is_final=is_final)


def parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield a sequence in parts of at most this size."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _in_halves(inputs: Mapping[str, Input], send: Callable[[Sequence[Input]], BatchAnswer]) -> Outcome:
    outcome = Outcome()
    rows = iter(inputs.items())
    first = dict(islice(rows, (len(inputs) + 1) // 2))
    for half in (first, dict(rows)):
        if half:
            outcome.add(write(half, send))
    return outcome


def _sorted(inputs: Mapping[str, Input], answer: BatchAnswer) -> Outcome:
    by_id = {str(one.get("id")): trace for trace, one in inputs.items()}
    outcome = Outcome()
    for record in answer.results:
        trace = record.object_write_trace_id or by_id.get(record.id, "")
        if trace in inputs:
            outcome.done[trace] = record.id
    for error in answer.errors:
        traces = error.trace_ids or tuple(by_id[key] for key in error.ids if key in by_id)
        outcome.refused.update({trace: refusal_of(error) for trace in traces if trace in inputs})
    return outcome
