"""Golden loss, logits and every parameter gradient of three tiny models, by float64 autograd. See ../README.md."""

import os

import torch

from golden_io import GOLDEN, Inputs, versions, write_json
import model
import safetensors_file

CASES = {
    "sinusoidal_untied": dict(vocab_size=97, context_length=17, d_model=18, n_layers=2, n_heads=3, positions="sinusoidal",
                              activation="gelu_tanh", qkv_bias=False, head_bias=True, tie_embeddings=False,
                              document_mask=True),
    "learned_tied": dict(vocab_size=61, context_length=13, d_model=20, n_layers=2, n_heads=2, positions="learned",
                         activation="gelu", qkv_bias=True, head_bias=False, tie_embeddings=True, document_mask=True),
    "rotary_relu": dict(vocab_size=40, context_length=11, d_model=32, n_layers=1, n_heads=1, positions="rotary",
                           activation="relu", qkv_bias=True, head_bias=True, tie_embeddings=True, document_mask=False),
}


def make(name, options, seed):
    """Weights larger than at initialisation, so that every gradient matters; float values in float64 arithmetic."""
    inputs, config = Inputs(seed), model.ModelConfig(**options)
    network = model.Gpt(config).double()
    with torch.no_grad():
        for parameter_name, parameter in network.named_parameters():
            is_norm_weight = "norm" in parameter_name and parameter_name.endswith("weight")
            parameter.copy_(inputs.normal(*parameter.shape, scale=0.15, mean=1.0 if is_norm_weight else 0.0))
    length = config.context_length - (2 if name == "learned_tied" else 0)   # shorter than the context once
    window = inputs.integers(config.vocab_size - 1, 2, length + 1)
    document_token = config.vocab_size - 1
    window[inputs.integers(5, 2, length + 1) == 0] = document_token
    window[0, 3:5] = document_token
    tokens, targets = window[:, :-1].contiguous(), window[:, 1:].contiguous()

    loss = network.loss(tokens, targets, network.make_mask(tokens, document_token))
    loss.backward()
    folder = os.path.join(GOLDEN, "gradients", name)
    network.save(folder)
    tensors = {"tokens": tokens.int().numpy(), "targets": targets.int().numpy(),
               "loss": loss.detach().numpy(), "logits": network.logits(tokens, document_token).detach().numpy()}
    for parameter_name, parameter in network.named_parameters():
        tensors[f"grad/{parameter_name}"] = parameter.grad.numpy()
    safetensors_file.save(os.path.join(folder, "expected.safetensors"), tensors, versions())
    return {"case": name, "folder": name, "document_token": document_token, "loss": loss.item()}


def main():
    torch.set_num_threads(1)
    cases = [make(name, options, seed) for seed, (name, options) in enumerate(CASES.items(), start=20)]
    write_json(os.path.join(GOLDEN, "gradients", "manifest.json"), {"made_by": versions(), "cases": cases})


if __name__ == "__main__":
    main()
