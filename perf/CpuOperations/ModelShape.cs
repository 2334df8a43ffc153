namespace GptEngine.Perf.CpuOperations;

/// <summary>A model and micro-batch whose operations are timed.</summary>
/// <param name="Name">For people.</param>
/// <param name="Batch">B.</param>
/// <param name="Time">T.</param>
/// <param name="Channels">C.</param>
/// <param name="Heads">H.</param>
/// <param name="Layers">L.</param>
/// <param name="Vocabulary">V.</param>
internal readonly record struct ModelShape(string Name, int Batch, int Time, int Channels, int Heads, int Layers, int Vocabulary)
{
    public int Rows => Batch * Time;

    public int PaddedVocabulary => (Vocabulary + 127) / 128 * 128;

    /// <summary>Parameters with an untied head and no biases but the MLP's, the projection's and the head's.</summary>
    public long Parameters => (2L * PaddedVocabulary * Channels) + PaddedVocabulary + (Layers * ((12L * Channels * Channels) + (10L * Channels))) + (2 * Channels);

    /// <summary>Operations of a step's matrix products: 6 a weight and token, attention aside.</summary>
    public double MatrixFlops => 6.0 * Rows * ((Layers * 12.0 * Channels * Channels) + ((double)Vocabulary * Channels));
}
