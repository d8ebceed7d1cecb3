"""Hand the plans of a batch of rows to the use-cases that the syncs use, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from portals.models import Group
from users import enrollments, grouping, provisioning
from users.import_plan import Planned
from users.models import BulkJob, ImportRow, Membership
from users.provisioning import Amendment, Cause, Ending, Newcomer

Kind = ImportRow.Kind


class Writer:
    """Hands the plans of one batch to the use-cases."""

    def __init__(self, job: BulkJob, now: datetime) -> None:
        self.job, self.portal, self.now = job, job.portal, now
        self.cause = Cause(actor_id=job.requested_by_id, reason="users_file")

    def write(self, plans: Mapping[int, Planned]) -> dict[str, int]:
        """Write everything; return the new memberships by the rows' ids as text."""
        added = self._add({pk: one for pk, one in plans.items() if one.kind in (Kind.ADD, Kind.INVITE)})
        updates = [one for one in plans.values() if one.kind == Kind.UPDATE]
        self._amend(updates)
        self._end([one for one in plans.values() if one.kind == Kind.END_ACCESS])
        moves = [(added.get(str(pk), one.membership_id or 0), one) for pk, one in plans.items()]
        self._move([(pk, one) for pk, one in moves if "groups" in one.after])
        return added

    def _add(self, plans: Mapping[int, Planned]) -> dict[str, int]:
        rows = [
            {
                "key": str(pk),
                "email": one.after["email"],
                "status": one.after["status"],
                "custom_data": one.after["custom_data"],
            }
            for pk, one in plans.items()
        ]
        groups = grouping.first_groups(portal_id=self.portal.pk, newcomers=rows, now=self.now)
        newcomers = [_newcomer(str(pk), one, groups.get(str(pk), ())) for pk, one in plans.items()]
        added = provisioning.add_learners(
            portal=self.portal, newcomers=newcomers, source=Membership.Source.CSV, cause=self.cause, now=self.now
        )
        pairs = [(added[one.key], group_id) for one in newcomers for group_id in one.rule_groups]
        if pairs:
            members, group_ids = zip(*pairs, strict=True)
            enrollments.enroll_added(portal=self.portal, pairs=(members, group_ids), now=self.now)
        return added

    def _amend(self, plans: Sequence[Planned]) -> None:
        amendments = []
        for one in plans:
            fields = {name: value for name, value in one.after.items() if name != "groups"}
            if fields and one.membership_id:
                before = {name: one.before[name] for name in fields}
                amendments.append(Amendment(one.membership_id, fields, before))
        if amendments:
            provisioning.amend_learners(portal=self.portal, amendments=amendments, cause=self.cause, now=self.now)
            ids = [one.membership_id for one in amendments]
            grouping.regroup(portal_id=self.portal.pk, membership_ids=ids, now=self.now)

    def _end(self, plans: Sequence[Planned]) -> None:
        endings = [Ending(one.membership_id, None) for one in plans if one.membership_id]
        provisioning.end_access(portal=self.portal, endings=endings, by="admin", cause=self.cause, now=self.now)

    def _move(self, moves: Sequence[tuple[int, Planned]]) -> None:
        """Let people join and leave groups, one group at a time."""
        joining: dict[int, list[int]] = {}
        leaving: dict[int, list[int]] = {}
        for membership_id, one in moves:
            before, after = set(one.before.get("groups", ())), set(one.after["groups"])
            for group_id in after - before:
                joining.setdefault(group_id, []).append(membership_id)
            for group_id in before - after:
                leaving.setdefault(group_id, []).append(membership_id)
        groups = Group.objects.in_bulk([*joining, *leaving])
        for group_id, ids in sorted(joining.items()):
            grouping.add_members(
                group=groups[group_id], membership_ids=ids, now=self.now, actor_id=self.job.requested_by_id
            )
        for group_id, ids in sorted(leaving.items()):
            grouping.remove_members(
                group=groups[group_id],
                membership_ids=ids,
                now=self.now,
                process_unenrollments=bool(self.job.options.get("process_unenrollments")),
                actor_id=self.job.requested_by_id,
            )


def _newcomer(key: str, planned: Planned, rule_groups: Sequence[int]) -> Newcomer:
    after = planned.after
    return Newcomer(
        key=key,
        email=after["email"],
        first_name=after.get("first_name", ""),
        last_name=after.get("last_name", ""),
        status=after["status"],
        custom_data=after["custom_data"],
        user_id=planned.user_id,
        mail=after["mail"],
        rule_groups=rule_groups,
    )
