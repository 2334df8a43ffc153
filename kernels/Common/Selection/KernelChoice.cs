using System.Collections.Immutable;
using System.Globalization;
using System.Linq;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>Which kernels run an operation over a shape, and why.</summary>
/// <param name="Question">Operation, type and shape: <c>attention backward, bf16, B 36 T 256 H 16 D 64</c>.</param>
/// <param name="Chosen">The word of those that run.</param>
/// <param name="Basis">What the choice goes by.</param>
/// <param name="Candidates">What it was among, the oracle first; empty where nothing was measured.</param>
public sealed record KernelChoice(string Question, string Chosen, ChoiceBasis Basis, ImmutableArray<KernelCandidate> Candidates)
{
    /// <summary>Whether one of the candidates is left out as wrong.</summary>
    public bool HasFault => Candidates.Any(candidate => candidate.Fault is not null);

    /// <summary>A line for people: <c>small, 0.051 ms (plain 0.93 ms, large left out: …)</c>.</summary>
    public string Description
    {
        get
        {
            string[] others = [.. Candidates.Where(candidate => candidate.Word != Chosen).Select(Describe)];
            string own = Candidates.FirstOrDefault(candidate => candidate.Word == Chosen) is { Ms: { } ms } ? $", {Time(ms)}" : "";
            string why = Basis switch
            {
                ChoiceBasis.Forced => ", forced",
                ChoiceBasis.Measured => ", measured now",
                ChoiceBasis.Remembered => ", measured before",
                _ => "",
            };
            return $"{Chosen}{own}{(others.Length > 0 ? $" ({string.Join(", ", others)})" : "")}{why}";
        }
    }

    public override string ToString() => $"{Question}: {Description}";

    private static string Describe(KernelCandidate candidate) => candidate switch
    {
        { Fault: { } fault } => $"{candidate.Word} LEFT OUT: {fault}",
        { Ms: { } ms } => $"{candidate.Word} {Time(ms)}",
        _ => candidate.Word,
    };

    private static string Time(double ms) => string.Create(CultureInfo.InvariantCulture, $"{ms:G3} ms");
}
