using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Ranks;
using NUnit.Framework;

namespace GptEngine.Tests.Ranks;

public sealed class SlowRanksTests
{
    [Test]
    public void ARankAFifthSlowerOverTenSteps_IsNamedOnce()
    {
        var slow = new SlowRanks();
        List<string> warnings = [.. Warnings(slow, [1, 1.02f, 1.3f, 0.98f], steps: 40)];
        Assert.That(warnings, Has.Count.EqualTo(1));
        Assert.That(warnings[0], Does.Contain("rank 2 takes 1.3 s").And.Not.Contain("rank 1 "));
    }

    [Test]
    public void ASlowRankThatRecoversAndFallsBack_IsNamedAgain()
    {
        var slow = new SlowRanks();
        Assert.That(Warnings(slow, [1, 2], 10).Count(), Is.EqualTo(1));
        Assert.That(Warnings(slow, [1, 1], 10), Is.Empty);
        Assert.That(Warnings(slow, [1, 2], 10).Count(), Is.EqualTo(1));
    }

    [TestCase(1.19f)]
    [TestCase(1)]
    public void Smaller_Differences_AreNoNews(float ratio) => Assert.That(Warnings(new SlowRanks(), [1, ratio, 1], 30), Is.Empty);

    [Test]
    public void OneSlowStep_IsNoNews()
    {
        var slow = new SlowRanks();
        Assert.That(Warnings(slow, [1, 1, 2.5f], 1).Concat(Warnings(slow, [1, 1, 1], 9)), Is.Empty);
    }

    [Test]
    public void StepsOfMilliseconds_AreJudgedOverSeconds()
    {
        var slow = new SlowRanks();
        Assert.That(Warnings(slow, [0.01f, 0.02f], 200), Is.Empty);
        Assert.That(Warnings(slow, [0.01f, 0.02f], 100).Single(), Does.Contain("rank 1 takes 0.02 s").And.Contain("means of 25"));
    }

    [Test]
    public void StepsWithoutTimes_DoNotCount() =>
        Assert.That(Warnings(new SlowRanks(), [0, 2], 20).Concat(Warnings(new SlowRanks(), [3], 20)), Is.Empty);

    private static IEnumerable<string> Warnings(SlowRanks slow, float[] seconds, int steps) =>
        [.. Enumerable.Range(0, steps).Select(_ => slow.Add(seconds)).OfType<string>()];
}
