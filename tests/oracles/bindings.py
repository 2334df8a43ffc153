"""Writes what NVIDIA's own headers say of everything that the program binds, as one small JSON file a version.

    python3 tests/oracles/bindings.py --include DIR --origin "CUDA 12.4's headers" --headers cuda.h nvrtc.h --out FILE [--driver libcuda.so.1]

Names that a header lacks are left out. A C++ compiler answers for every number, size, offset and argument list; nothing is parsed but
lists of names. With --driver, that library is asked which of its exported functions each symbol and version stands for; no GPU is needed.

Types are written so: v void, i4 signed and u8 unsigned integers, f4 floats, c char, e4 an enumeration, s128 a structure by value, ? an
incomplete one, () a function, * a pointer to what follows.
"""

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile

# By header: constants, patterns of constants, expressions by name, structures with their fields, functions, function types, fields of such types.
HEADERS = {
    "cuda.h": {
        "constants": """CUDA_SUCCESS CUDA_ERROR_OUT_OF_MEMORY CUDA_ERROR_NO_DEVICE CUDA_ERROR_NOT_READY CU_MEMHOSTALLOC_PORTABLE
            CU_STREAM_NON_BLOCKING CU_STREAM_CAPTURE_MODE_RELAXED CU_GET_PROC_ADDRESS_SUCCESS CU_GET_PROC_ADDRESS_DEFAULT
            CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK CU_DEVICE_ATTRIBUTE_CLOCK_RATE CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
            CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE
            CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
            CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
            CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES
            CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES CU_FUNC_ATTRIBUTE_NUM_REGS CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES""",
        "functions": "cuGetProcAddress cuGetProcAddress_v2 cuDriverGetVersion",
        "types": "CUhostFn",
    },
    "cublasLt.h": {
        "constants": """CUBLAS_COMPUTE_32F CUBLAS_COMPUTE_32F_FAST_TF32 CUDA_R_32F CUDA_R_16F CUDA_R_16BF CUBLAS_OP_N CUBLAS_OP_T
            CUBLASLT_MATMUL_DESC_TRANSA CUBLASLT_MATMUL_DESC_TRANSB CUBLASLT_MATMUL_DESC_EPILOGUE CUBLASLT_MATMUL_DESC_BIAS_POINTER
            CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD CUBLASLT_EPILOGUE_DEFAULT CUBLASLT_EPILOGUE_BIAS
            CUBLASLT_EPILOGUE_GELU CUBLASLT_EPILOGUE_GELU_BIAS CUBLASLT_EPILOGUE_GELU_AUX CUBLASLT_EPILOGUE_GELU_AUX_BIAS
            CUBLASLT_EPILOGUE_DGELU CUBLASLT_EPILOGUE_BGRADA CUBLASLT_EPILOGUE_BGRADB CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
            CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK CUBLASLT_REDUCTION_SCHEME_INPLACE CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE""",
        "patterns": ["CUBLAS_STATUS_[A-Z0-9_]+"],
        "structures": {
            "cublasLtMatmulAlgo_t": "data",
            "cublasLtMatmulHeuristicResult_t": "algo workspaceSize state wavesCount reserved",
        },
        "functions": """cublasLtGetVersion cublasLtCreate cublasLtDestroy cublasLtMatmulDescCreate cublasLtMatmulDescDestroy
            cublasLtMatmulDescSetAttribute cublasLtMatrixLayoutCreate cublasLtMatrixLayoutDestroy cublasLtMatmulPreferenceCreate
            cublasLtMatmulPreferenceDestroy cublasLtMatmulPreferenceSetAttribute cublasLtMatmulAlgoGetHeuristic cublasLtMatmulAlgoCheck
            cublasLtMatmul""",
    },
    "nvrtc.h": {
        "patterns": ["NVRTC_SUCCESS", "NVRTC_ERROR_[A-Z0-9_]+"],
        "functions": """nvrtcVersion nvrtcGetNumSupportedArchs nvrtcGetSupportedArchs nvrtcGetErrorString nvrtcCreateProgram
            nvrtcDestroyProgram nvrtcAddNameExpression nvrtcCompileProgram nvrtcGetLoweredName nvrtcGetPTXSize nvrtcGetPTX nvrtcGetCUBINSize
            nvrtcGetCUBIN nvrtcGetProgramLogSize nvrtcGetProgramLog""",
    },
    "nccl.h": {
        "constants": """ncclSuccess ncclUnhandledCudaError ncclSystemError ncclInternalError ncclInvalidArgument ncclInvalidUsage
            ncclRemoteError ncclInProgress ncclTimeout ncclNumResults ncclInt32 ncclFloat16 ncclFloat32 ncclFloat64 ncclBfloat16 ncclSum
            NCCL_UNIQUE_ID_BYTES NCCL_CONFIG_UNDEF_INT""",
        "expressions": {
            f"NCCL_CONFIG_INITIALIZER.{field}": f"[]{{ ncclConfig_t initial = NCCL_CONFIG_INITIALIZER; return initial.{field}; }}()"
            for field in ("magic", "blocking", "cgaClusterSize")
        },
        "structures": {"ncclUniqueId": "internal", "ncclConfig_t": "size magic version blocking cgaClusterSize"},
        "functions": """ncclGetVersion ncclGetUniqueId ncclCommInitRank ncclCommInitRankConfig ncclCommFinalize ncclCommDestroy
            ncclCommAbort ncclCommGetAsyncError ncclGetErrorString ncclGetLastError ncclCommRegister ncclCommDeregister ncclGroupStart
            ncclGroupEnd ncclAllReduce ncclReduceScatter ncclAllGather ncclBroadcast""",
    },
    "nvtx3/nvToolsExt.h": {
        "constants": """NVTX_VERSION NVTX_COLOR_ARGB NVTX_PAYLOAD_TYPE_INT64 NVTX_MESSAGE_TYPE_ASCII NVTX_MESSAGE_TYPE_REGISTERED
            NVTX_CBID_CORE_RangePushEx NVTX_CBID_CORE_RangePop NVTX_CBID_CORE_NameCategoryA NVTX_CBID_CORE2_DomainRegisterStringA
            NVTX_CBID_CORE_SIZE NVTX_CBID_CUDA_SIZE NVTX_CBID_OPENCL_SIZE NVTX_CBID_CUDART_SIZE NVTX_CBID_CORE2_SIZE NVTX_CBID_SYNC_SIZE
            NVTX_CB_MODULE_CORE NVTX_CB_MODULE_CUDA NVTX_CB_MODULE_OPENCL NVTX_CB_MODULE_CUDART NVTX_CB_MODULE_CORE2 NVTX_CB_MODULE_SYNC
            NVTX_ETID_CALLBACKS NVTX_ETID_VERSIONINFO""",
        "structures": {
            "nvtxEventAttributes_t": "version size category colorType color payloadType reserved0 payload messageType message",
            "NvtxExportTableCallbacks": "struct_size GetModuleFunctionTable",
            "NvtxExportTableVersionInfo": "struct_size version reserved0 SetInjectionNvtxVersion",
        },
        "types": """nvtxRangePushEx_impl_fntype nvtxRangePop_impl_fntype nvtxNameCategoryA_impl_fntype
            nvtxDomainRegisterStringA_impl_fntype NvtxInitializeInjectionNvtxFunc_t NvtxGetExportTableFunc_t""",
        "members": "NvtxExportTableCallbacks::GetModuleFunctionTable NvtxExportTableVersionInfo::SetInjectionNvtxVersion",
    },
}

