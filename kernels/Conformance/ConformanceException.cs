using System;

namespace GptEngine.Kernels.Conformance;

/// <summary>An operation did what none may: wrote beside its outputs, or into an input.</summary>
public sealed class ConformanceException(string message) : Exception(message);
