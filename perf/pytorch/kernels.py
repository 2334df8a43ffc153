#!/usr/bin/env python3
"""Times PyTorch's operations on the cases of perf/kernel_cases.json, as 'gpt bench --kernels' times ours.

    python3 perf/pytorch/kernels.py [NAME...] [--device cuda|cpu] [--types fp16,bf16] [--seconds 0.5] [--json FILE]

Each case in every form that this torch has (eager, compiled, SDPA with a mask, FlexAttention, varlen, fused AdamW ...). Calls take sets of
tensors in turn that are together at least twice as large as the largest cache; a sample is a whole turn or several, at least a millisecond
long; CUDA events on a GPU, perf_counter on the CPU. Operations come in turn, so that a run cut by --limit has something of each. --json writes records of kind "kernel", one a line (perf/results/README.md). A form that
this torch cannot run is named on standard error, and does not end the run. Exit code 1 where nothing could be run.
"""

import argparse
import itertools
import json
import os
import sys
import time

import torch

import kernel_operations

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

import results_file   # noqa: E402  (found through the path set above)
import tune           # noqa: E402

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
CACHES_OF_SETS, MOST_SETS = 2, 256
SAMPLE_SECONDS, LONG_SAMPLE_SECONDS, LEAST_SAMPLES, MOST_SAMPLES, MOST_CALLS = 1e-3, 2e-2, 10, 200, 1 << 14
MOST_BYTES = 4 << 30   # what the sets may take together, unless one alone takes more
DEFAULT_CACHE = 64 << 20
TUNED = "GPTENGINE_PERF_TUNED"   # tells the program started anew what it was started with


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="operations, or parts of their names; all by default")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--types", default="fp32,fp16,bf16", help="of fp32, fp16, bf16; the CPU has fp32 alone")
    parser.add_argument("--forms", default="", help="only forms with one of these words, as in eager,sdpa,flex; compiled ones take seconds to compile each")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long to measure each form of a case")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cases", default=os.path.join(HERE, "..", "kernel_cases.json"))
    parser.add_argument("--json", help="file for a record a line")
    parser.add_argument("--stock", action="store_true", help="on the CPU, the BLAS and allocator as they are, not the fastest that tune.py finds")
    parser.add_argument("--limit", type=float, default=3600, help="seconds after which no further case is begun")
    options = parser.parse_args()
    options.types = options.types.split(",")
    if not set(options.types) <= set(TYPES):
        parser.error(f"--types {','.join(options.types)}: it takes some of {', '.join(TYPES)}.")
    if options.device == "cuda" and not torch.cuda.is_available():
        print("This torch sees no CUDA device; use --device cpu or a CUDA build of torch.", file=sys.stderr)
        sys.exit(3)
    return options


def cases(options):
    """[(operation, type, shape)] of the list that this call asks for."""
    with open(options.cases, encoding="utf-8") as file:
        listed = json.load(file)["operations"]
    scale = "cpu" if options.device == "cpu" else "gpu"
    types = ["fp32"] if options.device == "cpu" else usable_types(options.types)
    asked = [entry for entry in listed if not options.names or any(name in entry["operation"] for name in options.names)]
    if not asked:
        print(f"No operation is called {' or '.join(options.names)}. There are {', '.join(entry['operation'] for entry in listed)}.", file=sys.stderr)
        sys.exit(2)
    by_operation = [[(entry["operation"], kind, shape) for shape in entry[scale] for kind in reversed(entry["types"]) if kind in types] for entry in asked]
    return in_turn(by_operation)


def in_turn(lists):
    """One of each list, then the second of each and so on: a run that is cut short has something of everything."""
    return [one for row in itertools.zip_longest(*lists) for one in row if one is not None]


def usable_types(types):
    has_bf16 = torch.cuda.get_device_capability()[0] >= 8
    if "bf16" in types and not has_bf16:
        print("This GPU has no bf16; those cases are left out.", file=sys.stderr)
    return [kind for kind in types if kind != "bf16" or has_bf16]


