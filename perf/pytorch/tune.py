"""Finds the fastest PyTorch on this machine for a workload: BLAS library and kernels, allocator, OpenMP, torch.compile, and train.py's choices.

    python3 tune.py small [--python PYTHON] [--threads 2] [--style tuned|idiomatic] [--prefix "taskset -c 0,1"] [--shared]

Greedy, one axis after another, each tried in a fresh process since BLAS and allocator are chosen by environment. The outcome
is remembered in .cache/pytorch_best.json by machine, torch, threads, workload and style. Needs no torch itself.

"idiomatic" is what a good PyTorch user writes: torch.compile, F.cross_entropy or F.linear_cross_entropy, SDPA or plain products, and
torch.optim.AdamW in their fastest forms. "tuned" may also take the hand-made ones of model.py and optimizers.py (cross-entropy in place
over chunks, AdamW over cache-sized blocks). --shared is for a machine that other work uses too: trials run on one thread and are compared
by CPU time, which other processes disturb little; what concerns several threads (OpenMP) then stays as it is.
"""

import argparse
import glob
import json
import os
import platform
import shlex
import signal
import subprocess
import sys

from workloads import WORKLOADS

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(HERE, "..", "..", ".cache")
LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")

PRELOAD = "LD_PRELOAD"
SHORTLIST = 0.6   # a BLAS below this share of the fastest one on a large product is not tried further
LARGE_MATRIX_CODE = """
import torch, time, sys
torch.set_num_threads(int(sys.argv[1]))
n = 2048; a, b, c = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n); best, end = 1e9, time.perf_counter() + 2
while time.perf_counter() < end:
    start = time.perf_counter(); torch.mm(a, b, out=c); best = min(best, time.perf_counter() - start)
print(2 * n ** 3 / best / 1e9)
"""
# torch remembers on disk that vector code could be loaded, whatever was preloaded then; so a function is compiled and called too.
VECTOR_CODE = """
import torch
from torch._inductor.cpu_vec_isa import pick_vec_isa
try:
    torch.compile(torch.tanh, dynamic=False)(torch.ones(64))
    works = bool(pick_vec_isa())
except torch._dynamo.exc.BackendCompilerFailed:
    works = False
print(json.dumps(works))
"""


def find(pattern):
    """The first file of this pattern in the system's library folders, or None."""
    for folder in LIBRARY_FOLDERS:
        for path in sorted(glob.glob(os.path.join(folder, pattern))):
            return path
    return None


def machine():
    """The processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def processor_flags():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":", 1)[1].split() for line in file if line.startswith("flags")), [])


def merged(*environments):
    """Several environments as one; libraries to preload add up."""
    result = {}
    for environment in environments:
        for key, value in environment.items():
            result[key] = f"{result[key]}:{value}" if key == PRELOAD and result.get(key) else value
    return result


def blas_environments():
    """Environments for a torch that calls the system's libblas.so.3; to another torch they make no difference."""
    found = [{}]
    wide = "avx512f" in processor_flags()
    openblas, blis = find("openblas-openmp/libblas.so.3"), find("blis-openmp/libblas.so.3")
    if openblas:
        folder = {"LD_LIBRARY_PATH": os.path.dirname(openblas)}
        found.append(folder)
        for kernels in (["SkylakeX", "Cooperlake"] if wide else []) + ["Zen", "Haswell"]:
            found.append({**folder, "OPENBLAS_CORETYPE": kernels})
    if blis:
        folder = {"LD_LIBRARY_PATH": os.path.dirname(blis)}
        found.append(folder)
        if wide:
            found.append({**folder, "BLIS_ARCH_TYPE": "0"})   # Skylake-X in BLIS's numbering
    mkl, gomp = find("mkl/libblas.so.3"), find("libgomp.so.1")
    if mkl and gomp:
        found.append({"LD_LIBRARY_PATH": os.path.dirname(mkl), "MKL_THREADING_LAYER": "GNU", PRELOAD: gomp})   # MKL looks for OpenMP among what is loaded
    return found


def allocator_environments():
    """Allocators that keep freed memory, with and without huge pages."""
    keep = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2 ** 40), "MALLOC_TOP_PAD_": str(2 ** 28)}
    found = [{}, keep, {**keep, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}]
    tcmalloc = find("libtcmalloc_minimal.so.4") or find("libtcmalloc.so.4")
    if tcmalloc:
        found.append({PRELOAD: tcmalloc})
    return found


def openmp_environments():
    """GNU's OpenMP, which torch brings, and LLVM's in its place, which waits differently."""
    llvm = find("libomp.so.5")
    return [{}] + ([{PRELOAD: llvm}] if llvm else [])


def vector_environments():
    """Where compiled code may find SLEEF: a torch that was linked to the system's does not pass it on to what torch.compile makes."""
    sleef = find("libsleef.so.3")
    return [{}] + ([{PRELOAD: sleef}] if sleef else [])


