#!/usr/bin/env python3
"""Trains the same model on the CPU with gpt and with PyTorch, in turn, and prints both speeds and their ratio.

    perf/compare_cpu.py [--gpt out/gpt] [--python python3] [--workloads small medium gpt-89m gpt2-124m] [--rounds 3]

Same configuration, initial weights, tokens and threads; fp32, document mask on. PyTorch runs with the fastest settings that
pytorch/tune.py finds on this machine (remembered in .cache/), in two styles: "idiomatic" (what torch has: torch.compile, SDPA, its losses
and optimizers) and "tuned" (also hand-made in-place kernels out of torch's operations). --python names the torch. The programs take turns (A B C A B C ...), each time in a
fresh process whose first steps do not count; a speed is the median over the counted steps of all rounds, each step timed
inside its program. The losses of the two must agree, or the comparison fails. Needs a Python with torch and numpy, and
nothing else. Exit code 1 where a program fails or the losses differ, 0 otherwise.
"""

import argparse
import os
import sys

import contest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "pytorch"))

import tune       # noqa: E402  (found through the path set above)
import workloads  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=workloads.WORKLOADS, default=list(workloads.WORKLOADS))
    parser.add_argument("--styles", nargs="+", choices=("idiomatic", "tuned"), default=["idiomatic", "tuned"])
    contest.add_arguments(parser, rounds=3, steps=12, warm_up=3)
    tune.add_arguments(parser)
    options = parser.parse_args()
    contest.check_arguments(parser, options)
    return options


def make_contestants(options, workload):
    options.workload = workload
    inputs = tune.make_inputs(options)
    contestants = []
    if options.gpt != "none":
        run = os.path.join(inputs, "gpt")
        command = [os.path.abspath(options.gpt), "train", "--config", os.path.join(inputs, "train.json"),
                   "--data", os.path.join(inputs, "data"), "--init", os.path.join(inputs, "init"), "--run", run,
                   "--steps", str(options.steps), "--device", "cpu", "--threads", str(options.threads)]
        contestants.append(contest.Contestant("gpt", command, {}, run))
    for style in options.styles:
        options.style = style
        best = tune.best(options, inputs)
        run = os.path.join(inputs, style)
        command = tune.train_command(options.python, inputs, run, options.steps, options.threads, best["arguments"])
        contestants.append(contest.Contestant(f"torch {style}", command, best["environment"], run, {"arguments": best["arguments"]}))
    return contestants


def compare(options, workload, ceiling):
    """All rounds of one workload; returns its records and how far the losses are apart."""
    section = workloads.configuration(workload)["model"]
    micro_batch = workloads.WORKLOADS[workload][1]
    tokens, flop = micro_batch * section["context_length"], workloads.flop_per_token(section)
    contestants = make_contestants(options, workload)
    contest.hold(contestants, options, lambda one: tune.environment_of(one.environment, options.threads))
    difference = contest.loss_difference(contestants)
    contest.print_rows(contestants, tokens, flop, difference,
                       f"{workload}: C {section['d_model']}, L {section['n_layers']}, H {section['n_heads']}, "
                       f"T {section['context_length']}, B {micro_batch}, V {section['vocab_size']}")
    base = {"preset": workload, "model": section, "micro_batch": micro_batch, "context_length": section["context_length"],
            "precision": "fp32", "world_size": 1, "device": "cpu", "threads": options.threads, "warmup": options.warm_up}
    records = [{**contestant.record(base, tokens, flop, ceiling), "loss_difference": difference} for contestant in contestants]
    return records, difference


def main():
    options = parse_arguments()
    os.makedirs(tune.CACHE, exist_ok=True)
    gflops, environment = tune.fast_blas_environments(options)[0]
    print(f"{tune.machine()}, {options.threads} threads; large fp32 matrices: {gflops:.0f} GFLOP/s "
          f"({' '.join(f'{key}={value}' for key, value in environment.items()) or 'stock'})", flush=True)
    try:
        outcomes = [(workload, *compare(options, workload, gflops * 1e9)) for workload in options.workloads]
    except contest.ProgramFailed as failure:
        sys.exit(f"compare_cpu: {failure}")
    contest.write(options, [record for _, records, _ in outcomes for record in records],
                  {"torch": tune.capabilities(options.python)["torch"], "gpt": None if options.gpt == "none" else contest.gpt_version(options.gpt)},
                  {"comparison": {"threads": options.threads, "rounds": options.rounds, "large_matrix_gflops": gflops,
                                  "large_matrix_environment": environment}})
    contest.fail_where_apart([(workload, difference, contest.LOSS_TOLERANCE["fp32"]) for workload, _, difference in outcomes])


if __name__ == "__main__":
    main()
