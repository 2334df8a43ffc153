"""Trains a GptEngine model in PyTorch with the same semantics, files and configuration; the peer of every comparison.

    python3 train.py --config train.json --data DIR --init DIR --run DIR --steps 50 [--device cuda --precision bf16 ...]

Reads a raw uint16 train.bin, writes RUN/metrics.jsonl with the engine's keys, prints the same lines, and ends with one line
of summary. The speed options choose between implementations of the same arithmetic; tune.py finds the best.
"""

import argparse
import contextlib
import json
import os
import resource
import sys
import time

import numpy as np
import torch

import model
import optimizers


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="the engine's JSON configuration, without comments")
    parser.add_argument("--data", required=True, help="folder with train.bin (raw little-endian uint16)")
    parser.add_argument("--init", help="folder with model.safetensors to start from; else a seeded initialisation")
    parser.add_argument("--run", required=True, help="folder for metrics.jsonl")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "tf32", "fp16", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--attention", choices=("explicit", "sdpa", "flex"), default="explicit")
    parser.add_argument("--loss", choices=("plain", "chunked"), default="plain")
    parser.add_argument("--loss-chunk", type=int, default=1024, help="rows of logits alive at once with --loss chunked")
    parser.add_argument("--optimizer", choices=optimizers.KINDS, default="foreach")
    parser.add_argument("--compile", choices=("none", "default", "max-autotune"), default="none")
    parser.add_argument("--save", help="folder to write the final weights to")
    return parser.parse_args(arguments)


class WindowReader:
    """Optimizer step q's window of the stream: inputs and targets (sequences, T) of int64; epochs start again at 0."""

    def __init__(self, path, window, context_length):
        self.tokens = np.memmap(path, dtype="<u2", mode="r")
        self.window, self.context_length = window, context_length
        self.steps_per_epoch = (len(self.tokens) - 1) // window
        if self.steps_per_epoch < 1:
            raise SystemExit(f"{path} has {len(self.tokens)} tokens, fewer than the {window + 1} that a step needs.")

    def read(self, step):
        begin = (step % self.steps_per_epoch) * self.window
        chunk = torch.from_numpy(self.tokens[begin:begin + self.window + 1].astype(np.int64))
        return chunk[:-1].view(-1, self.context_length), chunk[1:].view(-1, self.context_length)


class Trainer:
    def __init__(self, options):
        with open(options.config, encoding="utf-8") as file:
            configuration = json.load(file)
        self.options, self.device = options, torch.device(options.device)
        self.config = model.ModelConfig.from_dict(configuration["model"])
        self.schedule = {"learning_rate": 6e-4, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1,
                         "clip": 1.0, "x0": 1.125e9, "x1": 30e9, **configuration.get("optimizer", {})}
        training = configuration["training"]
        self.micro_batch = training.get("micro_batch", training.get("batch_size"))
        batch_jump = self.micro_batch * self.config.context_length
        self.micro_steps = training.get("acc_batch_size", batch_jump) // batch_jump
        self.window = self.micro_steps * batch_jump
        self.document_token = configuration.get("data", {}).get("document_token", 50256)
        self.reader = WindowReader(os.path.join(options.data, "train.bin"), self.window, self.config.context_length)
        self.network = self.make_network()
        groups = model.parameter_groups(self.network, self.schedule["weight_decay"])
        self.optimizer = optimizers.make(options.optimizer, groups, (self.schedule["beta1"], self.schedule["beta2"]),
                                         self.schedule["epsilon"], self.schedule["clip"])
        self.scaler = None
        if options.precision == "fp16":
            self.scaler = torch.cuda.amp.GradScaler(init_scale=2.0 ** 16, growth_interval=1000)
        self.loss = self.network.loss
        if options.compile != "none":
            self.loss = torch.compile(self.network.loss, mode=None if options.compile == "default" else options.compile)

    def make_network(self):
        options = self.options
        implementation = model.Implementation(options.attention, options.loss, options.loss_chunk)
        network = model.Gpt(self.config, implementation)
        if options.init:
            network.load_weights(os.path.join(options.init, "model.safetensors"))
        else:
            network.initialise()
        return network.to(self.device)

    def autocast(self):
        if self.options.precision in ("fp16", "bf16"):
            kind = torch.float16 if self.options.precision == "fp16" else torch.bfloat16
            return torch.autocast(self.options.device, dtype=kind)
        return contextlib.nullcontext()

    def step(self, step):
        """One optimizer step from 0; returns the loss and the norm as tensors."""
        inputs, targets = (part.to(self.device, non_blocking=True) for part in self.reader.read(step))
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.device)
        for micro in range(self.micro_steps):
            rows = slice(micro * self.micro_batch, (micro + 1) * self.micro_batch)
            with self.autocast():
                mask = self.network.make_mask(inputs[rows], self.document_token)
                loss = self.loss(inputs[rows], targets[rows], mask)
            if self.micro_steps > 1:
                loss = loss / self.micro_steps
            (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            total += loss.detach()
        rate = model.learning_rate(step * self.window, self.schedule["learning_rate"], self.schedule["x0"],
                                   self.schedule["x1"])
        return total, self.update(rate), rate

    def update(self, rate):
        if self.scaler is None:
            return self.optimizer.step(rate)
        self.scaler.unscale_(self.optimizer.optimizer)
        norm = optimizers.global_norm([parameter.grad for parameter in self.network.parameters()])
        if torch.isfinite(norm):
            self.optimizer.step(rate)
        self.scaler.update()
        return norm


def train(options):
    trainer = Trainer(options)
    os.makedirs(options.run, exist_ok=True)
    rates = []
    with open(os.path.join(options.run, "metrics.jsonl"), "w", encoding="utf-8") as metrics:
        for step in range(options.steps):
            start = time.perf_counter()
            loss, norm, rate = trainer.step(step)
            loss, norm = float(loss), float(norm)   # waits for the device
            seconds = time.perf_counter() - start
            rates.append(trainer.window / seconds)
            line = json.dumps({"kind": "train", "step": step + 1, "tokens": (step + 1) * trainer.window, "loss": loss,
                               "learning_rate": rate, "grad_norm": norm, "tokens_per_second": rates[-1],
                               "seconds": seconds})
            metrics.write(line + "\n")
            print(line, flush=True)
    if options.save:
        trainer.network.save(options.save)
    after_warm_up = sorted(rates[min(len(rates) // 3, 3):])
    summary = {"kind": "summary", "torch": torch.__version__, "threads": torch.get_num_threads(),
               "median_tokens_per_second": after_warm_up[len(after_warm_up) // 2],
               "best_tokens_per_second": after_warm_up[-1],
               "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if options.device == "cuda":
        summary["peak_device_bytes"] = torch.cuda.max_memory_allocated()
        summary["gpu"] = torch.cuda.get_device_name()
    print(json.dumps(summary))


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("This torch sees no CUDA device; use --device cpu or a CUDA build of torch.")
    if options.device == "cpu" and options.precision != "fp32":
        sys.exit(f"--precision {options.precision} needs --device cuda; the CPU comparison is in fp32.")
    torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"
    train(options)


if __name__ == "__main__":
    main()
