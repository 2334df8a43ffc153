namespace GptEngine.Runtime.Native.Cupti;

/// <summary>
/// Where CUPTI's records have the fields that are read, in bytes: the leading fields of CUpti_ActivityKernel3 to 9, CUpti_ActivityMemcpy and
/// Memset of every form, which newer forms only append to. The tests hold them against the headers of 11.8 and 12.4; of CUDA 13's
/// CUpti_ActivityKernel10 and 11 NVIDIA's notes say that they append to them, too.
/// </summary>
internal static class CuptiLayout
{
    internal const int Copy = 1, Fill = 2, DriverCall = 4, RuntimeCall = 5, ConcurrentKernel = 10, ExternalCorrelation = 39;

    /// <summary>CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0.</summary>
    internal const int OwnCorrelation = 3;

    /// <summary>Every record and every buffer begins at a multiple of it.</summary>
    internal const int Alignment = 8;

    /// <summary>How a copy goes, in its <c>copyKind</c>.</summary>
    internal const int HostToDevice = 1, DeviceToHost = 2, DeviceToDevice = 8;

    /// <summary>Of every record.</summary>
    internal const int Kind = 0, KindBytes = 4;

    /// <summary>Of a kernel's record.</summary>
    internal const int
        KernelRegisters = 6, KernelStart = 16, KernelEnd = 24, KernelStream = 48, KernelGrid = 52, KernelBlock = 64, KernelStaticShared = 76,
        KernelDynamicShared = 80, KernelLocal = 84, KernelCorrelation = 92, KernelName = 104, KernelBytes = 112;

    /// <summary>Of a copy's record, and but for its kind of a fill's too.</summary>
    internal const int
        CopyKind = 4, TransferSize = 8, TransferStart = 16, TransferEnd = 24, TransferStream = 40, TransferCorrelation = 44, TransferBytes = 48;

    /// <summary>Of the record that says which piece of work a call was for.</summary>
    internal const int ExternalKind = 4, ExternalWork = 8, ExternalCall = 16, ExternalBytes = 24;
}
