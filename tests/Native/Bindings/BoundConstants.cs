using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;
using GptEngine.Runtime.Native.Cuda;
using GptEngine.Runtime.Native.Nvrtc;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>
/// The constants of the bindings by the names that C gives them. All numbers that the namespaces below hold are here, or among those that
/// are the program's own.
/// </summary>
internal static class BoundConstants
{
    private static readonly string[] Namespaces =
    [
        "GptEngine.Runtime.Native", "GptEngine.Runtime.Native.Cuda", "GptEngine.Runtime.Native.CublasLt", "GptEngine.Runtime.Native.Nccl",
        "GptEngine.Runtime.Native.Nvrtc", "GptEngine.Runtime.Native.Nvtx", "GptEngine.Runtime.Cuda.Driver",
    ];

    /// <summary>Type and constant, to the name in C.</summary>
    internal static readonly Dictionary<string, string> Names = new()
    {
        ["CudaNative.Success"] = "CUDA_SUCCESS",
        ["CudaNative.OutOfMemory"] = "CUDA_ERROR_OUT_OF_MEMORY",
        ["CudaNative.NoDevice"] = "CUDA_ERROR_NO_DEVICE",
        ["CudaNative.NotReady"] = "CUDA_ERROR_NOT_READY",
        ["CudaDriver.PortablePinned"] = "CU_MEMHOSTALLOC_PORTABLE",
        ["CudaStream.NonBlocking"] = "CU_STREAM_NON_BLOCKING",
        ["CudaStream.Relaxed"] = "CU_STREAM_CAPTURE_MODE_RELAXED",
        ["CudaFunction.MaximumThreads"] = "CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK",
        ["CudaFunction.StaticShared"] = "CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES",
        ["CudaFunction.Local"] = "CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES",
        ["CudaFunction.Registers"] = "CU_FUNC_ATTRIBUTE_NUM_REGS",
        ["CudaFunction.MaximumDynamicShared"] = "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES",
        ["CudaProperties.MaximumThreadsPerBlock"] = "CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK",
        ["CudaProperties.ClockKilohertz"] = "CU_DEVICE_ATTRIBUTE_CLOCK_RATE",
        ["CudaProperties.Multiprocessors"] = "CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT",
        ["CudaProperties.MemoryClockKilohertz"] = "CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE",
        ["CudaProperties.MemoryBusBits"] = "CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH",
        ["CudaProperties.L2CacheBytes"] = "CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE",
        ["CudaProperties.ThreadsPerMultiprocessor"] = "CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR",
        ["CudaProperties.CapabilityMajor"] = "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR",
        ["CudaProperties.CapabilityMinor"] = "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR",
        ["CudaProperties.SharedPerMultiprocessor"] = "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR",
        ["CudaProperties.RegistersPerMultiprocessor"] = "CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR",
        ["CudaProperties.SharedPerBlockOptIn"] = "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
        ["CudaProperties.BlocksPerMultiprocessor"] = "CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR",

        ["CublasLtNative.Success"] = "CUBLAS_STATUS_SUCCESS",
        ["CublasLtNative.NotSupported"] = "CUBLAS_STATUS_NOT_SUPPORTED",
        ["CublasLtNative.Compute32F"] = "CUBLAS_COMPUTE_32F",
        ["CublasLtNative.Compute32FFastTf32"] = "CUBLAS_COMPUTE_32F_FAST_TF32",
        ["CublasLtNative.TypeFloat32"] = "CUDA_R_32F",
        ["CublasLtNative.TypeFloat16"] = "CUDA_R_16F",
        ["CublasLtNative.TypeBFloat16"] = "CUDA_R_16BF",
        ["CublasLtNative.Plain"] = "CUBLAS_OP_N",
        ["CublasLtNative.Transposed"] = "CUBLAS_OP_T",
        ["CublasLtNative.TransposeLeft"] = "CUBLASLT_MATMUL_DESC_TRANSA",
        ["CublasLtNative.TransposeRight"] = "CUBLASLT_MATMUL_DESC_TRANSB",
        ["CublasLtNative.Epilogue"] = "CUBLASLT_MATMUL_DESC_EPILOGUE",
        ["CublasLtNative.BiasPointer"] = "CUBLASLT_MATMUL_DESC_BIAS_POINTER",
        ["CublasLtNative.AuxiliaryPointer"] = "CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER",
        ["CublasLtNative.AuxiliaryPitch"] = "CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD",
        ["CublasLtNative.EpilogueDefault"] = "CUBLASLT_EPILOGUE_DEFAULT",
        ["CublasLtNative.EpilogueBias"] = "CUBLASLT_EPILOGUE_BIAS",
        ["CublasLtNative.EpilogueGelu"] = "CUBLASLT_EPILOGUE_GELU",
        ["CublasLtNative.EpilogueGeluBias"] = "CUBLASLT_EPILOGUE_GELU_BIAS",
        ["CublasLtNative.EpilogueGeluAuxiliary"] = "CUBLASLT_EPILOGUE_GELU_AUX",
        ["CublasLtNative.EpilogueGeluAuxiliaryBias"] = "CUBLASLT_EPILOGUE_GELU_AUX_BIAS",
        ["CublasLtNative.EpilogueGeluGradient"] = "CUBLASLT_EPILOGUE_DGELU",
        ["CublasLtNative.EpilogueBiasGradientRight"] = "CUBLASLT_EPILOGUE_BGRADB",
        ["CublasLtNative.PreferenceWorkspaceBytes"] = "CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES",
        ["CublasLtNative.PreferenceReductionSchemes"] = "CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK",
        ["CublasLtNative.ReductionInComputeType"] = "CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE",

        ["NcclNative.Success"] = "ncclSuccess",
        ["NcclNative.InProgress"] = "ncclInProgress",
        ["NcclResults.InProgress"] = "ncclInProgress",
        ["NcclNative.TypeInt32"] = "ncclInt32",
        ["NcclNative.TypeFloat16"] = "ncclFloat16",
        ["NcclNative.TypeFloat32"] = "ncclFloat32",
        ["NcclNative.TypeFloat64"] = "ncclFloat64",
        ["NcclNative.TypeBFloat16"] = "ncclBfloat16",
        ["NcclNative.Sum"] = "ncclSum",
        ["NcclUniqueId.Bytes"] = "NCCL_UNIQUE_ID_BYTES",

        ["NvtxEventAttributes.CurrentVersion"] = "NVTX_VERSION",
        ["NvtxEventAttributes.ColorArgb"] = "NVTX_COLOR_ARGB",
        ["NvtxEventAttributes.PayloadInt64"] = "NVTX_PAYLOAD_TYPE_INT64",
        ["NvtxEventAttributes.MessageAscii"] = "NVTX_MESSAGE_TYPE_ASCII",
        ["NvtxEventAttributes.MessageRegistered"] = "NVTX_MESSAGE_TYPE_REGISTERED",
        ["NvtxTables.Core"] = "NVTX_CB_MODULE_CORE",
        ["NvtxTables.Core2"] = "NVTX_CB_MODULE_CORE2",
        ["NvtxTables.Modules"] = "NVTX_CB_MODULE_SYNC",
        ["NvtxTables.ExportCallbacks"] = "NVTX_ETID_CALLBACKS",
        ["NvtxTables.ExportVersion"] = "NVTX_ETID_VERSIONINFO",
        ["NvtxTables.ProtocolVersion"] = "NVTX_VERSION",
        ["NvtxTool.RangePushEx"] = "NVTX_CBID_CORE_RangePushEx",
        ["NvtxTool.RangePop"] = "NVTX_CBID_CORE_RangePop",
        ["NvtxTool.NameCategoryA"] = "NVTX_CBID_CORE_NameCategoryA",
        ["NvtxTool.DomainRegisterStringA"] = "NVTX_CBID_CORE2_DomainRegisterStringA",
    };

