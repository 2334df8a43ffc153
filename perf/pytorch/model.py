"""The GPT of GptEngine in PyTorch: every option, the same weight names, files and numerics.

Shape letters: B batch, T time, C channels (d_model), H heads, D head size, L layers, V vocabulary, N = B*T.
Works with any torch from 1.13 on and in any floating-point type; at float64 it is the source of the golden vectors.
"""

import dataclasses
import functools
import inspect
import json
import math
import os

import torch
import torch.nn.functional as F
from torch import nn

import safetensors_file

HAS_SDPA = hasattr(F, "scaled_dot_product_attention")
HAS_LINEAR_CROSS_ENTROPY = hasattr(F, "linear_cross_entropy") and hasattr(nn, "LinearCrossEntropyOptions")


@dataclasses.dataclass
class ModelConfig:
    """The `model` section of a configuration; an unknown key is an error."""

    vocab_size: int = 50257
    context_length: int = 256
    d_model: int = 512
    n_layers: int = 12
    n_heads: int = 8
    positions: str = "sinusoidal"
    activation: str = "gelu_tanh"
    qkv_bias: bool = False
    head_bias: bool = True
    tie_embeddings: bool = False
    document_mask: bool = True
    layer_norm_epsilon: float = 1e-5
    dropout: float = 0.0

    def __post_init__(self):
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}.")
        if self.positions not in ("sinusoidal", "learned", "rotary"):
            raise ValueError(f"positions is '{self.positions}'; known are sinusoidal, learned, rotary.")
        if self.activation not in ("gelu_tanh", "gelu", "relu"):
            raise ValueError(f"activation is '{self.activation}'; known are gelu_tanh, gelu, relu.")
        if self.dropout:
            raise ValueError("dropout is drawn by the engine's own Philox and has no counterpart here; set it to 0.")

    @property
    def d_head(self):
        return self.d_model // self.n_heads

    @staticmethod
    def from_dict(section):
        """Takes the model section, ignoring the derived d_head."""
        return ModelConfig(**{key: value for key, value in section.items() if key != "d_head"})

    @staticmethod
    def load(path):
        with open(path, encoding="utf-8") as file:
            section = json.load(file)
        return ModelConfig.from_dict(section.get("model", section))

    def to_dict(self):
        return dataclasses.asdict(self)


@dataclasses.dataclass
class Implementation:
    """Choices that change the speed and not the result."""

    attention: str = "explicit"     # explicit | sdpa | flex | varlen
    loss: str = "plain"             # plain | chunked: head and cross-entropy over chunks of rows, in place | linear: torch's own form of that
    loss_chunk: int = 1024          # rows of logits alive at once with "chunked" and "linear"
    residual: str = "fp32"          # fp32 | low: the residual stream in autocast's type, as gpt keeps it
    vocabulary_multiple: int = 1    # embedding and head padded to this many rows; logits of the padding are cut off


def activation_function(name):
    """The MLP's activation, elementwise."""
    if name == "gelu_tanh":
        return lambda x: F.gelu(x, approximate="tanh")
    return F.gelu if name == "gelu" else F.relu


