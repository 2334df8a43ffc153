"""The configurations of the CPU comparison, and the inputs both programs start from: weights, tokens, configuration.

    python3 workloads.py small --out DIR     writes DIR/train.json, DIR/init/, DIR/data/train.bin
"""

import argparse
import json
import os

import numpy as np

# Each: the model section's differences from the presets' defaults, and sequences a step.
WORKLOADS = {
    "small": (dict(d_model=128, n_layers=4, n_heads=4, context_length=128), 8),
    "medium": (dict(d_model=256, n_layers=6, n_heads=8, context_length=256), 8),
    "gpt-89m": (dict(d_model=512, n_layers=12, n_heads=8, context_length=256), 2),
    "gpt2-124m": (dict(d_model=768, n_layers=12, n_heads=12, context_length=64, positions="learned", qkv_bias=True,
                       head_bias=False, tie_embeddings=True), 4),
}
VOCABULARY, DOCUMENT_TOKEN, MEAN_DOCUMENT = 50257, 50256, 300
EVERY = 1_000_000   # a step that no benchmark reaches: nothing but training is in the measured time


def configuration(name):
    """The JSON configuration of a workload, as both programs read it."""
    differences, micro_batch = WORKLOADS[name]
    section = dict(dict(vocab_size=VOCABULARY, positions="sinusoidal", activation="gelu_tanh", qkv_bias=False,
                        head_bias=True, tie_embeddings=False, document_mask=True, layer_norm_epsilon=1e-5, dropout=0.0),
                   **differences)
    tokens = micro_batch * section["context_length"]
    return {"model": section,
            "data": {"order": "sequential", "document_token": DOCUMENT_TOKEN},
            "optimizer": {"learning_rate": 3e-4, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1,
                          "clip": 1.0, "x0": 20 * tokens, "x1": 10_000 * tokens},
            "training": {"micro_batch": micro_batch, "acc_batch_size": tokens, "precision": "fp32",
                         "checkpoint_every": EVERY, "eval_every": EVERY, "sample_every": EVERY}}


def flop_per_token(section):
    """6 FLOP a matrix parameter and token, plus 12 L T C for attention without regard to masks (PaLM's convention)."""
    channels, layers = section["d_model"], section["n_layers"]
    matrices = layers * 12 * channels ** 2 + section["vocab_size"] * channels
    return 6 * matrices + 12 * layers * section["context_length"] * channels


def make_stream(path, count, seed=1):
    """Tokens with a long-tailed distribution and documents of geometric length."""
    random = np.random.RandomState(seed)
    tokens = (DOCUMENT_TOKEN * random.rand(count) ** 3).astype("<u2")
    tokens[random.rand(count) < 1.0 / MEAN_DOCUMENT] = DOCUMENT_TOKEN
    tokens[0] = DOCUMENT_TOKEN
    tokens.tofile(path)


def main():
    import model   # needs torch; the names and numbers above do not
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    data = os.path.join(options.out, "data")
    os.makedirs(data, exist_ok=True)
    chosen = configuration(options.workload)
    network = model.Gpt(model.ModelConfig.from_dict(chosen["model"])).initialise(1)
    network.save(os.path.join(options.out, "init"))
    make_stream(os.path.join(data, "train.bin"), 2_000_000)
    with open(os.path.join(options.out, "train.json"), "w", encoding="utf-8") as file:
        json.dump(chosen, file, indent=1)


if __name__ == "__main__":
    main()
