using System.Linq;
using GptEngine.Engine.Profiling;
using GptEngine.Kernels.Profiling;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

public sealed class StepTimelineTests
{
    [Test]
    public void Gaps_AreWhatLiesBetweenLaunches()
    {
        var timeline = new StepTimeline(Profiles.Of(
            Profiles.Operation("a", 0, Profiles.Launch("a1", 1, 2), Profiles.Launch("a2", 4, 1)), Profiles.Operation("b", 0, Profiles.Launch("b1", 5, 1))));
        Assert.Multiple(() =>
        {
            Assert.That(timeline.BusySeconds, Is.EqualTo(4));
            Assert.That(timeline.IdleSeconds, Is.EqualTo(1));
            Assert.That(timeline.Seconds, Is.EqualTo(5), "what lies before the first launch is no gap");
            Assert.That(timeline.Gaps.Single(), Is.EqualTo(new TimelineGap(1, "a1", "a2")));
        });
    }

    [Test]
    public void Gaps_AreTheHostsUntilItEnqueuesWhatIsNext()
    {
        ProfiledLaunch[] launches =
        [
            Profiles.Launch("a", 1, 2) with { Enqueued = 0 }, Profiles.Launch("late", 7, 1) with { Enqueued = 6 },
            Profiles.Launch("early", 10, 1) with { Enqueued = 6.5 }, Profiles.Launch("at once", 12, 1) with { Enqueued = 12.5 },
        ];
        var timeline = new StepTimeline(Profiles.Of(Profiles.Operation("a", 0, launches)));
        Assert.That(timeline.Gaps.Select(gap => (gap.Seconds, gap.After, gap.HostSeconds)), Is.EqualTo(new[]
        {
            (4.0, "late", (double?)3), (2, "early", 0), (1, "at once", 1),
        }));
        Assert.That((timeline.IdleSeconds, timeline.HostSeconds), Is.EqualTo((7, 4)));
        Assert.That(new StepTimeline(Profiles.Of(Profiles.Operation("a", 0, Profiles.Launch("a", 1, 2)))).HostSeconds, Is.Null, "not every clock knows");
    }

    [Test]
    public void LaunchesThatOverlap_CountOnce()
    {
        var timeline = new StepTimeline(Profiles.Of(Profiles.Operation(
            "a", 0, Profiles.Launch("long", 0, 10), Profiles.Launch("inside", 2, 3), Profiles.Launch("across", 8, 4), Profiles.Launch("after", 13, 1))));
        Assert.Multiple(() =>
        {
            Assert.That(timeline.BusySeconds, Is.EqualTo(13));
            Assert.That(timeline.Gaps.Single(), Is.EqualTo(new TimelineGap(1, "across", "after")));
        });
    }

    [Test]
    public void WaitsBetweenSegments_AreTheProfilesOwn()
    {
        var timeline = new StepTimeline(Profiles.Of(
            Profiles.Operation("a", 1, Profiles.Launch("a", 0, 1)), Profiles.Operation("b", 2, Profiles.Launch("b", 100, 1))));
        Assert.That((timeline.BusySeconds, timeline.IdleSeconds), Is.EqualTo((2, 0)));
    }

    [Test]
    public void WaitingForRanks_IsNeitherWorkNorAGap()
    {
        var timeline = new StepTimeline(Profiles.Of(
            Profiles.Operation("a", 0, Profiles.Launch("a", 0, 1)), Profiles.Operation("wait", 0, Profiles.Wait(1, 4)), Profiles.Operation("b", 0, Profiles.Launch("b", 7, 1))));
        Assert.That((timeline.BusySeconds, timeline.WaitSeconds, timeline.IdleSeconds, timeline.Seconds), Is.EqualTo((2, 4, 2, 8)));
    }

    [Test]
    public void NothingRecorded_IsNoTime() => Assert.That(new StepTimeline(Profiles.Of()).Seconds, Is.Zero);
}
