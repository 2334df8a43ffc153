using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nvtx;

/// <summary>What NVTX is told of a range: nvtxEventAttributes_t of nvToolsExt.h, version 3, 48 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NvtxEventAttributes
{
    internal const ushort CurrentVersion = 3;
    internal const int ColorArgb = 1, PayloadInt64 = 2, MessageAscii = 1, MessageRegistered = 3;

    internal ushort Version;
    internal ushort Size;
    internal uint Category;
    internal int ColorType;
    internal uint Color;
    internal int PayloadType;
    internal int Reserved;
    internal long Payload;
    internal int MessageType;
    internal nint Message;
}
