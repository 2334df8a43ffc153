using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>The CPU's operations against the oracle: every instruction set of this machine on two threads, and the best one on 1 and 3.</summary>
[TestFixtureSource(nameof(Configurations))]
public sealed class CpuConformanceTests(CpuIsa isa, int threads) : OperationsConformance
{
    private static IEnumerable<TestFixtureData> Configurations =>
        new[] { (CpuIsa.Portable, 2), (CpuIsa.Avx2, 2), (CpuIsa.Avx512, 2), (CpuFeatures.BestIsa, 1), (CpuFeatures.BestIsa, 3) }
            .Where(c => CpuFeatures.IsSupported(c.Item1))
            .Select(c => new TestFixtureData(c.Item1, c.Item2));

    protected override IOperations Create() => CpuOperations.Create(new CpuDevice(threads, isa));
}
