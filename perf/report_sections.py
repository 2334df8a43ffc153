"""What a report says of one machine's results: sections of paragraphs, tables and figures, for HTML and Markdown alike."""

import dataclasses

import report_figures as figures
import results_file
from report_figures import quantity


@dataclasses.dataclass
class Table:
    """A heading row, rows of text, and which columns are numbers."""
    head: list
    rows: list
    numbers: tuple = ()
    caption: str = ""


@dataclasses.dataclass
class Figure:
    """SVG for HTML; Markdown has the table that says the same."""
    svg: str
    caption: str


@dataclasses.dataclass
class Section:
    """A part of the report; what it holds is text, Table, Figure or Commands, in order."""
    title: str
    parts: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Commands:
    """Lines to type."""
    lines: list


def sections(latest, path, history):
    """All that there is to say of a machine: its newest results, and how its rows went over time."""
    found = [machine(latest, path), training(latest), *profiles(latest), *kernels(latest), over_time(history), selftests(latest), reproduce(latest)]
    return [section for section in found if section is not None]


# ---- The machine ----

def machine(results, path):
    about = results["machine"]
    rows = [[name.replace("_", " "), quantity(value, "B") if name.endswith("_bytes") else str(value)]
            for name, value in about.items() if name != "gpus" and isinstance(value, (str, int, float))]
    for index, gpu in enumerate(gpu for gpu in about.get("gpus") or [] if isinstance(gpu, dict)):
        rows.append([f"gpu {index}", ", ".join(f"{name.replace('_', ' ')} {value}" if name != "name" else str(value) for name, value in gpu.items())])
    rows += [[f"{name} version", str(value)] for name, value in results["versions"].items()]
    section = Section("Machine and versions", [f"Measured {results['when']}, {len(results['records'])} records in {path}.", Table(["", ""], rows)])
    section.parts += [str(note) for note in results.get("notes") or []]
    left_out = [entry for entry in results.get("left_out") or [] if isinstance(entry, dict)]
    if left_out:
        section.parts.append(Table(["left out of this run", "why"], [[str(entry.get("part")), str(entry.get("reason"))] for entry in left_out]))
    return section


# ---- Training ----

def program(record):
    simulated = f" on {record['device']}" if record["device"].startswith("Simulated ") else ""
    return "gpt" + simulated if record["kind"] == "bench" else f"torch {record.get('style') or ''}".strip()


def training(results):
    rows = [record for record in results["records"] if record["kind"] in ("bench", "torch") and results_file.seconds_of(record)]
    if not rows:
        return None
    groups, lines = [], []
    for work in dict.fromkeys(map(results_file.work, rows)):
        members = sorted((row for row in rows if results_file.work(row) == work), key=lambda row: row["kind"])
        title = f"{work[0]}, {work[1]}, {work[2]} × {work[3]} tokens" + (f" × {work[5]} micro-steps" if work[5] else "") + (f", {work[4]} ranks" if work[4] > 1 else "")
        groups.append((title, [bar(row, members) for row in members]))
        lines += [training_line(title, row, members) for row in members]
    simulated = " On a simulated GPU time is the host's and says nothing of a GPU." if any(row["device"].startswith("Simulated ") for row in rows) else ""
    head = ["work", "program", "tokens/s", "p10 to p90", "TFLOP/s", "MFU", "MFU*", "memory", "first step", "gpt / best torch"]
    return Section("Training", [
        "Tokens a second of whole optimizer steps: medians, with whiskers from the 10th to the 90th percentile of the steps." + simulated,
        Figure(figures.grouped_bars(groups, "Tokens a second by program"), "Tokens/s of the same work by each program; each group has a scale of its own."),
        Table(head, lines, tuple(range(2, len(head))),
              "MFU: of the data sheet's dense rate; MFU*: of the matrix rate measured on this machine; –: not known.")])


def rates(row):
    """(tokens/s at the median, at the slow end, at the fast end): the ends from p90 and p10, or quartiles; None where not recorded."""
    seconds = results_file.seconds_of(row)
    tokens = row["tokens_per_second"] * seconds["median"]
    for fast, slow in (("p10", "p90"), ("p25", "p75")):
        if seconds.get(fast) and seconds.get(slow):
            return row["tokens_per_second"], tokens / seconds[slow], tokens / seconds[fast]
    return row["tokens_per_second"], None, None


def over_torch(row, members):
    others = [other["tokens_per_second"] for other in members if other["kind"] == "torch"]
    return row["tokens_per_second"] / max(others) if row["kind"] == "bench" and others else None


