namespace GptEngine.Kernels.Conformance;

/// <summary>How one result of a case compares.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="Error">Its largest error against the oracle.</param>
/// <param name="Bound">The largest error that the tolerance rule allows.</param>
/// <param name="IsRepeatable">Whether a second run gave the same bits.</param>
public readonly record struct TensorVerdict(string Tensor, double Error, double Bound, bool IsRepeatable)
{
    public bool Passes => Error <= Bound && IsRepeatable;
}