def sinusoidal_table(length, d_model, dtype=torch.float64, device=None):
    """pe[t, 2i] = sin(t / 10000^(2i/d)), pe[t, 2i+1] = cos(the same); computed in float64, then rounded. (T, C)"""
    even = torch.arange(0, d_model, 2, dtype=torch.float64)
    angles = torch.arange(length, dtype=torch.float64)[:, None] / 10000.0 ** (even / d_model)
    table = torch.zeros(length, d_model, dtype=torch.float64)
    table[:, 0::2] = torch.sin(angles)
    table[:, 1::2] = torch.cos(angles)[:, :d_model // 2]
    return table.to(dtype).to(device)


def rotary_tables(length, d_head, dtype=torch.float64, device=None):
    """cos and sin of t / 10000^(2i/D) for i < D/2. (T, D/2) each"""
    frequencies = 10000.0 ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    return torch.cos(angles).to(dtype).to(device), torch.sin(angles).to(dtype).to(device)


def rotate(x, cos, sin):
    """Rotates the first half of each head against the second. x (..., T, D); cos, sin (T, D/2)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def document_ids(tokens, document_token):
    """Numbers the documents of each sequence: one more at every document token. tokens (B, T) to (B, T)."""
    return (tokens == document_token).cumsum(dim=-1)


def allowed_pairs(tokens, document_token, document_mask):
    """True where query t may attend to key j. (B, T, T), or (1, T, T) without the document mask."""
    length = tokens.shape[-1]
    causal = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()[None]
    if not document_mask:
        return causal
    documents = document_ids(tokens, document_token)
    return causal & (documents[:, :, None] == documents[:, None, :])


def additive_mask(allowed, dtype):
    """0 where allowed and -infinity elsewhere; (B, 1, T, T)."""
    mask = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
    return mask.masked_fill_(~allowed, float("-inf"))[:, None]


def varlen_function():
    """torch.nn.attention.varlen (torch 2.10 and newer) as f(q, k, v, cumulative, longest), causal, over (N, H, D); None without it."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    # The first version said is_causal; later ones say a window without anything to the right.
    causal = {"is_causal": True} if "is_causal" in inspect.signature(varlen_attn).parameters else {"window_size": (-1, 0)}

    def run(q, k, v, cumulative, longest):
        return varlen_attn(q, k, v, cumulative, cumulative, longest, longest, **causal)
    return run


def explicit_attention(q, k, v, mask):
    """softmax(q k' / sqrt(D) + mask) v by plain matrix products. q, k, v (B, H, T, D); mask (B or 1, 1, T, T)."""
    scores = torch.matmul(q * (1.0 / math.sqrt(q.shape[-1])), k.transpose(-2, -1))
    return torch.matmul(torch.softmax(scores + mask, dim=-1), v)


@functools.lru_cache(maxsize=None)
def flex_functions():
    """FlexAttention and the maker of its block masks, both compiled: neither is fast otherwise."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    return torch.compile(flex_attention, dynamic=False), torch.compile(create_block_mask, dynamic=False)


def varlen_attention(run, q, k, v, mask):
    """Documents as the sequences of one packed batch; fp16 or bf16. q, k, v (B, H, T, D); mask as packed_bounds makes it."""
    cumulative, longest = mask
    packed = [part.transpose(1, 2).flatten(0, 1) for part in (q, k, v)]
    y = run(*packed, cumulative, longest)
    return y.view(q.shape[0], q.shape[2], q.shape[1], q.shape[3]).transpose(1, 2)


def packed_bounds(tokens, document_token, document_mask):
    """(cumulative bounds of sequences and documents as int32, the longest there can be); padded with the end to a length that seldom changes."""
    batch, length = tokens.shape
    opens = torch.zeros_like(tokens, dtype=torch.bool)
    opens[:, 0] = True
    if document_mask:
        opens |= tokens == document_token
    bounds = opens.flatten().nonzero().flatten()
    size = 1 << int(bounds.numel()).bit_length()   # above it; a compiled graph stays valid while this does
    end = torch.full((size - bounds.numel(),), batch * length, dtype=bounds.dtype, device=bounds.device)
    return torch.cat([bounds, end]).to(torch.int32), length


def attention_function(kind):
    """One of the implementations as f(q, k, v, mask), looked up before any graph is traced; mask as Gpt.make_mask makes it."""
    if kind == "explicit":
        return explicit_attention
    if kind == "sdpa":
        return lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    if kind == "varlen":
        return functools.partial(varlen_attention, varlen_function())
    flex = flex_functions()[0]
    return lambda q, k, v, mask: flex(q, k, v, block_mask=mask)


def autocast_dtype(device):
    """The type that autocast computes in on a kind of device; None where it is off."""
    if hasattr(torch, "get_autocast_dtype"):
        return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    return torch.get_autocast_gpu_dtype() if device == "cuda" and torch.is_autocast_enabled() else None


class ChunkedCrossEntropy(torch.autograd.Function):
    """Head and mean cross-entropy together, over chunks of rows, so that only chunk * V logits exist at a time.

    The softmax and its gradient are formed in place of the logits in the forward pass, which already makes the
    gradients; the backward pass only multiplies them by the incoming scalar, where that is not 1.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, targets, chunk):
        rows, vocabulary = x.shape[0], weight.shape[0]
        scale = 1.0 / rows
        grad_x, grad_weight = torch.empty_like(x), torch.empty_like(weight)
        grad_bias = None if bias is None else torch.empty_like(bias)
        buffer = torch.empty(min(chunk, rows), vocabulary, dtype=x.dtype, device=x.device)
        loss = torch.zeros((), dtype=torch.float64, device=x.device)
        for begin in range(0, rows, chunk):
            part, part_targets = x[begin:begin + chunk], targets[begin:begin + chunk, None]
            logits = buffer[:part.shape[0]]
            if bias is None:
                torch.mm(part, weight.t(), out=logits)
            else:
                torch.addmm(bias, part, weight.t(), out=logits)
            chosen = logits.gather(1, part_targets)
            torch.softmax(logits, dim=1, out=logits)
            loss += row_losses(logits, chosen, part_targets, part, weight, bias).sum(dtype=torch.float64)
            logits.scatter_add_(1, part_targets, torch.full_like(chosen, -1.0))
            torch.addmm(part, logits, weight, beta=0, alpha=scale, out=grad_x[begin:begin + chunk])
            torch.addmm(grad_weight, logits.t(), part, beta=0 if begin == 0 else 1, alpha=scale, out=grad_weight)
            if bias is not None and begin == 0:
                torch.sum(logits, dim=0, out=grad_bias)
            elif bias is not None:
                grad_bias += logits.sum(dim=0)
        if bias is not None:
            grad_bias *= scale
        ctx.save_for_backward(grad_x, grad_weight, grad_bias)
        return (loss * scale).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_loss):
        grad_x, grad_weight, grad_bias = ctx.saved_tensors
        if float(grad_loss) != 1.0:
            grad_x, grad_weight = grad_x * grad_loss, grad_weight * grad_loss
            grad_bias = None if grad_bias is None else grad_bias * grad_loss
        return grad_x, grad_weight, grad_bias, None, None


