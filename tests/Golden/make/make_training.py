"""Golden training runs: fifty optimizer steps of six tiny models in PyTorch, float32 and float64. See ../README.md."""

import math
import os

import numpy as np
import torch

from golden_io import GOLDEN, versions, write_json
import model

STEPS = 50
BASE = dict(positions="sinusoidal", activation="gelu_tanh", qkv_bias=False, head_bias=True, tie_embeddings=False,
            document_mask=True, layer_norm_epsilon=1e-5, dropout=0.0)

# acc is what the configuration says; what is used is that rounded down to a multiple of micro_batch * context_length.
# epoch_steps: the stream holds so many windows and then starts again. density: one token in so many opens a document.
CASES = {
    "seed_like": dict(model=dict(BASE, vocab_size=256, context_length=32, d_model=32, n_layers=2, n_heads=2),
                      micro_batch=2, acc=200, clip=0.6, learning_rate=3e-3, x0=15, x1=40, epoch_steps=60, density=12),
    "gpt2_like": dict(model=dict(BASE, vocab_size=257, context_length=24, d_model=32, n_layers=2, n_heads=4,
                                 positions="learned", qkv_bias=True, head_bias=False, tie_embeddings=True),
                      micro_batch=3, acc=144, clip=1.25, learning_rate=2e-3, x0=10, x1=60, epoch_steps=55, density=15),
    "rotary": dict(model=dict(BASE, vocab_size=200, context_length=40, d_model=48, n_layers=1, n_heads=2,
                              positions="rotary", activation="gelu", head_bias=False),
                   micro_batch=1, acc=160, clip=1.4, learning_rate=4e-3, x0=20, x1=45, epoch_steps=70, density=10),
    "odd_lengths": dict(model=dict(BASE, vocab_size=97 * 2, context_length=33, d_model=42, n_layers=2, n_heads=6,
                                   activation="relu", qkv_bias=True),
                        micro_batch=3, acc=33 * 3 * 2, clip=0.7, learning_rate=3e-3, x0=7, x1=30, epoch_steps=53, density=9),
    "one_token_documents": dict(model=dict(BASE, vocab_size=256, context_length=29, d_model=40, n_layers=2, n_heads=5,
                                           positions="rotary", tie_embeddings=True, qkv_bias=True),
                                micro_batch=2, acc=29 * 2 * 3, clip=2.5, learning_rate=3e-3, x0=12, x1=41, epoch_steps=17, density=2),
    "head_96": dict(model=dict(BASE, vocab_size=64, context_length=65, d_model=96, n_layers=1, n_heads=1,
                               positions="learned", document_mask=False),
                    micro_batch=1, acc=65 * 3 + 64, clip=1.0, learning_rate=2e-3, x0=10, x1=50, epoch_steps=50, density=20),
}


def make_stream(seed, count, vocabulary, density):
    """Learnable uint16 tokens: a noisy walk over the vocabulary below the document token, which is the last one."""
    random = np.random.RandomState(seed)
    successor = random.randint(0, vocabulary - 1, size=(vocabulary, 3))
    tokens = np.empty(count, dtype="<u2")
    current = 0
    for i in range(count):
        current = successor[current, random.randint(3)] if random.rand() < 0.9 else random.randint(vocabulary - 1)
        if i == 0 or random.randint(density) == 0:
            current = vocabulary - 1
        tokens[i] = current
    return tokens


def train(config, network, stream, document_token, settings, dtype):
    """DESIGN's training semantics in the plainest way; returns one record a step."""
    network = network.to(dtype)
    optimizer = torch.optim.AdamW(model.parameter_groups(network, 0.1), lr=1.0, betas=(0.9, 0.95), eps=1e-8)
    length, micro = config.context_length, settings["micro_batch"]
    window, epoch = settings["window"], (len(stream) - 1) // settings["window"]
    micro_steps, records = window // (micro * length), []
    parameters = list(network.parameters())
    for step in range(1, STEPS + 1):
        begin = ((step - 1) % epoch) * window
        chunk = torch.from_numpy(stream[begin:begin + window + 1].astype(np.int64))
        inputs, targets = chunk[:-1].view(-1, length), chunk[1:].view(-1, length)
        seen = (step - 1) * window
        rate = model.learning_rate(seen, settings["learning_rate"], settings["x0"], settings["x1"])
        optimizer.zero_grad()
        total = 0.0
        for m in range(micro_steps):
            rows = slice(m * micro, (m + 1) * micro)
            mask = network.make_mask(inputs[rows], document_token)
            loss = network.loss(inputs[rows], targets[rows], mask) / micro_steps
            loss.backward()
            total += loss.item()
        norm = math.sqrt(sum(parameter.grad.double().pow(2).sum().item() for parameter in parameters))
        factor = min(1.0, settings["clip"] / norm)
        for parameter in parameters:
            parameter.grad.mul_(factor)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        records.append({"step": step, "tokens": step * window, "loss": total, "learning_rate": rate, "grad_norm": norm})
    return records


def make(name, case, seed):
    config = model.ModelConfig(**case["model"])
    batch_jump = case["micro_batch"] * config.context_length
    window = case["acc"] // batch_jump * batch_jump
    document_token = config.vocab_size - 1
    stream = make_stream(seed, case["epoch_steps"] * window + 5, config.vocab_size, case["density"])
    folder = os.path.join(GOLDEN, "training", name)
    os.makedirs(os.path.join(folder, "data"), exist_ok=True)
    stream.tofile(os.path.join(folder, "data", "train.bin"))
    model.Gpt(config).initialise(seed).save(os.path.join(folder, "init"))

    settings = {"micro_batch": case["micro_batch"], "window": window, "learning_rate": case["learning_rate"],
                "x0": case["x0"] * window, "x1": case["x1"] * window, "clip": case["clip"]}
    write_json(os.path.join(folder, "train.json"), {
        "model": config.to_dict(),
        "data": {"order": "sequential", "document_token": document_token},
        "optimizer": {"learning_rate": settings["learning_rate"], "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8,
                      "weight_decay": 0.1, "clip": case["clip"], "x0": settings["x0"], "x1": settings["x1"]},
        "training": {"micro_batch": case["micro_batch"], "acc_batch_size": case["acc"], "steps": STEPS,
                     "precision": "fp32"}})

    runs = {}
    for dtype in (torch.float32, torch.float64):
        network = model.Gpt.load(os.path.join(folder, "init"))
        runs[str(dtype).split(".")[1]] = train(config, network, stream, document_token, settings, dtype)
    spread = max(abs(a["loss"] - b["loss"]) / b["loss"] for a, b in zip(runs["float32"], runs["float64"]))
    clipped = sum(record["grad_norm"] > case["clip"] for record in runs["float64"])
    write_json(os.path.join(folder, "expected.json"), {
        "made_by": versions(), "num_chunked_batches": window // batch_jump, "tokens_per_step": window,
        "steps_per_epoch": (len(stream) - 1) // window, "document_token": document_token,
        "largest_relative_loss_spread": spread, "clipped_steps": clipped, **runs})
    print(f"{name}: loss {runs['float64'][0]['loss']:.4f} to {runs['float64'][-1]['loss']:.4f}, "
          f"{clipped} steps clipped, float32 against float64 {spread:.1e}")
    return {"case": name, "folder": name, "steps": STEPS}


def main():
    torch.set_num_threads(1)
    cases = [make(name, case, seed) for seed, (name, case) in enumerate(CASES.items(), start=100)]
    write_json(os.path.join(GOLDEN, "training", "manifest.json"), {"made_by": versions(), "cases": cases})


if __name__ == "__main__":
    main()
