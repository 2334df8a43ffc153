#!/usr/bin/env python3
"""Draws README's table of the CPU comparison from a results file.

    perf/update_readme.py perf/results/DATE-MACHINE.json README.md

A run that lacks a workload which the table has leaves the table as it is, and says so.
"""

import re
import sys

import results_file
from results_file import BadResults

BEGIN, END = "<!-- perf:begin -->", "<!-- perf:end -->"
TURNS = {1: "one turn", 2: "two turns", 3: "three turns", 4: "four turns", 5: "five turns"}


def table(results):
    """Markdown: where and when, then a row a workload."""
    rows = [record for record in results["records"] if record["kind"] in ("bench", "torch") and record["device"] == "cpu"]
    if not rows:
        raise BadResults("it has no CPU rows; README's table stays as it is")
    lines = [heading(results, rows), "", "| workload | gpt | torch, idiomatic | torch, tuned | gpt over the better | GFLOP/s | peak memory, MiB |",
             "|---|---|---|---|---|---|---|"]
    for preset in dict.fromkeys(row["preset"] for row in rows):
        lines.append(line(preset, [row for row in rows if row["preset"] == preset]))
    lines += ["", "Peak memory in the order of the columns. " + " ".join(results.get("notes", []))]
    return "\n".join(text.rstrip() for text in lines)


def heading(results, rows):
    comparison = results.get("comparison", {})
    threads = rows[0].get("threads", comparison.get("threads", results["machine"].get("cores")))
    ceiling = next((row["peak_tflops_measured"] for row in rows if row.get("peak_tflops_measured")), None)
    rounds = comparison.get("rounds", 1)
    counted = sorted({row["steps"] for row in rows})
    steps = f"{counted[0]} steps" if len(counted) == 1 else f"{counted[0]} to {counted[-1]} steps"
    agreement = max((row["loss_difference"] for row in rows if row.get("loss_difference") is not None), default=None)
    return (f"Measured {results['when'][:10]} on {results['machine']['name']}, {threads} threads, torch {results['versions'].get('torch', '?')}"
            + (f"; large fp32 matrices there: {1e3 * ceiling:.0f} GFLOP/s" if ceiling else "")
            + f". Tokens/s, medians over {steps} in {TURNS.get(rounds, f'{rounds} turns')} of each program"
            + (f"; losses of both agree at every step within {agreement:.0e}." if agreement is not None else "; losses of both agree at every step."))


def line(preset, rows):
    by_name = {"gpt" if row["kind"] == "bench" else row.get("style"): row for row in rows}
    ours = by_name.get("gpt")
    speeds = {name: row["tokens_per_second"] for name, row in by_name.items()}
    better = max((speed for name, speed in speeds.items() if name != "gpt"), default=None)
    ratio = f"{speeds['gpt'] / better:.2f}×" if ours and better else "–"
    memory = " / ".join(number(results_file.memory_of(row) / 2 ** 20) for row in rows if results_file.memory_of(row))
    own = f"**{number(speeds['gpt'])}**" if ours else "–"
    work = f"{1e3 * ours['tflops']:.0f}" if ours and ours.get("tflops") else "–"
    return f"| {preset} | {own} | {number(speeds.get('idiomatic'))} | {number(speeds.get('tuned'))} | {ratio} | {work} | {memory or '–'} |"


def number(value):
    return f"{value:,.0f}" if value else "–"


def replace(document, drawn):
    """The document with what is between the marks replaced."""
    begin, end = document.find(BEGIN), document.find(END)
    if begin < 0 or end < begin:
        raise BadResults(f"there is no {BEGIN} … {END} in it to put the table between")
    return f"{document[:begin]}{BEGIN}\n{drawn}\n{document[end:]}"


def lacking(document, results):
    """Workloads that the document's table has and the results have not."""
    begin, end = document.find(BEGIN), document.find(END)
    shown = re.findall(r"^\| ([\w.-]+) \|", document[begin:end], re.MULTILINE)
    return [preset for preset in shown if preset != "workload" and not any(record.get("preset") == preset for record in results["records"])]


def update(results, readme):
    """Redraws the table; returns the workloads that kept it from being redrawn."""
    with open(readme, encoding="utf-8") as file:
        document = file.read()
    missing = lacking(document, results)
    if not missing:
        drawn = replace(document, table(results))
        with open(readme, "w", encoding="utf-8") as file:
            file.write(drawn)
    return missing


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        sys.exit(2)
    source, readme = sys.argv[1:]
    try:
        missing = update(results_file.load(source), readme)
    except (BadResults, OSError) as error:
        sys.exit(f"update_readme: {error}")
    print(f"The table in {readme} is as it was: this run has no {', '.join(missing)}." if missing else f"The table in {readme} is drawn from {source}.")


if __name__ == "__main__":
    main()
