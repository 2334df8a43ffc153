namespace GptEngine.Runtime.Cuda;

/// <summary>What a matrix product does to its result before storing it.</summary>
public enum MatrixEpilogue
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Adds a bias to each row.</summary>
    Bias,

    /// <summary>Adds a bias to each row, keeps the sum z apart where a place is given, and stores GELU(z) by its tanh form.</summary>
    GeluTanh,

    /// <summary>Multiplies by the derivative of GELU's tanh form at z, element by element; the place of z is read, and is not the result's.</summary>
    GeluTanhGradient,

    /// <summary>
    /// Beside the result, sums the left operand over the depth: where that is the output's gradient, the gradient of a bias. The sums, of the
    /// result's type, overwrite what is there, accumulating or not.
    /// </summary>
    BiasGradient,
}
