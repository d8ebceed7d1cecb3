"""What only HubSpot's connections need to remember."""

from .calls import WorkflowCall

__all__ = ["WorkflowCall"]
