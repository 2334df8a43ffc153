"""Golden vectors of single operations, forward and backward, by float64 autograd. See ../README.md for the format."""

import torch
import torch.nn.functional as F

from golden_io import CaseWriter, Inputs
import model


def with_gradients(outputs, upstream, leaves):
    """Gradients of sum(output * upstream) over all outputs, with respect to leaves (None stays None)."""
    total = sum((output * gradient).sum() for output, gradient in zip(outputs, upstream))
    present = [leaf for leaf in leaves if leaf is not None]
    gradients = iter(torch.autograd.grad(total, present))
    return [None if leaf is None else next(gradients) for leaf in leaves]


def leaf(tensor):
    return tensor.clone().requires_grad_(True)


def layer_norms(writer):
    inputs = Inputs(1)
    for rows, channels, epsilon, mean in ((1, 1, 1e-5, 0.0), (1, 48, 1e-5, 0.0), (5, 7, 1e-5, 0.0), (8, 97, 1e-5, 100.0),
                                          (3, 257, 1e-5, -2.0), (7, 96, 1e-3, 0.0)):
        x, weight, bias = leaf(inputs.normal(rows, channels, mean=mean)), \
            leaf(inputs.normal(channels, scale=0.5, mean=1.0)), leaf(inputs.normal(channels))
        y, grad_y = F.layer_norm(x, (channels,), weight, bias, epsilon), inputs.normal(rows, channels)
        grad_x, grad_weight, grad_bias = with_gradients([y], [grad_y], [x, weight, bias])
        mean_of_x = x.mean(dim=1)
        writer.add("layer_norm", f"n{rows}_c{channels}", {"epsilon": epsilon},
                   {"x": x, "weight": weight, "bias": bias, "grad_y": grad_y},
                   {"y": y, "mean": mean_of_x, "rstd": 1 / torch.sqrt(x.var(dim=1, unbiased=False) + epsilon),
                    "grad_x": grad_x, "grad_weight": grad_weight, "grad_bias": grad_bias})


def residual_layer_norms(writer):
    """sum = x + branch; y = LayerNorm(sum). Both outputs carry on, so both have an upstream gradient."""
    inputs = Inputs(2)
    for rows, channels in ((1, 8), (6, 48), (5, 97)):
        x, branch = leaf(inputs.normal(rows, channels)), leaf(inputs.normal(rows, channels))
        weight, bias = leaf(inputs.normal(channels, scale=0.5, mean=1.0)), leaf(inputs.normal(channels))
        total = x + branch
        y = F.layer_norm(total, (channels,), weight, bias, 1e-5)
        grad_y, grad_sum = inputs.normal(rows, channels), inputs.normal(rows, channels)
        grad_x, grad_branch, grad_weight, grad_bias = with_gradients([y, total], [grad_y, grad_sum],
                                                                     [x, branch, weight, bias])
        writer.add("residual_layer_norm", f"n{rows}_c{channels}", {"epsilon": 1e-5},
                   {"x": x, "branch": branch, "weight": weight, "bias": bias, "grad_y": grad_y, "grad_sum": grad_sum},
                   {"sum": total, "y": y, "grad_x": grad_x, "grad_branch": grad_branch, "grad_weight": grad_weight,
                    "grad_bias": grad_bias})


def activations(writer):
    inputs = Inputs(3)
    edges = torch.tensor([0.0, -0.0, 1e-6, -1e-6, 0.5, -0.5, 3.0, -3.0, 5.5, -5.5, 10.0, -10.0, 40.0, -40.0, 1e4, -1e4],
                         dtype=torch.float64)
    for name in ("gelu_tanh", "gelu", "relu"):
        x = leaf(torch.cat([edges.float().double(), inputs.normal(177, scale=2.0)]))
        y, grad_y = model.activation_function(name)(x), inputs.normal(x.numel())
        writer.add(name, "edges_and_normal", {}, {"x": x, "grad_y": grad_y},
                   {"y": y, "grad_x": with_gradients([y], [grad_y], [x])[0]})


