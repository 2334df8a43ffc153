using System;
using System.Reflection;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Training;

/// <summary>Operations whose gradient norm comes out not finite when asked to; all else is passed on.</summary>
public class FaultyOperations : DispatchProxy
{
    private IOperations _inner = null!;
    private Func<int, bool> _isBad = null!;
    private int _calls;

    /// <summary>Wraps operations.</summary>
    /// <param name="inner">On a device whose memory the host can write.</param>
    /// <param name="isBad">Whether the n-th optimizer step, from 0, over all steps ever made here, goes bad.</param>
    public static IOperations Create(IOperations inner, Func<int, bool> isBad)
    {
        IOperations proxy = Create<IOperations, FaultyOperations>();
        var faulty = (FaultyOperations)(object)proxy;
        faulty._inner = inner;
        faulty._isBad = isBad;
        return proxy;
    }

    protected override unsafe object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IOperations.GradientNorm) && _isBad(_calls++))
        {
            // One gradient that is not a number, as a kernel would leave it.
            *(float*)((Tensor)args![0]!).Address = float.NaN;
        }

        return targetMethod.Invoke(_inner, args);
    }
}
