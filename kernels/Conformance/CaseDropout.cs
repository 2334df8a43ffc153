using System;
using System.Globalization;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>Dropout within a case, with scalars and sequence numbers of its own.</summary>
internal static class CaseDropout
{
    /// <summary>Dropout over <paramref name="batch"/> sequences; none at probability 0.</summary>
    public static Common.Dropout Of(OperationBench bench, float probability, int batch)
    {
        if (probability == 0)
        {
            return Common.Dropout.None;
        }

        Tensor scalars = bench.Scalars(
            written: false,
            (StepScalar.Step, BitConverter.UInt32BitsToSingle((uint)bench.Random.Next(1_000_000))),
            (StepScalar.SeedLow, BitConverter.UInt32BitsToSingle((uint)bench.Random.Next())),
            (StepScalar.SeedHigh, BitConverter.UInt32BitsToSingle((uint)bench.Random.Next(1000))));
        Tensor sequences = bench.Read("sequenceIndex", bench.Integers(batch, 1000), batch);
        return new Common.Dropout(probability, bench.Random.Next(1 << Common.Dropout.SiteBits), sequences, scalars);
    }

    /// <summary>For a case's name; nothing for none.</summary>
    public static string Describe(float probability) => probability == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" dropout {probability}");

    /// <summary>A number of sequences that divides the rows.</summary>
    public static int BatchOf(int rows) => rows % 3 == 0 ? 3 : rows % 2 == 0 ? 2 : 1;
}
