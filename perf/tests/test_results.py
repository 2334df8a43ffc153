"""Merging and checking results files: what is whole is kept, what is not is named."""

import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import merge          # noqa: E402  (found through the path set above)
import regression     # noqa: E402
import results_file   # noqa: E402


def bench(median=0.1, width=0.01, **other):
    return {"kind": "bench", "preset": "gpt-89m", "model": {"d_model": 512}, "micro_batch": 70, "context_length": 256, "precision": "bf16",
            "world_size": 1, "device": "cuda", "steps": 20, "tokens_per_second": 17920 / median,
            "step_seconds": {"median": median, "p10": median * (1 - width), "p90": median * (1 + width)}, **other}


def kernel(median=1e-4, width=0.01, **other):
    return {"kind": "kernel", "operation": "gelu_forward", "implementation": "gpt", "shape": {"count": 4096}, "type": "fp16", "device": "cuda",
            "bytes": 16384, "flops": 61440, "seconds": {"median": median, "p10": median * (1 - width), "p90": median * (1 + width)}, **other}


def results(*records, when="2026-01-02T03:04:05+00:00", machine="Test GPU"):
    return {"schema": 1, "when": when, "machine": {"name": machine}, "versions": {}, "commands": [], "records": list(records)}


class Folder(unittest.TestCase):
    """With a folder that goes away."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode())
        return path


class MergeTests(Folder):
    def test_every_form_of_a_part_is_read(self):
        parts = [self.write("one.json", bench()), self.write("list.json", [kernel(), {"kind": "selftest", "passes": True}]),
                 self.write("whole.json", results(bench(preset="gpt-1b"))),
                 self.write("lines.jsonl", json.dumps(kernel(type="bf16")) + "\n" + json.dumps(kernel(type="fp32")) + "\n")]
        merged = merge.merge(parts, machine={"name": "m"})
        self.assertEqual(6, len(merged["records"]))
        self.assertNotIn("left_out", merged)
        results_file.check_results(merged, "merged")

    def test_half_written_lines_lose_the_torn_line_alone(self):
        part = self.write("lines.jsonl", json.dumps(kernel()) + "\n" + json.dumps(kernel(type="bf16"))[:70])
        records, wrong = merge.read_part(part)
        self.assertEqual(1, len(records))
        self.assertEqual(1, len(wrong))
        self.assertIn("line 2", wrong[0][1])

    def test_broken_parts_are_named_and_the_rest_is_kept(self):
        whole = json.dumps([kernel()])
        hostile = {
            "torn.json": whole[:-20], "empty.json": "", "binary.json": b"\xff\xfe\x00\x01", "nan.json": whole.replace("16384", "NaN"),
            "huge.json": whole.replace("16384", "1" + "0" * 5000), "infinite.json": whole.replace("16384", "1e999"),
            "large.json": whole.replace("16384", "1e40"), "deep.json": "[" * 100000, "nested.json": [dict(kernel(), settings=deep(40))],
            "text.json": "\"records\"", "number.json": "3", "records.json": {"records": 5}, "kind.json": [{"kind": "rumour"}], "list-kind.json": [{"kind": []}],
            "missing.json": [{key: value for key, value in bench().items() if key != "steps"}],
            "negative.json": [kernel(median=-1.0)], "unordered.json": [kernel(width=-0.5)], "word.json": [dict(kernel(), bytes="many")],
            "shape.json": [dict(kernel(), shape={"count": [1]})], "long.json": [dict(kernel(), operation="x" * 30000)],
        }
        parts = [self.write(name, content) for name, content in hostile.items()] + [os.path.join(self.folder, "absent.json"), self.folder]
        merged = merge.merge([self.write("good.json", [bench()]), *parts], machine={"name": "m"})
        self.assertEqual(1, len(merged["records"]))
        self.assertEqual({os.path.basename(path) for path in parts}, {entry["part"] for entry in merged["left_out"]})
        self.assertTrue(all(entry["reason"] for entry in merged["left_out"]))
        results_file.check_results(merged, "merged")

    def test_a_bad_record_does_not_take_the_good_ones_with_it(self):
        records, wrong = merge.read_part(self.write("mixed.json", [bench(), dict(bench(), steps=0), kernel()]))
        self.assertEqual(["bench", "kernel"], [record["kind"] for record in records])
        self.assertEqual(["record 2: steps is 0, not a whole number from 1 up"], [reason for _, reason in wrong])

    def test_commands_and_versions_come_from_the_records(self):
        part = self.write("a.json", [bench(command=["gpt", "bench"], versions={"gpt": "1", "cuda": "12.4"}), kernel(command="gpt bench", versions={"gpt": "2"})])
        merged = merge.merge([part], commands=["perf/gpu.sh"], machine={"name": "m"})
        self.assertEqual(["perf/gpu.sh", "gpt bench"], merged["commands"])
        self.assertEqual({"cuda": "12.4", "gpt": "1, 2"}, merged["versions"])


class FileTests(Folder):
    def test_saved_is_loaded_again(self):
        path = os.path.join(self.folder, "new", "a.json")
        results_file.save(path, results(bench(), kernel()))
        self.assertEqual(2, len(results_file.load(path)["records"]))
        self.assertEqual(["a.json"], os.listdir(os.path.dirname(path)))

    def test_what_is_no_results_file_is_refused(self):
        for broken in (dict(results(), schema=2), dict(results(), when="yesterday"), dict(results(), machine={}), dict(results(), records={}),
                       dict(results(), commands=[3]), results({"kind": "kernel"})):
            with self.assertRaises(results_file.BadResults):
                results_file.check_results(broken, "x")

    def test_the_second_file_of_a_day_has_a_name_of_its_own_and_the_previous_is_the_newest_before(self):
        first = results(when="2026-01-02T03:04:05+00:00")
        second = results(when="2026-01-02T05:00:00+00:00")
        other = results(when="2026-01-02T04:00:00+00:00", machine="Another")
        for one in (first, other, second):
            results_file.save(results_file.new_path(one, self.folder), one)
        self.assertEqual(["2026-01-02-Another.json", "2026-01-02-Test-GPU-2.json", "2026-01-02-Test-GPU.json"], sorted(os.listdir(self.folder)))
        self.write("2026-01-02-broken.json", "{")
        (path, _), broken = results_file.previous(second, self.folder)
        self.assertEqual("2026-01-02-Test-GPU.json", os.path.basename(path))
        self.assertEqual(1, len(broken))
        self.assertIsNone(results_file.previous(first, self.folder)[0])
        newer = dict(second, versions={"torch": "2.14.1"})
        self.assertIsNone(results_file.previous(newer, self.folder)[0], "beside another torch everything of ours looks different")

    def test_the_files_of_this_repository_are_valid(self):
        for name in sorted(os.listdir(results_file.RESULTS)):
            if name.endswith(".json"):
                results_file.load(os.path.join(results_file.RESULTS, name))


class RegressionTests(Folder):
    def check(self, old, new, floor=0.03):
        """(passed, what was printed)."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            passed = regression.report(old, new, "old", "new", floor)
        return passed, printed.getvalue()

    def test_the_same_twice_passes(self):
        passed, printed = self.check(results(bench(), kernel()), results(bench(), kernel()))
        self.assertTrue(passed)
        self.assertIn("0 slower, 0 faster, 2 within noise", printed)

    def test_slower_beyond_the_band_fails_and_is_named(self):
        passed, printed = self.check(results(bench(0.1), kernel()), results(bench(0.105), kernel()))
        self.assertFalse(passed)
        self.assertRegex(printed, r"gpt-89m bf16 B=70 T=256 \(gpt, cuda\) +100 ms +105 ms +1\.050 +3\.0% +slower")
        self.assertIn("1 slower", printed)

    def test_just_within_the_floor_passes_and_just_beyond_fails(self):
        self.assertTrue(self.check(results(bench(0.1, 0.0)), results(bench(0.10299, 0.0)))[0])
        self.assertFalse(self.check(results(bench(0.1, 0.0)), results(bench(0.10301, 0.0)))[0])
        self.assertFalse(self.check(results(bench(0.1, 0.0)), results(bench(0.10101, 0.0)), floor=0.01)[0])

    def test_a_noisy_row_needs_more(self):
        noisy = bench(0.115, 0.12)
        passed, printed = self.check(results(bench(0.1, 0.12)), results(noisy))
        self.assertTrue(passed, printed)
        self.assertFalse(self.check(results(bench(0.1, 0.02)), results(bench(0.115, 0.02)))[0])

    def test_the_wider_side_of_either_file_makes_the_band(self):
        skewed = {"median": 1.0, "p10": 0.99, "p90": 1.4}
        self.assertAlmostEqual(0.4, regression.relative_spread(skewed))
        self.assertAlmostEqual(0.1 * 1.2816 / 0.6745, regression.relative_spread({"median": 1.0, "p25": 0.95, "p75": 1.1}))
        self.assertIsNone(regression.relative_spread({"median": 1.0}))
        one = regression.Comparison(kernel(width=0.04), kernel(width=0.03), 0.03)
        self.assertAlmostEqual(0.05, one.band)

    def test_faster_passes_and_is_said(self):
        passed, printed = self.check(results(bench(0.1)), results(bench(0.05)))
        self.assertTrue(passed)
        self.assertIn("faster", printed)

    def test_rows_of_one_file_alone_are_said(self):
        passed, printed = self.check(results(bench(), bench(micro_batch=35)), results(bench(), kernel()))
        self.assertTrue(passed)
        self.assertIn("only in old: gpt-89m bf16 B=35", printed)
        self.assertIn("only in new: gelu_forward fp16 count=4096", printed)

    def test_torch_is_a_control(self):
        slow = [dict(bench(0.2), kind="torch", settings={}), kernel(2e-4, implementation="torch eager")]
        fast = [dict(bench(0.1), kind="torch", settings={}), kernel(1e-4, implementation="torch eager")]
        passed, printed = self.check(results(*fast), results(*slow))
        self.assertTrue(passed)
        self.assertIn("The machine itself seems slower.", printed)

    def test_relative_to_controls_a_slower_machine_is_no_regression_and_a_slower_program_is(self):
        def both(ours, theirs):
            return results(bench(ours), dict(bench(theirs), kind="torch", settings={}, style="tuned"), kernel(ours), kernel(theirs, implementation="torch eager"))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertTrue(regression.report(both(0.1, 0.2), both(0.3, 0.6), "old", "new", relative=True))
            self.assertFalse(regression.report(both(0.1, 0.2), both(0.2, 0.2), "old", "new", relative=True))
            self.assertFalse(regression.report(both(0.1, 0.2), both(0.1, 0.1), "old", "new", relative=True))
            self.assertFalse(regression.report(both(0.1, 0.2), both(0.3, 0.6), "old", "new"))
            self.assertFalse(regression.report(results(bench(0.1)), results(bench(0.3)), "old", "new", relative=True), "without a control")
        noisy = regression.Comparison(dict(bench(0.2, 0.3), kind="torch", settings={}), dict(bench(0.2, 0.4), kind="torch", settings={}), 0.03)
        ours = regression.Comparison(bench(0.1, 0.0), bench(0.1, 0.0), 0.03)
        ours.divide_by([noisy])
        self.assertAlmostEqual(0.5, ours.band)

    def test_a_modelled_time_is_not_held_against_a_measured_one(self):
        passed, printed = self.check(results(bench(0.1), kernel()), results(bench(0.5, modelled=True), kernel()))
        self.assertTrue(passed, printed)
        self.assertIn("not compared: gpt-89m bf16 B=70 T=256 (gpt, cuda) is modelled in new and measured in old", printed)
        self.assertNotIn("only in", printed)
        self.assertIn("is modelled in old and measured in new", self.check(results(bench(0.5, modelled=True)), results(bench(0.1)))[1])
        passed, printed = self.check(results(bench(0.1), bench(0.5, modelled=True)), results(bench(0.2), bench(0.5, modelled=True)))
        self.assertFalse(passed, "the measured rows of both are compared, and the modelled ones")
        self.assertIn("1 slower, 0 faster, 1 within noise", printed)

    def test_different_machines_are_said(self):
        self.assertIn("different machines", self.check(results(bench()), results(bench(), machine="Another"))[1])

    def test_the_command_has_its_exit_codes(self):
        old, slow = self.write("old.json", results(bench(0.1))), self.write("slow.json", results(bench(0.2)))
        torn = self.write("torn.json", json.dumps(results(bench()))[:100])
        for arguments, code in (([old, old], 0), ([old, slow], 1), ([slow, old], 0), ([old, slow, "--band", "1.5"], 0), ([old, torn], 2), ([old], 2),
                                ([old, slow, "--band", "-1"], 2)):
            with self.subTest(arguments):
                self.assertEqual(code, self.run_main(arguments))

    @staticmethod
    def run_main(arguments):
        before, sys.argv = sys.argv, ["regression.py", *arguments]
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                regression.main()
        except SystemExit as leaving:
            return leaving.code
        finally:
            sys.argv = before
        return None


