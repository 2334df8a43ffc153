using System.Numerics;

namespace GptEngine.Kernels.Activation;

/// <summary>The error function, which .NET lacks, to the last digits of any number type.</summary>
public static class ErrorFunction
{
    /// <summary>
    /// erf(x) = 2/√π·e^(−x²)·Σ 2ⁿ·x^(2n+1)/(2n+1)!! (Abramowitz and Stegun 7.1.6): all terms are of one sign, so nothing cancels.
    /// </summary>
    public static T Erf<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T precision = T.BitIncrement(T.One) - T.One;
        T square = x * x;
        if (square > -T.Log(precision))
        {
            // 1 − erf(|x|) < e^(−x²)/(|x|·√π) is beyond the type's last digit.
            return T.CopySign(T.One, x);
        }

        T term = x;
        T sum = x;
        T divisor = T.One;
        T two = T.One + T.One;
        while (T.Abs(term) > T.Abs(sum) * precision / two)
        {
            divisor += two;
            term *= two * square / divisor;
            sum += term;
        }

        return two / T.Sqrt(T.Pi) * T.Exp(-square) * sum;
    }
}
