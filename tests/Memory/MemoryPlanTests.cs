using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Memory;

public sealed class MemoryPlanTests
{
    private const int Phases = 12;

    /// <summary>A tensor to plan: bytes, and the span of phases that it lives in; persistent where the first is negative.</summary>
    private static readonly Gen<(int Bytes, int First, int Last, MemoryCategory Category)[]> Requests = (
        from bytes in Gen.Choose(0, 3000)
        from first in Gen.Choose(-3, Phases)
        from length in Gen.Choose(0, Phases)
        from category in Gen.Elements(MemoryCategory.Activations, MemoryCategory.Workspace)
        select (bytes, first, first + length, category)).ArrayOf();

    [Test]
    public void Solve_RandomLifetimes_NeverOverlapsInSpaceAndTime() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(
        Requests.ToArbitrary(),
        requests =>
        {
            (MemoryPlan plan, Dictionary<Tensor, (int First, int Last)> lives) = Plan(requests);
            (Tensor Tensor, MemoryCategory Category, long OffsetBytes, long Bytes)[] placed = [.. plan.Placements];
            for (int i = 0; i < placed.Length; i++)
            {
                var a = placed[i];
                Assert.That(a.OffsetBytes % MemoryPlan.Alignment, Is.Zero);
                Assert.That(a.Bytes, Is.GreaterThanOrEqualTo(a.Tensor.Bytes));
                Assert.That(a.OffsetBytes + a.Bytes, Is.LessThanOrEqualTo(plan.BytesOf(a.Category)));
                for (int j = 0; j < i; j++)
                {
                    var b = placed[j];
                    bool meetInTime = lives[a.Tensor].First <= lives[b.Tensor].Last && lives[b.Tensor].First <= lives[a.Tensor].Last;
                    bool meetInSpace = a.Category == b.Category && a.OffsetBytes < b.OffsetBytes + b.Bytes && b.OffsetBytes < a.OffsetBytes + a.Bytes;
                    Assert.That(meetInTime && meetInSpace, Is.False, $"{a} and {b}");
                }
            }
        }));

    [Test]
    public void Solve_RandomLifetimes_TakesNoLessThanThePeakAndNoMoreThanTheSum() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(200),
        Prop.ForAll(Requests.ToArbitrary(), requests =>
        {
            (MemoryPlan plan, Dictionary<Tensor, (int First, int Last)> lives) = Plan(requests);
            var bytes = plan.Placements.ToDictionary(p => p.Tensor, p => p.Bytes);
            long peak = Enumerable.Range(-3, (2 * Phases) + 4).Max(
                phase => lives.Where(l => l.Value.First <= phase && phase <= l.Value.Last).Sum(l => bytes[l.Key]));
            Assert.That(plan.TotalBytes, Is.InRange(peak, bytes.Values.Sum()));
        }));

    [Test]
    public void Solve_LivesThatDoNotMeet_ShareBytes()
    {
        var plan = new MemoryPlan();
        plan.Transient("first", MemoryCategory.Activations, DataType.Float32, 0, 1, 64);
        plan.Transient("second", MemoryCategory.Activations, DataType.Float32, 2, 3, 64);
        Assert.That(plan.TotalBytes, Is.EqualTo(256));
    }

    [Test]
    public void Solve_Persistent_KeepsTheOrderAskedFor()
    {
        var plan = new MemoryPlan();
        plan.Persistent("small", MemoryCategory.Parameters, DataType.Float32, 1);
        plan.Persistent("large", MemoryCategory.Parameters, DataType.Float32, 1000);
        plan.Persistent("last", MemoryCategory.Parameters, DataType.Float16, 3);
        Assert.That(plan.Placements.Select(p => p.OffsetBytes), Is.EqualTo(new long[] { 0, 256, 4352 }));
    }

    [Test]
    public void Bind_OneBlockACategory_GivesEveryTensorItsAddress()
    {
        var plan = new MemoryPlan();
        Tensor weight = plan.Persistent("weight", MemoryCategory.Parameters, DataType.Float32, 100);
        Tensor bias = plan.Persistent("bias", MemoryCategory.Parameters, DataType.Float32, 10);
        Tensor view = bias.View("part", 4, 2);
        Assert.That(view.IsBound, Is.False);
        Assert.That(() => view.Address, Throws.InvalidOperationException.With.Message.Contains("bias"));
        plan.Bind((category, bytes) =>
        {
            Assert.That((category, bytes), Is.EqualTo((MemoryCategory.Parameters, 768L)));
            return 0x1000;
        });
        Assert.That((weight.Address, bias.Address, view.Address), Is.EqualTo(((nuint)0x1000, (nuint)0x1200, (nuint)0x1210)));
    }

    [Test]
    public void Persistent_AfterSolving_Throws()
    {
        MemoryPlan plan = new MemoryPlan().Solve();
        Assert.That(
            () => plan.Persistent("late", MemoryCategory.Parameters, DataType.Float32, 1), Throws.InvalidOperationException.With.Message.Contains("late"));
    }

    private static (MemoryPlan Plan, Dictionary<Tensor, (int First, int Last)> Lives) Plan(
        (int Bytes, int First, int Last, MemoryCategory Category)[] requests)
    {
        var plan = new MemoryPlan();
        var lives = new Dictionary<Tensor, (int First, int Last)>();
        foreach ((int bytes, int first, int last, MemoryCategory category) in requests)
        {
            if (first < 0)
            {
                lives.Add(plan.Persistent("persistent", category, DataType.Float16, bytes / 2), (int.MinValue, int.MaxValue));
            }
            else
            {
                lives.Add(plan.Transient("transient", category, DataType.Float16, first, last, bytes / 2), (first, last));
            }
        }

        return (plan, lives);
    }
}
