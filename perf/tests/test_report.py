"""The report: every figure is well-formed, labels keep apart, nothing that was measured gets out of its place, and nothing is needed from outside."""

import os
import re
import sys
import unittest
import xml.etree.ElementTree as tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import report            # noqa: E402  (found through the path set above)
import report_figures    # noqa: E402
import results_file      # noqa: E402
import update_readme     # noqa: E402
from test_results import bench, kernel, results   # noqa: E402

HOSTILE = "<script>alert('x')</script> & \"quoted\" | `code` *bold*"


def torch(style, median=0.2, **other):
    return dict(bench(median, **other), kind="torch", style=style, settings={})


def profile(**other):
    return {"kind": "profile", "device": "Simulated H200", "preset": "gpt-89m", "precision": "fp16", "is_estimate": True, "step_seconds": {"gaps": 0.001},
            "kernels": [{"name": f"kernel{i}<Half>", "operation": f"operation {i}", "calls": 3, "seconds": 0.01 / (i + 1), "bytes": 10 ** 6, "flops": 10 ** 9}
                        for i in range(14)], **other}


def simulated():
    record = kernel(device="sim", counters={"launches": 1, "warp_instructions": 1000, "active_lanes": 31.5}, estimate_seconds=1e-6)
    del record["seconds"]
    return record


def timed_kernels():
    rates = {"copy_bytes_per_second": 2e12, "matmul_flops_per_second": 6e14}
    return [kernel(10 ** -4 * (1 + i % 3), operation=f"operation_number_{i}", shape={"rows": 64 * (i + 1)}, bytes=10 ** 7 + i, flops=10 ** 7 * (i % 5 + 1),
                   floor_seconds=5e-5, **rates) for i in range(18)] + [kernel(3e-4, operation="operation_number_0", shape={"rows": 64}, implementation="torch eager")]


def everything():
    old = results(bench(0.2), torch("idiomatic"), when="2026-01-01T00:00:00+00:00")
    new = results(bench(0.1), torch("idiomatic", 0.15), torch("tuned", 0.12), bench(0.3, preset=None, world_size=8), profile(), simulated(), *timed_kernels(),
                  {"kind": "selftest", "name": "adamw", "passes": False, "message": "differs"}, when="2026-01-02T00:00:00+00:00")
    return [("old.json", old), ("new.json", new)]


