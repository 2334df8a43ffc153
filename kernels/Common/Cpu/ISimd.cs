namespace GptEngine.Kernels.Common.Cpu;

/// <summary>
/// A vector of floats of one width. CPU kernels are written once, generic over it; the JIT makes an instance for each width, in which
/// every member is an instruction or a few.
/// </summary>
/// <typeparam name="TSelf">The implementing vector.</typeparam>
public unsafe interface ISimd<TSelf>
    where TSelf : unmanaged, ISimd<TSelf>
{
    /// <summary>Floats in the vector; a power of two.</summary>
    static abstract int Count { get; }

    static abstract TSelf Zero { get; }

    static abstract TSelf Create(float value);

    /// <summary>Reads <see cref="Count"/> floats at any alignment.</summary>
    static abstract TSelf Load(float* source);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    /// <summary>a·b + c; rounded once where the processor has the instruction.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Max(TSelf left, TSelf right);

    static abstract TSelf Min(TSelf left, TSelf right);

    static abstract TSelf Sqrt(TSelf value);

    static abstract TSelf Abs(TSelf value);

    /// <summary>To the nearest integer, ties to even.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>value·2^exponent for integral exponents in [−126, 127].</summary>
    static abstract TSelf ScaleByPowerOfTwo(TSelf value, TSelf exponent);

    /// <summary>By element: left &lt; right ? yes : no.</summary>
    static abstract TSelf SelectLess(TSelf left, TSelf right, TSelf yes, TSelf no);

    /// <summary>Writes <see cref="Count"/> floats at any alignment.</summary>
    void Store(float* destination);

    /// <summary>The sum of the elements, in a fixed order.</summary>
    float Sum();
}
