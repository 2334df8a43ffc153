"""Results files: perf/results/DATE-MACHINE.json, as perf/results/README.md defines them. The standard library alone.

A file is {"schema": 1, "when", "machine", "versions", "commands", "records", ...}; a record is one measurement, told by its "kind".
What is read here may be half-written or hostile: it is bounded, checked field by field, and said to be wrong by name.
"""

import datetime
import json
import os
import platform
import re
import subprocess

SCHEMA = 1
LARGEST_FILE = 64 << 20       # bytes
LONGEST_TEXT = 20_000         # characters of any string
MOST_RECORDS = 20_000
DEEPEST = 12                  # levels of nesting
LARGEST_NUMBER = 1e30
PERCENTILES = ("min", "p10", "p25", "median", "p75", "p90", "max")

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results")


class BadResults(ValueError):
    """What is wrong with a file or a record, in a sentence."""


# ---- Checks: each raises BadResults naming the field. ----

def without(prefix, value):
    """The text without its prefix, where it has it: str.removeprefix is Python 3.9's, and a DGX-1 has 3.8."""
    return value[len(prefix):] if value.startswith(prefix) else value


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text(name, value):
    if not isinstance(value, str) or not value:
        raise BadResults(f"{name} is {shown(value)}, not a text")


def number(name, value):
    if not is_number(value):
        raise BadResults(f"{name} is {shown(value)}, not a number")


def measure(name, value):
    """Zero or more."""
    number(name, value)
    if value < 0:
        raise BadResults(f"{name} is {value}, below 0")


def count(name, value):
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadResults(f"{name} is {shown(value)}, not a whole number from 1 up")


def table(name, value):
    if not isinstance(value, dict):
        raise BadResults(f"{name} is {shown(value)}, not an object")


def dimensions(name, value):
    table(name, value)
    for key, part in value.items():
        if part is not None:
            number(f"{name}.{key}", part)


def command(name, value):
    if not (isinstance(value, str) or isinstance(value, list) and all(isinstance(part, str) for part in value)):
        raise BadResults(f"{name} is {shown(value)}, neither a command line nor a list of words")


def flag(name, value):
    if not isinstance(value, bool):
        raise BadResults(f"{name} is {shown(value)}, neither true nor false")


def memory(name, value):
    """Bytes, or an object of bytes by what they are for."""
    if isinstance(value, dict):
        for key, part in value.items():
            if part is not None:
                memory(f"{name}.{key}", part)
        return
    measure(name, value)


def profile_rows(name, value):
    """Kernels of a step: each with a name and its seconds in all."""
    if not isinstance(value, list):
        raise BadResults(f"{name} is {shown(value)}, not a list")
    for index, row in enumerate(value):
        table(f"{name}[{index}]", row)
        text(f"{name}[{index}].name", row.get("name"))
        measure(f"{name}[{index}].seconds", row.get("seconds"))
        for field, check in (("operation", text), ("calls", measure), ("bytes", measure), ("flops", measure)):
            if row.get(field) is not None and row[field] != "":
                check(f"{name}[{index}].{field}", row[field])


def checks(name, value):
    """Cases of a selftest: each with a name and whether it passes."""
    if not isinstance(value, list):
        raise BadResults(f"{name} is {shown(value)}, not a list")
    for index, case in enumerate(value):
        table(f"{name}[{index}]", case)
        text(f"{name}[{index}].name", case.get("name"))
        flag(f"{name}[{index}].passes", case.get("passes"))


def spread(name, value):
    """Seconds by percentile, the median among them, in order."""
    table(name, value)
    if "median" not in value:
        raise BadResults(f"{name} has no median")
    ordered = [(key, value[key]) for key in PERCENTILES if value.get(key) is not None]
    for key, part in ordered:
        number(f"{name}.{key}", part)
        if part <= 0:
            raise BadResults(f"{name}.{key} is {part}, not above 0")
    for (low, a), (high, b) in zip(ordered, ordered[1:]):
        if a > b:
            raise BadResults(f"{name}.{low} is {a}, above its {high}, {b}")