class ReportTests(unittest.TestCase):
    def test_every_part_is_there(self):
        page, text = report.as_html(report.draw(everything())), report.as_markdown(report.draw(everything()))
        for drawn in (page, text):
            for part in ("Machine and versions", "Training", "Anatomy of a step", "Kernels: cuda, fp16", "Kernels: sim, fp16", "Over time", "Selftest",
                         "1.20× the best torch" if drawn is page else "1.20×", "FAILED"):
                self.assertIn(part, drawn)

    def test_a_models_figures_are_told_from_measured_ones(self):
        ranks = {"step_seconds": {"gaps": 0.001, "waiting_for_ranks": 0.002}, "communication": {"seconds": 0.004, "hidden_seconds": 0.001}}
        kernels = [{"name": "product", "seconds": 0.01, "roofline": None, "modelled": True}, {"name": "norm", "seconds": 0.01, "roofline": 0.5}]
        for is_estimate in (True, False):
            page = report.as_html(report.draw([("a.json", results(profile(kernels=kernels, is_estimate=is_estimate, **ranks), bench(device="Simulated H200")))]))
            self.assertRegex(page, r"product.*model.*\n.*norm.*50%")
            self.assertIn("waiting for ranks", page)
            self.assertIn("4.00 ms of communication, 25% of it hidden behind work" + (", by model" if is_estimate else "."), page)
            self.assertIn("gpt on Simulated H200", page)
            self.assertIn("says nothing of a GPU", page)
        alone = report.as_html(report.draw([("a.json", results(profile(), bench()))]))
        for absent in ("of communication", "waiting for ranks", "says nothing of a GPU"):
            self.assertNotIn(absent, alone)

    def test_measurements_of_one_day_are_told_apart_by_their_time(self):
        files = [(f"{i}.json", results(bench(0.1), when=when)) for i, when in enumerate(
            ("2026-01-01T00:00:00+00:00", "2026-01-02T08:15:00+00:00", "2026-01-02T17:30:00+00:00"))]
        page = report.as_html(report.draw(files))
        self.assertRegex(page, "<th[^>]*>2026-01-01</th><th[^>]*>2026-01-02 08:15</th><th[^>]*>2026-01-02 17:30</th>")

    def test_figures_are_well_formed_and_self_contained(self):
        page = report.as_html(report.draw(everything()))
        found = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
        self.assertEqual(4, len(found))
        for figure in found:
            tree.fromstring(figure)
        outside = re.sub(r'xmlns="[^"]*"', "", page)
        self.assertNotRegex(outside, r"https?://|<script|<link|src=|url\(|@import")

    def test_what_was_measured_stays_text(self):
        evil = results(bench(preset=HOSTILE), kernel(operation=HOSTILE, floor_seconds=1e-5), profile(preset=HOSTILE, kernels=[{"name": HOSTILE, "seconds": 1}]),
                       {"kind": "selftest", "name": HOSTILE, "passes": False, "message": HOSTILE, "cases": [{"name": HOSTILE, "passes": False, "note": HOSTILE}]}, machine=HOSTILE)
        evil.update(commands=[HOSTILE + "\n# injected"], notes=[HOSTILE], left_out=[{"part": HOSTILE, "reason": HOSTILE}], versions={HOSTILE: HOSTILE})
        machines = report.draw([(HOSTILE, evil)])
        page, text = report.as_html(machines), report.as_markdown(machines)
        self.assertNotIn("<script", page)
        for figure in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
            tree.fromstring(figure)
        self.assertNotRegex(text, r"(?m)^# injected")
        outside_of_code = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
        self.assertNotIn("<script", outside_of_code.replace("\\<", ""))

    def test_markdown_tables_have_the_same_cells_in_every_row(self):
        text = report.as_markdown(report.draw(everything()))
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines() if not set(line) <= set("|-:")}
            self.assertEqual(1, len(widths), block)

    def test_labels_of_the_roofline_hit_neither_each_other_nor_a_point(self):
        points = [(x % 100, 200 + x % 37) for x in range(0, 900, 7)]
        placement = report_figures.Placement(points, 0, 900, 0, 440)
        before = list(placement.taken)
        for index in range(20):
            placement.place(50 + index, 210, f"operation_{index}")
        labels = placement.taken[len(before):]
        self.assertGreater(len(labels), 15)
        for index, label in enumerate(labels):
            for other in before + labels[:index]:
                self.assertTrue(label[2] < other[0] or label[0] > other[2] or label[3] < other[1] or label[1] > other[3])

    def test_one_record_of_any_kind_is_enough(self):
        for record in (bench(), torch("tuned"), kernel(), simulated(), profile(), {"kind": "selftest", "passes": True}):
            with self.subTest(record["kind"]):
                machines = report.draw([("one.json", results(record))])
                report.as_markdown(machines)
                for figure in re.findall(r"<svg.*?</svg>", report.as_html(machines), re.DOTALL):
                    tree.fromstring(figure)

    def test_quantities_have_three_digits_and_a_prefix(self):
        for value, unit, shown in ((0, "s", "0 s"), (1.234e-6, "s", "1.23 µs"), (0.0999996, "s", "100 ms"), (999.7, "B", "1.00 kB"), (45.67e9, "B/s", "45.7 GB/s")):
            self.assertEqual(shown, report_figures.quantity(value, unit))


class ReadmeTests(unittest.TestCase):
    DOCUMENT = f"above\n{update_readme.BEGIN}\n| workload | gpt |\n|---|---|\n| small | 1 |\n{update_readme.END}\nbelow\n"

    def rows(self, *presets):
        made = []
        for preset in presets:
            base = {"preset": preset, "device": "cpu", "precision": "fp32", "threads": 2, "loss_difference": 2e-7, "memory_bytes": 1 << 30}
            made += [bench(0.1, **base), torch("idiomatic", 0.2, **base), torch("tuned", 0.16, **base)]
        return results(*made)

    def test_the_table_names_machine_date_and_steps(self):
        drawn = update_readme.table(self.rows("small", "medium"))
        self.assertIn("Measured 2026-01-02 on Test GPU, 2 threads", drawn)
        self.assertIn("medians over 20 steps in one turn of each program; losses of both agree at every step within 2e-07.", drawn)
        self.assertIn("| small | **179,200** | 89,600 | 112,000 | 1.60× |", drawn)

    def test_a_run_of_fewer_workloads_leaves_the_table(self):
        self.assertEqual(["small"], update_readme.lacking(self.DOCUMENT, self.rows("medium")))
        self.assertEqual([], update_readme.lacking(self.DOCUMENT, self.rows("medium", "small")))

    def test_what_is_around_the_table_stays(self):
        replaced = update_readme.replace(self.DOCUMENT, "new")
        self.assertEqual(f"above\n{update_readme.BEGIN}\nnew\n{update_readme.END}\nbelow\n", replaced)
        with self.assertRaises(results_file.BadResults):
            update_readme.replace("no marks", "new")


if __name__ == "__main__":
    unittest.main()
