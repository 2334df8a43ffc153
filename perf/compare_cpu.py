#!/usr/bin/env python3
"""Trains the same model on the CPU with gpt and with PyTorch, in turn, and prints both speeds and their ratio.

    perf/compare_cpu.py [--gpt out/gpt] [--python python3] [--workloads small medium gpt-89m gpt2-124m] [--rounds 3]

Same configuration, initial weights, tokens and threads; fp32, document mask on. PyTorch runs with the fastest settings that
pytorch/tune.py finds on this machine (remembered in .cache/), in two styles: "idiomatic" (F.cross_entropy, torch.optim) and
"tuned" (also hand-made in-place kernels out of torch's operations). The programs take turns (A B C A B C ...), each time in a
fresh process whose first steps do not count; a speed is the median over the counted steps of all rounds, each step timed
inside its program. The losses of the two must agree, or the comparison fails. Needs a Python with torch and numpy, and
nothing else. Exit code 1 where a program fails or the losses differ, 0 otherwise.
"""

import argparse
import datetime
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(HERE, "pytorch"))

import tune       # noqa: E402  (found through the path set above)
import workloads  # noqa: E402

LOSS_TOLERANCE = 1e-3


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpt", default=os.path.join(ROOT, "out", "gpt"), help="the gpt program; \"none\" for PyTorch alone")
    parser.add_argument("--workloads", nargs="+", choices=workloads.WORKLOADS, default=list(workloads.WORKLOADS))
    parser.add_argument("--styles", nargs="+", choices=("idiomatic", "tuned"), default=["idiomatic", "tuned"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12, help="optimizer steps a run, warm-up included")
    parser.add_argument("--warm-up", type=int, default=3, help="first steps of each run that do not count")
    parser.add_argument("--out", help="results file; perf/results/DATE-MACHINE-cpu.json by default")
    tune.add_arguments(parser)
    options = parser.parse_args()
    if options.warm_up >= options.steps:
        parser.error(f"--warm-up {options.warm_up} leaves none of --steps {options.steps} to count.")
    if options.gpt != "none" and not os.access(options.gpt, os.X_OK):
        parser.error(f"{options.gpt} is no program; build it first (./build.sh) or name one with --gpt.")
    return options


def run_program(command, environment, run):
    """Runs one training; returns its steps, wall seconds, seconds to the first step, and peak memory in bytes."""
    metrics = os.path.join(run, "metrics.jsonl")
    if os.path.exists(metrics):
        os.remove(metrics)
    start = time.time()
    with open(run + ".log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.time() - start
    if process.returncode:
        with open(run + ".log", encoding="utf-8", errors="replace") as log:
            tail = "".join(log.readlines()[-5:])
        raise SystemExit(f"{shlex.join(command)}\nended with {process.returncode}:\n{tail}")
    with open(metrics, encoding="utf-8") as file:
        steps = [line for line in map(json.loads, file) if line["kind"] == "train"]
    return {"steps": steps, "wall_seconds": wall, "peak_rss_bytes": usage.ru_maxrss * 1024}


class Contestant:
    """One program with its settings, gathering the speeds of all its runs."""

    def __init__(self, name, command, environment, run):
        self.name, self.command, self.environment, self.run = name, command, environment, run
        self.rates, self.losses, self.peak, self.walls = [], None, 0, []

    def take_turn(self, options):
        os.makedirs(self.run, exist_ok=True)
        environment = tune.environment_of(self.environment, options.threads)
        outcome = run_program(shlex.split(options.prefix) + self.command, environment, self.run)
        if len(outcome["steps"]) != options.steps:
            raise SystemExit(f"{self.name} reported {len(outcome['steps'])} of {options.steps} steps in {self.run}.")
        self.rates += [step["tokens_per_second"] for step in outcome["steps"][options.warm_up:]]
        self.losses = [step["loss"] for step in outcome["steps"]]
        self.peak = max(self.peak, outcome["peak_rss_bytes"])
        self.walls.append(outcome["wall_seconds"])

    def result(self, flop):
        quartiles = statistics.quantiles(self.rates, n=4) if len(self.rates) > 1 else self.rates * 3
        return {"name": self.name, "tokens_per_second": statistics.median(self.rates),
                "lower_quartile": quartiles[0], "upper_quartile": quartiles[2], "best": max(self.rates),
                "gflops": statistics.median(self.rates) * flop / 1e9, "peak_rss_bytes": self.peak,
                "wall_seconds": self.walls, "losses": self.losses, "command": self.portable_command(),
                "environment": self.environment}

    def portable_command(self):
        """The command as it would be typed in the repository's root, whatever machine that is on."""
        return [os.path.relpath(part, ROOT) if part.startswith(ROOT) else os.path.basename(part) if os.path.isabs(part) else part
                for part in self.command]


def make_contestants(options, workload):
    options.workload = workload
    inputs = tune.make_inputs(options)
    contestants = []
    if options.gpt != "none":
        run = os.path.join(inputs, "gpt")
        command = [os.path.abspath(options.gpt), "train", "--config", os.path.join(inputs, "train.json"),
                   "--data", os.path.join(inputs, "data"), "--init", os.path.join(inputs, "init"), "--run", run,
                   "--steps", str(options.steps), "--device", "cpu"]
        contestants.append(Contestant("gpt", command, {}, run))
    for style in options.styles:
        options.style = style
        best = tune.best(options, inputs)
        run = os.path.join(inputs, style)
        command = tune.train_command(options.python, inputs, run, options.steps, options.threads, best["arguments"])
        contestants.append(Contestant(f"torch {style}", command, best["environment"], run))
    return contestants


def loss_difference(contestants):
    """The largest relative difference of a step's loss from the last contestant's."""
    reference = contestants[-1].losses
    return max(abs(a - b) / abs(b) for one in contestants[:-1] for a, b in zip(one.losses, reference)) \
        if len(contestants) > 1 else 0.0


def compare(options, workload):
    """All rounds of one workload; returns its entry of the results file."""
    section = workloads.configuration(workload)["model"]
    flop = workloads.flop_per_token(section)
    contestants = make_contestants(options, workload)
    remove_old_runs(contestants)
    for _ in range(options.rounds):
        for contestant in contestants:
            remove_old_runs([contestant])
            contestant.take_turn(options)
    results = [contestant.result(flop) for contestant in contestants]
    difference = loss_difference(contestants)
    print(f"\n{workload}: C {section['d_model']}, L {section['n_layers']}, H {section['n_heads']}, "
          f"T {section['context_length']}, B {workloads.WORKLOADS[workload][1]}, V {section['vocab_size']}; "
          f"losses within {difference:.1e}")
    for result in results:
        ratio = results[0]["tokens_per_second"] / result["tokens_per_second"]
        print(f"  {result['name']:16} {result['tokens_per_second']:9.1f} tokens/s  "
              f"({result['lower_quartile']:.1f} to {result['upper_quartile']:.1f})  {result['gflops']:6.1f} GFLOP/s  "
              f"peak {result['peak_rss_bytes'] / 2 ** 20:6.0f} MiB"
              + (f"  {results[0]['name']} is {ratio:.2f}x" if result is not results[0] else ""), flush=True)
    return {"workload": workload, "model": section, "flop_per_token": flop, "loss_difference": difference,
            "results": results}


def remove_old_runs(contestants):
    """A run folder with checkpoints in it may be refused; each turn starts with an empty one."""
    for contestant in contestants:
        for folder, _, files in os.walk(contestant.run, topdown=False):
            for file in files:
                os.remove(os.path.join(folder, file))
            os.rmdir(folder)


def main():
    options = parse_arguments()
    os.makedirs(tune.CACHE, exist_ok=True)
    ceiling, environment = tune.fast_blas_environments(options)[0]
    print(f"{tune.machine()}, {options.threads} threads; large fp32 matrices: {ceiling:.0f} GFLOP/s "
          f"({' '.join(f'{key}={value}' for key, value in environment.items()) or 'stock'})", flush=True)
    entries = [compare(options, workload) for workload in options.workloads]
    now = datetime.datetime.now(datetime.timezone.utc)
    name = re.sub(r"[^A-Za-z0-9]+", "-", tune.machine()).strip("-")
    path = options.out or os.path.join(HERE, "results", f"{now:%Y-%m-%d}-{name}-cpu.json")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"kind": "cpu-training", "when": now.isoformat(timespec="seconds"), "machine": tune.machine(),
                   "threads": options.threads, "torch": tune.capabilities(options.python)["torch"],
                   "large_matrix_gflops": ceiling, "large_matrix_environment": environment, "rounds": options.rounds,
                   "steps": options.steps, "warm_up": options.warm_up, "workloads": entries}, file, indent=1)
        file.write("\n")
    print(f"\nWritten to {path}")
    apart = [entry["workload"] for entry in entries if not entry["loss_difference"] <= LOSS_TOLERANCE]
    if apart:
        sys.exit(f"The losses differ by more than {LOSS_TOLERANCE}: {', '.join(apart)}. The speeds are not comparable.")


if __name__ == "__main__":
    main()
