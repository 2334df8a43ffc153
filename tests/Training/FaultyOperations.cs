using System;
using System.Reflection;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Training;

/// <summary>Operations whose gradient norm comes out not finite when asked to; all else is passed on.</summary>
public class FaultyOperations : DispatchProxy
{
    private IOperations _inner = null!;
    private Func<int, bool> _isBad = null!;
    private int _calls;

    /// <summary>Wraps operations.</summary>
    /// <param name="inner">On any device that runs captured work anew each time.</param>
    /// <param name="isBad">Whether the n-th optimizer step, from 0, over all steps ever made here, goes bad.</param>
    public static IOperations Create(IOperations inner, Func<int, bool> isBad)
    {
        IOperations proxy = Create<IOperations, FaultyOperations>();
        var faulty = (FaultyOperations)(object)proxy;
        faulty._inner = inner;
        faulty._isBad = isBad;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IOperations.GradientNorm) && _isBad(_calls++))
        {
            // One gradient that is not a number, as a kernel would leave it.
            using PinnedBuffer bad = _inner.Device.AllocatePinned(sizeof(float));
            bad.AsSpan<float>(0, 1)[0] = float.NaN;
            _inner.Device.Upload(bad, 0, ((Tensor)args![0]!).View("bad", 0, 1));
            _inner.Device.Synchronize();
        }

        return targetMethod.Invoke(_inner, args);
    }
}