# What the driver is asked for by cuGetProcAddress; of each, every version that cudaTypedefs.h has a type for.
DRIVER = """Init GetErrorName GetErrorString DeviceGetCount DeviceGet DeviceGetName DeviceGetPCIBusId DeviceTotalMem DeviceGetAttribute
    DevicePrimaryCtxRetain DevicePrimaryCtxRelease CtxSetCurrent CtxSynchronize ModuleLoadData ModuleUnload ModuleGetFunction ModuleGetGlobal
    FuncGetAttribute FuncSetAttribute OccupancyMaxActiveBlocksPerMultiprocessor MemGetInfo MemAlloc MemFree MemHostAlloc MemFreeHost
    MemsetD8Async MemcpyHtoDAsync MemcpyDtoHAsync MemcpyDtoDAsync StreamCreate StreamDestroy StreamSynchronize StreamQuery StreamWaitEvent
    LaunchHostFunc StreamBeginCapture StreamEndCapture GraphInstantiateWithFlags GraphLaunch GraphExecDestroy GraphDestroy EventCreate
    EventDestroy EventRecord EventSynchronize EventQuery EventElapsedTime LaunchKernel""".split()

PROLOGUE = r"""
#include <cstddef>
#include <cstdio>
#include <string>
#include <type_traits>

template<class T, class = void> struct is_complete : std::false_type {};
template<class T> struct is_complete<T, std::void_t<decltype(sizeof(T))>> : std::true_type {};

template<class T> std::string name() {
    using U = std::remove_cv_t<T>;
    if constexpr (std::is_void_v<U>) return "v";
    else if constexpr (std::is_function_v<U>) return "()";
    else if constexpr (std::is_pointer_v<U>) return "*" + name<std::remove_pointer_t<U>>();
    else if constexpr (!is_complete<U>::value) return "?";
    else if constexpr (std::is_same_v<U, char>) return "c";
    else return (std::is_enum_v<U> ? "e" : std::is_floating_point_v<U> ? "f" : !std::is_integral_v<U> ? "s" : std::is_signed_v<U> ? "i" : "u")
        + std::to_string(sizeof(U));
}

template<class F> struct signature;
template<class R, class... A> struct signature<R(A...)> {
    static std::string text() {
        std::string list;
        ((list += list.empty() ? name<A>() : " " + name<A>()), ...);
        return name<R>() + "(" + list + ")";
    }
};

template<class F> std::string text_of() { return signature<std::remove_pointer_t<F>>::text(); }
"""


