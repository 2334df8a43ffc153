using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Selection;

namespace GptEngine.Engine.Training;

/// <summary>
/// Which kernels a run goes with where several could, by measuring or by force: in its log, in its checkpoints, and told apart when it is resumed.
/// Other kernels are other bits.
/// </summary>
internal sealed class ChosenKernels(IOperations operations, ITrainingObserver observer)
{
    private const ulong FirstHash = 14695981039346656037;
    private const ulong HashPrime = 1099511628211;

    private int _told;

    /// <summary>Says what has been chosen since it was last asked to. What the rule takes alone is not worth a line.</summary>
    public void Tell()
    {
        for (; _told < operations.Choices.Count; _told++)
        {
            if (operations.Choices[_told] is { Basis: not ChoiceBasis.Rule } choice)
            {
                observer.OnNote($"Kernels: {choice}.");
            }
        }
    }

    /// <summary>
    /// Ranks measure each on its own GPU, those of one host one for all: it is allowed that they differ, and says why their times do. Every rank
    /// calls it.
    /// </summary>
    public void TellDifferences(RankAgreement ranks)
    {
        if (ranks.WorldSize == 1)
        {
            return;
        }

        long[] codes = ranks.OfAll("the kernels that were chosen", Code);
        int[] others = [.. Enumerable.Range(0, codes.Length).Where(rank => codes[rank] != codes[0])];
        if (ranks.IsFirst && others.Length > 0)
        {
            observer.OnNote(
                $"Kernels: rank {string.Join(", ", others)} {(others.Length == 1 ? "runs" : "run")} others than rank 0, by what measured fastest there; "
                + "'gpt doctor' on each host shows them.");
        }
    }

    /// <summary>What a checkpoint keeps: the chosen word by question; null where there is no choice.</summary>
    public static Dictionary<string, string>? ForCheckpoint(IOperations operations) =>
        operations.Choices.Count == 0 ? null : operations.Choices.ToDictionary(choice => choice.Question, choice => choice.Chosen);

    /// <summary>What runs otherwise now than when a checkpoint was written, a sentence each.</summary>
    /// <param name="earlier">What the checkpoint keeps; of a file.</param>
    /// <param name="operations">Those of now.</param>
    public static IEnumerable<string> Changes(IReadOnlyDictionary<string, string>? earlier, IOperations operations) =>
        from choice in operations.Choices
        let before = earlier?.GetValueOrDefault(choice.Question)
        where before is not null && before != choice.Chosen && before.All(char.IsAsciiLetterOrDigit)
        select $"Since that checkpoint the kernels of {choice.Question} have changed from {before} to {choice.Chosen}: "
            + "from here on bits differ from those of an uninterrupted run.";

    // FNV-1a.
    private long Code()
    {
        ulong hash = FirstHash;
        foreach (char c in operations.Choices.SelectMany(choice => $"{choice.Question}={choice.Chosen}\n"))
        {
            hash = (hash ^ c) * HashPrime;
        }

        return unchecked((long)hash);
    }
}
