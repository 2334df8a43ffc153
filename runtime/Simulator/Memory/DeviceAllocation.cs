using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>One piece of simulated device memory: its bytes, which of them were written, and who touched them in the running launch.</summary>
internal sealed unsafe class DeviceAllocation : IDisposable
{
    private readonly bool _ownsData;

    /// <param name="address">Where kernels see it.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="name">What a report calls it.</param>
    /// <param name="host">Memory of the host that it stands for, or null to take some.</param>
    internal DeviceAllocation(ulong address, long size, string name, byte* host = null)
    {
        Address = address;
        Size = size;
        Name = name;
        _ownsData = host == null;
        Data = host == null ? (byte*)NativeMemory.AlignedAlloc((nuint)size + 64, 256) : host;
        Written = (byte*)NativeMemory.AllocZeroed((nuint)size + 64);
        Races = new GlobalRaceShadow(size);
    }

    internal ulong Address { get; }

    internal long Size { get; }

    internal string Name { get; }

    internal byte* Data { get; private set; }

    /// <summary>A byte for each byte: 1 where something wrote it.</summary>
    internal byte* Written { get; private set; }

    internal GlobalRaceShadow Races { get; }

    internal bool IsReadOnly { get; init; }

    internal bool IsFreed { get; private set; }

    /// <summary>Variables of a module live as long as it does and are no leak.</summary>
    internal PtxVariable? Variable { get; init; }

    public void Dispose()
    {
        if (IsFreed)
        {
            return;
        }

        IsFreed = true;
        if (_ownsData)
        {
            NativeMemory.AlignedFree(Data);
        }

        NativeMemory.Free(Written);
        Races.Dispose();
        Data = null;
        Written = null;
    }

    internal bool Contains(ulong address, long bytes) => address >= Address && address - Address <= (ulong)Size && bytes <= Size - (long)(address - Address);

    internal void MarkWritten(long offset, long bytes) => NativeMemory.Fill(Written + offset, (nuint)bytes, 1);
}