def linears(writer):
    inputs = Inputs(4)
    for rows, into, out, has_bias in ((1, 1, 1, True), (5, 7, 3, False), (17, 33, 29, True), (33, 24, 97, False),
                                      (7, 97, 20, True)):
        x, weight = leaf(inputs.normal(rows, into)), leaf(inputs.normal(out, into, scale=0.3))
        bias = leaf(inputs.normal(out)) if has_bias else None
        y, grad_y = F.linear(x, weight, bias), inputs.normal(rows, out)
        grad_x, grad_weight, grad_bias = with_gradients([y], [grad_y], [x, weight, bias])
        writer.add("linear", f"n{rows}_k{into}_m{out}_{'bias' if has_bias else 'plain'}", {"bias": has_bias},
                   {"x": x, "weight": weight, "bias": bias, "grad_y": grad_y},
                   {"y": y, "grad_x": grad_x, "grad_weight": grad_weight, "grad_bias": grad_bias})


def embeddings(writer):
    inputs = Inputs(5)
    for positions, batch, length, channels, vocabulary in (("sinusoidal", 2, 7, 10, 31), ("sinusoidal", 1, 65, 18, 97),
                                                           ("learned", 3, 9, 12, 17), ("rotary", 2, 5, 8, 11)):
        tokens = inputs.integers(vocabulary, batch, length)
        tokens[0, -1] = vocabulary - 1
        weight = leaf(inputs.normal(vocabulary, channels))
        table = leaf(inputs.normal(length + 3, channels)) if positions == "learned" else None
        y, grad_y = F.embedding(tokens, weight), inputs.normal(batch, length, channels)
        if positions == "sinusoidal":
            y = y + model.sinusoidal_table(length, channels)
        elif positions == "learned":
            y = y + table[:length]
        grad_weight, grad_table = with_gradients([y], [grad_y], [weight, table])
        writer.add("embedding", f"{positions}_b{batch}_t{length}_c{channels}", {"positions": positions},
                   {"tokens": tokens, "weight": weight, "position_weight": table, "grad_y": grad_y},
                   {"y": y, "grad_weight": grad_weight, "grad_position_weight": grad_table})


def rotary(writer):
    inputs = Inputs(6)
    for batch, length, heads, size in ((1, 1, 1, 2), (2, 9, 3, 8), (1, 13, 1, 96)):
        x = leaf(inputs.normal(batch, length, heads, size))
        cos, sin = model.rotary_tables(length, size)
        y, grad_y = model.rotate(x, cos[:, None], sin[:, None]), inputs.normal(batch, length, heads, size)
        writer.add("rotary", f"b{batch}_t{length}_h{heads}_d{size}", {"base": 10000}, {"x": x, "grad_y": grad_y},
                   {"y": y, "grad_x": with_gradients([y], [grad_y], [x])[0]})


