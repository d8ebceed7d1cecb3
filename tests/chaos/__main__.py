"""`python -m tests.chaos 2000 --kills 50`: syncs under fire, and whether everything is right in the end.

Starts everything on loopback addresses, changes the company round by round, kills, hangs and restarts processes while
the syncs run, and waits after each round until the portal is as the company says. Ends with 1 when anything was lost,
doubled or wrongly ended.
"""

import argparse
import signal
import sys

from tests.benchmark.rig import rig
from tests.chaos import refresh, rounds

# The whole import and one round of changes, five kills each; the seed brings every kind of kill.
SMOKE = {"people": 300, "kills": 10, "least_per_round": 5, "most_per_round": 5, "races": 20, "seed": 30}


def main() -> int:
    """Run the rounds and the race for the token, print the figures, return 1 when one of them is bad."""
    options = _options()
    # Whoever ends the rig gets its programs ended, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with rig() as made:
        race = refresh.run(made, rounds=options.races, seed=options.seed)
        print(race.line(), flush=True)
        per_round = options.least_per_round, options.most_per_round
        result = rounds.run(made, people=options.people, kills=options.kills, seed=options.seed, per_round=per_round)
    print(f"\n{result.table()}\n{race.line()}")
    return 0 if result.is_good and race.is_good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("people", nargs="?", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least-per-round", type=int, default=1, help="kills between two moments of peace, at least")
    parser.add_argument("--most-per-round", type=int, default=3, help="kills between two moments of peace, at most")
    parser.add_argument("--races", type=int, default=200, help="rounds of the race for the token")
    parser.add_argument("--smoke", action="store_true", help="a small one, under three minutes")
    options = parser.parse_args()
    if options.smoke:
        vars(options).update(SMOKE)
    return options


if __name__ == "__main__":
    sys.exit(main())
