"""What only HubSpot's connections need to remember."""

from .aliases import PrivacyReceipt, RecordAlias
from .calls import WorkflowCall
from .progress import ProgressPush, ProgressTarget, Strategy

__all__ = ["PrivacyReceipt", "ProgressPush", "ProgressTarget", "RecordAlias", "Strategy", "WorkflowCall"]
