"""PyTorch's operations for the cases of perf/kernel_cases.json, each in every form that this torch has on this device.

make(case, tensors) of OPERATIONS gives {implementation: call(set)}: what a good PyTorch user would run for the same work on the same
shapes and types. Tensors come in sets that calls take in turn, so that no operand is still in a cache (see kernels.py).
"""

import inspect
import math

import torch
import torch.nn.functional as F

import model
import optimizers

HAS_COMPILE = hasattr(torch, "compile")
GOLDEN = 0.618033988749895


def token(index, vocabulary):
    """Token i of a stream in which low ids are frequent: floor(V u^3), u the fraction of i times the golden ratio, as gpt draws it."""
    place = index * GOLDEN
    u = place - math.floor(place)
    return int(vocabulary * (u * u * u))


def opens(position, time, document):
    """Whether a sequence or a document begins at this position of the stream."""
    return position % time == 0 or document > 0 and position % document == 0


def compiled(function):
    """The function through torch.compile: {"torch compiled": it}, or nothing where torch has none."""
    return {"torch compiled": torch.compile(function, dynamic=False)} if HAS_COMPILE else {}


class Tensors:
    """Sets of tensors on a device; inputs are the same on every run."""

    def __init__(self, device, dtype, sets):
        self.device, self.dtype, self.sets, self.set_bytes, self.touched_bytes = device, dtype, sets, 0, 0
        self.generator = torch.Generator(device).manual_seed(20261122)

    def normal(self, *shape, dtype=None, grad=False, touched=None):
        """Inputs; of a table only the rows touched count for how many sets there must be."""
        made = []
        for _ in range(self.sets):
            tensor = torch.randn(*shape, device=self.device, dtype=torch.float32, generator=self.generator).to(dtype or self.dtype)
            made.append(tensor.requires_grad_(grad))
        return self.count(made, touched)

    def zeros(self, *shape):
        return self.count([torch.zeros(*shape, device=self.device, dtype=self.dtype) for _ in range(self.sets)])

    def tokens(self, vocabulary, *shape):
        values = torch.tensor([token(i, vocabulary) for i in range(math.prod(shape))], dtype=torch.int64, device=self.device).view(*shape)
        return self.count([values.clone() for _ in range(self.sets)])

    def count(self, made, touched=None):
        self.set_bytes += made[0].numel() * made[0].element_size()
        self.touched_bytes += (made[0].numel() if touched is None else touched) * made[0].element_size()
        return made


def padded(vocabulary):
    return (vocabulary + 127) // 128 * 128


# ---- Rows ----

def layer_norm_forward(case, tensors):
    """With the residual's addition, as ours."""
    n, c = case["rows"], case["channels"]
    x, delta = tensors.normal(n, c), tensors.normal(n, c)
    weight, bias = tensors.normal(c), tensors.normal(c)

    def forward(x, delta, weight, bias):
        total = x + delta
        return total, F.layer_norm(total, (c,), weight, bias, 1e-5)
    return {name: (lambda i, run=run: run(x[i], delta[i], weight[i], bias[i]))
            for name, run in {"torch eager": forward, **compiled(forward)}.items()}


def layer_norm_backward(case, tensors):
    """The gradient of what was normalised added to the residual stream's, and those of weight and bias."""
    n, c = case["rows"], case["channels"]
    grad_y, total, grad_sum = tensors.normal(n, c), tensors.normal(n, c), tensors.normal(n, c)
    weight, bias = tensors.normal(c), tensors.normal(c)
    statistics = [torch.native_layer_norm(total[i], (c,), weight[i], bias[i], 1e-5)[1:] for i in range(tensors.sets)]

    def backward(grad_y, total, mean, rstd, weight, bias, grad_sum):
        grad, grad_weight, grad_bias = torch.ops.aten.native_layer_norm_backward(
            grad_y, total, (c,), mean, rstd, weight, bias, [True, True, True])
        return grad_sum + grad, grad_weight, grad_bias
    return {name: (lambda i, run=run: run(grad_y[i], total[i], *statistics[i], weight[i], bias[i], grad_sum[i]))
            for name, run in {"torch eager": backward, **compiled(backward)}.items()}


