using System.Linq;
using GptEngine.Engine.Profiling;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Simulator.Counters;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

public sealed class StepProfileTests
{
    [Test]
    public void KernelsOfOnePart_ShareItsCost_OnceACall()
    {
        ProfiledOperation Call(double start) => Profiles.Operation(
            "norm", 0, Profiles.Launch("main", start, 3), Profiles.Launch("main", start + 3, 2), Profiles.Launch("reduce", start + 5, 1)) with
        {
            Costs = [new CostPart("Part", new KernelCost(200, 10)), new CostPart("Elsewhere", new KernelCost(7, 7))],
        };
        StepProfile profile = Profiles.Of(Call(0), Call(10));
        ProfileRow row = profile.Rows().Single();
        Assert.Multiple(() =>
        {
            Assert.That(row.Name, Is.EqualTo("norm"));
            Assert.That((row.Calls, row.Seconds), Is.EqualTo((2, 12)));
            Assert.That(row.Cost, Is.EqualTo(new KernelCost(400, 20)));
            Assert.That(row.Kernels.Select(kernel => (kernel.Name, kernel.Calls, kernel.Seconds)), Is.EqualTo(new[] { ("main", 4, 10.0), ("reduce", 2, 2.0) }));
            Assert.That(profile.Roofline(row), Is.EqualTo(4.0 / 12).Within(1e-12), "400 bytes at 100 a second");
        });
    }

    [Test]
    public void OneKernel_StandsByItsOwnName_AndProductsByTheirs()
    {
        ProfiledOperation operation = Profiles.Operation(
            "linear", 0, Profiles.Launch("(2, 3)·(3, 4)", 0, 1, new KernelCost(8, 500), OperationCosts.Product), Profiles.Launch("gelu", 1, 1, part: "Activation")) with
        {
            Costs = [new CostPart(OperationCosts.Product, new KernelCost(9, 9)), new CostPart("Activation", new KernelCost(100, 5))],
        };
        StepProfile profile = Profiles.Of(operation, operation);
        ProfileRow product = profile.Rows(ProfileOrder.Flops)[0];
        ProfileRow activation = profile.Rows(ProfileOrder.Bytes)[0];
        Assert.Multiple(() =>
        {
            Assert.That(product.Name, Is.EqualTo("(2, 3)·(3, 4)"));
            Assert.That(product.Cost, Is.EqualTo(new KernelCost(16, 1000)), "its own statement, not its operation's");
            Assert.That(profile.Roofline(product), Is.EqualTo(0.5));
            Assert.That(activation.Name, Is.EqualTo("gelu"));
            Assert.That(profile.Rows(ProfileOrder.Name).Select(row => row.Name), Is.Ordered);
            Assert.That(profile.Rows(ProfileOrder.Roofline)[0], Is.EqualTo(product), "it has most to gain");
        });
    }

    [Test]
    public void WithoutAStatement_ThereIsNoRoofline()
    {
        StepProfile profile = Profiles.Of(Profiles.Operation("other", 0, Profiles.Launch("unknown", 0, 1)));
        Assert.That(profile.Rows().Single().Cost, Is.Null);
        Assert.That(profile.Roofline(profile.Rows().Single()), Is.Zero);
    }

    [Test]
    public void WhatASimulatedGpuHasNotCounted_IsModelled_AndWhatARealOneTookIsNot()
    {
        StepProfile measured = Profiles.Of(
            Profiles.Operation("linear", 0, Profiles.Launch("product", 0, 1, new KernelCost(100, 1))), Profiles.Operation("other", 0, Profiles.Launch("unknown", 1, 1)));
        ProfileRow product = measured.Rows(ProfileOrder.Name)[0];
        StepProfile estimate = measured with { IsEstimate = true };
        Assert.That(product.Name, Is.EqualTo("product"));
        Assert.That(measured.IsModelled(product), Is.False);
        Assert.That(estimate.IsModelled(product));
        Assert.That(estimate.IsModelled(product with { Counters = LaunchCounters.Sum([]) }), Is.False, "it was counted");
        Assert.That(estimate.IsModelled(measured.Rows(ProfileOrder.Name)[1]), Is.False, "it states nothing");
    }

    [Test]
    public void LayerTimes_AreByKindAndPass_UnderTheRangesNames()
    {
        ProfiledOperation In(double seconds, params (RangeKind, string)[] names) =>
            Profiles.Operation("x", 0, Profiles.Launch("x", 0, seconds)) with { Range = Profiles.Range([(RangeKind.Step, "step"), .. names]) };
        StepProfile profile = Profiles.Of(
            In(1, (RangeKind.Pass, "forward"), (RangeKind.Layer, "layer 0"), (RangeKind.Part, "mlp")),
            In(2, (RangeKind.Pass, "forward"), (RangeKind.Layer, "layer 1"), (RangeKind.Part, "mlp")),
            In(4, (RangeKind.Layer, "head")),
            In(8, (RangeKind.Pass, "backward"), (RangeKind.Layer, "layer 1"), (RangeKind.Part, "mlp")),
            In(16, (RangeKind.Update, "update")));
        Assert.That(
            LayerTimes.Of(profile),
            Is.EqualTo(new[] { new LayerTimes("mlp", 3, 8, 0), new LayerTimes("head", 0, 0, 4), new LayerTimes("update", 0, 0, 16) }));
    }
}
