namespace GptEngine.Engine.Benchmarking;

/// <summary>TFLOP/s by the type of the operands, dense, summed in fp32; null where not known or not there.</summary>
public sealed record PeakRates
{
    public double? Fp32 { get; init; }

    public double? Tf32 { get; init; }

    public double? Fp16 { get; init; }

    public double? Bf16 { get; init; }
}
