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
}
