"""News about definitions, sent inside the transaction that saved them."""

from django.dispatch import Signal

# portal_id, group_id: the group's dynamic rule, its conditions or its base group changed.
rules_changed = Signal()
# group_id, added, changed, removed (course ids), unenroll (bool): courses were put on a group, changed their terms
# there, or were taken off. With `unenroll`, members lose the unfinished enrollments that they have through the removed
# courses. Receivers may return a sentence about what follows.
group_courses_changed = Signal()
# course_id: a course was published (again). Receivers may return a sentence about what follows.
course_published = Signal()
# request, portal (or None), action ("added", "changed", "deleted"), object, before, after: someone edited a row on an
# admin page.
edited = Signal()
# field_id, choice_id, old, new: a choice was renamed, for people and rules too.
choice_renamed = Signal()
