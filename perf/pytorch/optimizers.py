"""AdamW in several arrangements that do the same arithmetic at different speeds, each behind one small interface.

step(learning_rate, scaler) clips the gradients by their global norm, updates, and returns the norm before clipping; with a gradient
scaler (fp16) the gradients are unscaled first, and a step whose gradients are not finite is left out.
"""

import inspect
import math

import torch

KINDS = ("blocked", "foreach", "single", "fused")


def available_kinds(device):
    """The kinds that this torch has on this device ("cpu" or "cuda")."""
    parameters = inspect.signature(torch.optim.AdamW.__init__).parameters
    kinds = ["blocked"] if device == "cpu" else []
    kinds += ["foreach", "single"] if "foreach" in parameters else ["single"]
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if "fused" in parameters and (device == "cuda" or version >= (2, 4)):
        kinds.append("fused")
    return kinds


def global_norm(gradients):
    """The norm of all gradients together, as a tensor; one pass over memory."""
    if hasattr(torch, "_foreach_norm"):
        norms = torch._foreach_norm(gradients, 2.0)
    else:
        norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    return torch.linalg.vector_norm(torch.stack([norm.float() for norm in norms]).double())


class TorchAdamW:
    """torch.optim.AdamW: multi-tensor, single-tensor or fused."""

    def __init__(self, groups, kind, betas, epsilon, clip):
        options = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}[kind]
        if kind == "single" and "foreach" not in inspect.signature(torch.optim.AdamW.__init__).parameters:
            options = {}
        self.optimizer = torch.optim.AdamW(groups, lr=1.0, betas=betas, eps=epsilon, **options)
        self.parameters = [parameter for group in groups for parameter in group["params"]]
        self.clip = clip

    def step(self, learning_rate, scaler=None):
        if scaler is not None:
            scaler.unscale_(self.optimizer)
        gradients = [parameter.grad for parameter in self.parameters]
        norm = global_norm(gradients)
        factor = torch.clamp(self.clip / norm, max=1.0)
        if gradients[0].is_cuda:
            torch._foreach_mul_(gradients, factor.to(gradients[0].dtype))   # on the device: the host does not wait for the norm
        elif float(factor) < 1.0:
            torch._foreach_mul_(gradients, float(factor))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        if scaler is None:
            self.optimizer.step()
        else:
            scaler.step(self.optimizer)   # the fused form is told on the device whether to do anything
            scaler.update()
        return norm

    def zero_grad(self):
        self.optimizer.zero_grad(set_to_none=True)


class BlockedAdamW:
    """AdamW over blocks of every parameter that stay in cache from one elementwise operation to the next (CPU)."""

    def __init__(self, groups, betas, epsilon, clip, block=131072):
        self.betas, self.epsilon, self.clip, self.steps = betas, epsilon, clip, 0
        self.parameters, self.entries = [], []
        for group in groups:
            for parameter in group["params"]:
                self.parameters.append(parameter)
                flat = parameter.data.view(-1)
                blocks = zip(flat.split(block), torch.zeros_like(flat).split(block), torch.zeros_like(flat).split(block))
                self.entries.append((parameter, group["weight_decay"], list(blocks), block))
        like = self.parameters[0]
        self.scratch = torch.empty(2, block, dtype=like.dtype, device=like.device)

    @torch.no_grad()
    def step(self, learning_rate, scaler=None):
        if scaler is not None:
            raise ValueError("blocked AdamW is for the CPU, in fp32.")
        norm = global_norm([parameter.grad for parameter in self.parameters])
        factor = min(1.0, self.clip / float(norm))
        self.steps += 1
        beta1, beta2 = self.betas
        rate = learning_rate / (1 - beta1 ** self.steps)
        root = math.sqrt(1 - beta2 ** self.steps)
        for parameter, decay, blocks, block in self.entries:
            for values, gradient in zip(blocks, parameter.grad.view(-1).split(block)):
                value, first, second = values
                scaled, denominator = self.scratch[0, :value.numel()], self.scratch[1, :value.numel()]
                if factor < 1.0:
                    gradient = torch.mul(gradient, factor, out=scaled)
                first.lerp_(gradient, 1 - beta1)
                second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                torch.sqrt(second, out=denominator).add_(self.epsilon * root)
                if decay:
                    value.mul_(1 - learning_rate * decay)
                value.addcdiv_(first, denominator, value=-rate * root)
        return norm

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None


def make(kind, groups, betas, epsilon, clip):
    """One of KINDS."""
    if kind == "blocked":
        return BlockedAdamW(groups, betas, epsilon, clip)
    return TorchAdamW(groups, kind, betas, epsilon, clip)