def bar(row, members):
    rate, low, high = rates(row)
    ratio = over_torch(row, members)
    series = 0 if row["kind"] == "bench" else 1 + sum(other is not row and other["kind"] == "torch" for other in members[:members.index(row)])
    return program(row), min(series, figures.SERIES - 1), rate, low, high, f"{ratio:.2f}× the best torch" if ratio else ""


def training_line(title, row, members):
    rate, low, high = rates(row)
    ratio, memory = over_torch(row, members), results_file.memory_of(row)
    return [title, program(row), f"{rate:,.0f}", f"{low:,.0f} to {high:,.0f}" if low else "–", shown(row.get("tflops"), "{:.3g}"),
            shown(row.get("mfu_datasheet"), "{:.1%}"), shown(row.get("mfu_measured"), "{:.1%}"), f"{memory / 2 ** 20:,.0f} MiB" if memory else "–",
            shown(row.get("seconds_to_first_step"), "{:.1f} s"), shown(ratio, "{:.2f}×")]


def shown(value, form):
    return form.format(value) if value is not None else "–"


# ---- Profiles ----

def profiles(results):
    rows = [record for record in results["records"] if record["kind"] == "profile" and record["kernels"]]
    if not rows:
        return []
    bars, totals = [], {}
    for row in rows:
        shares = shares_of(row)
        for name, seconds in shares.items():
            totals[name] = totals.get(name, 0.0) + seconds / (sum(shares.values()) or 1.0)
        bars.append((row, shares))
    names = sorted(totals, key=totals.get, reverse=True)[:figures.SERIES - 1]
    drawn = []
    for row, shares in bars:
        kept = {name: seconds for name, seconds in shares.items() if name in names}
        rest = sum(seconds for name, seconds in shares.items() if name not in names)
        kind = "estimated by rooflines" if row.get("is_estimate") else row.get("time_source") or ""
        drawn.append((results_file.title(row), f"{quantity(sum(shares.values()), 's')} {kind}".strip(), {**kept, **({"other": rest} if rest else {})}))
    legend = names + (["other"] if any("other" in shares for _, _, shares in drawn) else [])
    return [Section("Anatomy of a step", [
        Figure(figures.stacked_bars(drawn, legend, "Share of a step's time by operation"), "Where a step's time goes, by operation."),
        *(part for row in rows for part in (profile_table(row), communication(row)) if part)])]


def shares_of(row):
    """Seconds by operation, waiting for ranks and gaps between kernels among them."""
    shares = {}
    for kernel in row["kernels"]:
        name = (kernel.get("operation") or kernel["name"]).split(",")[0]
        shares[name] = shares.get(name, 0.0) + kernel["seconds"]
    for name, title in (("waiting_for_ranks", "waiting for ranks"), ("gaps", "gaps")):
        seconds = (row.get("step_seconds") or {}).get(name)
        if seconds:
            shares[title] = seconds
    return shares


def communication(row):
    """What of a step's collectives is hidden, in a sentence; None in a process alone, and where it is not known."""
    known = row.get("communication") or {}
    seconds, hidden = known.get("seconds"), known.get("hidden_seconds")
    if not (results_file.is_number(seconds) and results_file.is_number(hidden) and seconds > 0):
        return None
    model = ", by model: the least that the links' data sheet allows, without latency" if row.get("is_estimate") else ""
    return f"{results_file.title(row)}: {quantity(seconds, 's')} of communication, {hidden / seconds:.0%} of it hidden behind work{model}."


def profile_table(row, most=25):
    total = sum(kernel["seconds"] for kernel in row["kernels"]) or 1.0
    ordered = sorted(row["kernels"], key=lambda kernel: -kernel["seconds"])
    lines = [[kernel["name"], kernel.get("operation") or "", shown(kernel.get("calls"), "{:g}"), quantity(kernel["seconds"], "s"),
              f"{kernel['seconds'] / total:.1%}", per_second(kernel, "bytes", "B/s"), per_second(kernel, "flops", "FLOP/s"),
              "model" if kernel.get("modelled") else shown(kernel.get("roofline") if results_file.is_number(kernel.get("roofline")) else None, "{:.0%}")]
             for kernel in ordered[:most]]
    rest = f" The {len(ordered) - most} shortest are left out." if len(ordered) > most else ""
    models = " model: nothing was counted, the time is the roofline's itself." if any(kernel.get("modelled") for kernel in ordered[:most]) else ""
    return Table(["kernel", "operation", "calls", "time", "share", "least B/s", "FLOP/s", "of roofline"], lines, tuple(range(2, 8)),
                 f"{results_file.title(row)}.{rest}{models}")


