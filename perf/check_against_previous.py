#!/usr/bin/env python3
"""Holds a new results file against the one before it of the same machine and torch: regression.py --relative with OLD found by itself.

    perf/check_against_previous.py perf/results/DATE-MACHINE.json

Exit code 1 where a row of ours became slower; 0 where none did or there is no earlier file.
"""

import os
import sys

import regression
import results_file
from results_file import BadResults


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        sys.exit(2)
    try:
        new = results_file.load(sys.argv[1])
    except BadResults as error:
        print(f"check_against_previous: {error}", file=sys.stderr)
        sys.exit(2)
    earlier, broken = results_file.previous(new)
    for reason in broken:
        print(f"passed over: {reason}", file=sys.stderr)
    if earlier is None:
        print(f"No earlier results of {new['machine']['name']} with torch {new['versions'].get('torch', 'none')}; nothing to compare with.")
        return
    path, old = earlier
    sys.exit(0 if regression.report(old, new, os.path.basename(path), os.path.basename(sys.argv[1]), everything=True, relative=True) else 1)


if __name__ == "__main__":
    main()
