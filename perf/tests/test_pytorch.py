"""PyTorch's side, where there is a torch: every operation of the case list, the trainer's choices that may not change a loss."""

import json
import os
import sys
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "pytorch"))

try:
    import torch
except ImportError:
    raise unittest.SkipTest("needs torch") from None

import kernel_operations   # noqa: E402  (found through the path set above)
import kernels             # noqa: E402
import model               # noqa: E402

SMALL = {"rows": 3, "channels": 64, "batch": 2, "time": 9, "heads": 2, "head_size": 32, "vocabulary": 100, "inputs": 64, "outputs": 32, "count": 99,
         "document": 4, "keys": 5}


class OperationTests(unittest.TestCase):
    def test_every_operation_of_the_case_list_is_here_with_the_sizes_that_it_has(self):
        with open(os.path.join(HERE, "..", "kernel_cases.json"), encoding="utf-8") as file:
            listed = {entry["operation"]: entry for entry in json.load(file)["operations"]}
        self.assertEqual(set(listed), set(kernel_operations.OPERATIONS))
        for name, entry in listed.items():
            shape = {size: SMALL[size] for size in entry["gpu"][0]}
            forms = kernel_operations.OPERATIONS[name](shape, kernel_operations.Tensors("cpu", torch.float32, 2))
            self.assertTrue(forms, name)
            for form, call in forms.items():
                if form in ("torch compiled", "torch flex"):
                    continue   # minutes of compilation
                with self.subTest(name, form=form), torch.no_grad():
                    call(0)
                    call(1)
                    call(0)

    def test_attention_by_document_is_that_of_each_document_alone(self):
        shape = {"batch": 1, "time": 8, "heads": 2, "head_size": 4, "document": 5}
        qkv = torch.randn(8, 24)
        whole = kernel_operations.sdpa_forms(shape, "cpu")["torch explicit"](qkv)
        for begin, end in ((0, 5), (5, 8)):
            part = dict(shape, time=end - begin, document=0)
            torch.testing.assert_close(whole[begin:end], kernel_operations.sdpa_forms(part, "cpu")["torch explicit"](qkv[begin:end]))

    def test_samples_take_every_set_in_turn(self):
        seen = []
        samples, calls = kernels.Timer("cpu").time(seen.append, 3, 0.0)
        self.assertGreaterEqual(len(samples), kernels.LEAST_SAMPLES)
        self.assertTrue(all(sample > 0 for sample in samples))
        self.assertEqual(0, calls % 3)
        self.assertEqual([index % 3 for index in range(len(seen))], seen)


class ModelTests(unittest.TestCase):
    CONFIG = model.ModelConfig(vocab_size=101, context_length=16, d_model=32, n_layers=2, n_heads=2)

    def loss(self, **implementation):
        network = model.Gpt(self.CONFIG, model.Implementation(**implementation)).initialise(3)
        tokens = torch.arange(32).view(2, 16) * 7 % 101
        loss = network.loss(tokens, tokens.roll(-1, 1), network.make_mask(tokens, 100))
        loss.backward()
        return network, float(loss.detach())

    def test_a_padded_vocabulary_changes_neither_loss_nor_gradients(self):
        plain, loss = self.loss()
        padded, same = self.loss(vocabulary_multiple=64)
        self.assertEqual(128, padded.head.weight.shape[0])
        self.assertAlmostEqual(loss, same, places=6)
        for (name, ours), (_, theirs) in zip(plain.named_parameters(), padded.named_parameters()):
            torch.testing.assert_close(ours.grad, theirs.grad[:ours.shape[0]], msg=name)
            self.assertEqual(0, int(torch.count_nonzero(theirs.grad[ours.shape[0]:])), name)

    def test_documents_as_packed_sequences_are_attended_to_as_with_the_mask(self):
        """torch.nn.attention.varlen is for GPUs; a plain function in its place shows that what it is given is right."""
        def packed(q, k, v, cumulative, longest):
            bounds, parts = cumulative.tolist(), []
            for begin, end in zip(bounds, bounds[1:]):
                self.assertLessEqual(end - begin, longest)
                causal = torch.full((end - begin, end - begin), float("-inf")).triu(1)
                rows = (part[begin:end].transpose(0, 1)[None] for part in (q, k, v))
                parts.append(model.explicit_attention(*rows, causal)[0].transpose(0, 1))
            return torch.cat(parts)
        plain, loss = self.loss()
        with mock.patch.object(model, "varlen_function", lambda: packed):
            other, same = self.loss(attention="varlen")
        self.assertAlmostEqual(loss, same, places=6)
        for (name, ours), (_, theirs) in zip(plain.named_parameters(), other.named_parameters()):
            torch.testing.assert_close(ours.grad, theirs.grad, msg=name)

    def test_packed_bounds_are_those_of_sequences_and_documents(self):
        tokens = torch.tensor([[1, 9, 2, 2], [9, 1, 1, 9]])
        bounds, longest = model.packed_bounds(tokens, 9, True)
        self.assertEqual([0, 1, 4, 7], bounds[:4].tolist())
        self.assertEqual({8}, set(bounds[4:].tolist()))
        self.assertEqual(4, longest)
        self.assertEqual([0, 4, 8], model.packed_bounds(tokens, 9, False)[0].tolist()[:3])


if __name__ == "__main__":
    unittest.main()
