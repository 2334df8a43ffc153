using System;

namespace GptEngine.Engine.Training;

/// <summary>How much fits a device.</summary>
public static class MemoryBudget
{
    /// <summary>What the driver and the libraries leave of a GPU sold as one of 32 GB.</summary>
    public const long Of32Gigabytes = 31L << 30;

    private const int Most = 1 << 14;

    /// <summary>The largest micro-batch whose plan stays within <paramref name="bytes"/>; 0 where not even one sequence does.</summary>
    /// <param name="plan">Plans the memory of a micro-batch; more sequences take more of it.</param>
    /// <param name="bytes">What there is.</param>
    public static int LargestMicroBatch(Func<int, TrainingMemory> plan, long bytes)
    {
        ArgumentNullException.ThrowIfNull(plan);
        int fits = 0;
        int tooMany = Most + 1;
        for (int tried = 16; fits + 1 < tooMany; tried = tooMany <= Most ? (fits + tooMany) / 2 : Math.Min(2 * fits, Most))
        {
            if (plan(tried).Plan.TotalBytes <= bytes)
            {
                fits = tried;
            }
            else
            {
                tooMany = tried;
            }
        }

        return fits;
    }
}