def train_command(python, inputs, run, steps, threads, arguments):
    return [python, os.path.join(HERE, "train.py"), "--config", os.path.join(inputs, "train.json"),
            "--data", os.path.join(inputs, "data"), "--init", os.path.join(inputs, "init"), "--run", run,
            "--steps", str(steps), "--threads", str(threads), *arguments]


def environment_of(extra, threads):
    return {**os.environ, "OMP_NUM_THREADS": str(threads), **extra}


def measure(options, inputs, environment, arguments):
    """The best step's tokens a second (of one thread's CPU time with --shared) of one fresh process; 0 where it cannot run so."""
    threads, clock = (1, ["--clock", "cpu"]) if options.shared else (options.threads, [])
    command = shlex.split(options.prefix) + train_command(options.python, inputs, os.path.join(inputs, "tune"),
                                                          options.tune_steps, threads, [*arguments, *clock])
    outcome = subprocess.run(command, env=environment_of(environment, threads), capture_output=True, text=True)
    rate = 0.0
    if outcome.returncode == 0:
        rate = json.loads(outcome.stdout.strip().splitlines()[-1])["best_tokens_per_second"]
    settings = " ".join([f"{key}={value}" for key, value in environment.items()] + arguments)
    print(f"  {rate:9.1f} tokens/s  {settings or '(stock)'}", flush=True)
    if outcome.returncode:
        print("            " + (outcome.stderr.strip().splitlines() or ["no message"])[-1], flush=True)
    return rate


def run_bounded(command, environment, limit):
    """(exit code, standard output, standard error) of a process and all that it starts, within so many seconds.

    Raises subprocess.TimeoutExpired after having ended them all.
    """
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        output, error = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)   # the group is the process's own: launchers leave their ranks behind otherwise
        process.communicate()
        raise
    return process.returncode, output, error


def matrix_rate(options, environment):
    """GFLOP/s of torch's product of two 2048 x 2048 fp32 matrices in this environment: the ceiling."""
    outcome = subprocess.run(shlex.split(options.prefix) + [options.python, "-c", LARGE_MATRIX_CODE, str(options.threads)],
                             env=environment_of(environment, options.threads), capture_output=True, text=True)
    return float(outcome.stdout) if outcome.returncode == 0 else 0.0


def fast_blas_environments(options):
    """(GFLOP/s, environment) of those near the fastest on a large product, the fastest first; remembered by machine."""
    key = " | ".join([machine(), options.python, f"{options.threads} threads", "BLAS"])
    cache = read_cache()
    if key not in cache or options.again:
        rates = [(matrix_rate(options, one), one) for one in installed(options.python)["blas"]]
        rates.sort(key=lambda pair: -pair[0])
        cache[key] = [pair for pair in rates if pair[0] >= SHORTLIST * rates[0][0]]
        write_cache(cache)
    return cache[key]


