namespace GptEngine.Engine.Training;

/// <summary>What a run says of itself before its first step, by the names it is printed under.</summary>
public sealed record OpeningBlock
{
    public required string Tokenizer { get; init; }

    public required string VisibleDevices { get; init; }

    public required long NumParams { get; init; }

    public required int WorldSize { get; init; }

    /// <summary>Sequences of all ranks in a micro-step.</summary>
    public required int BatchSize { get; init; }

    public required int ContextLength { get; init; }

    /// <summary>Tokens of all ranks in a micro-step.</summary>
    public required long BatchJump { get; init; }

    public required double X0 { get; init; }

    public required double X1 { get; init; }

    public required double Clip { get; init; }

    /// <summary>Tokens of an optimizer step, rounded down to a multiple of <see cref="BatchJump"/>.</summary>
    public required long AccBatchSize { get; init; }

    public required int NumChunkedBatches { get; init; }

    /// <summary>Steps done before this run.</summary>
    public required long StepInit { get; init; }

    /// <summary>Tokens seen before this run.</summary>
    public required long NumTokensInit { get; init; }

    /// <summary>The window, counted over all epochs, that the first step reads.</summary>
    public required long QInit { get; init; }
}