def ask(include, headers, questions, before=""):
    """The lines that a program of one printing statement a question prints."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "ask.cpp"), os.path.join(folder, "ask")
        with open(source, "w", encoding="utf-8") as file:
            file.write(before)
            file.writelines(f"#include <{header}>\n" for header in headers)
            file.write(PROLOGUE + "int main() {\n" + "\n".join(questions) + "\n}\n")
        subprocess.run(["g++", "-std=c++17", "-w", *include, source, "-o", program], check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()


def preprocessed(include, header):
    """The header with all that it includes, and the names of its macros: where a name must occur to be one of this version."""
    return subprocess.run(["g++", "-std=c++17", "-w", "-E", "-dD", *include, "-x", "c++", "-"], input=f"#include <{header}>\n",
                          check=True, capture_output=True, text=True).stdout


def facts_of_header(include, header, bound, facts):
    words = set(re.findall(r"\b[A-Za-z_]\w*\b", preprocessed(include, header)))

    def known(names):
        return [name for name in names.split() if name in words]

    constants = known(bound.get("constants", ""))
    for pattern in bound.get("patterns", []):
        constants += sorted(word for word in words if re.fullmatch(pattern, word) and not word.endswith(("_ENUM", "_FORCE_INT")))
    structures = {name: fields.split() for name, fields in bound.get("structures", {}).items() if name in words}
    functions, types, members = known(bound.get("functions", "")), known(bound.get("types", "")), bound.get("members", "").split()
    numbers = {name: name for name in constants} | bound.get("expressions", {})
    questions = [f'printf("%lld\\n", (long long)({expression}));' for expression in numbers.values()]
    questions += [f'printf("%zu\\n", sizeof({name}));' for name in structures]
    questions += [f'printf("%zu\\n", offsetof({name}, {field}));' for name, fields in structures.items() for field in fields]
    questions += [f'puts(text_of<decltype({name})>().c_str());' for name in functions + members]
    questions += [f'puts(text_of<{name}>().c_str());' for name in types]
    answers = iter(ask(include, [header], questions))
    facts["constants"].update((name, int(next(answers))) for name in numbers)
    sizes = {name: int(next(answers)) for name in structures}
    facts["structures"].update(
        (name, {"size": sizes[name], "offsets": {field: int(next(answers)) for field in fields}}) for name, fields in structures.items())
    facts["functions"].update((name, next(answers)) for name in functions + members + types)


def entry_points(folder, include):
    """By base name and version, the argument list of what cuGetProcAddress gives."""
    with open(os.path.join(folder, "cudaTypedefs.h"), encoding="utf-8") as file:
        text = file.read()
    found = {}
    for symbol in ("cu" + name for name in DRIVER):
        found[symbol] = sorted(set(map(int, re.findall(rf"\*PFN_{symbol}_v(\d+)\)", text))))
    questions = [f'puts(text_of<PFN_{symbol}_v{version}>().c_str());' for symbol, versions in found.items() for version in versions]
    answers = iter(ask(include, ["cuda.h", "cudaTypedefs.h"], questions, "#define __CUDA_API_VERSION_INTERNAL\n"))
    return {symbol: {str(version): next(answers) for version in versions} for symbol, versions in found.items()}


def exports(driver, points):
    """By symbol and version, the exported name at the address that a driver's cuGetProcAddress gives."""
    library = ctypes.CDLL(driver)
    query = library.cuGetProcAddress_v2
    query.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_uint64, ctypes.POINTER(ctypes.c_int)]
    result = {}
    for symbol, versions in points.items():
        names = {}
        for suffix in ("", "_v2", "_v3", "_v4"):
            if hasattr(library, symbol + suffix):
                names.setdefault(ctypes.cast(getattr(library, symbol + suffix), ctypes.c_void_p).value, symbol + suffix)
        for version in versions:
            address, status = ctypes.c_void_p(), ctypes.c_int(-1)
            code = query(symbol.encode(), ctypes.byref(address), int(version), 0, ctypes.byref(status))
            result[f"{symbol} {version}"] = names.get(address.value) if code == 0 and status.value == 0 else None
    return result