def cache_bytes(device):
    """The largest cache: the GPU's second level, the processor's last."""
    if device == "cuda":
        return getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0) or DEFAULT_CACHE
    largest, folder = 0, "/sys/devices/system/cpu/cpu0/cache"
    for index in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        try:
            with open(os.path.join(folder, index, "size"), encoding="ascii") as file:
                text = file.read().strip()
            largest = max(largest, int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}[text[-1]])
        except (OSError, ValueError, KeyError, IndexError):
            continue   # an entry that has no size
    return largest or DEFAULT_CACHE


class Timer:
    """Times calls that take sets in turn: seconds a call, a number a sample, and how many calls a sample is the mean of."""

    def __init__(self, device):
        self.device, self.next = device, 0

    def time(self, call, sets, seconds):
        self.next = 0
        for _ in range(2):   # compiles, chooses algorithms, grows the allocator's pools
            self.batch(call, sets, sets)
        self.synchronize()
        estimate = self.wall(call, sets, sets)
        calls = self.calls_for(estimate, sets)
        wanted = int(min(max(seconds / max(estimate * calls, 1e-9), LEAST_SAMPLES), MOST_SAMPLES))
        samples = self.on_device(call, sets, calls, wanted) if self.device == "cuda" else [self.wall(call, sets, calls) for _ in range(wanted)]
        return samples, calls

    @staticmethod
    def calls_for(estimate, sets):
        """Whole turns through the sets that last long enough, or as many calls as make a long sample where a turn is longer."""
        if estimate * sets > LONG_SAMPLE_SECONDS:
            return max(1, int(LONG_SAMPLE_SECONDS / estimate))
        turns = -(-SAMPLE_SECONDS // max(estimate * sets, 1e-9))
        return int(min(max(turns, 1), max(1, MOST_CALLS // sets))) * sets

    def batch(self, call, sets, calls):
        for _ in range(calls):
            call(self.next)
            self.next = (self.next + 1) % sets

    def synchronize(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def wall(self, call, sets, calls):
        start = time.perf_counter()
        self.batch(call, sets, calls)
        self.synchronize()
        return (time.perf_counter() - start) / calls

    def on_device(self, call, sets, calls, wanted):
        """Events around each sample. The GPU is kept busy first, so that it never waits for the host between two launches."""
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(wanted + 1)]
        host = time.perf_counter()
        self.batch(call, sets, calls)
        host = (time.perf_counter() - host) * wanted
        self.synchronize()
        if hasattr(torch.cuda, "_sleep"):
            torch.cuda._sleep(int(min(1.2 * host, 0.5) * 2e9))   # cycles of some 2 GHz
        marks[0].record()
        for mark in marks[1:]:
            self.batch(call, sets, calls)
            mark.record()
        self.synchronize()
        return [1e-3 * before.elapsed_time(after) / calls for before, after in zip(marks, marks[1:])]


def measure(operation, kind, shape, options, timer, cache):
    """The records of one case, a form each."""
    make = kernel_operations.OPERATIONS[operation]
    sizing = kernel_operations.Tensors(options.device, TYPES[kind], 1)
    wanted = [word for word in options.forms.split(",") if word]
    forms = [name for name in make(shape, sizing) if not wanted or any(word in name for word in wanted)]
    most = min(max(MOST_BYTES // max(1, sizing.set_bytes), 1), MOST_SETS)
    sets = int(min(max(-(-CACHES_OF_SETS * cache // max(1, sizing.touched_bytes)), 1), most))
    del sizing
    records = []
    for name in forms:
        try:
            # Each form on tensors of its own, so that what one keeps does not crowd the next.
            call = make(shape, kernel_operations.Tensors(options.device, TYPES[kind], sets))[name]
            samples, calls = timer.time(call, sets, options.seconds)
        except Exception as error:   # whatever this torch lacks is named, and the other forms still run
            print(f"{operation} {kind} {shape}: {name}: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300],
                  file=sys.stderr, flush=True)
            continue
        finally:
            call = None
            if options.device == "cuda":
                torch.cuda.empty_cache()
        records.append({"kind": "kernel", "operation": operation, "implementation": name, "shape": shape, "type": kind, "device": options.device,
                        **({"threads": options.threads} if options.device == "cpu" else {"device_name": torch.cuda.get_device_name()}),
                        "seconds": results_file.spread_of(samples), "samples": len(samples), "calls_per_sample": calls, "sets": sets,
                        **({"settings": {"environment": options.environment}} if options.environment else {}),
                        "versions": versions(), "command": " ".join(["python3", "perf/pytorch/kernels.py", *sys.argv[1:]])})
    return records


def versions():
    found = {"torch": torch.__version__}
    if torch.version.cuda and torch.cuda.is_available():
        found["torch_cuda"] = torch.version.cuda
    return found


def with_fastest_libraries(options):
    """On the CPU, starts this program anew with the fastest BLAS and an allocator that keeps memory; returns what it then runs with."""
    if TUNED in os.environ:
        return json.loads(os.environ[TUNED])
    search = argparse.Namespace(python=sys.executable, threads=options.threads, prefix="", again=False)
    vectors = tune.compile_environment(search, tune.vector_environments()) if kernel_operations.HAS_COMPILE else None
    environment = tune.merged(tune.fast_blas_environments(search)[0][1], tune.allocator_environments()[1], vectors or {})
    os.execve(sys.executable, [sys.executable, *sys.argv], {**tune.environment_of(environment, options.threads), TUNED: json.dumps(environment)})


def prepare(options):
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)   # the forms that go back through a graph turn it on themselves
    if options.device == "cuda":
        torch.set_float32_matmul_precision("highest")   # fp32 means fp32, as ours
    if kernel_operations.HAS_COMPILE:
        import torch._functorch.config as functorch
        if hasattr(functorch, "donated_buffer"):
            functorch.donated_buffer = False   # graphs are kept and gone back through again
        import torch._dynamo as dynamo
        for name in ("cache_size_limit", "recompile_limit"):
            if hasattr(dynamo.config, name):
                setattr(dynamo.config, name, 256)   # a graph a shape; the default of 8 would fall back to eager without a word


def main():
    options = parse_arguments()
    options.environment = with_fastest_libraries(options) if options.device == "cpu" and not options.stock else {}
    prepare(options)
    chosen = cases(options)
    timer, cache, begun = Timer(options.device), cache_bytes(options.device), time.monotonic()
    where = torch.cuda.get_device_name() if options.device == "cuda" else f"CPU, {options.threads} threads"
    print(f"torch {torch.__version__}, {where}; operands rotate over {CACHES_OF_SETS} x {cache / 2 ** 20:.0f} MiB", flush=True)
    out = open(options.json, "w", encoding="utf-8") if options.json else None
    count = 0
    for index, (operation, kind, shape) in enumerate(chosen):
        if time.monotonic() - begun > options.limit:
            print(f"--limit {options.limit:.0f} s: {len(chosen) - index} of {len(chosen)} cases are left out.", file=sys.stderr)
            break
        for record in measure(operation, kind, shape, options, timer, cache):
            count += 1
            seconds = record["seconds"]
            print(f"{operation:24} {kind}  {' '.join(f'{name}={value}' for name, value in shape.items()):60} {record['implementation']:20} "
                  f"{1e6 * seconds['median']:12.1f} us  ({1e6 * seconds['p10']:.1f} to {1e6 * seconds['p90']:.1f})", flush=True)
            if out:
                out.write(json.dumps(record) + "\n")
                out.flush()
    if out:
        out.close()
    sys.exit(0 if count else 1)


if __name__ == "__main__":
    main()
