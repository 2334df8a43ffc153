using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.SelfTesting;

/// <summary>One thing that a self-test looked at.</summary>
/// <param name="Part">operations, kernels, ranks, training or rates.</param>
/// <param name="Precision">That the device computed in.</param>
/// <param name="Name">An operation, a kernel sample, the ranks of collectives, a property of training.</param>
/// <param name="Shape">Sizes and options; empty where there are none.</param>
/// <param name="Passes">Whether it is as it must be.</param>
/// <param name="Error">How far off it is, in the unit of <paramref name="Bound"/>; null where nothing is measured.</param>
/// <param name="Bound">How far off it may be.</param>
/// <param name="Note">For people: which tensor, or what went wrong.</param>
public sealed record SelfTestRow(
    string Part, Precision Precision, string Name, string Shape, bool Passes, double? Error, double? Bound, string Note)
{
    internal const string Catalogue = "catalogue";

    /// <summary>The error as a part of what is allowed; above 1 it is too large. Exactness asked for and missed is infinite.</summary>
    public double Ratio => Error is not { } error || Bound is not { } bound || error == 0 ? 0 : error / bound;

    /// <summary>What cases are summed up as on one line: an operation, a property of training, the launches of all kernels.</summary>
    public string Group => Part == KernelPart.Name && Name != Catalogue ? "launches" : Name;

    /// <summary>What a filter's words are looked for in.</summary>
    public string Title => $"{Part} {EnumNames.Of(Precision)} {Name} {Shape}";
}
