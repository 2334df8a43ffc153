using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Samples;

/// <summary>One operation on one small shape: what checks and profiles of the kernels run.</summary>
/// <param name="Operation">For people: <c>layer norm forward</c>.</param>
/// <param name="Storage">x.</param>
/// <param name="Shape">For people: <c>N=64 C=768</c>.</param>
/// <param name="Cost">The launcher's own statement of the least bytes and operations of all its launches together.</param>
/// <param name="Launch">Makes the tensors on a bench and calls the launcher.</param>
public sealed record KernelSample(string Operation, DataType Storage, string Shape, KernelCost Cost, Action<SampleBench> Launch)
{
    public override string ToString() => $"{Operation}, {Storage.ShortName()}, {Shape}";
}
