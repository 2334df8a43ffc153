using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Sampling;

namespace GptEngine.Kernels.Conformance;

/// <summary>
/// A draw is the token that the definition gives, for draws and top-p limits within a float's rounding of those asked for: sums of many
/// weights in single precision may fall on either side of a limit. The error is the number of rows with another token, and 0 is allowed.
/// </summary>
internal sealed class SamplingCase(int vocabulary, int padded, SamplingOptions options) : OperationCase("Sample", Describe(vocabulary, options))
{
    private const int Batch = 5;

    public override IReadOnlyList<TensorVerdict> Run(OperationComparison comparison, int seed)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        long position = ((long)seed << 8) + vocabulary;
        double[] logits = [];
        void Act(OperationBench bench)
        {
            logits = bench.Normal(Batch * padded, 3);
            for (int i = 0; i < logits.Length; i++)
            {
                logits[i] = i % padded >= vocabulary ? double.NaN : i % 11 == 5 ? double.NegativeInfinity : logits[i];
            }

            logits = bench.Rounded(TensorKind.Storage, logits);
            bench.Workspace(o => o.SampleWorkspaceBytes(Batch, padded));
            bench.Operations.Sample(
                bench.Read("logits", TensorKind.Storage, logits, Batch, padded), bench.Write("ids", TensorKind.Integer, Batch), vocabulary, position, options);
        }

        OperationResult ids = comparison.Run(Act, seed)["ids"];
        OperationResult again = comparison.Run(Act, seed)["ids"];
        int wrong = Enumerable.Range(0, Batch).Count(b => !AcceptableTokens(
            logits.AsSpan(b * padded, vocabulary), SamplingReference.Draw(options.Seed, b, position)).Contains((int)ids.Values[b]));
        return [new TensorVerdict("ids", wrong, 0, ids.Bytes.AsSpan().SequenceEqual(again.Bytes))];
    }

    private static string Describe(int vocabulary, in SamplingOptions options) => string.Create(
        CultureInfo.InvariantCulture, $"B={Batch} V={vocabulary} temperature {options.Temperature} top-k {options.TopK} top-p {options.TopP}");

    private HashSet<int> AcceptableTokens(ReadOnlySpan<double> logits, float draw)
    {
        if (options.Temperature == 0)
        {
            return [SamplingReference.Sample(logits, options, draw)];
        }

        // A sum of n numbers in single precision is off by some √n·2⁻²⁴ of itself.
        float rounding = MathF.Max(1e-5f, 4 * MathF.Sqrt(logits.Length) / (1 << 24));
        var tokens = new HashSet<int>();
        foreach (float topP in new[] { options.TopP, options.TopP * (1 - rounding), MathF.Min(1, options.TopP * (1 + rounding)) })
        {
            (int Id, double Weight)[] candidates = SamplingReference.Candidates(logits, options with { TopP = topP });
            double total = candidates.Sum(candidate => candidate.Weight);
            double passed = 0;
            foreach ((int id, double weight) in candidates.Where(candidate => candidate.Weight > 0))
            {
                bool mayBe = passed <= (draw + rounding) * total && passed + weight >= (draw - rounding) * total;
                passed += weight;
                if (mayBe)
                {
                    tokens.Add(id);
                }
            }
        }

        return tokens;
    }
}
