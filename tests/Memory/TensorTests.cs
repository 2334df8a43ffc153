using System;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Memory;

public sealed class TensorTests
{
    [Test]
    public void Expect_AnotherShape_SaysWhatCame()
    {
        var x = new Tensor("blocks.0.x", DataType.BFloat16, 0x1000, 4096, 770);
        Assert.That(
            () => x.Expect("x", DataType.BFloat16, ("N", 4096), ("C", 768)),
            Throws.ArgumentException.With.Message.StartsWith("x: expected (N=4096, C=768) bf16, got (4096, 770) bf16 (blocks.0.x)"));
    }

    [Test]
    public void Expect_AnotherTypeOrRank_Throws()
    {
        var x = new Tensor("x", DataType.Float32, 0x1000, 2, 3);
        Assert.That(() => x.Expect("x", DataType.Float16, 2, 3), Throws.ArgumentException.With.Message.Contains("(2, 3) fp16"));
        Assert.That(() => x.Expect("x", DataType.Float32, 6), Throws.ArgumentException.With.Message.Contains("(6) fp32"));
        Assert.That(() => x.Expect("x", DataType.Float32, Axis.AtLeast("T", 3), 3), Throws.ArgumentException.With.Message.Contains("(T≥3, 3) fp32"));
    }

    [Test]
    public void Expect_FittingShapes_Passes()
    {
        var x = new Tensor("x", DataType.Float32, 0x1000, 2, 3);
        x.Expect("x", DataType.Float32, 2, 3);
        x.Expect("x", DataType.Float32, "N", ("C", 3));
        x.Expect("x", DataType.Float32, -1, Axis.AtLeast("T", 2));
    }

    [Test]
    public void View_WithinTheTensor_HasItsAddress()
    {
        var x = new Tensor("x", DataType.Float16, 0x1000, 4, 8);
        Tensor rows = x.Rows(1, 2);
        Assert.That((rows.Address, rows.Count, rows[0], rows[-1], rows.Bytes), Is.EqualTo(((nuint)0x1010, 16L, 2L, 8L, 32L)));
        Assert.That(rows.View("part", 3, 5).Address, Is.EqualTo((nuint)0x1016));
    }

    [TestCase(-1, 1)]
    [TestCase(32, 1)]
    [TestCase(0, 33)]
    [TestCase(long.MaxValue, 1)]
    public void View_BeyondTheTensor_Throws(long offset, long count)
    {
        var x = new Tensor("x", DataType.Float32, 0x1000, 4, 8);
        Assert.That(() => x.View("part", offset, count), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Constructor_HostileShapes_Throws()
    {
        Assert.That(() => new Tensor("x", DataType.Float32, 0, -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new Tensor("x", DataType.Float32, 0, long.MaxValue, 2), Throws.InstanceOf<OverflowException>());
    }

    [Test]
    public void Bind_Twice_Throws()
    {
        var x = new Tensor("x", DataType.Float32, 0, 4);
        x.Bind(0x100);
        Assert.That(() => x.Bind(0x200), Throws.InvalidOperationException);
        Assert.That(() => x.View("part", 0, 1).Bind(0x100), Throws.InvalidOperationException);
    }
}
