using System;
using System.Collections.Generic;
using System.Globalization;

namespace GptEngine.Runtime.Simulator.Checks;

/// <summary>A launch on the simulated GPU did something wrong. The message is the first finding, with the number of the others.</summary>
public sealed class KernelFaultException : Exception
{
    public KernelFaultException(IReadOnlyList<Finding> findings)
        : base(Describe(findings)) => Findings = findings;

    /// <summary>All that was found, at least one.</summary>
    public IReadOnlyList<Finding> Findings { get; }

    private static string Describe(IReadOnlyList<Finding> findings) => findings.Count == 1
        ? findings[0].ToString()
        : string.Create(CultureInfo.InvariantCulture, $"{findings[0]} ({findings.Count - 1} more)");
}