def gelu_forward(case, tensors):
    z = tensors.normal(case["count"])

    def forward(z):
        return F.gelu(z, approximate="tanh")
    return {name: (lambda i, run=run: run(z[i])) for name, run in {"torch eager": forward, **compiled(forward)}.items()}


def gelu_backward(case, tensors):
    grad_y, z = tensors.normal(case["count"]), tensors.normal(case["count"])

    def backward(grad_y, z):
        return torch.ops.aten.gelu_backward(grad_y, z, approximate="tanh")
    return {name: (lambda i, run=run: run(grad_y[i], z[i])) for name, run in {"torch eager": backward, **compiled(backward)}.items()}


def embedding_forward(case, tensors):
    b, t, c, v = case["batch"], case["time"], case["channels"], case["vocabulary"]
    tokens, table, positions = tensors.tokens(v, b, t), tensors.normal(padded(v), c, touched=b * t * c), tensors.normal(t, c)

    def forward(tokens, table, positions):
        return F.embedding(tokens, table) + positions
    return {name: (lambda i, run=run: run(tokens[i], table[i], positions[i]))
            for name, run in {"torch eager": forward, **compiled(forward)}.items()}


def embedding_backward(case, tensors):
    """A whole gradient table each time, as autograd makes it: zeroed, then added to."""
    b, t, c, v = case["batch"], case["time"], case["channels"], case["vocabulary"]
    tokens, grad = tensors.tokens(v, b, t), tensors.normal(b, t, c)
    return {"torch eager": lambda i: torch.ops.aten.embedding_dense_backward(grad[i], tokens[i], padded(v), -1, False)}


# ---- Attention ----

def heads_of(qkv, case):
    """(N, 3C) to q, k, v as views (B, H, T, D)."""
    b, t, h, d = case["batch"], case["time"], case["heads"], case["head_size"]
    return qkv.view(b, t, 3, h, d).permute(2, 0, 3, 1, 4).unbind(0)


def rows_of(y):
    """(B, H, T, D) to (N, C), as the projection reads it."""
    return y.transpose(1, 2).reshape(y.shape[0] * y.shape[2], -1)


def visible(case, device):
    """The mask, true where a query sees a key. (B, 1, T, T)"""
    b, t, document = case["batch"], case["time"], case["document"]
    starts = torch.tensor([opens(i, t, document) for i in range(b * t)], device=device).view(b, t).cumsum(1)
    causal = torch.ones(t, t, dtype=torch.bool, device=device).tril()
    return ((starts[:, :, None] == starts[:, None, :]) & causal)[:, None]


def sdpa_forms(case, device, is_differentiable=False):
    """Forward functions of qkv over masks that are made beforehand, by name; those that have a backward pass, where that is asked for."""
    mask = visible(case, device)
    additive = torch.zeros(mask.shape, device=device).masked_fill_(~mask, float("-inf"))

    def explicit(qkv):
        q, k, v = heads_of(qkv, case)
        scores = torch.matmul(q * (1.0 / math.sqrt(case["head_size"])), k.transpose(-2, -1))
        return rows_of(torch.matmul(torch.softmax(scores + additive.to(scores.dtype), dim=-1), v))
    forms = {"torch explicit": explicit}
    if model.HAS_SDPA:
        forms["torch sdpa, mask"] = lambda qkv: rows_of(F.scaled_dot_product_attention(*heads_of(qkv, case), attn_mask=mask))
        if case["document"] == 0:
            forms["torch sdpa, causal"] = lambda qkv: rows_of(F.scaled_dot_product_attention(*heads_of(qkv, case), is_causal=True))
    return {**forms, **({} if device == "cpu" and is_differentiable else flex_form(case, device)), **varlen_form(case, device)}


def flex_form(case, device):
    """FlexAttention with a block mask, which is fast through torch.compile only; forward alone on the CPU."""
    if not HAS_COMPILE:
        return {}
    try:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    except ImportError:
        return {}
    b, t, document = case["batch"], case["time"], case["document"]
    starts = torch.tensor([opens(i, t, document) for i in range(b * t)], device=device).view(b, t).cumsum(1)

    def seen(batch, head, query, key):
        return (query >= key) & (starts[batch, query] == starts[batch, key])
    block_mask = create_block_mask(seen, b, None, t, t, device=device)
    fast = torch.compile(flex_attention, dynamic=False)
    return {"torch flex": lambda qkv: rows_of(fast(*heads_of(qkv, case), block_mask=block_mask))}


