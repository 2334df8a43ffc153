namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// The simulated address space. Device memory starts where no host mapping lies, so that a pinned host buffer can be seen by kernels under
/// the host's own address. Shared, local and parameter memory have windows in the generic space; inside their own space an address is the
/// offset into the window.
/// </summary>
internal static class AddressSpaces
{
    internal const ulong DeviceBase = 0x2000_0000_0000;
    internal const ulong SharedWindow = 0x3100_0000_0000;
    internal const ulong LocalWindow = 0x3200_0000_0000;
    internal const ulong ParameterWindow = 0x3300_0000_0000;
    internal const ulong WindowSize = 1ul << 32;

    internal static bool IsShared(ulong address) => address - SharedWindow < WindowSize;

    internal static bool IsLocal(ulong address) => address - LocalWindow < WindowSize;

    internal static bool IsParameter(ulong address) => address - ParameterWindow < WindowSize;
}
