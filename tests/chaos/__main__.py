"""`python -m tests.chaos 2000 --kills 50`: syncs under fire, and whether everything is right in the end.

Starts everything on loopback addresses, changes the company round by round, kills, hangs and restarts processes while
the syncs run, and waits after each round until the portal is as the company says. Ends with 1 when anything was lost,
doubled or wrongly ended, when a round stood still before all was right, or when a chain of tokens broke.
"""

import argparse
import signal
import sys

from tests.benchmark.rig import rig
from tests.chaos import refresh, rounds

# The import and one round of changes, five kills each; this seed brings every kind of kill.
SMOKE = {"people": 300, "kills": 10, "least_per_round": 5, "most_per_round": 5, "races": 20, "seed": 230}


def main() -> int:
    """Run the race for the token and the rounds, print the figures, return 1 when one of them is bad."""
    options = _options()
    # Whoever ends the rig gets its programs ended, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    are_good = True
    with rig() as made:
        if options.races:
            race = refresh.run(made, rounds=options.races, seed=options.seed)
            print(race.line(), flush=True)
            are_good &= race.is_good
        if options.kills:
            per_round = options.least_per_round, options.most_per_round
            result = rounds.run(
                made, people=options.people, kills=options.kills, seed=options.seed, per_round=per_round
            )
            are_good &= result.is_good
            print(result.line() if options.smoke else f"\n{result.line()}\n\n{result.table()}")
    return 0 if are_good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("people", nargs="?", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200, help="0: only the race for the token")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least-per-round", type=int, default=5, help="kills between two moments of peace, at least")
    parser.add_argument("--most-per-round", type=int, default=12, help="kills between two moments of peace, at most")
    parser.add_argument("--races", type=int, default=200, help="rounds of the race for the token; 0: none")
    parser.add_argument("--smoke", action="store_true", help="a small one, under three minutes on a quiet machine")
    if parser.parse_args().smoke:
        parser.set_defaults(**SMOKE)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
