"""perf/gpu.sh with stand-ins for the program and for NVIDIA's tools: what it calls, what it reports, and that one part's end is not another's."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gpu.sh")
PARTS = ["doctor", "selftest", "memcheck", "racecheck", "initcheck", "synccheck", "instructions", "training", "profile", "kernels",
         "torch-kernels", "torch-training", "ncu", "nsys", "report"]

GPT = """#!/bin/bash
echo "gpt $*" >>"$CALLS"
case "$1 $HANG" in *"$1 $1") exec sleep 60 ;; esac
case "$1 $FAIL" in *"$1 $1") echo "starting"; echo "gpt: $REASON" >&2; exit 1 ;; esac
"""

# Each runs the command that it is given, if any, from the program's path on.
TOOL = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CALLS"
while [ $# -gt 0 ] && [ "$1" != "$GPT" ]; do shift; done
if [ $# -gt 0 ]; then exec "$@"; fi
"""

NVIDIA_SMI = """#!/bin/bash
case "$*" in
    *compute_cap,*|*name,driver*) echo "name, driver" ;;
    *compute_cap*) echo "$CAPABILITY" ;;
    *query-gpu=name*) echo "NVIDIA Test 100" ;;
esac
"""


class GpuScript(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.calls = os.path.join(self.folder, "calls")
        os.mkdir(self.path("bin"))
        self.make("gpt", GPT)
        for name in ("compute-sanitizer", "ncu", "nsys"):
            self.make(os.path.join("bin", name), TOOL)
        self.make(os.path.join("bin", "nvidia-smi"), NVIDIA_SMI)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), stat.S_IRWXU)

    def run_script(self, *arguments, capability="9.0", tools=True, **environment):
        path = os.environ["PATH"] if not tools else self.path("bin") + os.pathsep + os.environ["PATH"]
        variables = {**os.environ, "PATH": path, "CALLS": self.calls, "CAPABILITY": capability, "HANG": "", "FAIL": "", **environment}
        done = subprocess.run(
            [SCRIPT, "--gpt", self.path("gpt"), "--out", self.path("results"), "--python", "/nonexistent/python", *arguments],
            env=variables, capture_output=True, text=True, timeout=120, check=False)
        calls = ""
        if os.path.exists(self.calls):
            with open(self.calls, encoding="utf-8") as file:
                calls = file.read()
        return done, calls

    def summary(self):
        with open(self.path("results/summary.txt"), encoding="utf-8") as file:
            rows = [line.split(None, 3) for line in file.read().splitlines()[1:]]
        return {row[0]: (int(row[2]), row[3]) for row in rows}

    def without_torch(self, *arguments, **environment):
        """All parts but those that would find this machine's torch."""
        parts = [word for part in PARTS if not part.startswith("torch") for word in ("--part", part)]
        return self.run_script(*parts, *arguments, **environment)

    def test_whole_form_runs_every_part(self):
        done, calls = self.without_torch()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(list(self.summary()), [part for part in PARTS if not part.startswith("torch")])
        self.assertIn("gpt selftest --device cuda --json", calls)
        self.assertIn("--full", calls)
        for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
            self.assertIn(f"compute-sanitizer --tool {tool} --target-processes all --error-exitcode 9", calls)
        self.assertIn("gpt selftest --device cuda --filter training bf16", calls)
        self.assertIn("gpt kernels compare --with cuda", calls)
        self.assertIn("gpt bench --device cuda --preset gpt-1b --precision bf16 --micro-batch 20,40,80", calls)
        self.assertIn("gpt profile --device cuda --preset gpt-304m --precision bf16", calls)
        self.assertIn("gpt bench --kernels --device cuda --kernel-seconds 0.5", calls)
        self.assertIn("ncu --target-processes all --clock-control none", calls)
        self.assertRegex(calls, "nsys profile --trace cuda,nvtx --sample none --cpuctxsw none --cuda-graph-trace node .*gpt bench .*--device cuda")
        self.assertRegex(calls, "nsys profile .*gpt profile --timer events .*--device cuda")
        self.assertRegex(calls, r"nsys stats \S*/nsys.nsys-rep\n")
        self.assertEqual(self.summary()["report"], (77, "skipped: no Python to merge the results with; the parts' own files are whole"))

    def test_quick_form_of_an_older_gpu(self):
        done, calls = self.without_torch("--quick", capability="7.0")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("gpt bench --device cuda --preset gpt-89m --precision fp16 --micro-batch 70 ", calls)
        self.assertNotIn("--full", calls)
        self.assertNotIn("bf16", calls)

    def test_part_that_fails_does_not_stop_the_next(self):
        done, _ = self.run_script("--part", "doctor", "--part", "selftest", "--part", "instructions", FAIL="selftest", REASON="The driver finds no GPU.")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.summary()["selftest"], (1, "FAILED, see selftest.log: The driver finds no GPU."))
        self.assertEqual(self.summary()["instructions"], (0, "ok"))

    def test_report_tells_which_parts_failed(self):
        os.mkdir(self.path("results"))
        with open(self.path("results/selftest.json"), "w", encoding="utf-8") as file:
            json.dump({"kind": "selftest", "passes": True, "cases": [{"name": "Zero", "passes": True}]}, file)
        with open(self.path("results/bench-empty.json"), "w", encoding="utf-8"):
            pass
        done, _ = self.run_script("--python", sys.executable, "--part", "doctor", "--part", "instructions", "--part", "report", FAIL="doctor", REASON="It burns.")
        self.assertEqual(done.returncode, 1)
        with open(self.path("results/results.json"), encoding="utf-8") as file:
            drawn = json.load(file)
        self.assertEqual([record["kind"] for record in drawn["records"]], ["selftest"])
        self.assertEqual(sorted(name for name in os.listdir(self.path("results")) if name.endswith(".json")), ["results.json", "selftest.json"])
        self.assertEqual(drawn["notes"], ["Part doctor: FAILED, see doctor.log: It burns."])
        with open(self.path("results/report.html"), encoding="utf-8") as file:
            self.assertIn("Part doctor: FAILED", file.read())

    def test_part_that_hangs_ends_at_its_limit(self):
        done, _ = self.run_script("--quick", "--part", "report", "--part", "doctor", "--part", "instructions", HANG="doctor", QUICK_TOTAL="26")
        self.assertEqual(done.returncode, 1)
        code, verdict = self.summary()["doctor"]
        self.assertEqual(code, 124)
        self.assertIn("over its time limit", verdict)
        self.assertEqual(self.summary()["instructions"], (0, "ok"))

    @unittest.skipIf(any(map(shutil.which, ("compute-sanitizer", "ncu", "nsys"))), "this machine has NVIDIA's tools")
    def test_missing_tools_are_skipped_with_the_reason(self):
        done, _ = self.run_script("--part", "memcheck", "--part", "ncu", "--part", "nsys", tools=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for part in ("memcheck", "ncu", "nsys"):
            self.assertEqual(self.summary()[part][0], 77)
            self.assertIn("is not on the path", self.summary()[part][1])

    @unittest.skipUnless(shutil.which("shellcheck"), "no shellcheck here (Debian: apt-get install shellcheck)")
    def test_shellcheck_finds_nothing(self):
        done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_wrong_calls(self):
        for arguments in (["--part", "nosuch"], ["--device", "tpu"], ["--fast"], ["--part"]):
            done, calls = self.run_script(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(calls, "")
            self.assertTrue(done.stderr.startswith("gpu.sh: "))

    def test_quick_limits_add_up_to_nine_minutes(self):
        done, _ = self.run_script("--list")
        rows = [line.split() for line in done.stdout.splitlines()[1:]]
        self.assertEqual([row[0] for row in rows], PARTS)
        self.assertEqual(sum(int(row[2]) for row in rows), 540)


if __name__ == "__main__":
    unittest.main()
