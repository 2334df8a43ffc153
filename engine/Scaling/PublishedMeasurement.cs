using System.Collections.Generic;

namespace GptEngine.Engine.Scaling;

/// <summary>A measurement that others have published on the machines that the model speaks of, and what the model says of it.</summary>
/// <param name="Workload">What was trained; its micro-step's time is that measured on one GPU.</param>
/// <param name="Ranks">GPUs.</param>
/// <param name="BaseRanks">GPUs of what it is compared with.</param>
/// <param name="MicroSteps">Of a step.</param>
/// <param name="Efficiency">Measured: throughput a GPU over that with <paramref name="BaseRanks"/>.</param>
/// <param name="Source">Where from.</param>
/// <param name="IsExplained">False where something limits it that the model does not have; <paramref name="Source"/> says what.</param>
public sealed record PublishedMeasurement(
    ScalingWorkload Workload, int Ranks, int BaseRanks, int MicroSteps, double Efficiency, string Source, bool IsExplained = true)
{
    // Tokens or sequences a second of one GPU in what follows are the sources' own; a DGX-1's of a whole host is divided by its eight.
    private const double Half = 2;

    /// <summary>What the model predicts of it.</summary>
    public double Predicted(ScalingModel model)
    {
        StepPrediction many = model.Predict(Workload, Ranks, MicroSteps, sharded: false);
        return BaseRanks == 1 ? many.Efficiency : many.Efficiency / model.Predict(Workload, BaseRanks, MicroSteps, sharded: false).Efficiency;
    }

    /// <summary>The measurements that the model is fitted to and checked against.</summary>
    public static IReadOnlyList<PublishedMeasurement> All { get; } =
    [
        new(BertLarge("BERT-Large, 64 × 128 tokens", 64 / 224.0), 8, 1, 64, 1746 / (8 * 224.0), "NVIDIA DeepLearningExamples, PyTorch BERT, DGX-1 32G"),
        new(BertLarge("BERT-Large, 8 × 512 tokens", 8 / 75.0), 8, 1, 256, 586 / (8 * 75.0), "the same"),
        new(TransformerXl(32, 36_692), 2, 1, 1, 65_889 / (2 * 36_692.0), "NVIDIA DeepLearningExamples, PyTorch Transformer-XL, DGX-1 16G"),
        new(TransformerXl(32, 36_692), 4, 1, 1, 133_838 / (4 * 36_692.0), "the same"),
        new(TransformerXl(32, 36_692), 8, 1, 1, 258_648 / (8 * 36_692.0), "the same"),
        new(TransformerXl(16, 26_639), 8, 1, 1, 170_532 / (8 * 26_639.0), "the same; half the batch at 0.73 of the rate: the host launches too slowly", IsExplained: false),
        new(BioBert(), 32, 8, 1, 3.72 / 4, "NVIDIA DeepLearningExamples, TensorFlow BioBERT, 4 DGX-1 16G over one"),
        new(BioBert(), 128, 8, 1, 14.14 / 16, "the same, 16 over one"),
        new(BioBert(), 256, 8, 1, 27.54 / 32, "the same, 32 over one"),
    ];

    private static ScalingWorkload BertLarge(string name, double seconds) =>
        ScalingWorkload.OfLayers(name, 24, Half * 12.6e6, Half * 31.8e6, seconds);

    // 16 layers of d 512; the adaptive softmax's 267,735 words share their weights with the embedding, and so come last.
    private static ScalingWorkload TransformerXl(int sequences, double tokensPerSecond) =>
        ScalingWorkload.OfLayers($"Transformer-XL base (d 512), {sequences} × 192 tokens", 16, Half * 3.4e6, Half * 137e6, sequences * 192 / tokensPerSecond);

    // BERT-Base; a host's 64 × 8 sequences at 2,762 a second, of which the model takes a host's own loss off again.
    private static ScalingWorkload BioBert() =>
        ScalingWorkload.OfLayers("BERT-Base, 64 × 128 tokens", 12, Half * 7.1e6, Half * 24e6, 64 * 8 / 2762.06 * 0.9);
}
