using System.Globalization;

namespace GptEngine.Kernels.Samples;

/// <summary>What the checks said of a kernel on one architecture.</summary>
/// <param name="Launches">How often it ran; 0 where no sample reaches it there.</param>
/// <param name="Findings">What was found, over all launches.</param>
internal readonly record struct KernelVerdict(int Launches, int Findings)
{
    public static KernelVerdict operator +(KernelVerdict left, KernelVerdict right) =>
        new(left.Launches + right.Launches, left.Findings + right.Findings);

    public override string ToString() => Launches == 0 ? "-" : Findings == 0 ? "clean" : string.Create(CultureInfo.InvariantCulture, $"{Findings} found");
}
