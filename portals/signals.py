"""News about definitions, sent inside the transaction that saved them."""

from django.dispatch import Signal

# portal_id: a dynamic rule, its conditions or its base group changed.
rules_changed = Signal()
# group_id: courses were put on or taken off a group.
group_courses_changed = Signal()
