"""How often Python looks for garbage in cycles: seldom, and never among the modules and classes that stay."""

import gc
from importlib import import_module

from django.conf import settings

# New objects between two looks at the youngest; Python's own 700 are over with a tenth of a page of people.
OBJECTS = 10_000


def spare_what_stays() -> None:
    """Leave everything out of it that is there now; called once, when a process is about to start its work."""
    # Loaded with the first request otherwise, or with the first mail that leads to a page.
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS, 10, 10)