# Field: (check, whether it must be there). Others may come along; null stands for a measurement that was not made.
TRAINING = {
    "preset": (text, False), "model": (table, True), "micro_batch": (count, True), "context_length": (count, True),
    "precision": (text, True), "world_size": (count, True), "device": (text, True), "step_seconds": (spread, True),
    "steps": (count, True), "tokens_per_second": (measure, True), "warmup": (measure, False), "tflops": (measure, False),
    "mfu_datasheet": (measure, False), "mfu_measured": (measure, False), "peak_tflops_datasheet": (measure, False),
    "peak_tflops_measured": (measure, False), "memory_bytes": (memory, False), "seconds_to_first_step": (measure, False),
    "status": (text, False), "micro_steps": (count, False),
    "loss": (number, False), "versions": (table, False), "command": (command, False), "threads": (count, False),
    "modelled": (flag, False),
}
MEASURED = ("step_seconds", "steps", "tokens_per_second")   # of a training that ran: status is "ok" or absent
FIELDS = {
    "bench": TRAINING,
    "torch": {**TRAINING, "settings": (table, True), "style": (text, False)},
    "kernel": {
        "operation": (text, True), "implementation": (text, True), "shape": (dimensions, True), "type": (text, True),
        "device": (text, True), "bytes": (measure, False), "flops": (measure, False), "seconds": (spread, False),
        "floor_seconds": (measure, False), "bound": (text, False), "copy_bytes_per_second": (measure, False),
        "matmul_flops_per_second": (measure, False), "estimate_seconds": (measure, False), "counters": (table, False),
        "settings": (table, False), "versions": (table, False), "command": (command, False), "threads": (count, False), "modelled": (flag, False),
    },
    "profile": {
        "device": (text, True), "kernels": (profile_rows, True), "preset": (text, False), "precision": (text, False), "micro_batch": (count, False),
        "context_length": (count, False), "micro_steps": (count, False), "step_seconds": (dimensions, False), "time_source": (text, False),
        "is_estimate": (flag, False), "roofline_bytes_per_second": (measure, False), "roofline_flops_per_second": (measure, False),
        "communication": (table, False), "command": (command, False), "timer": (text, False), "timer_note": (text, False),
        "timer_agreement": (dimensions, False),
    },
    "selftest": {"passes": (flag, True), "name": (text, False), "device": (text, False), "cases": (checks, False), "seconds": (measure, False),
                 "message": (text, False)},
}


def shown(value):
    written = json.dumps(value, default=repr)
    return written if len(written) <= 60 else written[:57] + "..."


