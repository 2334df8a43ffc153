using System;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Common;

/// <summary>The bench sees what it is there to see.</summary>
public sealed class OperationBenchTests
{
    private readonly ReferenceDevice _device = new();

    [OneTimeTearDown]
    public void TearDown() => _device.Dispose();

    [TestCase(-1, "before its start")]
    [TestCase(3, "beyond its end")]
    public void Collect_WrittenOutside_Fails(int index, string complaint)
    {
        using OperationBench bench = Bench();
        Poke(bench.Write("y", TensorKind.Storage, 3), index);
        Assert.That(FailureOf(bench), Does.Contain($"y: written {complaint}"));
    }

    [Test]
    public void Collect_ChangedInput_Fails()
    {
        using OperationBench bench = Bench();
        Poke(bench.Read("x", TensorKind.Storage, 3), 1);
        Assert.That(FailureOf(bench), Does.Contain("x: an input was changed"));
    }

    [Test]
    public void Collect_OutputLeftUnwritten_IsNotANumber()
    {
        using OperationBench bench = Bench();
        bench.Write("y", TensorKind.Storage, 3);
        Assert.That(bench.Collect()["y"].Values, Is.All.NaN);
    }

    [Test]
    public void Normal_SameSeed_IsTheSameOnEveryBench()
    {
        using OperationBench first = Bench();
        using OperationBench second = Bench();
        Assert.That(first.Normal(10), Is.EqualTo(second.Normal(10)));
    }

    [Test]
    public void Bound_ExactReference_AllowsOneUnitInTheLastPlace()
    {
        double unit = Math.Pow(2, -22);
        Assert.That(Tolerance.Bound([1, 2], [[1, 2]], DataType.Float32), Is.EqualTo(unit));
        Assert.That(Tolerance.Bound([1, 2], [[1, 2], [1.5, 2]], DataType.Float32), Is.EqualTo(1 + unit));
        Assert.That(Tolerance.LargestError([1, double.NaN], [1, double.NaN]), Is.Zero);
        Assert.That(Tolerance.LargestError([1, 2], [1, double.NaN]), Is.EqualTo(double.PositiveInfinity));
    }

    private static void Poke(Tensor tensor, int index) => Marshal.WriteInt32((nint)tensor.Address + (index * sizeof(float)), 0);

    private static string FailureOf(OperationBench bench)
    {
        return Assert.Throws<ConformanceException>(() => bench.Collect())!.Message;
    }

    private OperationBench Bench() => new(new ReferenceOperations<float>(_device), DataType.Float32, DataType.Float32, seed: 5);
}
