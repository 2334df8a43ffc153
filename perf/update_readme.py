#!/usr/bin/env python3
"""Files a results file of compare_cpu.py under perf/results and draws README's table from it.

    perf/update_readme.py RESULTS.json README.md perf/results
"""

import json
import os
import re
import sys

BEGIN, END = "<!-- perf:begin -->", "<!-- perf:end -->"


def table(results):
    lines = [f"Measured {results['when'][:10]} on {results['machine']}, {results['threads']} threads, torch {results['torch']}; "
             f"large fp32 matrices there: {results['large_matrix_gflops']:.0f} GFLOP/s. Tokens/s, medians of {results['rounds']} rounds; "
             "losses of both agree at every step.", "",
             "| workload | gpt | torch, idiomatic | torch, tuned | gpt over the better | GFLOP/s | peak memory, MiB |",
             "|---|---|---|---|---|---|---|"]
    for entry in results["workloads"]:
        ours, *others = entry["results"]
        speeds = {other["name"]: other["tokens_per_second"] for other in others}
        memory = " / ".join(f"{one['peak_rss_bytes'] / 2 ** 20:,.0f}" for one in entry["results"])
        idiomatic, tuned = speeds.get("torch idiomatic"), speeds.get("torch tuned")
        lines.append(f"| {entry['workload']} | **{ours['tokens_per_second']:,.0f}** | {number(idiomatic)} | {number(tuned)} | "
                     f"{ours['tokens_per_second'] / max(speeds.values()):.2f}× | {ours['gflops']:.0f} | {memory} |")
    return "\n".join(lines)


def number(value):
    return f"{value:,.0f}" if value else "–"


def main():
    source, readme, folder = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        results = json.load(file)
    os.makedirs(folder, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", results["machine"]).strip("-")
    path = os.path.join(folder, f"{results['when'][:10]}-{name}-cpu.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    with open(readme, "w", encoding="utf-8") as file:
        file.write(f"{text[:begin]}\n{table(results)}\n{text[end:]}")
    print(f"Written to {path} and {readme}")


if __name__ == "__main__":
    main()
