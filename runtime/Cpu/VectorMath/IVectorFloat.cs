namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>
/// A vector of floats of some width, so that a formula is written once and runs at 512, 256 and 128 bits: pass it as a type parameter
/// constrained to <c>struct, IVectorFloat&lt;T&gt;</c>, and the compiler makes plain vector instructions of it.
/// </summary>
/// <typeparam name="TSelf">The implementing type.</typeparam>
public unsafe interface IVectorFloat<TSelf>
    where TSelf : struct, IVectorFloat<TSelf>
{
    /// <summary>Floats in the vector.</summary>
    static abstract int Count { get; }

    static abstract TSelf Create(float value);

    static abstract TSelf Load(float* from);

    /// <summary>The first <paramref name="count"/> elements, 0 … Count, with zeros behind; nothing further is read.</summary>
    static abstract TSelf LoadPartial(float* from, int count);

    void Store(float* to);

    /// <summary>Stores the first <paramref name="count"/> elements, 0 … Count; nothing further is written.</summary>
    void StorePartial(float* to, int count);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a);

    /// <summary>a·b + c, rounded once where the processor can, else twice.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Min(TSelf a, TSelf b);

    static abstract TSelf Max(TSelf a, TSelf b);

    static abstract TSelf Abs(TSelf a);

    static abstract TSelf Sqrt(TSelf a);

    /// <summary>The nearest integers, ties to even.</summary>
    static abstract TSelf Round(TSelf a);

    /// <summary>a where x &lt; y, else b; b where either is NaN.</summary>
    static abstract TSelf SelectLess(TSelf x, TSelf y, TSelf a, TSelf b);

    /// <summary>The magnitudes of a with the signs of b.</summary>
    static abstract TSelf CopySign(TSelf a, TSelf b);

    /// <summary>2ⁿ for whole n in [−126, 127].</summary>
    static abstract TSelf PowerOfTwo(TSelf n);

    /// <summary>The exponents e and fractions f in [0.5, 1) with a = f·2ᵉ, for positive normal a.</summary>
    static abstract TSelf SplitExponent(TSelf a, out TSelf exponent);

    /// <summary>The sum of the elements, halves added to halves: a fixed order.</summary>
    static abstract float Sum(TSelf a);

    /// <summary>The largest element.</summary>
    static abstract float HorizontalMax(TSelf a);
}