def varlen_form(case, device):
    """Documents as sequences of a packed batch: torch.nn.attention.varlen, from torch 2.10 on, fp16 and bf16."""
    run = model.varlen_function()
    if device == "cpu" or run is None:
        return {}
    b, t, h, d = case["batch"], case["time"], case["heads"], case["head_size"]
    bounds = [i for i in range(b * t) if opens(i, t, case["document"])] + [b * t]
    cumulative = torch.tensor(bounds, dtype=torch.int32, device=device)
    longest = max(after - before for before, after in zip(bounds, bounds[1:]))

    def packed(qkv):
        q, k, v = qkv.view(b * t, 3, h, d).unbind(1)
        return run(q, k, v, cumulative, longest).reshape(b * t, h * d)
    return {"torch varlen": packed}


def attention_forward(case, tensors):
    qkv = tensors.normal(case["batch"] * case["time"], 3 * case["heads"] * case["head_size"])
    return {name: (lambda i, run=run: run(qkv[i])) for name, run in sdpa_forms(case, tensors.device).items()}


def attention_backward(case, tensors):
    """The gradient of qkv, the forward pass done before and kept."""
    n, c = case["batch"] * case["time"], case["heads"] * case["head_size"]
    qkv, grad = tensors.normal(n, 3 * c, grad=True), tensors.normal(n, c)
    return {name: kept_backward(run, qkv, grad) for name, run in sdpa_forms(case, tensors.device, is_differentiable=True).items()}


def kept_backward(run, inputs, grads):
    """A call that goes back through a forward pass done on its first use of a set."""
    outputs = {}

    def call(i):
        if i not in outputs:
            with torch.enable_grad():
                outputs[i] = run(inputs[i])
        return torch.autograd.grad(outputs[i], inputs[i], grads[i], retain_graph=True)
    return call


def attention_decode(case, tensors):
    b, h, d, keys = case["batch"], case["heads"], case["head_size"], case["keys"]
    qkv, key, value = tensors.normal(b, 3, h, 1, d), tensors.normal(b, h, keys, d), tensors.normal(b, h, keys, d)

    def explicit(q, key, value):
        return torch.matmul(torch.softmax(torch.matmul(q * (1.0 / math.sqrt(d)), key.transpose(-2, -1)), dim=-1), value)
    forms = {"torch explicit": explicit}
    if model.HAS_SDPA:
        forms["torch sdpa"] = F.scaled_dot_product_attention

    def decode(run, i):
        q, k, v = qkv[i].unbind(1)
        key[i][:, :, -1:].copy_(k)
        value[i][:, :, -1:].copy_(v)
        return run(q, key[i], value[i])
    return {name: (lambda i, run=run: decode(run, i)) for name, run in forms.items()}


def rotary(case, tensors):
    qkv = tensors.normal(case["batch"] * case["time"], 3 * case["heads"] * case["head_size"])
    cos, sin = model.rotary_tables(case["time"], case["head_size"], tensors.dtype, tensors.device)

    def forward(qkv):
        q, k, _ = heads_of(qkv, case)
        return model.rotate(q, cos, sin), model.rotate(k, cos, sin)
    return {name: (lambda i, run=run: run(qkv[i])) for name, run in {"torch eager": forward, **compiled(forward)}.items()}


# ---- Products and the loss ----

def linear_forward(case, tensors):
    x, weight, bias = linear_tensors(case, tensors)
    return {"torch eager": lambda i: F.linear(x[i], weight[i], bias[i])}


def linear_tensors(case, tensors):
    n, inputs, outputs = case["rows"], case["inputs"], case["outputs"]
    return tensors.normal(n, inputs), tensors.normal(outputs, inputs), tensors.normal(outputs)


def linear_gelu_forward(case, tensors):
    """Both the sum and its GELU are results, as the backward pass needs them."""
    x, weight, bias = linear_tensors(case, tensors)

    def forward(x, weight, bias):
        z = F.linear(x, weight, bias)
        return z, F.gelu(z, approximate="tanh")
    return {name: (lambda i, run=run: run(x[i], weight[i], bias[i])) for name, run in {"torch eager": forward, **compiled(forward)}.items()}


