"""What the side-by-sides do around the programs: workloads, the search for settings, turns, records. Nothing here needs torch."""

import contextlib
import glob
import io
import json
import os
import re
import sys
import tempfile
import types
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, os.path.join(HERE, "..", "pytorch"))

import contest           # noqa: E402  (found through the path set above)
import results_file      # noqa: E402
import tune              # noqa: E402
import tune_gpu          # noqa: E402
import workloads         # noqa: E402

ROOT = os.path.join(HERE, "..", "..")


def options(**other):
    return types.SimpleNamespace(**{"steps": 4, "warm_up": 1, "rounds": 2, "prefix": "", "limit": None, "device": "cuda", "tune_limit": 100.0,
                                    "trial_limit": 10.0, "tune_steps": 3, "gpus": 1, "threads": 1, "precision": "bf16", "python": "python3", **other})


class WorkloadTests(unittest.TestCase):
    def test_presets_are_the_programs_own(self):
        for path in glob.glob(os.path.join(ROOT, "tools", "Gpt", "Presets", "*.json")):
            name = os.path.splitext(os.path.basename(path))[0]
            if name not in workloads.GPU_WORKLOADS:
                continue
            with open(path, encoding="utf-8") as file:
                preset = json.loads(re.sub(r"(?m)^\s*//.*$", "", file.read()))
            differences, micro_batch = workloads.GPU_WORKLOADS[name]
            ours = workloads.configure(differences, micro_batch)
            for key, value in preset["model"].items():
                self.assertEqual(value, ours["model"][key], f"{name}: {key}")
            if name != "gpt2-124m":
                self.assertEqual(preset["training"]["micro_batch"], micro_batch, name)

    def test_a_step_has_all_ranks_and_micro_steps(self):
        chosen = workloads.configure(dict(d_model=64, n_layers=1, n_heads=1, context_length=32), 4, micro_steps=3, world_size=2, precision="fp16")
        self.assertEqual(4 * 32 * 3 * 2, chosen["training"]["acc_batch_size"])
        self.assertEqual("fp16", chosen["training"]["precision"])


class SearchTests(unittest.TestCase):
    def search(self, rate, **other):
        asked = []

        def measure(_, __, environment, arguments, limit):
            asked.append(limit)
            return rate(dict(zip(arguments[::2], arguments[1::2])), environment)
        with mock.patch.object(tune_gpu, "measure", measure), contextlib.redirect_stdout(io.StringIO()):
            return tune_gpu.search(options(**other), "inputs"), asked

    def test_the_fastest_of_each_stage_goes_on(self):
        def rate(settings, environment):
            return (10 * (settings["--attention"] == "varlen") + 5 * (settings["--compile"] == "reduce-overhead") + 2 * (settings["--pad-vocabulary"] == "128")
                    + (settings["--residual"] == "fp32") + 0.5 * bool(environment) + 1)
        (environment, arguments, best, complete), _ = self.search(rate)
        settings = dict(zip(arguments[::2], arguments[1::2]))
        self.assertEqual(("varlen", "reduce-overhead", "128", "fp32"),
                         (settings["--attention"], settings["--compile"], settings["--pad-vocabulary"], settings["--residual"]))
        self.assertTrue(environment)
        self.assertAlmostEqual(19.5, best)
        self.assertTrue(complete)

    def test_what_does_not_run_is_passed_over(self):
        (_, arguments, best, _), _ = self.search(lambda settings, _: 7.0 if settings["--attention"] == "flex" and settings["--compile"] == "none" else 0.0
                                                 if settings["--attention"] != "flex" else 3.0)
        self.assertIn("flex", arguments)
        self.assertIn("none", arguments)
        self.assertEqual(7.0, best)

    def test_a_search_without_time_takes_the_first_that_runs(self):
        (_, arguments, best, complete), asked = self.search(lambda settings, _: 1.0, tune_limit=-1.0)
        self.assertEqual(1, len(asked))
        self.assertEqual(tune_gpu.START, arguments)
        self.assertEqual((1.0, False), (best, complete))

    def test_several_gpus_go_through_torchrun(self):
        command = tune_gpu.train_command(options(gpus=8), "in", "run", 5, ["--compile", "none"])
        self.assertEqual(["python3", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "8"], command[:6])


