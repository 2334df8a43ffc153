"""Minimal reader and writer of safetensors files, in numpy alone.

The format: an unsigned 64-bit little-endian header length, a JSON header that maps each tensor's name to its dtype,
shape and [begin, end) byte offsets within the data that follows, then the data, row-major and little-endian.
"""

import json
import os

import numpy as np

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U16": "<u2", "U8": "|u1"}
_NAMES = {np.dtype(value): key for key, value in _DTYPES.items()}


def save(path, tensors, metadata=None):
    """Writes {name: numpy array} to path; the order of the dictionary is the order of the data."""
    header, offset, arrays = {}, 0, []
    if metadata:
        header["__metadata__"] = {str(key): str(value) for key, value in metadata.items()}
    for name, tensor in tensors.items():
        array = np.asarray(tensor)
        array = np.ascontiguousarray(array).reshape(array.shape)
        if array.dtype not in _NAMES:
            raise ValueError(f"{path}: tensor {name} has type {array.dtype}, which safetensors files here do not hold.")
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        arrays.append(array)
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in arrays:
            file.write(array.tobytes())


def load(path):
    """Reads path into {name: numpy array}; the arrays are copies, safe to write to."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise ValueError(f"{path}: the header claims {length} bytes, but the file has {size}.")
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            data = np.frombuffer(file.read(end - begin), dtype=_DTYPES[entry["dtype"]])
            tensors[name] = data.reshape(entry["shape"]).copy()
    return tensors