def read_cache():
    path = os.path.join(CACHE, "pytorch_best.json")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_cache(cache):
    path = os.path.join(CACHE, "pytorch_best.json")
    os.makedirs(CACHE, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(cache, file, indent=1)
    os.replace(path + ".new", path)


def ask(python, code, environment=None):
    """What a line of code prints as JSON in that interpreter, with this folder on its path."""
    outcome = subprocess.run([python, "-c", f"import json, sys; sys.path.insert(0, sys.argv[1])\n{code}", HERE], capture_output=True, text=True,
                             env={**os.environ, **(environment or {})})
    if outcome.returncode:
        said = "\n".join(outcome.stderr.strip().splitlines()[-5:])
        sys.exit(f"{python} has no torch that works:\n{said}\nName one that does with --python.")
    return json.loads(outcome.stdout.strip().splitlines()[-1])


def installed(python):
    """The environments worth trying, by the libraries that this interpreter sees: it may live in a file system of its own."""
    return ask(python, "import tune\nprint(json.dumps({'blas': tune.blas_environments(), 'allocators': tune.allocator_environments(),"
                       " 'openmp': tune.openmp_environments(), 'vectors': tune.vector_environments()}))")


def capabilities(python):
    """What this torch offers: version, optimizer kinds, SDPA, head and loss in one, compile."""
    return ask(python, "import torch, optimizers, model\n"
                       "print(json.dumps({'torch': torch.__version__, 'optimizers': optimizers.available_kinds('cpu'), 'sdpa': model.HAS_SDPA,"
                       " 'linear': model.HAS_LINEAR_CROSS_ENTROPY, 'compile': hasattr(torch, 'compile')}))")


def compile_environment(options, environments):
    """The first environment in which torch.compile makes vector code; None, and a word about it, where there is none."""
    found = next((one for one in environments if ask(options.python, VECTOR_CODE, one)), None)
    if found is None:
        print("torch.compile cannot make vector code here, so it is left out: it needs a C++ compiler and SLEEF's headers (Debian: g++, libsleef-dev).",
              flush=True)
    return found


def argument_axes(offers, style):
    """Lists of alternatives of train.py's arguments; the first of each is what the search starts from."""
    tuned = style == "tuned"
    kinds = [kind for kind in ("fused", "foreach", "single", "blocked") if kind in offers["optimizers"] and (tuned or kind != "blocked")]
    losses = (["chunked"] if tuned else []) + (["linear"] if offers["linear"] else [])
    axes = [[["--loss", "plain"]] + [["--loss", kind, "--loss-chunk", rows] for kind in losses for rows in ("1024", "256")],
            [["--optimizer", kind] for kind in kinds]]
    if offers["sdpa"]:
        axes.append([["--attention", "explicit"], ["--attention", "sdpa"]])
    return axes


def search(options, inputs, offers):
    """One axis after another; returns (environment, arguments, tokens a second)."""
    axes, libraries = argument_axes(offers, options.style), installed(options.python)
    chosen = [axis[min(1, len(axis) - 1)] if index == 0 else axis[0] for index, axis in enumerate(axes)]
    tried = {}

    def rate_of(environment, parts):
        arguments = [word for part in parts for word in part]
        key = json.dumps([sorted(environment.items()), arguments])
        if key not in tried:
            tried[key] = measure(options, inputs, environment, arguments)
        return tried[key]

    def fastest_of(environments):
        return max(environments, key=lambda one: rate_of(one, chosen))

    shortlist = [environment for _, environment in fast_blas_environments(options)]
    blas = fastest_of([merged(one, libraries["allocators"][-1]) for one in shortlist])
    blas = next(one for one in shortlist if merged(one, libraries["allocators"][-1]) == blas)
    environment = fastest_of([merged(blas, one) for one in libraries["allocators"]])
    if "avx512f" in processor_flags():
        # Some torch takes AVX2 by itself even where it has both.
        environment = fastest_of([environment, merged(environment, {"ATEN_CPU_CAPABILITY": "avx512"})])
    if not options.shared:
        environment = fastest_of([merged(environment, one) for one in libraries["openmp"]])
    vectors = compile_environment(options, libraries["vectors"]) if offers["compile"] else None
    if vectors is not None:
        candidate, compiled = merged(environment, vectors), [*chosen, ["--compile", "default"]]
        if rate_of(candidate, compiled) > rate_of(environment, chosen):
            environment, chosen = candidate, compiled
    for index, axis in enumerate(axes):
        chosen[index] = max(axis, key=lambda part: rate_of(environment, chosen[:index] + [part] + chosen[index + 1:]))
    return playoff(options, inputs, tried)


def playoff(options, inputs, tried, entrants=3):
    """Measures the fastest few once more, so that one lucky or unlucky run does not decide."""
    fastest = sorted(tried, key=tried.get, reverse=True)[:entrants]
    again = {key: measure(options, inputs, dict(json.loads(key)[0]), json.loads(key)[1]) for key in fastest}
    winner = max(fastest, key=lambda key: max(again[key], tried[key]))
    environment, arguments = json.loads(winner)
    return dict(environment), arguments, max(again[winner], tried[winner])


def best(options, inputs):
    """The remembered best for this machine and workload, searched for once."""
    offers = capabilities(options.python)
    key = " | ".join([machine(), f"torch {offers['torch']}", f"{options.threads} threads", options.workload, options.style])
    cache = read_cache()
    if key not in cache or options.again:
        print(f"Looking for the fastest PyTorch settings: {key}", flush=True)
        environment, arguments, rate = search(options, inputs, offers)
        cache = read_cache()
        cache[key] = {"environment": environment, "arguments": arguments, "tokens_per_second": rate,
                      "torch": offers["torch"], "measured": "one thread, CPU time" if options.shared else "wall time"}
        write_cache(cache)
    return cache[key]


def make_inputs(options):
    """Weights, tokens and configuration of the workload, made once."""
    inputs = os.path.join(CACHE, "workloads", options.workload)
    if not os.path.exists(os.path.join(inputs, "train.json")):
        subprocess.run([options.python, os.path.join(HERE, "workloads.py"), options.workload, "--out", inputs], check=True)
    return inputs


def add_arguments(parser):
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has torch")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prefix", default="", help="a command to run each measured process under, such as taskset")
    parser.add_argument("--tune-steps", type=int, default=6, help="optimizer steps of a trial of settings")
    parser.add_argument("--again", action="store_true", help="search again even if the best settings are remembered")
    parser.add_argument("--shared", action="store_true", help="choose settings by one thread's CPU time: for a machine that other work uses too")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--style", choices=("tuned", "idiomatic"), default="tuned")
    add_arguments(parser)
    options = parser.parse_args()
    print(json.dumps(best(options, make_inputs(options)), indent=1))


if __name__ == "__main__":
    main()
