"""What must be true at the end: from the provider's wire and the rig's own book, without the product's code.

The database is read by plain SQL, the mails from the folder of the mail server.
"""

import email
import email.policy
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tests.benchmark.expected import CITIES, CITIES_WITH_COURSE, DEPARTMENTS, custom_data, last_day, pages
from tests.chaos.company import Book

ZONE = ZoneInfo("America/Los_Angeles")
# People who are named when something is wrong.
EXAMPLES = 5

_PEOPLE = """
SELECT i.external_id, m.id, m.status, u.email, u.first_name, u.last_name,
    (SELECT jsonb_object_agg(f.label, data.value) FROM jsonb_each(m.custom_data) AS data
        JOIN portals_customfield AS f ON f.id = data.key::bigint),
    ARRAY(SELECT g.title FROM users_groupmembership AS gm JOIN portals_group AS g ON g.id = gm.group_id
        WHERE gm.membership_id = m.id ORDER BY g.title COLLATE "C"),
    ARRAY(SELECT c.title FROM users_enrollment AS e JOIN portals_course AS c ON c.id = e.course_id
        WHERE e.membership_id = m.id ORDER BY c.title COLLATE "C")
FROM integrations_externalidentity AS i
JOIN users_membership AS m ON m.id = i.membership_id
JOIN users_user AS u ON u.id = m.user_id
"""
_WORK = """
SELECT (SELECT count(*) FROM integrations_syncrun WHERE state IN ('queued', 'running')),
    (SELECT count(*) FROM users_invitation WHERE state IN ('scheduled', 'held'))
"""
_LEFT = """
(SELECT 'run', id, state, attempt, lapses, lease_expires_at - now(), totals::text, trouble
    FROM integrations_syncrun ORDER BY id DESC LIMIT 5)
UNION ALL
(SELECT 'mail', min(id), state, max(tries), count(*), max(next_try_at) - now(), '', max(failure)
    FROM users_invitation WHERE state IN ('scheduled', 'held', 'failed') GROUP BY state)
"""
_ROWS = "SELECT (SELECT count(*) FROM users_membership), (SELECT count(*) FROM users_user)"
_ENDINGS = """
SELECT i.external_id, count(*) FROM users_auditentry AS a
JOIN integrations_externalidentity AS i ON i.membership_id = a.object_id AND a.object_type = 'users.membership'
WHERE a.action = 'access_ended' GROUP BY i.external_id
"""


@dataclass(frozen=True)
class Wanted:
    """What one person should be.

    Groups and courses do not matter while somebody has no access, having left or having come back to a new invitation:
    they are kept as they were, and made right when the person accepts.
    """

    status: str
    email: str
    first_name: str
    last_name: str
    data: dict[str, Any] | None
    groups: tuple[str, ...] | None
    courses: tuple[str, ...] | None


@dataclass
class Verdict:
    """What is not as it should be, by person."""

    # By id: what should be, and what is.
    lost: dict[str, tuple[Wanted, Any]] = field(default_factory=dict)
    wrongly_ended: set[str] = field(default_factory=set)
    surplus: int = 0

    @property
    def is_right(self) -> bool:
        """Whether everything is as it should be."""
        return not self.distance

    @property
    def distance(self) -> int:
        """Return how much is not as it should be."""
        return len(self.lost.keys() | self.wrongly_ended) + self.surplus

    def told(self) -> str:
        """Return it in words, with some of the people."""
        lines = [
            f"{len(self.lost)} people are not as they should be, {len(self.wrongly_ended)} of them wrongly ended;"
            f" {self.surplus} are there twice or should not be there."
        ]
        for uuid, (wanted, found) in islice(self.lost.items(), EXAMPLES):
            lines.append(f"{uuid} should be {wanted}, but is {found}.")
        return "\n".join(lines)


