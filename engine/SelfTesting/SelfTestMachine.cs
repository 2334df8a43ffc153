using System;
using System.Collections.Immutable;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;

namespace GptEngine.Engine.SelfTesting;

/// <summary>The device under test.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Precisions">Those that it has.</param>
/// <param name="Open">Opens it in a precision, with graphs or without; the self-test disposes of what it opens.</param>
public sealed record SelfTestMachine(SelfTestDevice Kind, ImmutableArray<Precision> Precisions, Func<Precision, bool, IOperations> Open)
{
    /// <summary>Opens it with attention's kernels forced; null for a device without a choice of them.</summary>
    public Func<Precision, AttentionVariant, IOperations>? OpenForced { get; init; }
}
