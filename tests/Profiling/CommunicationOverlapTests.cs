using System;
using System.Linq;
using GptEngine.Engine.Profiling;
using GptEngine.Engine.Training;
using GptEngine.Runtime.Communication;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

public sealed class CommunicationOverlapTests
{
    [Test]
    public void Hidden_IsWhatRanBesideWork_AndAllElseIsExposed()
    {
        // Work 0–4, 5–8, a wait 8–10, work 10–11; collectives 3–6, 7–9.5 and 9.5–10.
        StepProfile profile = Profiles.Of(
            Profiles.Operation("a", 0, Profiles.Launch("a", 0, 4)), Profiles.Operation("b", 0, Profiles.Launch("b", 5, 3)),
            Profiles.Operation("wait", 0, Profiles.Wait(8, 2)), Profiles.Operation("c", 0, Profiles.Launch("c", 10, 1))) with
        {
            Collectives = [Profiles.Collective(3, 6), Profiles.Collective(7, 9.5), Profiles.Collective(9.5, 10)],
        };
        CommunicationOverlap overlap = profile.Overlap!.Value;
        Assert.Multiple(() =>
        {
            Assert.That(overlap, Is.EqualTo(new CommunicationOverlap(6, 3, 2)));
            Assert.That(overlap.ExposedSeconds, Is.EqualTo(3), "two of waiting and one in a gap");
            Assert.That(overlap.HiddenShare, Is.EqualTo(0.5));
            Assert.That(new StepTimeline(profile).WaitSeconds, Is.EqualTo(2));
            Assert.That(profile.Rows().Select(row => row.Name), Is.EquivalentTo(new[] { "a", "b", "c" }), "a wait is no work");
        });
    }

    [Test]
    public void WorkThatOverlapsItself_HidesOnce()
    {
        StepProfile profile = Profiles.Of(Profiles.Operation("a", 0, Profiles.Launch("long", 2, 4), Profiles.Launch("inside", 3, 1), Profiles.Launch("across", 5, 3))) with
        {
            Collectives = [Profiles.Collective(0, 10)],
        };
        Assert.That(profile.Overlap, Is.EqualTo(new CommunicationOverlap(10, 6, 0)));
    }

    [Test]
    public void NoCollectives_HaveNoOverlap()
    {
        StepProfile alone = Profiles.Of(Profiles.Operation("a", 0, Profiles.Launch("a", 0, 4)));
        Assert.That(alone.Overlap, Is.Null);
    }

    [Test]
    public void RandomSpans_AgreeWithCountingInstants()
    {
        var random = new Random(7);
        for (int round = 0; round < 200; round++)
        {
            (double Start, double End)[] one = Spans(random);
            (double Start, double End)[] other = Spans(random);
            var spans = new TimeSpans(one);
            Assert.That(spans.Seconds, Is.EqualTo(Enumerable.Range(0, 64).Count(t => Has(one, t))));
            Assert.That(spans.SecondsBeside(new TimeSpans(other)), Is.EqualTo(Enumerable.Range(0, 64).Count(t => Has(one, t) && Has(other, t))));
        }
    }

    [TestCase(CollectiveKind.AllReduce, 4, 1500.0)]
    [TestCase(CollectiveKind.ReduceScatter, 4, 750.0)]
    [TestCase(CollectiveKind.AllGather, 8, 875.0)]
    [TestCase(CollectiveKind.Broadcast, 4, 1000.0)]
    [TestCase(CollectiveKind.AllReduce, 1, 0.0)]
    [TestCase(CollectiveKind.Broadcast, 1, 0.0)]
    public void WireBytes_AreTheRings(CollectiveKind kind, int worldSize, double expected) =>
        Assert.That(Profiles.Collective(0, 1, kind, 1000).WireBytes(worldSize), Is.EqualTo(expected));

    [Test]
    public void Rows_SumCallsOfTheSameTensor_InOrderOfTheFirst()
    {
        StepProfile profile = Profiles.Of() with
        {
            Batch = new BatchPlan(1, 2, 8, 16),
            Collectives =
            [
                Profiles.Collective(0, 1, tensor: "late", bytes: 2), Profiles.Collective(1, 2, tensor: "early", bytes: 3), Profiles.Collective(2, 5, tensor: "late", bytes: 2),
            ],
        };
        Assert.That(CollectiveRow.Of(profile), Is.EqualTo(new[]
        {
            new CollectiveRow("all-reduce of late", 2, 4, 4, 4), new CollectiveRow("all-reduce of early", 1, 3, 3, 1),
        }));
        Assert.That(CollectiveRow.Total(profile).BusBytesPerSecond, Is.EqualTo(7.0 / 5));
    }

    private static (double Start, double End)[] Spans(Random random) =>
    [
        .. Enumerable.Range(0, random.Next(8)).Select(_ =>
        {
            int start = random.Next(64);
            return ((double)start, (double)Math.Min(64, start + random.Next(12)));
        }),
    ];

    private static bool Has((double Start, double End)[] spans, int instant) => spans.Any(span => span.Start <= instant && instant < span.End);
}
