"""News about people, sent inside the transaction that changed them; other apps listen."""

from django.dispatch import Signal

# portal_id, membership_ids (list): learners were added, by whatever path.
learners_added = Signal()
# portal_id, membership_ids: names, addresses, custom data, status or last day changed.
learners_changed = Signal()
# user_ids, portal_id: e-mail addresses changed, in that portal or (None) by an operator; all portals see the new ones.
addresses_changed = Signal()
# portal_id, membership_ids: access was ended or restored.
access_changed = Signal()
# membership_ids: an admin allowed invitations that one had cancelled.
invitations_allowed = Signal()
# membership_ids: values that an admin kept may follow their source again.
pins_lifted = Signal()
# enrollment_ids: enrolled, progressed, completed, unenrolled (ids of deleted rows included).
enrollments_changed = Signal()
# portal_ids, membership_ids, addresses: someone is about to be deleted for good in these portals.
account_erased = Signal()
