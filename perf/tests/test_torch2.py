"""What torch 2 brings, on the CPU: compiled graphs, FlexAttention, head and loss in one, low precision, data parallel ranks.

Needs torch 2.6 or newer; PYTHON names an interpreter that has it, for these tests as for './build.sh perf'.
"""

import json
import os
import subprocess
import sys
import tempfile
import types
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, os.path.join(HERE, "..", "pytorch"))

try:
    import torch
except ImportError:
    raise unittest.SkipTest("needs torch 2.6; PYTHON names an interpreter that has it") from None
if tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2] if part.isdigit()) < (2, 6):
    raise unittest.SkipTest(f"needs torch 2.6, and this is {torch.__version__}; PYTHON names an interpreter that has it")

import contest     # noqa: E402  (found through the paths set above)
import tune        # noqa: E402
import workloads   # noqa: E402

SIZES = dict(d_model=32, n_layers=2, n_heads=2, context_length=16, vocab_size=101)
STEPS, DOCUMENT_TOKEN = 4, 100


class GraphTests(unittest.TestCase):
    def test_graphs(self):
        """In a process of its own: torch.compile's vector code may want a library preloaded."""
        environment = tune.compile_environment(types.SimpleNamespace(python=sys.executable), tune.vector_environments())
        if environment is None:
            self.skipTest("torch.compile makes no vector code here")
        done = subprocess.run([sys.executable, "-m", "unittest", "compiled_graphs"], cwd=HERE, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr[-3000:])
        self.assertRegex(done.stderr, "Ran 3 tests")


class TrainerTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        for ranks in (1, 2):
            chosen = workloads.configure(SIZES, 4 // ranks, micro_steps=2, world_size=ranks)
            chosen["data"]["document_token"] = DOCUMENT_TOKEN
            workloads.write_inputs(os.path.join(folder.name, str(ranks)), chosen, 4 * 16 * 2 * STEPS + 1)
            stream = os.path.join(folder.name, str(ranks), "data", "train.bin")
            with open(stream, "rb") as file:
                tokens = bytearray(file.read())
            for place in range(0, len(tokens), 2):   # within this small vocabulary
                tokens[place:place + 2] = (int.from_bytes(tokens[place:place + 2], "little") % 101).to_bytes(2, "little")
            with open(stream, "wb") as file:
                file.write(tokens)

    def start(self, name, *arguments, ranks=1, **environment):
        inputs, run = os.path.join(self.folder, str(ranks)), os.path.join(self.folder, name)
        command = tune.train_command(sys.executable, inputs, run, STEPS, 1, list(arguments))
        return subprocess.Popen(command, env={**tune.environment_of({}, 1), **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def losses(self, name, *processes):
        for process in processes:
            output, _ = process.communicate(timeout=300)
            self.assertEqual(0, process.returncode, output[-2000:])
            self.assertNotIn("Warning", output)
        with open(os.path.join(self.folder, name, "metrics.jsonl"), encoding="utf-8") as file:
            return [json.loads(line)["loss"] for line in file]

    def train(self, *arguments):
        return self.losses("run", self.start("run", *arguments))

    def assert_close(self, expected, losses, tolerance):
        self.assertEqual(STEPS, len(losses))
        for ours, theirs in zip(expected, losses):
            self.assertLess(abs(ours - theirs) / ours, tolerance, f"{expected} {losses}")

    def test_every_choice_trains_alike(self):
        expected = self.train()
        for arguments, tolerance in ((["--attention", "sdpa", "--optimizer", "fused", "--pad-vocabulary", "128"], 1e-6),
                                     (["--optimizer", "blocked", "--loss", "chunked"], 1e-6),
                                     (["--attention", "sdpa", "--optimizer", "fused", "--precision", "bf16", "--residual", "low"], 2e-3),
                                     (["--attention", "sdpa", "--optimizer", "fused", "--precision", "fp16"], 1e-3),
                                     (["--optimizer", "foreach", "--precision", "fp16", "--residual", "low"], 1e-3)):
            with self.subTest(" ".join(arguments)):
                self.assert_close(expected, self.train(*arguments), tolerance)

    def test_ranks_train_as_one_process_does(self):
        ports = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29000 + os.getpid() % 2000), "WORLD_SIZE": "2", "USE_LIBUV": "0"}
        both = [self.start("ranks", "--attention", "sdpa", "--optimizer", "fused", ranks=2, RANK=str(rank), LOCAL_RANK=str(rank), GLOO_SOCKET_IFNAME="lo", **ports)
                for rank in range(2)]
        self.assert_close(self.train(), self.losses("ranks", *both), 1e-6)

    def test_what_cannot_be_is_refused_in_a_sentence(self):
        for arguments, said in ((["--attention", "flex"], "no backward pass"), (["--attention", "varlen"], "no backward pass"), (["--precision", "tf32"], "--device cuda"),
                                (["--loss", "chunked", "--pad-vocabulary", "128"], "no use for --pad-vocabulary")):
            with self.subTest(" ".join(arguments)):
                output, _ = self.start("refused", *arguments).communicate(timeout=300)
                self.assertIn(said, output)
                self.assertNotIn("Traceback", output)

    def test_the_program_computes_the_same_losses(self):
        program = os.environ.get("GPTENGINE_GPT")
        if not program or not contest.gpt_version(program):
            self.skipTest(f"GPTENGINE_GPT is {program}, which is no program that starts from here")
        inputs, run = os.path.join(self.folder, "1"), os.path.join(self.folder, "gpt")
        done = subprocess.run([program, "train", "--config", os.path.join(inputs, "train.json"), "--data", os.path.join(inputs, "data"),
                               "--init", os.path.join(inputs, "init"), "--run", run, "--steps", str(STEPS), "--device", "cpu", "--threads", "1"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
            ours = [line["loss"] for line in map(json.loads, file) if line["kind"] == "train"]
        self.assert_close(self.train("--attention", "sdpa", "--optimizer", "fused"), ours, 1e-6)


if __name__ == "__main__":
    unittest.main()
