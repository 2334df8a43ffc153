"""The configurations of the CPU comparison, and the inputs both programs start from: weights, tokens, configuration.

    python3 workloads.py small --out DIR     writes DIR/train.json, DIR/init/, DIR/data/train.bin
"""

import argparse
import json
import os

# Each: the model section's differences from the presets' defaults, and sequences a step.
WORKLOADS = {
    "small": (dict(d_model=128, n_layers=4, n_heads=4, context_length=128), 8),
    "medium": (dict(d_model=256, n_layers=6, n_heads=8, context_length=256), 8),
    "gpt-89m": (dict(d_model=512, n_layers=12, n_heads=8, context_length=256), 2),
    "gpt2-124m": (dict(d_model=768, n_layers=12, n_heads=12, context_length=64, positions="learned", qkv_bias=True,
                       head_bias=False, tie_embeddings=True), 4),
}
# The GPU comparison: the presets with their micro-batches, and a tiny one to try the machinery with.
GPU_WORKLOADS = {
    "gpt-89m": (dict(d_model=512, n_layers=12, n_heads=8, context_length=256), 70),
    "gpt-304m": (dict(d_model=1024, n_layers=16, n_heads=16, context_length=256), 36),
    "gpt-1b": (dict(d_model=1728, n_layers=24, n_heads=18, context_length=128), 20),
    "gpt2-124m": (dict(d_model=768, n_layers=12, n_heads=12, context_length=1024, positions="learned", qkv_bias=True,
                       head_bias=False, tie_embeddings=True), 8),
    "tiny": (dict(d_model=64, n_layers=2, n_heads=2, context_length=32), 2),
}
VOCABULARY, DOCUMENT_TOKEN, MEAN_DOCUMENT = 50257, 50256, 300
EVERY = 1_000_000   # a step that no benchmark reaches: nothing but training is in the measured time


def configuration(name):
    """The JSON configuration of a workload of the CPU comparison, as both programs read it."""
    return configure(*WORKLOADS[name])


def configure(differences, micro_batch, micro_steps=1, world_size=1, precision="fp32"):
    """The JSON configuration of a model; micro_batch sequences a rank and micro-step."""
    section = dict(dict(vocab_size=VOCABULARY, positions="sinusoidal", activation="gelu_tanh", qkv_bias=False,
                        head_bias=True, tie_embeddings=False, document_mask=True, layer_norm_epsilon=1e-5, dropout=0.0),
                   **differences)
    tokens = micro_batch * section["context_length"] * micro_steps * world_size
    return {"model": section,
            "data": {"order": "sequential", "document_token": DOCUMENT_TOKEN},
            "optimizer": {"learning_rate": 3e-4, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1,
                          "clip": 1.0, "x0": 20 * tokens, "x1": 10_000 * tokens},
            "training": {"micro_batch": micro_batch, "acc_batch_size": tokens, "precision": precision,
                         "checkpoint_every": EVERY, "eval_every": EVERY, "sample_every": EVERY}}


def flop_per_token(section):
    """6 FLOP a matrix parameter and token, plus 6 L T C for causal attention: the convention of gpt bench (ModelFlops.cs)."""
    channels, layers = section["d_model"], section["n_layers"]
    matrices = layers * 12 * channels ** 2 + section["vocab_size"] * channels
    return 6 * matrices + 6 * layers * section["context_length"] * channels


def make_stream(path, count, seed=1):
    """Tokens with a long-tailed distribution and documents of geometric length."""
    import numpy as np   # the names and numbers of this file are of use without it
    random = np.random.RandomState(seed)
    tokens = (DOCUMENT_TOKEN * random.rand(count) ** 3).astype("<u2")
    tokens[random.rand(count) < 1.0 / MEAN_DOCUMENT] = DOCUMENT_TOKEN
    tokens[0] = DOCUMENT_TOKEN
    tokens.tofile(path)


def write_inputs(folder, chosen, tokens):
    """Weights, tokens and configuration of a workload into a folder."""
    import model   # needs torch; the names and numbers above do not
    data = os.path.join(folder, "data")
    os.makedirs(data, exist_ok=True)
    network = model.Gpt(model.ModelConfig.from_dict(chosen["model"])).initialise(1)
    network.save(os.path.join(folder, "init"))
    make_stream(os.path.join(data, "train.bin"), tokens)
    with open(os.path.join(folder, "train.json"), "w", encoding="utf-8") as file:
        json.dump(chosen, file, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices={**WORKLOADS, **GPU_WORKLOADS})
    parser.add_argument("--out", required=True)
    parser.add_argument("--gpu", action="store_true", help="of the GPU comparison")
    parser.add_argument("--micro-steps", type=int, default=1)
    parser.add_argument("--world-size", type=int, default=1)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--steps", type=int, default=0, help="how many steps the tokens must last for")
    options = parser.parse_args()
    if options.gpu:
        chosen = configure(*GPU_WORKLOADS[options.workload], options.micro_steps, options.world_size, options.precision)
    else:
        chosen = configuration(options.workload)
    write_inputs(options.out, chosen, max(2_000_000, options.steps * chosen["training"]["acc_batch_size"] + 1))


if __name__ == "__main__":
    main()
