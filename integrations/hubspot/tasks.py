"""Background work for HubSpot, in a queue of its own."""

# Workflow actions

# Progress

# Events, privacy
