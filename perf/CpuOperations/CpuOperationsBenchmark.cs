namespace GptEngine.Perf.CpuOperations;

/// <summary>Placeholder until measured.</summary>
internal static class CpuOperationsBenchmark
{
    public static int Run(string[] args) => args.Length;
}
