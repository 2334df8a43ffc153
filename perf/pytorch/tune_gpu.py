"""Finds the fastest settings of train.py on a GPU: attention, compilation, optimizer, padding of the vocabulary, allocator.

Stage by stage, each setting in a fresh process; what a stage finds fastest goes on to the next. Bounded in time: a setting that takes longer
than its limit counts as one that does not run, and once the whole search has used its time the best so far is taken, and said to be so.
Remembered in .cache/pytorch_best.json by GPU, torch, workload, precision and number of GPUs. Needs no torch itself.
"""

import json
import os
import subprocess
import sys
import time

import tune

HERE = os.path.dirname(os.path.abspath(__file__))

# What a good user would start from, then one axis after another.
START = ["--optimizer", "fused", "--pad-vocabulary", "128", "--residual", "low", "--compile", "default", "--attention", "sdpa", "--loss", "plain"]
STAGES = (
    ("--attention", ("sdpa", "flex", "varlen")),
    ("--compile", ("default", "none", "max-autotune-no-cudagraphs", "reduce-overhead")),
    ("--optimizer", ("fused", "foreach")),
    ("--pad-vocabulary", ("128", "1")),
    ("--loss", ("plain", "linear")),
    ("--residual", ("low", "fp32")),
)
ENVIRONMENTS = ({}, {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"})
CPU_START = ["--optimizer", "foreach", "--pad-vocabulary", "128", "--compile", "none", "--attention", "explicit"]
CPU_STAGES = (("--pad-vocabulary", ("128", "1")), ("--optimizer", ("foreach", "single")))


def train_command(options, inputs, run, steps, arguments):
    """train.py under these settings; under torchrun where there are several GPUs."""
    launcher = [options.python]
    if options.gpus > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(options.gpus)]
    return [*launcher, os.path.join(HERE, "train.py"), "--config", os.path.join(inputs, "train.json"), "--data", os.path.join(inputs, "data"),
            "--init", os.path.join(inputs, "init"), "--run", run, "--steps", str(steps), "--threads", str(options.threads),
            "--device", options.device, "--precision", options.precision, *arguments]


def measure(options, inputs, environment, arguments, limit):
    """The median step's tokens a second of one fresh process; 0 where it cannot run so, or not within the limit."""
    command = train_command(options, inputs, os.path.join(inputs, "tune"), options.tune_steps, arguments)
    rate, reason = 0.0, ""
    try:
        code, output, error = tune.run_bounded(command, tune.environment_of(environment, options.threads), limit)
        if code == 0:
            rate = json.loads(output.strip().splitlines()[-1])["median_tokens_per_second"]
        else:
            reason = ([line for line in error.strip().splitlines() if line.strip()] or ["no message"])[-1][:300]
    except subprocess.TimeoutExpired:
        reason = f"not done within {limit:.0f} s"
    settings = " ".join([f"{key}={value}" for key, value in environment.items()] + arguments)
    print(f"  {rate:11.1f} tokens/s  {settings}" + (f"\n               {reason}" if reason else ""), flush=True)
    return rate


def replaced(arguments, option, value):
    """The arguments with one option's value changed."""
    changed = list(arguments)
    changed[changed.index(option) + 1] = value
    return changed


def search(options, inputs):
    """(environment, arguments, tokens a second, whether every stage was tried)."""
    start, stages = (START, STAGES) if options.device == "cuda" else (CPU_START, CPU_STAGES)
    begun, tried = time.monotonic(), {}

    def rate_of(environment, arguments):
        key = json.dumps([sorted(environment.items()), arguments])
        left = options.tune_limit - (time.monotonic() - begun)
        if key not in tried and (left > 0 or not any(tried.values())):
            tried[key] = measure(options, inputs, environment, arguments, min(options.trial_limit, max(left, 60)))
        return tried.get(key, -1.0)   # not tried for want of time

    chosen, environment = list(start), dict(ENVIRONMENTS[0])
    for option, values in stages:
        candidates = [replaced(chosen, option, value) for value in values]
        chosen = max(candidates, key=lambda arguments: rate_of(environment, arguments))
    if options.device == "cuda":
        environment = max(ENVIRONMENTS, key=lambda one: rate_of(one, chosen))
    complete = time.monotonic() - begun <= options.tune_limit
    return dict(environment), chosen, rate_of(environment, chosen), complete


def best(options, inputs, gpu, torch_version):
    """The remembered best for this GPU and workload, searched for once; None where no setting runs."""
    key = " | ".join([gpu, f"torch {torch_version}", f"{options.gpus} ranks", options.workload, options.precision])
    cache = tune.read_cache()
    if key not in cache or options.again:
        print(f"Looking for the fastest PyTorch settings: {key}", flush=True)
        environment, arguments, rate, complete = search(options, inputs)
        if rate <= 0:
            print("No setting of PyTorch runs here.", file=sys.stderr)
            return None
        if not complete:
            print(f"The search stopped after --tune-limit {options.tune_limit:.0f} s; the best so far is taken.", flush=True)
        cache = tune.read_cache()
        cache[key] = {"environment": environment, "arguments": arguments, "tokens_per_second": rate, "torch": torch_version, "complete": complete}
        tune.write_cache(cache)
    return cache[key]
