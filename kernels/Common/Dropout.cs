using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>
/// Dropout at one site of the model. Element c of row (b, t) is kept when the Philox draw of
/// key = seed and counter = (c / 4, t, global sequence of b, step·2¹⁰ + site mod 2³²), word c mod 4, is at least <see cref="Threshold"/>;
/// what is kept is multiplied by <see cref="Scale"/>, and what is not is +0. t is the row's index within its sequence, and T = rows / B.
/// Seed and step are read from the step scalars on the device, the global sequence from <paramref name="SequenceIndex"/>, so that the draw
/// depends on neither device, micro-batch nor world size, and a captured step stays valid.
/// </summary>
/// <param name="Probability">0 turns dropout off; then nothing else here is read.</param>
/// <param name="Site">Which site: 0 the embedding sum, 1 + 2·layer attention's output, 2 + 2·layer the MLP's.</param>
/// <param name="SequenceIndex">(B) int32: the index of each sequence within the optimizer step's window.</param>
/// <param name="Scalars">The step scalars (<see cref="StepScalar"/>).</param>
public readonly record struct Dropout(float Probability, int Site, Tensor? SequenceIndex, Tensor? Scalars)
{
    /// <summary>Sites are below 2 to this.</summary>
    public const int SiteBits = 10;

    /// <summary>No dropout.</summary>
    public static Dropout None => default;

    public bool IsActive => Probability > 0;

    /// <summary>⌊Probability·2³²⌋: words below it drop their element.</summary>
    public uint Threshold => (uint)(Probability * 4294967296.0);

    /// <summary>1/(1 − Probability), in single precision on every device.</summary>
    public float Scale => 1.0f / (1.0f - Probability);
}
