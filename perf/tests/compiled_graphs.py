"""The model through torch.compile; test_torch2 runs these where and as torch.compile makes vector code."""

import os
import sys
import unittest

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))

import model   # noqa: E402  (found through the path set above)

CONFIG, DOCUMENT_TOKEN = model.ModelConfig(d_model=32, n_layers=2, n_heads=2, context_length=16, vocab_size=101), 100


def network(**implementation):
    return model.Gpt(CONFIG, model.Implementation(**implementation)).initialise(3)


def loss_of(one, run=None, seed=0):
    tokens = torch.randint(0, 101, (2, 16), generator=torch.Generator().manual_seed(seed))
    return (one if run is None else run)(tokens, tokens.roll(-1, 1), one.make_mask(tokens, DOCUMENT_TOKEN))


class GraphTests(unittest.TestCase):
    def test_one_graph_has_the_whole_model(self):
        plain, one = network(), network(attention="sdpa")
        run = torch.compile(one, dynamic=False, fullgraph=True)   # fails where a graph breaks
        expected, loss = loss_of(plain), loss_of(one, run)
        expected.backward()
        loss.backward()
        torch.testing.assert_close(loss, expected)
        for (name, ours), (_, theirs) in zip(plain.named_parameters(), one.named_parameters()):
            torch.testing.assert_close(ours.grad, theirs.grad, msg=name, rtol=1e-4, atol=1e-6)

    def test_forms_of_the_loss_are_the_same_compiled(self):
        expected = loss_of(network())
        for loss in ("chunked",) + (("linear",) if model.HAS_LINEAR_CROSS_ENTROPY else ()):
            with self.subTest(loss):
                one = network(loss=loss, loss_chunk=12, vocabulary_multiple=8 if loss == "linear" else 1)
                torch.testing.assert_close(loss_of(one), expected)
                torch.testing.assert_close(loss_of(one, torch.compile(one, dynamic=False)), expected)

    def test_flex_attention_sees_what_the_mask_shows_and_compiles_once(self):
        torch._dynamo.reset()
        plain, one = network(), network(attention="flex").requires_grad_(False)
        with torch.no_grad(), torch._dynamo.config.patch(error_on_recompile=True):
            for run in (one, torch.compile(one, dynamic=False, fullgraph=True)):
                for seed in range(3):
                    torch.testing.assert_close(loss_of(one, run, seed), loss_of(plain, None, seed))


if __name__ == "__main__":
    unittest.main()
