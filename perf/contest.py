"""What every side-by-side of gpt and PyTorch shares: contestants that take turns on the same inputs, and the records they leave."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import results_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
LOSS_TOLERANCE = {"fp32": 1e-3, "tf32": 2e-3, "fp16": 1e-2, "bf16": 1e-2}


class ProgramFailed(Exception):
    """One of the programs did not do its work; the message says which and how it ended."""


def run_program(command, environment, run, limit=None):
    """Runs one training; returns its lines of metrics, what it printed, wall seconds, and peak resident memory in bytes."""
    metrics = os.path.join(run, "metrics.jsonl")
    if os.path.exists(metrics):
        os.remove(metrics)
    start = time.monotonic()
    with open(run + ".log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=limit is not None)
        peak = wait(process, limit, start)
    wall = time.monotonic() - start
    with open(run + ".log", encoding="utf-8", errors="replace") as log:
        lines = log.read().splitlines()
    if process.returncode:
        tail = "\n".join(lines[-5:])
        raise ProgramFailed(f"{shlex.join(command)}\nended with {process.returncode}:\n{tail}")
    with open(metrics, encoding="utf-8") as file:
        steps = [line for line in map(json.loads, file) if line["kind"] == "train"]
    return {"steps": steps, "lines": lines, "wall_seconds": wall, "peak_rss_bytes": peak}


def wait(process, limit, start):
    """Waits for a process, at most to its limit; returns its peak resident memory."""
    while True:
        done, status, usage = os.wait4(process.pid, 0 if limit is None else os.WNOHANG)
        if done:
            process.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            return usage.ru_maxrss * 1024
        if time.monotonic() - start > limit:
            os.killpg(process.pid, signal.SIGKILL)   # the group is the process's own: a launcher leaves its ranks behind otherwise
            os.wait4(process.pid, 0)
            process.returncode = -9
            raise ProgramFailed(f"{shlex.join(process.args)}\nwas not done within {limit:.0f} s.")
        time.sleep(0.05)


def remove_folder(path):
    """A run folder with checkpoints in it may be refused; each turn starts without one."""
    for folder, _, files in os.walk(path, topdown=False):
        for file in files:
            os.remove(os.path.join(folder, file))
        os.rmdir(folder)


class Contestant:
    """One program with its settings, gathering the steps of all its turns."""

    def __init__(self, name, command, environment, run, settings=None):
        self.name, self.command, self.environment, self.run, self.settings = name, command, environment, run, settings
        self.seconds, self.losses, self.peak, self.walls, self.summary = [], None, 0, [], {}
        self.device_peak = 0   # bytes of device memory, where somebody watches them

    def take_turn(self, options, environment):
        """One run in a fresh process; its first steps do not count."""
        remove_folder(self.run)
        os.makedirs(self.run)
        outcome = run_program(shlex.split(options.prefix) + self.command, environment, self.run, options.limit)
        if len(outcome["steps"]) != options.steps:
            raise ProgramFailed(f"{self.name} reported {len(outcome['steps'])} of {options.steps} steps in {self.run}.")
        counted = outcome["steps"][options.warm_up:]
        self.seconds += [step["seconds"] for step in counted]
        self.losses = [step["loss"] for step in outcome["steps"]]
        self.peak = max(self.peak, outcome["peak_rss_bytes"])
        self.walls.append(outcome["wall_seconds"])
        self.summary = summary_of(outcome["lines"])

    @property
    def is_gpt(self):
        return self.name == "gpt"

    def record(self, base, tokens, flop, ceiling):
        """Its row of the results file; tokens of a step, FLOP of a token, the ceiling in FLOP/s or None."""
        spread = results_file.spread_of(self.seconds)
        rate = tokens / spread["median"]
        row = {"kind": "bench" if self.is_gpt else "torch", **base, "step_seconds": spread, "steps": len(self.seconds),
               "tokens_per_second": rate, "tflops": rate * flop / 1e12, "loss": self.losses[-1], "losses": self.losses,
               "wall_seconds": self.walls, "command": self.portable_command()}
        if ceiling:
            row["peak_tflops_measured"], row["mfu_measured"] = ceiling / 1e12, rate * flop / ceiling
        memory = self.peak if base["device"] == "cpu" else self.device_peak
        if memory:
            row["memory_bytes"] = memory
        if not self.is_gpt:
            row["style"] = results_file.without("torch ", self.name)
            row["settings"] = {"environment": self.environment, **(self.settings or {})}
            row["versions"] = {name: self.summary[name] for name in ("torch", "cuda") if self.summary.get(name)}
        return row

    def portable_command(self):
        """The command as it would be typed in the repository's root, whatever machine that is on."""
        return [os.path.relpath(part, ROOT) if part.startswith(ROOT) else os.path.basename(part) if os.path.isabs(part) else part
                for part in self.command]


