using System.Globalization;
using System.Text;

namespace GptEngine.Runtime.Simulator.Checks;

/// <summary>One thing found wrong while a kernel ran.</summary>
public sealed record Finding
{
    public required FindingKind Kind { get; init; }

    /// <summary>The kernel, or empty for what belongs to none (a leak).</summary>
    public required string Kernel { get; init; }

    /// <summary>One sentence: what happened, with the address and the sizes.</summary>
    public required string Message { get; init; }

    /// <summary>Block index x, y, z.</summary>
    public Dimensions Block { get; init; }

    /// <summary>Thread index x, y, z in its block.</summary>
    public Dimensions Thread { get; init; }

    /// <summary>The instruction that shows it and its line in the CUDA source.</summary>
    public string Access { get; init; } = "";

    /// <summary>The access that it conflicts with, and by whom; empty where there is none.</summary>
    public string OtherAccess { get; init; } = "";

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Kind}: {Message}");
        if (Kernel.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" Kernel {Kernel}, block {Block}, thread {Thread}: {Access}.");
        }

        if (OtherAccess.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" Conflicts with {OtherAccess}.");
        }

        return text.ToString();
    }
}