def check_values(value, depth=0):
    """Bounds what no field check looks at: depth, lengths, numbers that are none."""
    if depth > DEEPEST:
        raise BadResults(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise BadResults(f"it has a text of {len(value)} characters")
    if is_number(value) and not abs(value) <= LARGEST_NUMBER:
        raise BadResults("it has a number that is not finite, or beyond any measurement")
    if isinstance(value, dict):
        for key, part in value.items():
            check_values(key, depth + 1)
            check_values(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            check_values(part, depth + 1)


def check_record(record):
    """Raises BadResults where a record is not what its kind says."""
    if not isinstance(record, dict):
        raise BadResults(f"{shown(record)} is no record")
    kind = record.get("kind")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise BadResults(f"kind is {shown(kind)}; there are {', '.join(FIELDS)}")
    check_values(record)
    ran = record.get("status") in (None, "ok")
    for name, (check, required) in FIELDS[kind].items():
        if not ran and name in MEASURED:
            continue
        if record.get(name) is not None:
            check(name, record[name])
        elif required:
            raise BadResults(f"a {kind} record without {name}")


# ---- Reading and writing ----

def refuse_constant(name):
    raise BadResults(f"it has {name}, which is no number of JSON")


def parse(content, what):
    """JSON text to values, whatever is in it."""
    try:
        return json.loads(content, parse_constant=refuse_constant)
    except RecursionError as error:
        raise BadResults(f"{what}: it is nested too deep") from error
    except BadResults as error:
        raise BadResults(f"{what}: {error}") from error
    except ValueError as error:
        raise BadResults(f"{what}: no whole JSON ({error})") from error


def read_text(path):
    """The content of a file within bounds."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror or error}") from error
    if len(content) > LARGEST_FILE:
        raise BadResults(f"{path}: more than {LARGEST_FILE >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadResults(f"{path}: byte {error.start} is not UTF-8") from error


def check_results(results, what):
    """Raises BadResults where a whole file's content is not a results file."""
    if not isinstance(results, dict) or results.get("schema") != SCHEMA:
        raise BadResults(f"{what}: not a results file of schema {SCHEMA}")
    check_values(results)
    text(f"{what}: when", results.get("when"))
    try:
        datetime.datetime.fromisoformat(results["when"])
    except ValueError as error:
        raise BadResults(f"{what}: when is {shown(results['when'])}, not a time in ISO 8601") from error
    table(f"{what}: machine", results.get("machine"))
    text(f"{what}: machine.name", results["machine"].get("name"))
    for name in ("records", "commands"):
        if not isinstance(results.get(name), list):
            raise BadResults(f"{what}: {name} is not a list")
    if not all(isinstance(line, str) for line in results["commands"]):
        raise BadResults(f"{what}: a command is not a text")
    table(f"{what}: versions", results.get("versions"))
    if len(results["records"]) > MOST_RECORDS:
        raise BadResults(f"{what}: {len(results['records'])} records, more than {MOST_RECORDS}")
    for index, record in enumerate(results["records"]):
        try:
            check_record(record)
        except BadResults as error:
            raise BadResults(f"{what}: record {index + 1}: {error}") from error
    return results


def load(path):
    """A results file, checked whole."""
    return check_results(parse(read_text(path), path), path)


def save(path, results):
    """Writes a checked results file; it appears whole or not at all."""
    check_results(results, path)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
    os.replace(path + ".new", path)


# ---- What a record is a measurement of ----

def key(record):
    """Records of two files with the same key are measurements of the same thing."""
    def of(*names):
        return tuple((name, record[name]) for name in names if record.get(name) is not None)

    kind = record["kind"]
    if kind in ("bench", "torch"):
        return (kind, model_name(record)) + of("precision", "micro_batch", "micro_steps", "context_length", "world_size", "device", "threads", "style")
    if kind == "kernel":
        return (kind,) + of("operation", "type", "device", "threads", "implementation") + tuple(sorted(record["shape"].items()))
    if kind == "profile":
        return (kind, model_name(record)) + of("precision", "micro_batch", "context_length", "micro_steps", "device")
    return (kind,) + of("name", "device")


def work(record):
    """Training and kernel rows of any program with the same did the same work."""
    if record["kind"] == "kernel":
        return record["operation"], record["type"], record["device"], tuple(sorted(record["shape"].items()))
    return (model_name(record), record["precision"], record["micro_batch"], record["context_length"], record["world_size"], record.get("micro_steps"))


def model_name(record):
    """The preset, or the model's sizes where it has no name."""
    model = record.get("model") or {}
    sizes = (f"{letter}={model[name]}" for letter, name in (("C", "d_model"), ("L", "n_layers"), ("V", "vocab_size")) if is_number(model.get(name)))
    return record.get("preset") or " ".join(sizes) or "model"


def memory_of(record):
    """The most telling count of bytes that a training record has: measured ones before planned ones; or None."""
    value = record.get("memory_bytes")
    if isinstance(value, dict):
        known = [value[name] for name in ("process_peak", "device_in_use", "planned_total") if is_number(value.get(name))]
        return known[0] if known else None
    return value


def title(record):
    """A key for people."""
    kind = record["kind"]
    if kind == "kernel":
        shape = " ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in record["shape"].items())
        return f"{record['operation']} {record['type']} {shape} ({record['implementation']}, {record['device']})"
    if kind in ("bench", "torch"):
        style = f", {record['style']}" if record.get("style") else ""
        ranks = f" x {record['world_size']}" if record["world_size"] > 1 else ""
        return (f"{model_name(record)} {record['precision']} B={record['micro_batch']} T={record['context_length']}{ranks} "
                f"({'gpt' if kind == 'bench' else 'torch'}{style}, {record['device']})")
    if kind == "profile":
        return f"profile of {model_name(record)} {record.get('precision') or ''} ({record['device']})"
    return " ".join([record.get("name") or kind, *([f"({record['device']})"] if record.get("device") else [])])


def seconds_of(record):
    """The spread of what the record timed, or None."""
    name = {"bench": "step_seconds", "torch": "step_seconds", "kernel": "seconds"}.get(record["kind"])
    return record.get(name) if name and record.get("status") in (None, "ok") else None


def is_modelled(record):
    """Whether the time is a model's and no clock's."""
    return bool(record.get("modelled"))


def spread_of(samples):
    """A spread over timings in seconds, at least one."""
    ordered = sorted(samples)

    def at(share):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
    return {"median": at(0.5), "p10": at(0.1), "p90": at(0.9), "min": ordered[0], "max": ordered[-1]}


# ---- The machine ----

def first_line(path, start):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((line.split(":" if ":" in line else "=", 1)[1].strip().strip('"') for line in file if line.startswith(start)), None)
    except OSError:
        return None


GPU_FIELDS = {"name": "name", "driver_version": "driver", "memory.total": "memory_mib", "clocks.max.sm": "max_sm_mhz", "power.limit": "power_limit_w",
              "compute_cap": "compute_capability"}


def gpus():
    """What nvidia-smi says of each GPU; none where there is no nvidia-smi."""
    # A driver that does not know the last field, as older ones do not, answers nothing at all.
    for fields in (list(GPU_FIELDS), list(GPU_FIELDS)[:-1]):
        try:
            outcome = subprocess.run(["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"],
                                     capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return []
        rows = [[part.strip() for part in line.split(",")] for line in outcome.stdout.splitlines() if line.strip()]
        if outcome.returncode == 0 and rows and all(len(row) == len(fields) for row in rows):
            return [dict(zip((GPU_FIELDS[field] for field in fields), row)) for row in rows]
    return []


def describe_machine():
    """This machine, without what tells whose it is."""
    found = gpus()
    processor = first_line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    memory = first_line("/proc/meminfo", "MemTotal")
    name = processor if not found else found[0]["name"] if len(found) == 1 else f"{len(found)} x {found[0]['name']}"
    machine = {"name": name, "cpu": processor, "cores": os.cpu_count(), "os": first_line("/etc/os-release", "PRETTY_NAME") or platform.system(),
               "kernel": platform.release()}
    if memory and memory.split()[0].isdigit():
        machine["memory_bytes"] = int(memory.split()[0]) * 1024
    if found:
        machine["gpus"] = found
    return machine


def slug(name):
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "machine"


def new_path(results, folder=RESULTS):
    """DATE-MACHINE.json; the second of a day is DATE-MACHINE-2.json and so on."""
    stem = os.path.join(folder, f"{results['when'][:10]}-{slug(results['machine']['name'])}")
    path, again = stem + ".json", 2
    while os.path.exists(path):
        path, again = f"{stem}-{again}.json", again + 1
    return path


def previous(results, folder=RESULTS):
    """(path, content) of the newest earlier file of the same machine and torch, which is what others are relative to, or None; broken files are named."""
    best, broken = None, []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(".json"):
            continue
        path = os.path.join(folder, name)
        try:
            content = load(path)
        except BadResults as error:
            broken.append(str(error))
            continue
        is_alike = content["machine"]["name"] == results["machine"]["name"] and content["versions"].get("torch") == results["versions"].get("torch")
        if is_alike and moment(content) < moment(results) \
                and (best is None or moment(content) > moment(best[1])):
            best = (path, content)
    return best, broken


def moment(results):
    when = datetime.datetime.fromisoformat(results["when"])
    return when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


if __name__ == "__main__":
    print(new_path({"when": now(), "machine": describe_machine()}))   # where a run on this machine belongs
