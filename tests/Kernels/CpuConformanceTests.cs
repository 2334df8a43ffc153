using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>The CPU's operations against the oracle: every instruction set of this machine, on 1, 2 and 3 threads.</summary>
[TestFixtureSource(nameof(Configurations))]
public sealed class CpuConformanceTests(CpuIsa isa, int threads) : OperationsConformance
{
    private static IEnumerable<TestFixtureData> Configurations =>
        new[] { (CpuIsa.Portable, 1), (CpuIsa.Avx2, 3), (CpuIsa.Avx512, 2) }
            .Where(c => CpuFeatures.IsSupported(c.Item1))
            .Select(c => new TestFixtureData(c.Item1, c.Item2));

    protected override IOperations Create() => CpuOperations.Create(new CpuDevice(threads, isa));
}
