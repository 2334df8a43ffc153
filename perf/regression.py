#!/usr/bin/env python3
"""Holds one results file against an earlier one: is anything slower by more than noise?

    perf/regression.py OLD NEW [--band 0.03] [--relative] [--all]

Rows are matched by what they measure; the ratio is NEW's median time over OLD's, above 1 for slower. A row has become slower (or
faster) when the ratio leaves the noise band: the larger of --band and the two files' own spread together,

    spread of a file = max(p90 - median, median - p10) / median      band = max(--band, sqrt(old spread^2 + new spread^2))

so that a row measured on a busy machine needs more to be believed. PyTorch's rows are controls: they are shown, and where they moved
as well the machine is under suspicion, but they never fail the check. --relative divides a row's ratio by that of the controls on the same
work, and adds their spread to the band: on a machine that other work shares, only what became slower beside PyTorch counts. Rows that only
one file has are said, and so are those that a model gave in one file and a clock in the other: these are not compared. Exit code 1 where a row of
ours became slower, 2 for a wrong call or a file that cannot be read.
"""

import argparse
import math
import sys

import results_file
from results_file import BadResults

FLOOR = 0.03
NORMAL_P90_OVER_P75 = 1.2816 / 0.6745   # standard normal quantiles: quartiles widened to what p10 and p90 would be


def relative_spread(seconds):
    """Half the width from p10 to p90 over the median, on its wider side; from quartiles where only those are there; None without either."""
    median = seconds["median"]
    for low, high, factor in (("p10", "p90", 1.0), ("p25", "p75", NORMAL_P90_OVER_P75)):
        if seconds.get(low) is not None and seconds.get(high) is not None:
            return factor * max(seconds[high] - median, median - seconds[low]) / median
    return None


def is_control(record):
    return record["kind"] == "torch" or record["kind"] == "kernel" and record["implementation"] != "gpt"


class Comparison:
    """One row of both files."""

    def __init__(self, old, new, floor):
        self.record, self.floor = new, floor
        self.old, self.new = results_file.seconds_of(old), results_file.seconds_of(new)
        self.ratio = self.new["median"] / self.old["median"]
        self.spreads = [relative_spread(self.old), relative_spread(self.new)]
        self.spread_known = None not in self.spreads

    @property
    def band(self):
        return max(self.floor, math.hypot(*(part or 0.0 for part in self.spreads)))

    def divide_by(self, controls):
        """Takes out what the controls on the same work did: their geometric mean, and their mean spread."""
        self.ratio /= math.exp(sum(math.log(one.ratio) for one in controls) / len(controls))
        self.spreads.append(sum(math.hypot(*(part or 0.0 for part in one.spreads)) for one in controls) / len(controls))

    @property
    def verdict(self):
        if self.ratio > 1 + self.band:
            return "slower"
        return "faster" if self.ratio < 1 / (1 + self.band) else "same"

    @property
    def is_regression(self):
        return self.verdict == "slower" and not is_control(self.record)


def set_against_controls(comparisons):
    """Makes ratios relative to the controls' on the same work; a row without a control stays as it is."""
    controls = {}
    for one in comparisons:
        if is_control(one.record):
            controls.setdefault(results_file.work(one.record), []).append(one)
    for one in comparisons:
        if not is_control(one.record) and results_file.work(one.record) in controls:
            one.divide_by(controls[results_file.work(one.record)])


def timed(results):
    """({(key, is modelled): record} of the rows that have a time, how many of them came twice); the last row of a key counts."""
    rows = [record for record in results["records"] if results_file.seconds_of(record) is not None]
    by_key = {(results_file.key(record), results_file.is_modelled(record)): record for record in rows}
    return by_key, len(rows) - len(by_key)


