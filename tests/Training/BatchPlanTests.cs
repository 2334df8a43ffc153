using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

public sealed class BatchPlanTests
{
    [TestCase(140, 734_720L, 128, 41, TestName = "gpt-1b on 7")]
    [TestCase(252, 516_096L, 256, 8, TestName = "gpt-304m on 7")]
    [TestCase(490, 501_760L, 256, 4, TestName = "gpt-89m on 7")]
    public void Presets_OnSevenGpus_HaveTheirMicroSteps(int batchSize, long accBatchSize, int context, int microSteps)
    {
        BatchPlan plan = BatchPlan.Resolve(new TrainingConfiguration { BatchSize = batchSize, AccBatchSize = accBatchSize }, context, 7);
        Assert.Multiple(() =>
        {
            Assert.That(plan.MicroSteps, Is.EqualTo(microSteps));
            Assert.That(plan.AccBatchSize, Is.EqualTo(accBatchSize));
            Assert.That(plan.MicroBatch * 7, Is.EqualTo(batchSize));
        });
    }

    [Test]
    public void AccBatchSize_IsRoundedDown()
    {
        BatchPlan plan = BatchPlan.Resolve(new TrainingConfiguration { MicroBatch = 2, AccBatchSize = 200 }, 32, 1);
        Assert.That((plan.AccBatchSize, plan.MicroSteps), Is.EqualTo((192L, 3)));
    }

    [Test]
    public void NoAccBatchSize_IsOneMicroStep()
    {
        BatchPlan plan = BatchPlan.Resolve(new TrainingConfiguration { MicroBatch = 3 }, 10, 4);
        Assert.That((plan.AccBatchSize, plan.MicroSteps, plan.BatchSize), Is.EqualTo((120L, 1, 12)));
    }

    [TestCase(null, null, null, "Neither")]
    [TestCase(10, null, null, "9 or 12")]
    [TestCase(12, 5, null, "Set only one")]
    [TestCase(null, 2, 50L, "at least 60")]
    public void Contradictions_AreUsageErrorsWithTheRemedy(int? batchSize, int? microBatch, long? accBatchSize, string remedy)
    {
        var training = new TrainingConfiguration { BatchSize = batchSize, MicroBatch = microBatch, AccBatchSize = accBatchSize };
        UserErrorException error = Assert.Throws<UserErrorException>(() => BatchPlan.Resolve(training, 10, 3))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.Contain(remedy));
    }
}
