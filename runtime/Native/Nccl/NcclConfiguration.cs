using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nccl;

/// <summary>
/// <c>ncclConfig_t</c> as NCCL 2.14 introduced it. Later versions have added fields at its end, which they take to be unset for a structure
/// that says it is of 2.14: so one layout serves them all.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NcclConfiguration
{
    private nuint _size;
    private uint _magic;
    private uint _version;
    private int _blocking;

    // The C compiler's own, up to a multiple of eight bytes.
    private int _padding;

    /// <summary>A communicator whose calls return at once, and are done when <c>ncclCommGetAsyncError</c> no longer says that they are in progress.</summary>
    internal static unsafe NcclConfiguration NonBlocking() => new()
    {
        _size = (nuint)sizeof(NcclConfiguration),
        _magic = 0xCAFEBEEF,
        _version = NcclNative.ConfigurationVersion,
        _blocking = 0,
        _padding = int.MinValue,
    };
}
