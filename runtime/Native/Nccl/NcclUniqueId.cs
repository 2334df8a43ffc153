using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nccl;

/// <summary>What the ranks of a communicator share; passed by value, 128 bytes, to <c>ncclCommInitRank</c>.</summary>
[InlineArray(Bytes)]
internal struct NcclUniqueId
{
    internal const int Bytes = 128;

    private byte _first;

    /// <exception cref="ArgumentException">It has another number of bytes.</exception>
    internal static NcclUniqueId From(ReadOnlySpan<byte> bytes) => bytes.Length == Bytes
        ? MemoryMarshal.Read<NcclUniqueId>(bytes)
        : throw new ArgumentException($"a unique id has {Bytes} bytes and not {bytes.Length}", nameof(bytes));

    internal readonly byte[] ToArray() => ((ReadOnlySpan<byte>)this).ToArray();
}
