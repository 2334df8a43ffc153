namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>An activation and its derivative on vectors; a type parameter of epilogues.</summary>
public interface IActivation
{
    /// <summary>f(x).</summary>
    static abstract T Apply<T>(T x)
        where T : struct, IVectorFloat<T>;

    /// <summary>f′(x).</summary>
    static abstract T Derivative<T>(T x)
        where T : struct, IVectorFloat<T>;
}