def summary_of(lines):
    """The last line that is a summary, as train.py prints one; else nothing."""
    for line in reversed(lines[-20:]):
        if line.startswith("{\"kind\": \"summary\""):
            return json.loads(line)
    return {}


def loss_difference(contestants):
    """The largest relative difference of a step's loss from the last contestant's."""
    reference = contestants[-1].losses
    return max((abs(a - b) / abs(b) for one in contestants[:-1] for a, b in zip(one.losses, reference)), default=0.0)


def hold(contestants, options, environment_of):
    """All rounds, the contestants in turn."""
    for _ in range(options.rounds):
        for contestant in contestants:
            contestant.take_turn(options, environment_of(contestant))


def print_rows(contestants, tokens, flop, difference, heading):
    """What a person wants to see at once."""
    print(f"\n{heading}; losses within {difference:.1e}")
    first = None
    for contestant in contestants:
        spread = results_file.spread_of(contestant.seconds)
        rate = tokens / spread["median"]
        first = first or (contestant.name, rate)
        memory = contestant.device_peak or contestant.peak
        print(f"  {contestant.name:24} {rate:11.1f} tokens/s  ({tokens / spread['p90']:.1f} to {tokens / spread['p10']:.1f})  "
              f"{rate * flop / 1e12:8.3f} TFLOP/s  peak {memory / 2 ** 20:7.0f} MiB"
              + (f"  {first[0]} is {first[1] / rate:.2f}x" if first[0] != contestant.name else ""), flush=True)


def add_arguments(parser, rounds, steps, warm_up):
    """The options of every side-by-side."""
    parser.add_argument("--gpt", default=os.path.join(ROOT, "out", "gpt"), help="the gpt program; \"none\" for PyTorch alone")
    parser.add_argument("--rounds", type=int, default=rounds, help="turns of each program")
    parser.add_argument("--steps", type=int, default=steps, help="optimizer steps a turn, warm-up included")
    parser.add_argument("--warm-up", type=int, default=warm_up, help="first steps of each turn that do not count")
    parser.add_argument("--out", help="results file; perf/results/DATE-MACHINE.json by default")
    parser.add_argument("--note", action="append", default=[], help="what a reader must know; may be given again")
    parser.add_argument("--limit", type=float, help="seconds that one turn may take; none by default")


def check_arguments(parser, options):
    if not 0 <= options.warm_up < options.steps or options.rounds < 1:
        parser.error(f"--warm-up {options.warm_up} leaves none of --steps {options.steps} to count, or --rounds {options.rounds} is below 1.")
    if options.gpt != "none" and not os.access(options.gpt, os.X_OK):
        parser.error(f"{options.gpt} is no program; build it first (./build.sh) or name one with --gpt.")


def gpt_version(program):
    """What 'gpt --version' says, or None."""
    try:
        outcome = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return outcome.stdout.strip() if outcome.returncode == 0 else None


def write(options, records, versions, extra=None):
    """Writes the results file of a side-by-side; returns its path and content."""
    command = " ".join([os.path.relpath(sys.argv[0], ROOT), *map(shlex.quote, map(portable, sys.argv[1:]))])
    results = {"schema": results_file.SCHEMA, "when": results_file.now(), "machine": results_file.describe_machine(),
               "versions": {name: version for name, version in versions.items() if version}, "commands": [command], "records": records, **(extra or {})}
    if options.note:
        results["notes"] = options.note
    path = options.out or results_file.new_path(results)
    results_file.save(path, results)
    print(f"\nWritten to {path}")
    return path, results


def portable(argument):
    return os.path.relpath(argument, ROOT) if argument.startswith(ROOT) else argument


def fail_where_apart(differences):
    """Ends with code 1 where losses differ: (what, difference, tolerance)."""
    apart = [f"{what} by {difference:.1e}" for what, difference, tolerance in differences if not difference <= tolerance]
    if apart:
        sys.exit(f"The losses differ by more than their precision allows: {', '.join(apart)}. The speeds are not comparable.")