def lines(content):
    """JSON with a line an entry."""
    if isinstance(content, str):
        return json.dumps(content)
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items()) + "\n}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--include", required=True, help="the folder of the headers")
    parser.add_argument("--also", action="append", default=[], help="a folder of headers that those include")
    parser.add_argument("--origin", required=True, help="whose headers they are, for people")
    parser.add_argument("--out", required=True, help="the file to write")
    parser.add_argument("--headers", nargs="+", required=True, choices=list(HEADERS), help="which to read")
    parser.add_argument("--driver", help="a libcuda.so.1 to be asked for its entry points")
    arguments = parser.parse_args()
    facts = {"origin": arguments.origin, "constants": {}, "structures": {}, "functions": {}}
    include = [part for folder in [arguments.include, *arguments.also] for part in ("-I", folder)]
    for header in arguments.headers:
        facts_of_header(include, header, HEADERS[header], facts)
    if "cuda.h" in arguments.headers:
        facts["entryPoints"] = entry_points(arguments.include, include)
        if arguments.driver:
            facts["exports"] = exports(arguments.driver, facts["entryPoints"])
    with open(arguments.out, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(part)}: {lines(content)}" for part, content in facts.items()) + "\n}\n")
    print(f"{arguments.out}: {len(facts['constants'])} constants, {len(facts['functions'])} functions, {len(facts['structures'])} structures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
