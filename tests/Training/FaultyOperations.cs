using System;
using System.Reflection;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Training;

/// <summary>Operations one of which finds a gradient that is no number when asked to; all else is passed on.</summary>
public class FaultyOperations : DispatchProxy
{
    private IOperations _inner = null!;
    private Func<int, bool> _isBad = null!;
    private string _method = "";
    private int _argument;
    private int _calls;

    /// <summary>Wraps operations.</summary>
    /// <param name="inner">On any device that runs captured work anew each time.</param>
    /// <param name="isBad">Whether the n-th call of the method, from 0, over all ever made here, goes bad: of the norm, the n-th optimizer step.</param>
    /// <param name="method">Before which the gradient goes bad.</param>
    /// <param name="argument">Which of its arguments has the gradient.</param>
    public static IOperations Create(IOperations inner, Func<int, bool> isBad, string method = nameof(IOperations.GradientNorm), int argument = 0)
    {
        IOperations proxy = Create<IOperations, FaultyOperations>();
        var faulty = (FaultyOperations)(object)proxy;
        faulty._inner = inner;
        faulty._isBad = isBad;
        faulty._method = method;
        faulty._argument = argument;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == _method && _isBad(_calls++))
        {
            // One gradient that is not a number, as a kernel would leave it.
            using PinnedBuffer bad = _inner.Device.AllocatePinned(sizeof(float));
            bad.AsSpan<float>(0, 1)[0] = float.NaN;
            _inner.Device.Upload(bad, 0, ((Tensor)args![_argument]!).View("bad", 0, 1));
            _inner.Device.Synchronize();
        }

        return targetMethod.Invoke(_inner, args);
    }
}