def chunked_cross_entropy(x, weight, bias, targets, chunk):
    return ChunkedCrossEntropy.apply(x, weight, bias, targets, chunk)


if hasattr(torch, "compiler"):
    # What it does in place and decides by values has no graph; a compiled model ends before it.
    chunked_cross_entropy = torch.compiler.disable(chunked_cross_entropy)


def row_losses(probabilities, chosen, targets, x, weight, bias):
    """-log p of the targets; rows whose p underflows (a logit some 69 below the largest) are done over from x."""
    p = probabilities.gather(1, targets)
    losses = -p.log()
    tiny = (p < 1e-30).squeeze(1)
    if bool(tiny.any()):
        again = F.linear(x[tiny], weight, bias)
        losses[tiny] = torch.logsumexp(again, dim=1, keepdim=True) - chosen[tiny]
    return losses


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_heads, self.d_head = config.n_heads, config.d_head
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model, bias=config.qkv_bias)
        self.proj = nn.Linear(config.d_model, config.d_model)

    def forward(self, x, mask, rotary, attend):
        """x (B, T, C) to (B, T, C)."""
        batch, length, channels = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.n_heads, self.d_head).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        y = attend(q, k, v, mask)
        return self.proj(y.transpose(1, 2).reshape(batch, length, channels))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = nn.Linear(config.d_model, 4 * config.d_model)
        self.down = nn.Linear(4 * config.d_model, config.d_model)
        self.activation = config.activation

    def forward(self, x):
        return self.down(activation_function(self.activation)(self.up(x)))


