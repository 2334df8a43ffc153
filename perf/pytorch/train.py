"""Trains a GptEngine model in PyTorch with the same semantics, files and configuration; the peer of every comparison.

    python3 train.py --config train.json --data DIR --init DIR --run DIR --steps 50 [--device cuda --precision bf16 ...]
    torchrun --nproc_per_node 8 train.py ... --device cuda          data parallel: training.micro_batch sequences a rank

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

COMPILE_MODES = ("none", "default", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")


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
    parser.add_argument("--attention", choices=("explicit", "sdpa", "flex", "varlen"), default="explicit")
    parser.add_argument("--loss", choices=("plain", "linear", "chunked"), default="plain",
                        help="F.cross_entropy; F.linear_cross_entropy in chunks of rows (torch 2.14); the same by hand and in place")
    parser.add_argument("--loss-chunk", type=int, default=1024, help="rows of logits alive at once with --loss linear or chunked")
    parser.add_argument("--pad-vocabulary", type=int, default=1, help="embedding and head padded to a multiple of this; the same losses")
    parser.add_argument("--residual", choices=("fp32", "low"), default="fp32", help="the residual stream's type under autocast")
    parser.add_argument("--optimizer", choices=optimizers.KINDS, default="foreach")
    parser.add_argument("--compile", choices=COMPILE_MODES, default="none")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what a step's seconds are on the CPU: CPU time is of all threads together")
    parser.add_argument("--save", help="folder to write the final weights to")
    return parser.parse_args(arguments)


class Ranks:
    """This process among those that torchrun started; one alone without it."""

    def __init__(self, device):
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.device = torch.device(device, self.local_rank) if device == "cuda" else torch.device(device)
        if device == "cuda":
            torch.cuda.set_device(self.device)
        if self.size > 1:
            torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")

    def wrap(self, network):
        if self.size == 1:
            return network
        devices = [self.local_rank] if self.device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(network, device_ids=devices, gradient_as_bucket_view=True)

    def mean(self, value):
        """The mean of a scalar tensor over all ranks."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
            value /= self.size
        return value

    def close(self):
        if self.size > 1:
            torch.distributed.destroy_process_group()


class WindowReader:
    """Optimizer step q's window of the stream: this rank's inputs and targets (sequences, T) of int64; epochs start again at 0."""

    def __init__(self, path, window, context_length, ranks):
        self.tokens = np.memmap(path, dtype="<u2", mode="r")
        self.window, self.context_length, self.ranks = window, context_length, ranks
        self.steps_per_epoch = (len(self.tokens) - 1) // window
        if self.steps_per_epoch < 1:
            raise SystemExit(f"{path} has {len(self.tokens)} tokens, fewer than the {window + 1} that a step needs.")

    def read(self, step):
        begin = (step % self.steps_per_epoch) * self.window
        chunk = torch.from_numpy(self.tokens[begin:begin + self.window + 1].astype(np.int64))
        inputs, targets = chunk[:-1].view(-1, self.context_length), chunk[1:].view(-1, self.context_length)
        own = slice(self.ranks.rank, None, self.ranks.size)   # sequence s is rank s mod world_size's
        return inputs[own].contiguous(), targets[own].contiguous()


