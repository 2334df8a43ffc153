using System;
using System.Collections.Generic;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>What <c>gpt prepare</c> is asked for.</summary>
public sealed record PrepareOptions
{
    /// <summary>Files, folders, or <c>-</c> for standard input, in the order in which they are read.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The folder of the dataset. What it holds of an earlier dataset is replaced once the new one is whole.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>The tokenizer's name.</summary>
    public string Tokenizer { get; init; } = "gpt2";

    /// <summary>The form of the token streams.</summary>
    public TokenStreamFormat Format { get; init; } = TokenStreamFormat.Raw;

    /// <summary>The share of documents, chosen by their hash, that goes to validation. 0 writes no validation stream.</summary>
    public double ValidationFraction { get; init; } = 0.01;

    /// <summary>Encoding threads; one for each core by default. The outcome does not depend on it.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether a record that cannot be read is an error, instead of being counted and left out.</summary>
    public bool Strict { get; init; }

    /// <summary>What standard input holds.</summary>
    public InputFormat StandardInputFormat { get; init; } = InputFormat.Text;

    /// <exception cref="UserErrorException">A value is out of its range; the message names the option.</exception>
    public void Validate()
    {
        if (Inputs.Count == 0)
        {
            throw new UserErrorException("There is no input. Name files or folders after --input, or - for standard input.", ExitCode.Usage);
        }

        if (!(ValidationFraction is >= 0 and < 1))
        {
            throw new UserErrorException(
                $"--val-fraction {ValidationFraction} is out of range. Give a number from 0 (no validation stream) to below 1.", ExitCode.Usage);
        }

        if (Workers is < 1 or > 1024)
        {
            throw new UserErrorException($"--workers {Workers} is out of range. Give a number from 1 to 1024.", ExitCode.Usage);
        }
    }
}