class Block(nn.Module):
    """x += Attention(LN1(x)); x += MLP(LN2(x))."""

    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.mlp = Mlp(config)

    def forward(self, x, mask, rotary, attend):
        x = x + self.attention(self.norm1(x), mask, rotary, attend)
        return x + self.mlp(self.norm2(x))


class Head(nn.Module):
    """Holds the head's parameters; its weight is absent when it is the token embedding's."""

    def __init__(self, config, rows):
        super().__init__()
        if not config.tie_embeddings:
            self.weight = nn.Parameter(torch.empty(rows, config.d_model))
        if config.head_bias:
            self.bias = nn.Parameter(torch.zeros(rows))


class Gpt(nn.Module):
    """The decoder; the names in its state_dict are those of model.safetensors."""

    def __init__(self, config, implementation=None):
        super().__init__()
        self.config = config
        self.implementation = implementation or Implementation()
        self.attend = attention_function(self.implementation.attention)
        multiple = self.implementation.vocabulary_multiple
        self.vocabulary_rows = -(-config.vocab_size // multiple) * multiple
        self.token_embedding = nn.Embedding(self.vocabulary_rows, config.d_model)
        if config.positions == "learned":
            self.position_embedding = nn.Embedding(config.context_length, config.d_model)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.final_norm = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.head = Head(config, self.vocabulary_rows)

    def initialise(self, seed=0):
        """normal(0, 0.02), residual projections scaled by 1/sqrt(2L), biases 0, norms 1 and 0."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() < 2:
                    parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
                    continue
                residual = name.endswith(("attention.proj.weight", "mlp.down.weight"))
                scale = 0.02 / math.sqrt(2 * self.config.n_layers) if residual else 0.02
                if self.has_padding(name):
                    parameter.zero_()
                    parameter = parameter[:self.config.vocab_size]
                parameter.normal_(0.0, scale, generator=generator)
        return self

    def has_padding(self, name):
        """Whether a parameter has rows beyond the vocabulary; they are zero, and nothing ever moves them."""
        return self.vocabulary_rows > self.config.vocab_size and name.startswith(("token_embedding.", "head."))

    def head_parameters(self):
        weight = self.token_embedding.weight if self.config.tie_embeddings else self.head.weight
        return weight, self.head.bias if self.config.head_bias else None

    def make_mask(self, tokens, document_token):
        """What the chosen attention implementation takes as its mask."""
        if self.implementation.attention == "varlen":
            return packed_bounds(tokens, document_token, self.config.document_mask)
        if self.implementation.attention == "flex":
            documents = document_ids(tokens, document_token)
            use_documents = self.config.document_mask

            def visible(b, h, t, j):
                return (t >= j) & ((documents[b, t] == documents[b, j]) if use_documents else True)
            return flex_functions()[1](visible, tokens.shape[0], None, tokens.shape[1], tokens.shape[1],
                                     device=tokens.device)
        allowed = allowed_pairs(tokens, document_token, self.config.document_mask)
        return additive_mask(allowed, self.working_dtype())

    def working_dtype(self):
        """What matrix products are computed in: autocast's type, else the parameters'."""
        weight = self.token_embedding.weight
        return autocast_dtype(weight.device.type) or weight.dtype

    def hidden(self, tokens, mask):
        """tokens (B, T) to the final norm's output (B, T, C)."""
        config, length = self.config, tokens.shape[1]
        weight = self.token_embedding.weight
        x = self.token_embedding(tokens)
        rotary = None
        if config.positions == "sinusoidal":
            x = x + self.cached("sinusoidal", length, weight)
        elif config.positions == "learned":
            x = x + self.position_embedding.weight[:length]
        else:
            rotary = self.cached("rotary", length, weight)
        if self.implementation.residual == "low":
            x = x.to(self.working_dtype())
        for block in self.blocks:
            x = block(x, mask, rotary, self.attend)
        return self.final_norm(x)

    def cached(self, kind, length, like):
        """The constant tables of positions, made once for a length, type and device."""
        key = (kind, length, like.dtype, like.device)
        if getattr(self, "_table_key", None) != key:
            self._table_key = key
            self._table = (sinusoidal_table(length, self.config.d_model, like.dtype, like.device)
                           if kind == "sinusoidal"
                           else rotary_tables(length, self.config.d_head, like.dtype, like.device))
        return self._table

    def logits(self, tokens, document_token):
        """(B, T) to (B, T, V)."""
        return F.linear(self.hidden(tokens, self.make_mask(tokens, document_token)), *self.head_parameters())[..., :self.config.vocab_size]

    def loss(self, tokens, targets, mask):
        """Mean cross-entropy over all B*T targets."""
        x = self.hidden(tokens, mask).flatten(0, 1)
        weight, bias = self.head_parameters()
        if self.implementation.loss == "chunked":
            return chunked_cross_entropy(x, weight, bias, targets.flatten(), self.implementation.loss_chunk)
        if self.implementation.loss == "linear":
            return self.linear_cross_entropy(x, weight, bias, targets.flatten())
        logits = F.linear(x, weight, bias)[:, :self.config.vocab_size]
        return F.cross_entropy(logits if logits.dtype == torch.float64 else logits.float(), targets.flatten())

    def linear_cross_entropy(self, x, weight, bias, targets):
        """torch's own head and loss in chunks, in autocast's type, which it does not take by itself."""
        low = self.working_dtype()
        rows = self.implementation.loss_chunk
        options = nn.LinearCrossEntropyOptions(batch_chunk_size=rows, allow_retain_graph=torch.compiler.is_compiling())
        weight, bias = weight[:self.config.vocab_size].to(low), None if bias is None else bias[:self.config.vocab_size].to(low)
        return F.linear_cross_entropy(x.to(low), weight, targets, linear_bias=bias, options=options).float()

    def forward(self, tokens, targets, mask):
        """The loss: what a data-parallel wrapper calls."""
        return self.loss(tokens, targets, mask)

    def save(self, folder):
        """Writes model.safetensors (fp32) and config.json into folder."""
        os.makedirs(folder, exist_ok=True)
        tensors = {name: (parameter[:self.config.vocab_size] if self.has_padding(name) else parameter).detach().float().cpu().numpy()
                   for name, parameter in self.named_parameters()}
        safetensors_file.save(os.path.join(folder, "model.safetensors"), tensors)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.config.to_dict(), file, indent=2)
            file.write("\n")

    def load_weights(self, path):
        """Reads a model.safetensors; a missing, superfluous or misshapen tensor is an error."""
        tensors = {name: torch.from_numpy(array) for name, array in safetensors_file.load(path).items()}
        for name in filter(self.has_padding, tensors):
            missing = self.vocabulary_rows - tensors[name].shape[0]
            tensors[name] = torch.cat([tensors[name], tensors[name].new_zeros(missing, *tensors[name].shape[1:])])
        self.load_state_dict(tensors, strict=True)
        return self

    @staticmethod
    def load(folder, implementation=None):
        config = ModelConfig.load(os.path.join(folder, "config.json"))
        return Gpt(config, implementation).load_weights(os.path.join(folder, "model.safetensors"))


def parameter_groups(model, weight_decay):
    """Decay on matrices (embeddings and head included), none on biases and norms."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


def learning_rate(tokens_seen, maximum, x0, x1):
    """Warm-up to x0, half a cosine down to a tenth at x1, constant after; by the tokens seen before the step."""
    if tokens_seen < x0:
        return maximum * (0.1 + 0.9 * tokens_seen / x0)
    if tokens_seen < x1:
        return maximum * (0.55 + 0.45 * math.cos(math.pi * (tokens_seen - x0) / (x1 - x0)))
    return 0.1 * maximum
