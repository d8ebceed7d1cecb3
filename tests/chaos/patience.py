"""How long the rig waits: as long as things come closer to the right state, however slow the machine is."""

import time
from collections.abc import Callable

# Longer than anything rests by itself: a lease with its sweep, a mail that was put off twice, a worker that starts on
# a busy machine.
STANDSTILL_SECONDS = 300.0


class Patience:
    """Runs out when nothing has come closer for a while; `distance` says how much is still wrong.

    Only a distance that is smaller than ever counts as progress, so that it runs out one day also when syncs come and
    go without an end.
    """

    def __init__(self, *, seconds: float = STANDSTILL_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._least: int | None = None
        self._since = clock()

    @property
    def is_over(self) -> bool:
        """Whether nothing has moved for too long."""
        return self._clock() - self._since >= self.seconds

    def note(self, distance: int) -> None:
        """Take in how much is wrong now."""
        if self._least is None or distance < self._least:
            self._least = distance
            self.begin_again()

    def begin_again(self) -> None:
        """Count from now on: something was set back on purpose."""
        self._since = self._clock()
