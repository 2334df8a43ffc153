#!/usr/bin/env python3
"""Trains the same model on the GPU with gpt and with PyTorch, in turn, and writes both speeds into one results file.

    perf/compare_cuda.py [--gpt out/publish/gpt] [--presets gpt-89m gpt-304m gpt-1b] [--precision bf16] [--gpus 1]

Same configuration, initial weights and tokens; document mask on; low precision means fp32 masters with autocast (and a gradient scaler in
fp16) on PyTorch's side. PyTorch runs with the fastest settings that pytorch/tune_gpu.py finds here (remembered in .cache/): FlexAttention,
varlen attention or SDPA with a mask, torch.compile's modes, fused AdamW, a padded vocabulary, the allocator. The programs take turns, each
time in a fresh process whose first steps do not count; each step is timed inside its program, and device memory by nvidia-smi from outside.
The losses of the two must agree at every step. A preset that a program cannot run is named, and the others still run. Needs a Python with
torch and numpy. --device cpu tries the machinery without a GPU. Exit code 1 where nothing was measured or the losses differ.
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading

import contest
import results_file

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "pytorch"))

import tune       # noqa: E402  (found through the path set above)
import tune_gpu   # noqa: E402
import workloads  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", choices=workloads.GPU_WORKLOADS, default=["gpt-89m", "gpt-304m", "gpt-1b"])
    parser.add_argument("--precision", choices=("fp32", "tf32", "fp16", "bf16"), help="bf16 where the GPU has it, else fp16, by default")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs of this machine to train on")
    parser.add_argument("--micro-steps", type=int, default=4, help="micro-steps of an optimizer step")
    parser.add_argument("--tune-steps", type=int, default=12, help="optimizer steps of a trial of settings")
    parser.add_argument("--trial-limit", type=float, default=300, help="seconds that one trial of PyTorch's settings may take")
    parser.add_argument("--tune-limit", type=float, default=1200, help="seconds that the search may take for one preset")
    parser.add_argument("--again", action="store_true", help="search again even if the best settings are remembered")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has torch")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prefix", default="", help="a command to run each measured process under")
    contest.add_arguments(parser, rounds=2, steps=24, warm_up=6)
    options = parser.parse_args()
    contest.check_arguments(parser, options)
    options.precision = options.precision or default_precision(options)
    return options


def default_precision(options):
    """bf16 from compute capability 8 on, fp16 before; fp32 on the CPU."""
    if options.device == "cpu":
        return "fp32"
    code = "import torch; print(torch.cuda.get_device_capability()[0] if torch.cuda.is_available() else 0)"
    outcome = subprocess.run([options.python, "-c", code], capture_output=True, text=True, check=False)
    if outcome.returncode or outcome.stdout.strip() in ("", "0"):
        print(f"compare_cuda: the torch of {options.python} sees no GPU here; 'gpt doctor' tells what there is.", file=sys.stderr)
        sys.exit(3)
    return "bf16" if int(outcome.stdout) >= 8 else "fp16"


class MemoryWatch:
    """The most memory in use on the GPUs while it is open, beyond what was in use when it was opened; 0 without nvidia-smi."""

    def __init__(self, device):
        self.peak, self.done, self.active = 0, threading.Event(), device == "cuda"

    def __enter__(self):
        if self.active:
            self.before = self.used()
            self.thread = threading.Thread(target=self.watch, daemon=True)
            self.thread.start()
        return self

    def __exit__(self, *failure):
        if self.active:
            self.done.set()
            self.thread.join()
            self.peak = max(0, self.peak - self.before)

    def watch(self):
        while not self.done.wait(0.5):
            self.peak = max(self.peak, self.used())

    @staticmethod
    def used():
        """Bytes in use on the fullest GPU."""
        try:
            outcome = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
                                     capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return 0
        return max((int(line) << 20 for line in outcome.stdout.split() if line.isdigit()), default=0)


def make_inputs(options, preset):
    """Weights, tokens and configuration, made once for a set of choices."""
    name = f"{preset}-{options.device}-{options.precision}-{options.gpus}x{options.micro_steps}-{options.steps}"
    inputs = os.path.join(tune.CACHE, "gpu_workloads", name)
    if not os.path.exists(os.path.join(inputs, "train.json")):
        subprocess.run([options.python, os.path.join(HERE, "pytorch", "workloads.py"), preset, "--gpu", "--out", inputs,
                        "--micro-steps", str(options.micro_steps), "--world-size", str(options.gpus), "--precision", options.precision,
                        "--steps", str(options.steps)], check=True)
    return inputs


def make_contestants(options, preset, inputs, gpu, torch_version):
    contestants = []
    if options.gpt != "none":
        run = os.path.join(inputs, "gpt")
        command = [os.path.abspath(options.gpt), "train", "--config", os.path.join(inputs, "train.json"), "--data", os.path.join(inputs, "data"),
                   "--init", os.path.join(inputs, "init"), "--run", run, "--steps", str(options.steps), "--device", options.device]
        command += ["--gpus", str(options.gpus)] if options.gpus > 1 else []
        command += ["--threads", str(options.threads)] if options.device == "cpu" else []
        contestants.append(contest.Contestant("gpt", command, {}, run))
    options.workload = preset
    best = tune_gpu.best(options, inputs, gpu, torch_version)
    if best:
        run = os.path.join(inputs, "torch")
        contestants.append(contest.Contestant(
            "torch tuned", tune_gpu.train_command(options, inputs, run, options.steps, best["arguments"]), best["environment"], run,
            {"arguments": best["arguments"], "searched_all": best["complete"]}))
    return contestants


def compare(options, preset, gpu, torch_version):
    """All rounds of one preset; returns its records and how far the losses are apart."""
    inputs = make_inputs(options, preset)
    contestants = make_contestants(options, preset, inputs, gpu, torch_version)
    for _ in range(options.rounds):
        for contestant in contestants:
            with MemoryWatch(options.device) as watch:
                contestant.take_turn(options, tune.environment_of(contestant.environment, options.threads))
            contestant.device_peak = max(contestant.device_peak, watch.peak)
    differences, micro_batch = workloads.GPU_WORKLOADS[preset]
    section = workloads.configure(differences, micro_batch)["model"]
    tokens = micro_batch * section["context_length"] * options.micro_steps * options.gpus
    flop = workloads.flop_per_token(section)
    difference = contest.loss_difference(contestants)
    contest.print_rows(contestants, tokens, flop, difference, f"{preset}, {options.precision}, {micro_batch} x {section['context_length']} tokens, "
                       f"{options.micro_steps} micro-steps, {options.gpus} rank{'s' if options.gpus > 1 else ''}")
    base = {"preset": preset, "model": section, "micro_batch": micro_batch, "context_length": section["context_length"],
            "micro_steps": options.micro_steps, "precision": options.precision, "world_size": options.gpus, "device": options.device,
            "device_name": gpu, "warmup": options.warm_up}
    records = [{**contestant.record(base, tokens, flop, None), "loss_difference": difference} for contestant in contestants]
    shutil.rmtree(inputs, ignore_errors=True)   # several GB of weights a preset
    return records, difference


def main():
    options = parse_arguments()
    os.makedirs(tune.CACHE, exist_ok=True)
    torch_version = tune.capabilities(options.python)["torch"]
    gpu = results_file.describe_machine()["name"]
    print(f"{gpu}, {options.precision}, torch {torch_version}", flush=True)
    records, differences, left_out = [], [], []
    for preset in options.presets:
        try:
            found, difference = compare(options, preset, gpu, torch_version)
        except (contest.ProgramFailed, subprocess.CalledProcessError) as failure:
            print(f"compare_cuda: {preset}: {failure}", file=sys.stderr, flush=True)
            left_out.append({"part": preset, "reason": str(failure)[-2000:]})
            continue
        records += found
        differences.append((preset, difference, contest.LOSS_TOLERANCE[options.precision]))
    if not records:
        sys.exit("compare_cuda: nothing was measured.")
    contest.write(options, records, {"torch": torch_version, "gpt": None if options.gpt == "none" else contest.gpt_version(options.gpt)},
                  {"left_out": left_out} if left_out else {})
    contest.fail_where_apart(differences)


if __name__ == "__main__":
    main()
