using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>All allocations of a simulated device. Addresses are never used twice, so that a use after free is always seen.</summary>
internal sealed unsafe class DeviceMemory : IDisposable
{
    private const long Alignment = 512;
    private const long GuardBytes = 1 << 16;

    private readonly Lock _lock = new();
    private DeviceAllocation[] _sorted = [];
    private ulong _next = AddressSpaces.DeviceBase;

    internal long UsedBytes { get; private set; }

    internal DeviceAllocation Allocate(long size, string name, bool readOnly = false, Ptx.PtxVariable? variable = null)
    {
        lock (_lock)
        {
            var allocation = new DeviceAllocation(_next, size, name) { IsReadOnly = readOnly, Variable = variable };
            _next += (ulong)((size + GuardBytes + Alignment - 1) / Alignment * Alignment);
            Insert(allocation);
            return allocation;
        }
    }

    /// <summary>Makes a host buffer visible to kernels under its own address.</summary>
    internal DeviceAllocation Register(byte* host, long size, string name)
    {
        lock (_lock)
        {
            var allocation = new DeviceAllocation((ulong)host, size, name, host);
            new Span<byte>(allocation.Written, checked((int)size)).Fill(1);
            Insert(allocation);
            return allocation;
        }
    }

    internal void Free(DeviceAllocation allocation)
    {
        lock (_lock)
        {
            UsedBytes -= allocation.Size;
            allocation.Dispose();

            // A host address comes again; a device address stays behind as a tombstone.
            if (allocation.Address < AddressSpaces.DeviceBase || allocation.Address >= AddressSpaces.SharedWindow)
            {
                _sorted = [.. _sorted.Where(a => a != allocation)];
            }
        }
    }

    /// <summary>The allocation that starts at or below the address, which may end before it; null where none does.</summary>
    internal DeviceAllocation? FindBelow(ulong address)
    {
        DeviceAllocation[] sorted = _sorted;
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (sorted[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low == 0 ? null : sorted[low - 1];
    }

    internal IReadOnlyList<DeviceAllocation> Live() => [.. _sorted.Where(a => !a.IsFreed)];

    public void Dispose()
    {
        foreach (DeviceAllocation allocation in _sorted)
        {
            allocation.Dispose();
        }

        _sorted = [];
    }

    private void Insert(DeviceAllocation allocation)
    {
        UsedBytes += allocation.Size;
        DeviceAllocation[] sorted = [.. _sorted, allocation];
        Array.Sort(sorted, (a, b) => a.Address.CompareTo(b.Address));
        _sorted = sorted;
    }
}
