using System;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>The candidates of one choice, loaded, and memory with inputs for them. Disposing gives all of it back.</summary>
public interface IKernelTrials : IDisposable
{
    /// <summary>Runs a candidate on the inputs, and holds its results to the oracle's.</summary>
    /// <param name="word">The candidate's.</param>
    /// <returns>How they differ by more than they may, a sentence without its end; null where they do not.</returns>
    string? Check(string word);

    /// <summary>Runs a candidate once more and returns its milliseconds.</summary>
    double TimeMs(string word);

    /// <summary>Whether the GPU still does what it is asked: after a fault in a kernel every call of the process fails.</summary>
    bool IsAlive();
}