class CpuSearchTests(unittest.TestCase):
    OFFERS = {"torch": "2.14", "optimizers": ["blocked", "foreach", "single", "fused"], "sdpa": True, "linear": True, "compile": True}
    LIBRARIES = {"blas": [{}], "allocators": [{}, {"LD_PRELOAD": "tcmalloc"}], "openmp": [{}, {"LD_PRELOAD": "omp"}], "vectors": [{"LD_PRELOAD": "sleef"}]}

    def search(self, rate, style="idiomatic", shared=False, vectors=True):
        def measure(_, __, environment, arguments):
            return rate(environment, dict(zip(arguments[::2], arguments[1::2])))
        with mock.patch.multiple(tune, measure=measure, installed=lambda _: self.LIBRARIES, fast_blas_environments=lambda _: [(400.0, {"BLAS": "fast"})],
                                 compile_environment=lambda _, found: found[0] if vectors else None, processor_flags=lambda: []):
            environment, arguments, best = tune.search(types.SimpleNamespace(style=style, shared=shared, python="python3"), "inputs", self.OFFERS)
        return environment, dict(zip(arguments[::2], arguments[1::2])), best

    @staticmethod
    def prefers_all(environment, settings):
        preloaded = environment.get("LD_PRELOAD", "").split(":")
        return (1 + 4 * ("tcmalloc" in preloaded) + 2 * ("omp" in preloaded) + 8 * ("sleef" in preloaded and settings.get("--compile") == "default")
                + (settings["--loss"] in ("linear", "chunked")) + (settings["--attention"] == "sdpa") + (settings["--optimizer"] in ("fused", "blocked")))

    def test_libraries_to_preload_add_up_and_every_axis_is_searched(self):
        environment, settings, best = self.search(self.prefers_all)
        self.assertEqual({"BLAS": "fast", "LD_PRELOAD": "tcmalloc:omp:sleef"}, environment)
        self.assertEqual(("default", "linear", "sdpa", "fused"), tuple(settings[name] for name in ("--compile", "--loss", "--attention", "--optimizer")))
        self.assertEqual(18, best)

    def test_one_thread_tells_nothing_of_openmp_and_scalar_code_is_not_compiled(self):
        environment, settings, _ = self.search(self.prefers_all, shared=True, vectors=False)
        self.assertEqual({"BLAS": "fast", "LD_PRELOAD": "tcmalloc"}, environment)
        self.assertNotIn("--compile", settings)

    def test_only_the_tuned_style_takes_what_is_made_by_hand(self):
        by_hand = lambda _, settings: 1 + (settings["--loss"] == "chunked") + (settings["--optimizer"] == "blocked")
        self.assertEqual(3, self.search(by_hand, style="tuned")[2])
        self.assertEqual(1, self.search(by_hand)[2])


PROGRAM = """
import json, os, sys
run, seconds, loss = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
with open(os.path.join(run, "metrics.jsonl"), "w") as file:
    for step in range(4):
        file.write(json.dumps({"kind": "train", "step": step + 1, "loss": loss - step, "seconds": seconds if step else 9.0}) + "\\n")
print(json.dumps({"kind": "summary", "torch": "9.9", "cuda": "13.0"}))
"""


class ContestTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def contestant(self, name, seconds, loss=10.0, program=PROGRAM):
        run = os.path.join(self.folder, name.replace(" ", "-"))
        return contest.Contestant(name, [sys.executable, "-c", program, run, str(seconds), str(loss)], {"A": "1"}, run, {"arguments": []})

    def test_turns_leave_out_the_warm_up_and_make_valid_records(self):
        both = [self.contestant("gpt", 0.1), self.contestant("torch tuned", 0.2)]
        contest.hold(both, options(), lambda one: dict(os.environ))
        base = {"preset": "tiny", "model": {}, "micro_batch": 2, "context_length": 32, "precision": "fp32", "world_size": 1, "device": "cpu", "warmup": 1}
        rows = [one.record(base, 64, 1e6, 1e9) for one in both]
        for row, seconds in zip(rows, (0.1, 0.2)):
            results_file.check_record(row)
            self.assertEqual(6, row["steps"])
            self.assertAlmostEqual(seconds, row["step_seconds"]["max"])
            self.assertAlmostEqual(64 / seconds, row["tokens_per_second"])
            self.assertGreater(row["memory_bytes"], 1 << 20)
        self.assertEqual(["bench", "torch"], [row["kind"] for row in rows])
        self.assertEqual({"torch": "9.9", "cuda": "13.0"}, rows[1]["versions"])
        self.assertEqual(0.0, contest.loss_difference(both))

    def test_losses_apart_end_the_comparison(self):
        both = [self.contestant("gpt", 0.1, 10.1), self.contestant("torch tuned", 0.1)]
        contest.hold(both, options(rounds=1), lambda one: dict(os.environ))
        difference = contest.loss_difference(both)
        self.assertAlmostEqual(0.1 / 7, difference)
        with self.assertRaises(SystemExit) as leaving:
            contest.fail_where_apart([("tiny", difference, 1e-3)])
        self.assertIn("tiny by 1.4e-02", leaving.exception.code)
        contest.fail_where_apart([("tiny", 1e-4, 1e-3)])
        with self.assertRaises(SystemExit):
            contest.fail_where_apart([("tiny", float("nan"), 1e-3)])

    def test_a_program_that_fails_or_hangs_is_named(self):
        for program, limit, said in (("import sys; sys.exit('no such device')", None, "no such device"), ("import time; time.sleep(60)", 0.2, "was not done within"),
                                     (PROGRAM.replace("range(4)", "range(2)"), None, "2 of 4 steps")):
            with self.subTest(said), self.assertRaises(contest.ProgramFailed) as failure:
                self.contestant("gpt", 0.1, program=program).take_turn(options(limit=limit), dict(os.environ))
            self.assertIn(said, str(failure.exception))


if __name__ == "__main__":
    unittest.main()