def per_second(kernel, name, unit):
    return quantity(kernel[name] / kernel["seconds"], unit) if kernel.get(name) and kernel["seconds"] else "–"


# ---- Kernels ----

def kernels(results):
    rows = [record for record in results["records"] if record["kind"] == "kernel"]
    found = []
    for device, kind in dict.fromkeys((row["device"], row["type"]) for row in rows):
        members = [row for row in rows if (row["device"], row["type"]) == (device, kind)]
        ours = [row for row in members if row["implementation"] == "gpt"]
        section = Section(f"Kernels: {device}, {kind}")

        timed = [row for row in ours if row.get("seconds")]
        if any(row.get("flops") and row.get("bytes") for row in timed):
            section.parts += [roofline_of(timed)]
        if timed or any(row["implementation"] != "gpt" for row in members):
            section.parts += [kernel_table(members)]
        counted = [row for row in ours if not row.get("seconds") and isinstance(row.get("counters"), dict)]
        if counted:
            section.parts += ["A simulated GPU has no time: counters of one call, and the data sheet's roofline for them.", counter_table(counted)]
        found.append(section)
    return found


LETTERS = {"rows": "N", "channels": "C", "batch": "B", "time": "T", "heads": "H", "head_size": "D", "vocabulary": "V", "inputs": "in", "outputs": "out",
           "count": "n", "document": "doc"}


def sizes(shape):
    """The shape in the letters of the kernels' headers."""
    return " ".join(f"{LETTERS.get(name, name)}={value:g}" if isinstance(value, float) else f"{LETTERS.get(name, name)}={value}" for name, value in shape.items())


def roofline_of(rows):
    drawn = [row for row in rows if row.get("flops") and row.get("bytes")]
    bandwidth = max((row.get("copy_bytes_per_second") or 0 for row in drawn), default=0)
    peak = max((row.get("matmul_flops_per_second") or 0 for row in drawn), default=0)
    bandwidth = bandwidth or max(row["bytes"] / row["seconds"]["median"] for row in drawn)
    peak = peak or max(row["flops"] / row["seconds"]["median"] for row in drawn)
    points = [(row["operation"], sizes(row["shape"]), row["flops"] / row["bytes"], row["flops"] / row["seconds"]["median"]) for row in drawn]
    return Figure(figures.roofline(points, bandwidth, peak, "Roofline of the kernels"),
                  "Each shape of each operation under the two rates measured in the same run; named once, at its fastest.")


def kernel_table(rows):
    lines = []
    for case in dict.fromkeys((row["operation"], tuple(row["shape"].items())) for row in rows):
        members = [row for row in rows if (row["operation"], tuple(row["shape"].items())) == case and row.get("seconds")]
        own = next((row for row in members if row["implementation"] == "gpt"), None)
        others = sorted((row for row in members if row["implementation"] != "gpt"), key=lambda row: row["seconds"]["median"])
        if own or others:
            lines.append(kernel_line(case, own, others))
    return Table(["operation", "sizes", "gpt", "p10, p90", "floor", "of floor", "GB/s", "TFLOP/s", "best torch", "form", "torch / gpt"], lines,
                 (2, 3, 4, 5, 6, 7, 8, 10), "floor: the longer of least bytes over the measured copy rate and operations over the measured matrix rate. N rows, B batch, T time, "
                 "C channels, H heads, D head size, V vocabulary, doc: tokens of a document, 0 for one without end.")


def kernel_line(case, own, others):
    median = own["seconds"]["median"] if own else None
    best = others[0]["seconds"]["median"] if others else None
    seconds = own["seconds"] if own else {}
    ends = f"−{1 - seconds['p10'] / median:.0%} +{seconds['p90'] / median - 1:.0%}" if seconds.get("p10") and seconds.get("p90") else "–"
    return [case[0], sizes(dict(case[1])), quantity(median, "s") if median else "–", ends,
            quantity(own["floor_seconds"], "s") if own and own.get("floor_seconds") else "–",
            f"{own['floor_seconds'] / median:.0%}" if own and own.get("floor_seconds") else "–",
            f"{own['bytes'] / median / 1e9:,.0f}" if own and own.get("bytes") else "–", f"{own['flops'] / median / 1e12:.3g}" if own and own.get("flops") else "–",
            quantity(best, "s") if best else "–", results_file.without("torch ", others[0]["implementation"]) if others else "–",
            f"{best / median:.2f}×" if best and median else "–"]


