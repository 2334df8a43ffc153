using System;
using System.Collections.Generic;
using System.Globalization;

namespace GptEngine.Engine.Training;

/// <summary>The opening block as it is printed.</summary>
public static class OpeningBlockLines
{
    /// <summary>Name and value of each line, in the order of the contract.</summary>
    public static IReadOnlyList<(string Name, string Value)> Lines(this OpeningBlock opening)
    {
        ArgumentNullException.ThrowIfNull(opening);
        return
        [
            ("tokenizer", opening.Tokenizer),
            ("visible devices", opening.VisibleDevices),
            ("num_params", Number(opening.NumParams)),
            ("world_size", Number(opening.WorldSize)),
            ("batch_size", Number(opening.BatchSize)),
            ("context_length", Number(opening.ContextLength)),
            ("batch_jump", Number(opening.BatchJump)),
            ("x0", opening.X0.ToString("R", CultureInfo.InvariantCulture)),
            ("x1", opening.X1.ToString("R", CultureInfo.InvariantCulture)),
            ("clip", opening.Clip.ToString("R", CultureInfo.InvariantCulture)),
            ("acc_batch_size", Number(opening.AccBatchSize)),
            ("num_chunked_batches", Number(opening.NumChunkedBatches)),
            ("step_init", Number(opening.StepInit)),
            ("num_tokens_init", Number(opening.NumTokensInit)),
            ("q_init", Number(opening.QInit)),
        ];
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
