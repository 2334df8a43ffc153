using System.Reflection;
using GptEngine.Kernels.Common;

namespace GptEngine.Tests.SelfTesting;

/// <summary>Operations whose sum of losses is off by one part in a thousand; all else is passed on.</summary>
public class InexactOperations : DispatchProxy
{
    private const int ScaleArgument = 2;

    private IOperations _inner = null!;

    /// <summary>Wraps operations.</summary>
    public static IOperations Create(IOperations inner)
    {
        IOperations proxy = Create<IOperations, InexactOperations>();
        ((InexactOperations)(object)proxy)._inner = inner;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IOperations.SumLosses))
        {
            args![ScaleArgument] = 1.001f * (float)args[ScaleArgument]!;
        }

        return targetMethod.Invoke(_inner, args);
    }
}