class MachineTests(unittest.TestCase):
    def smi(self, answers):
        """gpus() with an nvidia-smi that answers a query of so many fields so."""
        def run(command, **_):
            fields = command[1].split("=")[1].split(",")
            code, output = answers(fields)
            return subprocess.CompletedProcess(command, code, output, "")
        with mock.patch.object(results_file.subprocess, "run", run):
            return results_file.gpus()

    def test_each_gpu_is_described(self):
        found = self.smi(lambda fields: (0, "Tesla V100-SXM2-32GB, 535.1, 32768, 1530, 300.00, 7.0\n" * 2))
        self.assertEqual(2, len(found))
        self.assertEqual(("Tesla V100-SXM2-32GB", "7.0"), (found[0]["name"], found[0]["compute_capability"]))

    def test_an_older_driver_is_asked_for_less(self):
        found = self.smi(lambda fields: (2, "Field is not valid\n") if "compute_cap" in fields else (0, "Tesla V100, 470.1, 32768, 1530, 300.00\n"))
        self.assertEqual([{"name": "Tesla V100", "driver": "470.1", "memory_mib": "32768", "max_sm_mhz": "1530", "power_limit_w": "300.00"}], found)

    def test_nonsense_is_no_gpu(self):
        self.assertEqual([], self.smi(lambda fields: (0, "No devices were found\n")))


class KeyTests(unittest.TestCase):
    def test_what_is_measured_tells_rows_apart_and_how_does_not(self):
        first = results_file.key(bench())
        for name, value in (("preset", "gpt-1b"), ("micro_batch", 35), ("context_length", 128), ("precision", "fp16"), ("world_size", 8), ("device", "cpu")):
            self.assertNotEqual(first, results_file.key(bench(**{name: value})))
        self.assertEqual(first, results_file.key(bench(0.3, loss=2.0, versions={"gpt": "9"})))
        self.assertNotEqual(results_file.key(kernel()), results_file.key(kernel(shape={"count": 8192})))
        reordered = copy.deepcopy(kernel(shape={"b": 1, "a": 2}))
        self.assertEqual(results_file.key(reordered), results_file.key(kernel(shape={"a": 2, "b": 1})))


def deep(levels):
    value = {}
    for _ in range(levels):
        value = {"a": value}
    return value


if __name__ == "__main__":
    unittest.main()