def counter_table(rows):
    def counter(row, name, form="{:,.0f}"):
        value = row["counters"].get(name)
        return form.format(value) if results_file.is_number(value) else "–"
    def short(row, name):
        value = row["counters"].get(name)
        return quantity(value) if results_file.is_number(value) else "–"
    lines = [[row["operation"], sizes(row["shape"]), counter(row, "launches"), short(row, "warp_instructions"), counter(row, "active_lanes", "{:.1f}"),
              short(row, "global_bytes"), counter(row, "least_bytes_ratio", "{:.2f}×"), counter(row, "shared_passes_ratio", "{:.2f}"),
              short(row, "tensor_operations"), quantity(row["estimate_seconds"], "s") if row.get("estimate_seconds") else "–",
              quantity(row["floor_seconds"], "s") if row.get("floor_seconds") else "–"] for row in rows]
    return Table(["operation", "sizes", "launches", "instr", "lanes", "bytes", "of least", "banks", "tensor", "roofline", "floor"],
                 lines, tuple(range(2, 11)), "instr: warp instructions; of least: bytes over those that must be moved; banks: shared-memory passes over the fewest that the same bytes "
                 "need; tensor: operations on tensor cores. N rows, B batch, T time, C channels, H heads, D head size, "
                 "V vocabulary, doc: tokens of a document, 0 for one without end.")


# ---- Over time ----

def over_time(files, most=12):
    """Tokens a second of each row that two files or more have; files in the order of time. The figure has gpt's."""
    points = {}
    for at, results in enumerate(files):
        for record in results["records"]:
            if record["kind"] in ("bench", "torch") and results_file.seconds_of(record):
                points.setdefault(results_file.key(record), {})[at] = record
    repeated = [found for found in points.values() if len(found) > 1][:most]
    if not repeated:
        return None
    drawn = [found for found in repeated if next(iter(found.values()))["kind"] == "bench"][:figures.SERIES - 1] or repeated[:figures.SERIES - 1]
    series = [(short_title(found[max(found)]), [(at, record["tokens_per_second"]) for at, record in sorted(found.items())]) for found in drawn]
    days = [results["when"][:10] for results in files]
    dates = [f"{day} {results['when'][11:16]}" if days.count(day) > 1 else day for day, results in zip(days, files)]
    lines = [[results_file.title(found[max(found)]), *(f"{found[at]['tokens_per_second']:,.0f}" if at in found else "–" for at in range(len(files)))]
             for found in repeated]
    return Section("Over time", [
        Figure(figures.history(series, dates, "Tokens a second over time"), "Tokens/s against the first measurement of the same row."),
        Table(["tokens/s", *dates], lines, tuple(range(1, len(files) + 1)))])


def short_title(record):
    ranks = f" x {record['world_size']}" if record["world_size"] > 1 else ""
    return f"{results_file.model_name(record)} {record['precision']} {record['micro_batch']}×{record['context_length']}{ranks}"


# ---- The rest ----

def selftests(results, most=50):
    rows = [record for record in results["records"] if record["kind"] == "selftest"]
    if not rows:
        return None
    lines = [[results_file.title(row), "passed" if row["passes"] else "FAILED", passed_cases(row), shown(row.get("seconds"), "{:.1f} s"),
              row.get("message") or str(row.get("left_out") or "")] for row in sorted(rows, key=lambda row: row["passes"])]
    failed = [[results_file.title(row), *(str(case.get(name, "")) for name in ("part", "precision", "name", "shape", "error", "bound", "note"))]
              for row in rows for case in row.get("cases") or [] if not case["passes"]]
    parts = [Table(["check", "", "cases", "time", ""], lines, (2, 3))]
    if failed:
        parts.append(Table(["failed in", "part", "precision", "case", "shape", "error", "bound", ""], failed[:most], (5, 6),
                           f"{len(failed)} cases failed." + (f" The first {most} are shown." if len(failed) > most else "")))
    return Section("Selftest", parts)


def passed_cases(row):
    cases = row.get("cases") or []
    return f"{sum(case['passes'] for case in cases)} of {len(cases)}" if cases else "–"


def reproduce(results):
    return Section("To measure the same again", [Commands(results["commands"])]) if results["commands"] else None