def linear_backward_input(case, tensors):
    grad, weight = tensors.normal(case["rows"], case["outputs"]), tensors.normal(case["outputs"], case["inputs"])
    return {"torch eager": lambda i: grad[i] @ weight[i]}


def linear_backward_weight(case, tensors):
    """In the operands' type, as autograd has it; ours are fp32."""
    grad, x = tensors.normal(case["rows"], case["outputs"]), tensors.normal(case["rows"], case["inputs"])
    return {"torch eager": lambda i: (grad[i].t() @ x[i], grad[i].sum(0))}


def cross_entropy(case, tensors):
    """Loss and the logits' gradient."""
    n, v = case["rows"], case["vocabulary"]
    logits, targets = tensors.normal(n, v, grad=True), tensors.tokens(v, n)

    def loss(logits, targets):
        return F.cross_entropy(logits.float(), targets)

    def both(run, i):
        with torch.enable_grad():
            return torch.autograd.grad(run(logits[i], targets[i]), logits[i])
    return {name: (lambda i, run=run: both(run, i)) for name, run in {"torch eager": loss, **compiled(loss)}.items()}


def cross_entropy_head(case, tensors):
    """Logits, loss and the gradients of input, weight and bias."""
    n, c, v = case["rows"], case["channels"], case["vocabulary"]
    x, weight, bias = tensors.normal(n, c, grad=True), tensors.normal(v, c, grad=True), tensors.normal(v, grad=True)
    targets = tensors.tokens(v, n)

    def loss(x, weight, bias, targets):
        return F.cross_entropy(F.linear(x, weight, bias).float(), targets)

    def chunked(x, weight, bias, targets):
        return model.ChunkedCrossEntropy.apply(x, weight, bias, targets, 1024)

    def both(run, i):
        with torch.enable_grad():
            return torch.autograd.grad(run(x[i], weight[i], bias[i], targets[i]), (x[i], weight[i], bias[i]))
    forms = {"torch eager": loss, **compiled(loss), **({"torch chunked": chunked} if tensors.dtype == torch.float32 else {})}
    if model.HAS_LINEAR_CROSS_ENTROPY:
        options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=1024)
        forms["torch linear"] = lambda x, weight, bias, targets: F.linear_cross_entropy(x, weight, targets, linear_bias=bias, options=options)
    return {name: (lambda i, run=run: both(run, i)) for name, run in forms.items()}


# ---- The update ----

def gradient_norm(case, tensors):
    gradients = tensors.normal(case["count"])
    return {"torch eager": lambda i: torch.linalg.vector_norm(gradients[i])}


def adamw(case, tensors):
    """All parameters in one tensor, which suits it best; with the low-precision copy where the type is one."""
    parameters = tensors.normal(case["count"], dtype=torch.float32)
    gradients = tensors.normal(case["count"], dtype=torch.float32)
    copies = tensors.zeros(case["count"]) if tensors.dtype != torch.float32 else None
    tensors.set_bytes += 8 * parameters[0].numel()   # the moments
    forms = {}
    for kind in optimizers.available_kinds(tensors.device):
        if kind != "blocked":
            forms[f"torch {kind}"] = adamw_form(kind, parameters, gradients, copies)
    return forms


def adamw_form(kind, parameters, gradients, copies):
    options = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}[kind]
    if kind == "single" and "foreach" not in inspect.signature(torch.optim.AdamW.__init__).parameters:
        options = {}
    made = {}

    def call(i):
        if i not in made:
            leaf = torch.nn.Parameter(parameters[i])
            leaf.grad = gradients[i]
            made[i] = torch.optim.AdamW([leaf], lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, **options)
        made[i].step()
        if copies is not None:
            copies[i].copy_(parameters[i])
    return call


OPERATIONS = {function.__name__: function for function in (
    layer_norm_forward, layer_norm_backward, gelu_forward, gelu_backward, attention_forward, attention_backward, attention_decode, rotary,
    embedding_forward, embedding_backward, linear_forward, linear_gelu_forward, linear_backward_input, linear_backward_weight,
    cross_entropy, cross_entropy_head, gradient_norm, adamw)}
