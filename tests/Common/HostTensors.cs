using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Common;

/// <summary>Tensors over managed arrays, for the reference device: what an operation does is seen in the array.</summary>
internal sealed class HostTensors : IDisposable
{
    private readonly List<GCHandle> _handles = [];

    public Tensor Of(string name, double[] values, params ReadOnlySpan<long> shape) => Add(name, DataType.Float64, values, shape);

    public Tensor Of(string name, float[] values, params ReadOnlySpan<long> shape) => Add(name, DataType.Float32, values, shape);

    public Tensor Of(string name, int[] values, params ReadOnlySpan<long> shape) => Add(name, DataType.Int32, values, shape);

    public void Dispose()
    {
        foreach (GCHandle handle in _handles)
        {
            handle.Free();
        }
    }

    private Tensor Add(string name, DataType type, Array values, ReadOnlySpan<long> shape)
    {
        var handle = GCHandle.Alloc(values, GCHandleType.Pinned);
        _handles.Add(handle);
        return new Tensor(name, type, (nuint)handle.AddrOfPinnedObject(), shape);
    }
}