class Oracle:
    """Knows the right state of one round."""

    def __init__(self, book: Book, *, api_url: str, token: str, company: str) -> None:
        self._book = book
        self._wire = (api_url, token, company)
        self.wanted: dict[str, Wanted] = {}

    @property
    def employed(self) -> list[str]:
        """Return everyone who should be a learner with access, or be invited."""
        return [uuid for uuid, one in self.wanted.items() if one.status != "ended"]

    def read(self, *, joins_as: str) -> None:
        """Read the provider's whole list and work out what everybody must be after the next sync."""
        today = datetime.now(ZONE).date()
        everyone = [one for page in pages(*self._wire) for one in page]
        self.wanted = {one["uuid"]: wanted for one in everyone if (wanted := self._judge(one, today, joins_as))}

    def _judge(self, employee: dict[str, Any], today: date, joins_as: str) -> Wanted | None:
        uuid, book = employee["uuid"], self._book
        address = (employee["work_email"] or employee["email"] or "").lower()
        final_day = last_day(employee)
        has_left = employee["terminated"] or (final_day is not None and date.fromisoformat(final_day) < today)
        was = self.wanted.get(uuid)
        if has_left:
            if was is None:
                return None
            if was.status != "ended":
                book.endings[uuid] = book.endings.get(uuid, 0) + 1
            book.pending.discard(uuid)
            return Wanted("ended", was.email, was.first_name, was.last_name, None, None, None)
        if not address:
            return None
        if was is None or was.status == "ended":
            book.admissions[uuid] = book.admissions.get(uuid, 0) + 1
            if joins_as == "pending":
                book.pending.add(uuid)
        book.owner_of[address] = uuid
        data = custom_data(employee)
        groups = [one for one in (data.get("department"), data.get("home_city")) if one in DEPARTMENTS + CITIES]
        if uuid in book.pending:
            groups = []
        is_back = uuid in book.pending and book.admissions[uuid] > 1
        courses = [f"About {title}" for title in groups if title in DEPARTMENTS + CITIES_WITH_COURSE]
        return Wanted(
            status="pending" if uuid in book.pending else "active",
            email=address,
            first_name=employee["first_name"],
            last_name=employee["last_name"],
            data=data or None,
            groups=None if is_back else tuple(sorted(groups)),
            courses=None if is_back else tuple(sorted(courses)),
        )

    def judge(self, database: psycopg.Connection) -> Verdict:
        """Compare everyone in the database with what they should be."""
        found: dict[str, list[Any]] = {}
        for uuid, _membership, *facts in database.execute(_PEOPLE):
            found[uuid] = facts
        verdict = Verdict()
        for uuid, wanted in self.wanted.items():
            row: list[Any] | None = found.get(uuid)
            if row is None or not _is_as(row, wanted):
                verdict.lost[uuid] = (wanted, row)
            if row is not None and row[0] == "ended" and wanted.status != "ended":
                verdict.wrongly_ended.add(uuid)
        found = {uuid: row for uuid, row in found.items() if uuid not in self.wanted}
        counts = database.execute(_ROWS).fetchone() or (0, 0)
        verdict.surplus = len(found) + sum(max(0, number - len(self.wanted)) for number in counts)
        return verdict

    def surplus_endings(self, database: psycopg.Connection) -> int:
        """Return how often somebody's access was ended who had not left, over the whole time."""
        found: dict[str, int] = dict(database.execute(_ENDINGS).fetchall())
        return sum(max(0, number - self._book.endings.get(uuid, 0)) for uuid, number in found.items())


def _is_as(row: list[Any], wanted: Wanted) -> bool:
    status, address, first_name, last_name, data, groups, courses = row
    if wanted.status == "ended":
        return bool(status == "ended")
    placed = (tuple(groups), tuple(courses)) if wanted.groups is not None else (None, None)
    return wanted == Wanted(status, address, first_name, last_name, data, *placed)


def is_idle(database: psycopg.Connection) -> bool:
    """Whether no run is live and no mail waits."""
    return database.execute(_WORK).fetchone() == (0, 0)


def work_left(database: psycopg.Connection) -> str:
    """Return in words what waits or is under way."""
    runs, mails = database.execute(_WORK).fetchone() or (0, 0)
    found = database.execute(_LEFT).fetchall()
    rows = "\n".join(" ".join(str(cell) for cell in row) for row in found)
    return f"{runs} runs are live, {mails} mails wait. The last runs, and until when mails wait:\n{rows}"


@dataclass(frozen=True)
class Mails:
    """The invitations that the mail server got, against those that people should have had."""

    lost: int
    doubled: int
    # The same mail handed over again: a worker died between the server's yes and the commit.
    repeated: int


class MailCounter:
    """Counts the mails in the server's folder; each file is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()
        self._ids: dict[str, Counter[str]] = defaultdict(Counter)

    def count(self, book: Book) -> Mails:
        """Compare what came with one mail per admission."""
        for path in sorted(self._folder.glob("*.eml")):
            if path.name not in self._read:
                self._read.add(path.name)
                self._take(path.read_bytes(), book)
        different = {uuid: len(ids) for uuid, ids in self._ids.items()}
        lost = sum(max(0, number - different.get(uuid, 0)) for uuid, number in book.admissions.items())
        doubled = sum(max(0, number - book.admissions.get(uuid, 0)) for uuid, number in different.items())
        return Mails(lost, doubled, _repeats(self._ids.values()))

    def _take(self, content: bytes, book: Book) -> None:
        message = email.message_from_bytes(content, policy=email.policy.default)
        identity = str(message["Message-ID"])
        if re.match(r"<invitation\.", identity):
            self._ids[book.owner_of[str(message["To"]).lower()]][identity] += 1


def _repeats(counters: Iterable[Counter[str]]) -> int:
    return sum(number - 1 for counter in counters for number in counter.values())
