using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Scaling;
using GptEngine.Gpt;
using GptEngine.Gpt.Commands;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Scaling;

/// <summary>The scaling model by hand-made cases, and against what others have measured.</summary>
public sealed class ScalingModelTests
{
    private static readonly ScalingAssumptions Assumptions = new();

    private static PublishedMeasurement[] Explained() => [.. PublishedMeasurement.All.Where(published => published.IsExplained)];

    [Test]
    public void Report_HasTheThreePresets_AndSaysWhatItIs()
    {
        using var text = new StringWriter();
        ModelScaling.Run(null, null, text);
        foreach (string part in (string[])["A model, not a measurement", "gpt-89m:", "gpt-304m:", "gpt-1b:", "  1024    128", "For 95 %", "BERT-Large"])
        {
            Assert.That(text.ToString(), Does.Contain(part));
        }
    }

    [Test]
    public void Docs_ShowWhatItPrints()
    {
        using var text = new StringWriter();
        ModelScaling.Run(null, null, text);
        string docs = File.ReadAllText(Path.Combine(Repository.Root, "docs", "launching.md"));
        Assert.That(text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => !docs.Contains(line)), Is.Empty, "copy the output of gpt bench --model-scaling");
    }

    [TestCaseSource(nameof(Explained))]
    public void Predicted_IsWithinTwoPointsOfWhatWasMeasuredOnOneHost_FourOnMany(PublishedMeasurement published) =>
        Assert.That(published.Predicted(new ScalingModel(Assumptions)), Is.EqualTo(published.Efficiency).Within(published.BaseRanks == 1 ? 0.02 : 0.04));

    [Test]
    public void Predicted_LiesInTheBandsSeenOnOneHost()
    {
        foreach (MeasuredBand band in MeasuredBand.All)
        {
            double predicted = new ScalingModel(Assumptions).Predict(band.Workload, 8, band.MicroSteps, sharded: false).Efficiency;
            Assert.That(predicted, Is.InRange(band.Low - 0.005, band.High + 0.005), band.Workload.Name);
        }
    }

    [TestCase(2, 1)]
    [TestCase(3, 2)]
    [TestCase(4, 4)]
    [TestCase(5, 0)]
    [TestCase(8, 6)]
    public void Rings_OfTheHybridCubeMesh(int gpus, int rings)
    {
        Assert.That(NodeTopology.Dgx1.RingCount(gpus), Is.EqualTo(rings));
        Assert.That(Enumerable.Range(0, 8).Select(NodeTopology.Dgx1.LinksOf), Is.All.EqualTo(6));
    }

    [Test]
    public void Exposed_SumsBehindTheComputation_AreAllExposed() => Assert.That(
        GradientTimeline.Exposed([new(10, 1), new(20, 1)], 5, bytes => bytes / 10, 0.5), Is.EqualTo(3).Within(1e-12));

    [Test]
    public void Exposed_HiddenSums_CostTheirSlowdownAlone()
    {
        // Two seconds of sums in a computation of ten, slowed by a quarter meanwhile: 1.6 of it done in those two.
        Assert.That(GradientTimeline.Exposed([new(20, 0.1)], 10, bytes => bytes / 10, 0.25), Is.EqualTo(0.4).Within(1e-12));
    }

    [Test]
    public void Exposed_QueuesBehindASlowSum()
    {
        // The first sum runs from 5 to 13, the second waits for it: of sixteen seconds of sums eleven lie behind the computation.
        Assert.That(GradientTimeline.Exposed([new(8, 0.5), new(8, 0.6)], 10, bytes => bytes, 0), Is.EqualTo(11).Within(1e-12));
    }

    [TestCase(0, 4)]
    [TestCase(0.25, 4.2)]
    public void Update_GathersWhatIsReadFirst_WhileTheRestIsUpdated(double slowdown, double seconds)
    {
        // A second for the first quarter, which is gathered in the next; the rest takes three, slower in the first of them.
        WeightPiece[] pieces = [new(10, 0, true), new(30, 0.5, false)];
        Assert.That(WeightTimeline.Update(pieces, 4, bytes => bytes / 10, slowdown), Is.EqualTo(seconds).Within(1e-12));
        Assert.That(WeightTimeline.Update(pieces, 4, bytes => bytes, slowdown), Is.EqualTo(11).Within(1e-12), "the gathering ends last");
    }

    [Test]
    public void Gathering_InTheNextMicroStep_IsExposedWhereSomethingIsReadTooSoon()
    {
        // The first is read at 1 s and is there at 3; the second, there at 6, is read at 7.
        Assert.That(WeightTimeline.Exposed([new(9, 0, true), new(3, 0.1, false), new(3, 0.5, false)], 10, bytes => bytes, 0), Is.EqualTo(2).Within(1e-12));
    }

    [Test]
    public void Gathering_ThatIsHidden_CostsItsSlowdownAlone() =>
        Assert.That(WeightTimeline.Exposed([new(2, 0.5, false)], 10, bytes => bytes, 0.25), Is.EqualTo(0.4).Within(1e-12));

    [Test]
    public void Buckets_FillInOrder_AndKeepAllBytes()
    {
        var buckets = GradientTimeline.Buckets([new(3, 0.1), new(3, 0.2), new(9, 0.3), new(1, 0.4)], 5);
        Assert.That(buckets, Is.EqualTo(new GradientPiece[] { new(6, 0.2), new(9, 0.3), new(1, 0.4) }));
    }

    [Test]
    public void AllReduce_IsTheRingsBytesOverItsBandwidth()
    {
        var times = new CollectiveTimes(Assumptions with { LinkLatency = 0, NetworkLatency = 0, StartLatency = 0 }, 8);
        Assert.That(times.AllReduce(120e9), Is.EqualTo(2 * 7.0 / 8).Within(1e-12), "six rings of 20 GB/s");
        Assert.That(2 * times.ScatterOrGather(120e9), Is.EqualTo(times.AllReduce(120e9)).Within(1e-12), "scatter and gather are the two halves of a sum");
    }

    [Test]
    public void AllReduce_OfManyHosts_DoesNotGrowWithTheirNumber_ButGatheringDoes()
    {
        const double Bucket = 25 << 20;
        var few = new CollectiveTimes(Assumptions, 16);
        var many = new CollectiveTimes(Assumptions, 1024);
        Assert.That(many.AllReduce(Bucket), Is.LessThan(1.5 * few.AllReduce(Bucket)));
        Assert.That(many.ScatterOrGather(Bucket), Is.GreaterThan(3 * few.ScatterOrGather(Bucket)));
    }

    [Test]
    public void Json_HoldsTheTables()
    {
        using var folder = new TemporaryFolder();
        ModelScaling.Run(("gpt-304m", new ConfigurationLayers().AddPreset("gpt-304m").Build()), folder["scaling.json"], TextWriter.Null);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(folder["scaling.json"]));
        JsonElement row = json.RootElement.GetProperty("tables")[0].GetProperty("rows").EnumerateArray().Single(r => r.GetProperty("ranks").GetInt32() == 8);
        Assert.That(row.GetProperty("efficiency").GetDouble(), Is.GreaterThan(0.95), "as much work a GPU as one alone");
        Assert.That(row.GetProperty("same_batch_sharded_efficiency").GetDouble(), Is.GreaterThan(0.95), "one DGX-1 at the preset's batch");
        Assert.That(row.GetProperty("micro_steps").GetDouble(), Is.EqualTo(7));
        Assert.That(json.RootElement.GetProperty("tables")[0].GetProperty("rows").GetArrayLength(), Is.EqualTo(15));
        Assert.That(json.RootElement.GetProperty("checks").GetArrayLength(), Is.GreaterThan(8));
    }
}
