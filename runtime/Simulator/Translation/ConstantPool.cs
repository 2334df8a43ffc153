using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Simulator.Operations;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Rows that hold the same value in all lanes, made once for each value of a module.</summary>
internal sealed unsafe class ConstantPool : IDisposable
{
    private readonly Dictionary<(ulong Bits, int Size), nint> _rows = [];

    /// <param name="bits">The value.</param>
    /// <param name="size">Bytes a lane, 0 for a predicate.</param>
    internal Row Get(ulong bits, int size)
    {
        if (!_rows.TryGetValue((bits, size), out nint row))
        {
            row = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(64, 32 * size), 64);
            for (int lane = 0; lane < 32; lane++)
            {
                BitLanes.Write((byte*)row, size, lane, bits);
            }

            _rows.Add((bits, size), row);
        }

        return new Row(row, true, size);
    }

    public void Dispose()
    {
        foreach (nint row in _rows.Values)
        {
            NativeMemory.AlignedFree((void*)row);
        }

        _rows.Clear();
    }
}
