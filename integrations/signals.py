"""News of the shared code that providers listen to; receivers work inside the sender's transaction."""

from django.dispatch import Signal

# connection, membership_ids: these people were just linked with records, whether they are new here or not. Who was
# only invited is not among them: users.signals tells when they accept.
people_linked = Signal()
# connection: all of its links are about to be deleted, because they were too old or of another kind of records.
links_dropped = Signal()
