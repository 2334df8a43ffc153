using GptEngine.Engine.Profiling;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;

namespace GptEngine.Tests.Profiling;

/// <summary>Profiles made by hand: a roofline of 100 bytes and 1000 FLOP a second.</summary>
internal static class Profiles
{
    public static StepProfile Of(params ProfiledOperation[] operations) => new(operations, "made by hand", new BatchPlan(1, 1, 8, 8), 1)
    {
        Timer = "made by hand",
        IsEstimate = false,
        BytesPerSecond = 100,
        FlopsPerSecond = 1000,
    };

    public static ProfiledOperation Operation(string name, int segment, params ProfiledLaunch[] launches) => new(name, "", [], null, segment, launches);

    public static ProfiledLaunch Launch(string name, double start, double seconds, KernelCost? cost = null, string part = "Part") =>
        new(name, part, null, cost, start, seconds, null);

    public static ProfiledLaunch Wait(double start, double seconds) => Launch(ProfiledCommunicator.Wait, start, seconds);

    public static ProfiledCollective Collective(double start, double end, CollectiveKind kind = CollectiveKind.AllReduce, long bytes = 8, string tensor = "bucket") =>
        new(kind, tensor, bytes, start, end);

    /// <summary>A stretch in others, the outermost first.</summary>
    public static ProfiledRange Range(params (RangeKind Kind, string Name)[] names)
    {
        ProfiledRange? range = null;
        foreach ((RangeKind kind, string name) in names)
        {
            range = new ProfiledRange(new RangeName(kind, name), 0, range);
        }

        return range!;
    }
}
