using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>max(x, 0), with derivative 0 at 0.</summary>
public readonly struct Relu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x)
        where T : struct, IVectorFloat<T> => T.Max(x, T.Create(0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T x)
        where T : struct, IVectorFloat<T> => T.SelectLess(T.Create(0), x, T.Create(1), T.Create(0));
}
