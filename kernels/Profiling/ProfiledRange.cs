using GptEngine.Runtime.Devices;

namespace GptEngine.Kernels.Profiling;

/// <summary>A named stretch of work of a profile, as the device's ranges have it.</summary>
/// <param name="Name">What it names.</param>
/// <param name="Number">Which of its kind: step, micro-step.</param>
/// <param name="Parent">The stretch around it; null for none.</param>
public sealed record ProfiledRange(RangeName Name, long Number, ProfiledRange? Parent)
{
    /// <summary>The nearest stretch of a kind, this one or around it; null where there is none.</summary>
    public ProfiledRange? Around(RangeKind kind)
    {
        ProfiledRange? at = this;
        while (at is not null && at.Name.Kind != kind)
        {
            at = at.Parent;
        }

        return at;
    }

    public override string ToString() => Name.Kind is RangeKind.Step or RangeKind.MicroStep
        ? System.FormattableString.Invariant($"{Name.Text} {Number}")
        : Name.Text;
}
