using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Profiling;

/// <summary>A step's time by kind of layer and by phase, under the names that NVTX ranges have.</summary>
/// <param name="Name">embedding, attention, mlp, recompute, final norm, head, communication, update.</param>
/// <param name="Forward">Seconds in the forward pass.</param>
/// <param name="Backward">Seconds in the backward pass.</param>
/// <param name="Other">Seconds in neither: the head, which does both at once, and the update.</param>
public sealed record LayerTimes(string Name, double Forward, double Backward, double Other)
{
    public double Seconds => Forward + Backward + Other;

    /// <summary>Of a profile, in the order of their first work.</summary>
    public static IReadOnlyList<LayerTimes> Of(StepProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return
        [
            .. profile.Operations.GroupBy(Kind).Select(kind => new LayerTimes(
                kind.Key, Sum(kind, "forward"), Sum(kind, "backward"), kind.Where(operation => Pass(operation) is null).Sum(Time))),
        ];
    }

    /// <summary>The kind of layer that an operation works for.</summary>
    public static string Kind(ProfiledOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        if (operation.Name == ProfiledCommunicator.Wait || operation.Range?.Around(RangeKind.Communication) is not null)
        {
            return "communication";
        }

        ProfiledRange? range = operation.Range;
        ProfiledRange? named = range?.Around(RangeKind.Part) ?? range?.Around(RangeKind.Layer) ?? range?.Around(RangeKind.Update);
        return named?.Name.Text ?? "other";
    }

    private static double Sum(IEnumerable<ProfiledOperation> operations, string pass) => operations.Where(operation => Pass(operation) == pass).Sum(Time);

    private static string? Pass(ProfiledOperation operation) => operation.Range?.Around(RangeKind.Pass)?.Name.Text;

    private static double Time(ProfiledOperation operation) => operation.Launches.Sum(launch => launch.Seconds);
}