    /// <summary>What no header has: versions from which something is used, and limits of the program's own.</summary>
    internal static readonly HashSet<string> Own =
    [
        "NcclNative.OldestVersion", "NcclNative.LastErrorVersion", "NcclNative.ConfigurationVersion", "NcclNative.RegistrationVersion",
        "GpuLibraries.FirstMajorFromTuring", "GpuLibraries.Turing", "CudaEntryPoints.MostNamed", "FolderSync.OpenFlags", "CublasLtMatrixProducts.Candidates",
        "CublasLtMatrixProducts.TimedRuns", "CublasLtMatrixProducts.FirstTrustedBiasGradient", "CublasLtPlan.AuxiliaryMultiple",
        "CudaDriver.LargestArguments", "CudaDriver.LargestArgumentBytes", "ProductScratch.NoiseBytes",
    ];

    /// <summary>Every number that the bindings declare.</summary>
    internal static IReadOnlyDictionary<string, long> All { get; } = typeof(CudaNative).Assembly.GetTypes()
        .Where(type => Namespaces.Contains(type.Namespace) && !type.IsEnum)
        .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
        .Where(field => field.IsLiteral && field.FieldType != typeof(string))
        .ToDictionary(
            field => $"{field.DeclaringType!.Name}.{field.Name}",
            field => Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));

    /// <summary>NVRTC's codes by their names in C: <c>InvalidInput</c> is <c>NVRTC_ERROR_INVALID_INPUT</c>.</summary>
    internal static IReadOnlyDictionary<string, long> NvrtcResults { get; } = Enum.GetValues<NvrtcResult>().ToDictionary(
        result => result == NvrtcResult.Success ? "NVRTC_SUCCESS" : "NVRTC_ERROR" + string.Concat(result.ToString().Select(
            letter => char.IsUpper(letter) ? $"_{letter}" : char.ToUpperInvariant(letter).ToString())),
        result => (long)result);
}
