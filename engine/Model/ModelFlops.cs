using System;
using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.Model;

/// <summary>
/// How many floating-point operations training one token takes, by the one convention that every rate and utilisation here is stated in:
/// 6 for each parameter in a matrix product (2 forward, 4 backward; the head counts whether tied or not, the embedding table does not), plus
/// 6·L·T·C for causal attention (Q·Kᵀ and P·V over the half that the causal mask leaves, forward and twice backward). What the document mask
/// saves and what recomputation adds is not counted, so that rates of different runs compare.
/// </summary>
public static class ModelFlops
{
    /// <summary>The convention, for where a figure is printed.</summary>
    public const string Convention =
        "6 FLOPs a token for each parameter in a matrix product (head included, embedding table not) + 6·L·T·C for causal attention";

    /// <summary>FLOPs of the forward and the backward pass of one token.</summary>
    public static double PerToken(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return (6.0 * ParameterCatalogue.MatrixParameterCount(model)) + (6.0 * model.NLayers * model.ContextLength * model.DModel);
    }
}