def document_tokens(inputs, layout, batch, length):
    """Tokens below 10, where 9 opens a document."""
    tokens = inputs.integers(9, batch, length)
    if layout == "each":
        tokens[:] = 9
    elif layout == "ragged":
        tokens[inputs.integers(5, batch, length) == 0] = 9
    elif layout == "edges":
        tokens[:, 0] = 9
        tokens[:, -1] = 9
        tokens[:, length // 2:length // 2 + 2] = 9
    return tokens


def attentions(writer):
    """Causal attention on the packed projection: qkv (B, T, 3C), all of Q, then K, then V; head h is columns h*D.. of each."""
    inputs = Inputs(7)
    cases = [(2, 9, 3, 8, layout, False) for layout in ("none", "each", "ragged", "edges", "off")]
    cases += [(2, 9, 3, 8, layout, True) for layout in ("ragged", "off")]
    cases += [(1, 1, 2, 8, "none", False), (1, 131, 1, 8, "ragged", False),
              (1, 19, 1, 64, "ragged", False), (1, 11, 1, 96, "ragged", True), (1, 9, 1, 96, "off", False)]
    for batch, length, heads, size, layout, use_rotary in cases:
        channels = heads * size
        tokens = document_tokens(inputs, layout if layout != "off" else "ragged", batch, length)
        qkv = leaf(inputs.normal(batch, length, 3 * channels, scale=1.5))
        q, k, v = (part.view(batch, length, heads, size).transpose(1, 2) for part in qkv.split(channels, dim=-1))
        if use_rotary:
            tables = model.rotary_tables(length, size)
            q, k = model.rotate(q, *tables), model.rotate(k, *tables)
        mask = model.additive_mask(model.allowed_pairs(tokens, 9, layout != "off"), torch.float64)
        y = model.explicit_attention(q, k, v, mask).transpose(1, 2).reshape(batch, length, channels)
        scores = torch.matmul(q, k.transpose(-2, -1)) / size ** 0.5 + mask
        grad_y = inputs.normal(batch, length, channels)
        writer.add("attention", f"b{batch}_t{length}_h{heads}_d{size}_{layout}{'_rotary' if use_rotary else ''}",
                   {"n_heads": heads, "d_head": size, "document_mask": layout != "off", "document_token": 9,
                    "rotary": use_rotary},
                   {"tokens": tokens, "qkv": qkv, "grad_y": grad_y},
                   {"y": y, "log_sum_exp": torch.logsumexp(scores, dim=-1),
                    "grad_qkv": with_gradients([y], [grad_y], [qkv])[0]})


def cross_entropies(writer):
    inputs = Inputs(8)
    for rows, vocabulary, scale in ((1, 1, 1.0), (4, 11, 1.0), (9, 97, 3.0), (5, 257, 30.0)):
        logits, targets = leaf(inputs.normal(rows, vocabulary, scale=scale)), inputs.integers(vocabulary, rows)
        targets[-1] = vocabulary - 1
        losses = F.cross_entropy(logits, targets, reduction="none")
        loss = losses.mean()
        writer.add("cross_entropy", f"n{rows}_v{vocabulary}", {"reduction": "mean"},
                   {"logits": logits, "targets": targets},
                   {"losses": losses, "loss": loss, "grad_logits": torch.autograd.grad(loss, logits)[0]})
    for rows, channels, vocabulary, has_bias in ((3, 5, 7, True), (17, 24, 97, True), (9, 11, 257, False)):
        x, weight = leaf(inputs.normal(rows, channels)), leaf(inputs.normal(vocabulary, channels, scale=0.3))
        bias = leaf(inputs.normal(vocabulary)) if has_bias else None
        targets = inputs.integers(vocabulary, rows)
        targets[-1] = vocabulary - 1
        loss = F.cross_entropy(F.linear(x, weight, bias), targets)
        grad_x, grad_weight, grad_bias = with_gradients([loss], [torch.ones(())], [x, weight, bias])
        writer.add("linear_cross_entropy", f"n{rows}_c{channels}_v{vocabulary}_{'bias' if has_bias else 'plain'}",
                   {"bias": has_bias, "reduction": "mean"},
                   {"x": x, "weight": weight, "bias": bias, "targets": targets},
                   {"loss": loss, "grad_x": grad_x, "grad_weight": grad_weight, "grad_bias": grad_bias})


def adamw(writer):
    """Six steps on a matrix and a vector: global norm, clip by min(1, clip / norm), AdamW with decay on the matrix alone."""
    inputs = Inputs(9)
    steps, rates, scales = 6, [1e-3, 2e-2, 1e-2, 3e-3, 1e-2, 1e-3], [1.0, 0.01, 0.3, 0.05, 2.0, 0.02]
    for case, clip in (("clipped", 1.0), ("unclipped", 1e9)):
        matrix, vector = leaf(inputs.normal(5, 7)), leaf(inputs.normal(11))
        given = {"matrix": matrix.clone(), "vector": vector.clone()}
        optimizer = torch.optim.AdamW([{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0.0}],
                                      lr=1.0, betas=(0.9, 0.95), eps=1e-8)
        results = {}
        for step in range(1, steps + 1):
            gradients = {"matrix": inputs.normal(5, 7, scale=scales[step - 1]),
                         "vector": inputs.normal(11, scale=scales[step - 1])}
            norm = torch.sqrt(sum((gradient ** 2).sum() for gradient in gradients.values()))
            factor = min(1.0, clip / norm.item())
            matrix.grad, vector.grad = gradients["matrix"] * factor, gradients["vector"] * factor
            for group in optimizer.param_groups:
                group["lr"] = rates[step - 1]
            optimizer.step()
            given.update({f"grad_{name}.{step}": gradient for name, gradient in gradients.items()})
            results.update({f"norm.{step}": norm, f"matrix.{step}": matrix.clone(), f"vector.{step}": vector.clone()})
        for name, parameter in (("matrix", matrix), ("vector", vector)):
            results[f"first_moment_{name}"] = optimizer.state[parameter]["exp_avg"]
            results[f"second_moment_{name}"] = optimizer.state[parameter]["exp_avg_sq"]
        writer.add("adamw", case, {"steps": steps, "learning_rates": rates, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8,
                                   "weight_decay": 0.1, "decayed": ["matrix"], "clip": clip}, given, results)


def main():
    torch.set_num_threads(1)
    writer = CaseWriter("operations")
    for make in (layer_norms, residual_layer_norms, activations, linears, embeddings, rotary, attentions, cross_entropies,
                 adamw):
        make(writer)
    writer.write()


if __name__ == "__main__":
    main()
