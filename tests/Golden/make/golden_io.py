"""What the golden-vector scripts share: where things are, seeded inputs, and one writer of cases with their manifest."""

import json
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(GOLDEN, "..", "..", "perf", "pytorch"))

import safetensors_file  # noqa: E402  (found through the path set above)


def versions():
    return {"torch": torch.__version__, "numpy": np.__version__}


class Inputs:
    """Seeded random inputs: float64 tensors whose values a float holds exactly, so that fp32 code starts from the same."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape, scale=1.0, mean=0.0):
        return (torch.randn(*shape, generator=self.generator) * scale + mean).double()

    def integers(self, high, *shape):
        return torch.randint(0, high, shape, generator=self.generator)


class CaseWriter:
    """Collects cases and writes one safetensors file an operation, plus manifest entries."""

    def __init__(self, folder):
        self.folder = os.path.join(GOLDEN, folder)
        os.makedirs(self.folder, exist_ok=True)
        self.files, self.cases = {}, []

    def add(self, operation, case, attributes, inputs, outputs):
        file = f"{operation}.safetensors"
        tensors = self.files.setdefault(file, {})
        entry = {"operation": operation, "case": case, "file": file, "attributes": attributes}
        for role, group in (("inputs", inputs), ("outputs", outputs)):
            entry[role] = {}
            for name, tensor in group.items():
                if tensor is None:
                    continue
                tensor = tensor.detach()
                full = f"{case}/{name}"
                if full in tensors:
                    raise ValueError(f"{file}: {full} is there already.")
                tensors[full] = (tensor.double() if tensor.is_floating_point() else tensor.int()).numpy()
                entry[role][name] = full
        self.cases.append(entry)

    def write(self):
        for file, tensors in self.files.items():
            safetensors_file.save(os.path.join(self.folder, file), tensors, versions())
        write_json(os.path.join(self.folder, "manifest.json"), {"made_by": versions(), "cases": self.cases})


def write_json(path, value):
    """Indented, but with each entry of a list of records on a line of its own."""
    records = {key: entry for key, entry in value.items() if isinstance(entry, list) and entry and isinstance(entry[0], dict)}
    text = json.dumps({**value, **{key: f"@{key}@" for key in records}}, indent=1)
    for key, entry in records.items():
        lines = ",\n  ".join(json.dumps(record) for record in entry)
        text = text.replace(f'"@{key}@"', f"[\n  {lines}\n ]")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
