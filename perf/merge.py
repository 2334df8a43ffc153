#!/usr/bin/env python3
"""Puts the parts of a run into one results file.

    perf/merge.py [--out FILE] [--command TEXT]... [--note TEXT]... PART...

A part is what 'gpt bench --json', 'gpt profile --json', 'gpt bench --kernels --json' or the Python side wrote: one record, a list of
them, a results file, or a record a line (.jsonl). Parts may be half-written: what is not whole or not valid is named, on standard error
and under "left_out", and the rest is kept. Without --out the file is perf/results/DATE-MACHINE.json. Needs the standard library alone.
Exit code 1 where no valid record was found, 2 for a wrong call.
"""

import argparse
import os
import sys

import results_file
from results_file import BadResults

MOST_NAMED = 50   # what is left out of one part, by name; the rest is counted


def parse_part(content, path):
    """(what the part holds as a list, [(place, reason)] of lines that are no JSON)."""
    if not content.strip():
        raise BadResults(f"{path}: empty")
    try:
        whole = results_file.parse(content, path)
    except BadResults:
        lines = [(index + 1, line) for index, line in enumerate(content.split("\n")) if line.strip()]
        if not path.endswith(".jsonl") and not (len(lines) > 1 and all(line.lstrip().startswith("{\"") for _, line in lines)):
            raise
        return parse_lines(lines, path)
    if isinstance(whole, dict) and "records" in whole:
        if not isinstance(whole["records"], list):
            raise BadResults(f"{path}: records is not a list")
        return whole["records"], []
    return (whole if isinstance(whole, list) else [whole]), []


def parse_lines(lines, path):
    records, wrong = [], []
    for index, line in lines:
        try:
            records.append(results_file.parse(line, f"line {index}"))
        except BadResults as error:
            wrong.append((path, str(error)))
    return records, wrong


def read_part(path):
    """(valid records, [(place, reason)] of what is left out); never raises for what a file may hold."""
    try:
        found, wrong = parse_part(results_file.read_text(path), path)
    except BadResults as error:
        return [], [(path, results_file.without(f"{path}: ", str(error)))]
    records = []
    for index, record in enumerate(found[:results_file.MOST_RECORDS]):
        try:
            results_file.check_record(record)
            records.append(record)
        except BadResults as error:
            wrong.append((path, f"record {index + 1}: {error}"))
    if len(found) > results_file.MOST_RECORDS:
        wrong.append((path, f"{len(found) - results_file.MOST_RECORDS} records beyond {results_file.MOST_RECORDS}"))
    if len(wrong) > MOST_NAMED:
        wrong[MOST_NAMED:] = [(path, f"{len(wrong) - MOST_NAMED} more")]
    return records, wrong


def versions_of(records):
    """The versions that the records say; where two differ, all of them."""
    seen = {}
    for record in records:
        flat = {results_file.without("version_", name): version for name, version in record.items() if name.startswith("version_")}
        for name, version in {**flat, **(record.get("versions") or {})}.items():
            if isinstance(version, (str, int, float)):
                seen.setdefault(name, []).append(str(version))
    return {name: ", ".join(dict.fromkeys(found)) for name, found in sorted(seen.items())}


def merge(parts, commands=(), notes=(), machine=None):
    """The content of one results file out of parts by path."""
    records, left_out = [], []
    for path in parts:
        found, wrong = read_part(path)
        records += found
        left_out += [{"part": os.path.basename(place), "reason": reason} for place, reason in wrong]
    own = [record["command"] if isinstance(record["command"], str) else " ".join(record["command"])
           for record in records if record.get("command")]
    results = {"schema": results_file.SCHEMA, "when": results_file.now(), "machine": machine or results_file.describe_machine(),
               "versions": versions_of(records), "commands": list(dict.fromkeys([*commands, *own])), "records": records}
    if notes:
        results["notes"] = list(notes)
    if left_out:
        results["left_out"] = left_out
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", metavar="PART")
    parser.add_argument("--out", help="results file; perf/results/DATE-MACHINE.json by default")
    parser.add_argument("--command", action="append", default=[], help="a command that made the parts; may be given again")
    parser.add_argument("--note", action="append", default=[], help="what a reader must know; may be given again")
    options = parser.parse_args()
    results = merge(options.parts, options.command, options.note)
    for entry in results.get("left_out", []):
        print(f"merge: {entry['part']}: {entry['reason']} (left out)", file=sys.stderr)
    if not results["records"]:
        sys.exit(f"merge: none of the {len(options.parts)} parts holds a valid record; nothing was written.")
    path = options.out or results_file.new_path(results)
    results_file.save(path, results)
    print(f"{path}: {len(results['records'])} records from {len(options.parts)} parts, {len(results.get('left_out', []))} left out")


if __name__ == "__main__":
    main()