class Trainer:
    def __init__(self, options, ranks):
        with open(options.config, encoding="utf-8") as file:
            configuration = json.load(file)
        self.options, self.ranks, self.device = options, ranks, ranks.device
        self.config = model.ModelConfig.from_dict(configuration["model"])
        self.schedule = {"learning_rate": 6e-4, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1,
                         "clip": 1.0, "x0": 1.125e9, "x1": 30e9, **configuration.get("optimizer", {})}
        self.cut(configuration["training"])
        self.document_token = configuration.get("data", {}).get("document_token", 50256)
        self.reader = WindowReader(os.path.join(options.data, "train.bin"), self.window, self.config.context_length, ranks)
        self.network = self.make_network()
        groups = model.parameter_groups(self.network, self.schedule["weight_decay"])
        self.optimizer = optimizers.make(options.optimizer, groups, (self.schedule["beta1"], self.schedule["beta2"]),
                                         self.schedule["epsilon"], self.schedule["clip"])
        self.scaler = make_scaler(options.device) if options.precision == "fp16" else None
        self.wrapped = ranks.wrap(self.network)
        self.loss = self.wrapped
        if options.compile != "none":
            self.loss = torch.compile(self.wrapped, dynamic=False, mode=None if options.compile == "default" else options.compile)

    def cut(self, training):
        """Sequences of a micro-step and rank, micro-steps of a step, tokens of a step."""
        size = self.ranks.size
        self.micro_batch = training["micro_batch"] if "micro_batch" in training else training["batch_size"] // size
        batch_jump = self.micro_batch * size * self.config.context_length
        self.micro_steps = max(1, training.get("acc_batch_size", batch_jump) // batch_jump)
        self.window = self.micro_steps * batch_jump

    def make_network(self):
        options = self.options
        implementation = model.Implementation(options.attention, options.loss, options.loss_chunk, options.residual, options.pad_vocabulary)
        network = model.Gpt(self.config, implementation)
        if options.init:
            network.load_weights(os.path.join(options.init, "model.safetensors"))
        else:
            network.initialise()
        network.to(self.device)
        if self.config.positions != "learned":
            # Made here and not in the first step, so that a compiled one finds it.
            network.cached(self.config.positions, self.config.context_length, network.token_embedding.weight)
        return network

    def autocast(self):
        if self.options.precision in ("fp16", "bf16"):
            kind = torch.float16 if self.options.precision == "fp16" else torch.bfloat16
            return torch.autocast(self.options.device, dtype=kind)
        return contextlib.nullcontext()

    def upload(self, tokens):
        return tokens.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tokens

    def step(self, step):
        """One optimizer step from 0; returns the loss and the norm as tensors, and the learning rate. Nothing here waits for a GPU."""
        on_host, targets = self.reader.read(step)
        inputs, targets = self.upload(on_host), self.upload(targets)
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.device)
        for micro in range(self.micro_steps):
            rows = slice(micro * self.micro_batch, (micro + 1) * self.micro_batch)
            with self.synchronised(micro == self.micro_steps - 1):
                with self.autocast():
                    mask = self.make_mask(on_host[rows], inputs[rows])
                    loss = self.loss(inputs[rows], targets[rows], mask)
                if self.micro_steps > 1:
                    loss = loss / self.micro_steps
                (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            total += loss.detach()
        rate = model.learning_rate(step * self.window, self.schedule["learning_rate"], self.schedule["x0"],
                                   self.schedule["x1"])
        return self.ranks.mean(total), self.optimizer.step(rate, self.scaler), rate

    def make_mask(self, on_host, inputs):
        """The network's, on the device. Bounds of documents are found on the host: only there does their number cost no wait for the GPU."""
        if self.options.attention != "varlen":
            return self.network.make_mask(inputs, self.document_token)
        bounds, longest = self.network.make_mask(on_host, self.document_token)
        return self.upload(bounds), longest

    def synchronised(self, last):
        """Ranks exchange gradients on the last micro-step alone."""
        return contextlib.nullcontext() if last or self.ranks.size == 1 else self.wrapped.no_sync()


def make_scaler(device):
    options = {"init_scale": 2.0 ** 16, "growth_interval": 1000}
    return torch.amp.GradScaler(device, **options) if hasattr(torch.amp, "GradScaler") else torch.cuda.amp.GradScaler(**options)


class Clock:
    """When steps end and what they came to, read a step late on a GPU, so that the host is always a step ahead."""

    def __init__(self, device, kind):
        self.on_device = device.type == "cuda"
        self.now = time.process_time if kind == "cpu" else time.perf_counter
        self.last = self.mark() if self.on_device else self.now()
        self.pending = None

    @staticmethod
    def mark():
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def finish(self, loss, norm, rate):
        """Enters a step; returns (loss, norm, rate, seconds) of one that is done, or None where there is none yet."""
        if not self.on_device:
            now = self.now()
            done, self.last = (float(loss), float(norm), rate, now - self.last), self.now()
            return done
        values = torch.stack([loss.detach().double(), norm.detach().double()])
        landed = torch.empty(2, dtype=torch.float64, pin_memory=True)
        landed.copy_(values, non_blocking=True)
        before, self.pending = self.pending, (landed, rate, self.mark())
        return self.read(before)

    def read(self, entry):
        if entry is None:
            return None
        landed, rate, end = entry
        end.synchronize()
        seconds, self.last = 1e-3 * self.last.elapsed_time(end), end
        return float(landed[0]), float(landed[1]), rate, seconds

    def rest(self):
        """The step that is still to be read."""
        entry, self.pending = self.pending, None
        return self.read(entry)


def train(options, ranks):
    trainer = Trainer(options, ranks)
    lines = []
    clock = Clock(ranks.device, options.clock)
    for step in range(options.steps):
        lines.append(clock.finish(*trainer.step(step)))
    lines.append(clock.rest())
    report = [line for line in lines if line is not None]
    if ranks.rank == 0:
        write_metrics(options, trainer, report)
    if options.save and ranks.rank == 0:
        trainer.network.save(options.save)


def write_metrics(options, trainer, report):
    """The lines of every step, and the summary as the last line printed."""
    os.makedirs(options.run, exist_ok=True)
    rates = [trainer.window / seconds for _, _, _, seconds in report]
    with open(os.path.join(options.run, "metrics.jsonl"), "w", encoding="utf-8") as metrics:
        for step, (loss, norm, rate, seconds) in enumerate(report):
            line = json.dumps({"kind": "train", "step": step + 1, "tokens": (step + 1) * trainer.window, "loss": loss, "learning_rate": rate,
                               "grad_norm": norm, "tokens_per_second": rates[step], "seconds": seconds})
            metrics.write(line + "\n")
            print(line, flush=True)
    after_warm_up = sorted(rates[min(len(rates) // 3, 3):])
    summary = {"kind": "summary", "torch": torch.__version__, "threads": torch.get_num_threads(), "world_size": trainer.ranks.size,
               "median_tokens_per_second": after_warm_up[len(after_warm_up) // 2],
               "best_tokens_per_second": after_warm_up[-1],
               "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if options.device == "cuda":
        summary.update(peak_device_bytes=torch.cuda.max_memory_reserved(), peak_allocated_bytes=torch.cuda.max_memory_allocated(),
                       gpu=torch.cuda.get_device_name(), cuda=torch.version.cuda)
    print(json.dumps(summary))


def check(options):
    """Ends where this torch or machine cannot do what was asked for."""
    if options.device == "cuda" and options.clock == "cpu":
        sys.exit("--clock cpu is for --device cpu; a GPU's steps are timed by its events.")
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("This torch sees no CUDA device; use --device cpu or a CUDA build of torch.")
    if options.device == "cpu" and (options.precision == "tf32" or options.precision == "fp16" and not hasattr(torch.amp, "GradScaler")):
        sys.exit(f"--precision {options.precision} needs --device cuda; fp16 runs on the CPU too with torch 2.4 and newer.")
    if options.attention == "sdpa" and not model.HAS_SDPA:
        sys.exit(f"--attention sdpa: torch {torch.__version__} has no scaled_dot_product_attention.")
    if options.attention in ("flex", "varlen") and options.device == "cpu":
        sys.exit(f"--attention {options.attention} needs --device cuda; PyTorch has no backward pass of it for the CPU.")
    if options.attention == "varlen" and (model.varlen_function() is None or options.precision not in ("fp16", "bf16")):
        sys.exit(f"--attention varlen needs torch 2.10 and fp16 or bf16; here are torch {torch.__version__} and {options.precision}.")
    if options.compile != "none" and not hasattr(torch, "compile"):
        sys.exit(f"--compile {options.compile}: torch {torch.__version__} has no torch.compile.")
    if options.loss == "chunked" and options.precision in ("fp16", "bf16"):
        sys.exit("--loss chunked is for fp32.")
    if options.loss == "linear" and not model.HAS_LINEAR_CROSS_ENTROPY:
        sys.exit(f"--loss linear: torch {torch.__version__} has no linear_cross_entropy in chunks.")
    if options.loss == "chunked" and options.pad_vocabulary > 1:
        sys.exit("--loss chunked has no use for --pad-vocabulary.")


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    check(options)
    torch.set_float32_matmul_precision("high" if options.precision == "tf32" else "highest")
    ranks = Ranks(options.device)
    try:
        train(options, ranks)
    finally:
        ranks.close()


if __name__ == "__main__":
    main()