def compare(old, new, floor=FLOOR):
    """(comparisons, records only in old, records only in new, records of new whose time in old is of the other sort: modelled, or measured)."""
    before, after = timed(old)[0], timed(new)[0]

    def unlike(name, other):
        return name not in other and (name[0], not name[1]) in other

    both = [Comparison(before[name], after[name], floor) for name in after if name in before]
    return (both, [before[name] for name in before if name not in after and not unlike(name, after)],
            [after[name] for name in after if name not in before and not unlike(name, before)],
            [after[name] for name in after if unlike(name, before)])


def time_text(seconds):
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1 or unit == "us":
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 1000 else f"{seconds * factor:.0f} {unit}"
    return ""


def print_table(comparisons, everything):
    rows = [("row", "old", "new", "ratio", "band", "")]
    order = {"slower": 0, "faster": 1, "same": 2}
    for one in sorted(comparisons, key=lambda one: (order[one.verdict], -abs(math.log(one.ratio)))):
        if one.verdict == "same" and not everything:
            continue
        remark = one.verdict if not is_control(one.record) else f"{one.verdict} (control)"
        rows.append((results_file.title(one.record), time_text(one.old["median"]), time_text(one.new["median"]), f"{one.ratio:.3f}",
                     f"{one.band:.1%}{'' if one.spread_known else '?'}", remark))
    if len(rows) == 1:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:5], widths[1:5])] + [row[5]]).rstrip())


def print_missing(what, records):
    for record in records[:20]:
        print(f"only in {what}: {results_file.title(record)}")
    if len(records) > 20:
        print(f"only in {what}: {len(records) - 20} more")


def report(old, new, old_name, new_name, floor=FLOOR, everything=False, relative=False):
    """Prints the check; returns whether nothing became slower."""
    if old["machine"]["name"] != new["machine"]["name"]:
        print(f"These are different machines: {old['machine']['name']} and {new['machine']['name']}; the ratios say nothing of the code.")
    comparisons, only_old, only_new, unlike = compare(old, new, floor)
    if relative:
        set_against_controls(comparisons)
    print(f"{old_name} -> {new_name}: {len(comparisons)} rows in both" + (", ours relative to PyTorch on the same work" if relative else ""))
    print_table(comparisons, everything)
    print_missing(old_name, only_old)
    print_missing(new_name, only_new)
    for record in unlike:
        modelled, measured = (new_name, old_name) if results_file.is_modelled(record) else (old_name, new_name)
        print(f"not compared: {results_file.title(record)} is modelled in {modelled} and measured in {measured}")
    for name, twice in ((old_name, timed(old)[1]), (new_name, timed(new)[1])):
        if twice:
            print(f"{name}: {twice} rows measure what a later row measures; the last counts.")
    if any(not one.spread_known for one in comparisons):
        print("?: a file has no spread for the row; the band is --band alone or the other file's.")
    controls = [one.ratio for one in comparisons if is_control(one.record)]
    if controls:
        middle = sorted(controls)[len(controls) // 2]
        print(f"PyTorch's rows, as a control: {middle:.3f} in the middle of {len(controls)}"
              + (f". The machine itself seems {'slower' if middle > 1 else 'faster'}." if abs(math.log(middle)) > math.log1p(floor) else "."))
    slower = [one for one in comparisons if one.is_regression]
    print(f"{len(slower)} slower, {sum(one.verdict == 'faster' and not is_control(one.record) for one in comparisons)} faster, "
          f"{sum(one.verdict == 'same' and not is_control(one.record) for one in comparisons)} within noise")
    return not slower


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--band", type=float, default=FLOOR, help="the least change that counts, as a share (0.03)")
    parser.add_argument("--relative", action="store_true", help="relative to PyTorch's rows on the same work")
    parser.add_argument("--all", action="store_true", help="also print the rows within noise")
    options = parser.parse_args()
    if not 0 <= options.band < 10:
        parser.error(f"--band {options.band}: a share from 0 up, as in 0.03 for 3 %.")
    try:
        old, new = results_file.load(options.old), results_file.load(options.new)
    except BadResults as error:
        print(f"regression: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if report(old, new, options.old, options.new, options.band, options.all, options.relative) else 1)


if __name__ == "__main__":
    main()
