#!/usr/bin/env python3
"""What CUPTI's own headers say of the records and numbers that the program reads: sizes, offsets, enumerations.

    python3 tests/oracles/cupti.py INCLUDE_FOLDER... > tests/oracles/cupti.json

Each folder has one CUDA version's cupti.h and cuda.h. A C program is compiled against them, so the figures are the compiler's and not
anybody's memory; the tests hold runtime/Native/Cupti against them, and lay out the records of their stand-in for the library by them.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

# The newest form of a record is what a library of that version writes: the header's other forms are for older readers.
RECORDS = {
    "kernel": ("CUpti_ActivityKernel", [
        "kind", "registersPerThread", "start", "end", "completed", "deviceId", "contextId", "streamId", "gridX", "gridY", "gridZ", "blockX",
        "blockY", "blockZ", "staticSharedMemory", "dynamicSharedMemory", "localMemoryPerThread", "correlationId", "gridId", "name",
    ]),
    "copy": ("CUpti_ActivityMemcpy", [
        "kind", "copyKind", "srcKind", "dstKind", "flags", "bytes", "start", "end", "deviceId", "contextId", "streamId", "correlationId",
    ]),
    "fill": ("CUpti_ActivityMemset", [
        "kind", "value", "bytes", "start", "end", "deviceId", "contextId", "streamId", "correlationId",
    ]),
    "correlation": ("CUpti_ActivityExternalCorrelation", ["kind", "externalKind", "externalId", "correlationId"]),
    "call": ("CUpti_ActivityAPI", ["kind", "cbid", "start", "end", "processId", "threadId", "correlationId"]),
}

NUMBERS = [
    "CUPTI_SUCCESS", "CUPTI_ERROR_INVALID_PARAMETER", "CUPTI_ERROR_INVALID_OPERATION", "CUPTI_ERROR_OUT_OF_MEMORY",
    "CUPTI_ERROR_MAX_LIMIT_REACHED", "CUPTI_ERROR_NOT_READY", "CUPTI_ERROR_NOT_COMPATIBLE", "CUPTI_ERROR_NOT_INITIALIZED",
    "CUPTI_ERROR_INVALID_KIND", "CUPTI_ERROR_HARDWARE_BUSY", "CUPTI_ERROR_NOT_SUPPORTED", "CUPTI_ERROR_VIRTUALIZED_DEVICE_NOT_SUPPORTED",
    "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES", "CUPTI_ERROR_OLD_PROFILER_API_INITIALIZED", "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED",
    "CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES",
    "CUPTI_ACTIVITY_KIND_MEMCPY", "CUPTI_ACTIVITY_KIND_MEMSET", "CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_DRIVER",
    "CUPTI_ACTIVITY_KIND_RUNTIME", "CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL", "CUPTI_ACTIVITY_KIND_OVERHEAD",
    "CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION", "CUPTI_ACTIVITY_FLAG_FLUSH_FORCED", "CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0",
    "CUPTI_ACTIVITY_MEMCPY_KIND_HTOD", "CUPTI_ACTIVITY_MEMCPY_KIND_DTOH", "CUPTI_ACTIVITY_MEMCPY_KIND_DTOD", "ACTIVITY_RECORD_ALIGNMENT",
]


def forms(texts, stem):
    """The names of all forms of a record that the headers have, the newest last: the one with the largest number behind its stem."""
    numbers = sorted({int(number or 1) for number in re.findall(rf"\}}\s*{stem}(\d*);", texts)})
    return [stem if number == 1 else f"{stem}{number}" for number in numbers]


def same(folder, name, other, fields):
    """Whether two forms have all the fields, and in the same places."""
    checks = " && ".join(f"offsetof({name}, {field}) == offsetof({other}, {field}) && SIZE({name}, {field}) == SIZE({other}, {field})" for field in fields)
    source = f"""
#include <stddef.h>
#include <cuda.h>
#include <cupti.h>
#define SIZE(type, field) sizeof(((type *)0)->field)
_Static_assert({checks}, "they differ");
"""
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work, "same.c")
        path.write_text(source)
        return subprocess.run(["cc", "-w", "-fsyntax-only", f"-I{folder}", path], capture_output=True, check=False).returncode == 0


def ask(folder):
    """What the headers of one folder say."""
    texts = "".join(path.read_text(errors="replace") for path in sorted(folder.glob("cupti_activity*.h")))
    lines = []
    alike = {}
    for key, (stem, fields) in RECORDS.items():
        *older, name = forms(texts, stem)
        alike[key] = [other for other in older if same(folder, name, other, fields)]
        members = ", ".join(f'\\"{field}\\": %zu' for field in fields)
        values = ", ".join(f"offsetof({name}, {field})" for field in fields)
        lines.append(f'printf("\\"{key}\\": {{\\"type\\": \\"{name}\\", \\"size\\": %zu, {members}}},\\n", sizeof({name}), {values});')
    numbers = "\n".join(f'printf("\\"{name}\\": %lld{"," if name != NUMBERS[-1] else ""}\\n", (long long){name});' for name in NUMBERS)
    source = f"""
#include <stddef.h>
#include <stdio.h>
#include <cuda.h>
#include <cupti.h>
int main(void) {{
    printf("{{\\"cuda\\": \\"%d.%d\\", \\"interface\\": %d,\\n", CUDA_VERSION / 1000, CUDA_VERSION % 1000 / 10, (int)CUPTI_API_VERSION);
    {chr(10).join(lines)}
    printf("\\"numbers\\": {{");
    {numbers}
    printf("}}}}\\n");
    return 0;
}}
"""
    with tempfile.TemporaryDirectory() as work:
        program = pathlib.Path(work, "ask")
        pathlib.Path(work, "ask.c").write_text(source)
        subprocess.run(["cc", "-w", f"-I{folder}", "-o", program, f"{program}.c"], check=True)
        answer = json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
    for key, others in alike.items():
        answer[key]["same_in"] = others
    return answer


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    versions = [ask(pathlib.Path(folder)) for folder in sys.argv[1:]]
    origin = "compiled against cupti.h of each version by tests/oracles/cupti.py"
    print(json.dumps({"origin": origin, "versions": versions}, indent=1))


if __name__ == "__main__":
    main()
