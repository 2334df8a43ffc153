using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.SelfTesting;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Devices;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.SelfTesting;

/// <summary>The self-test finds what it is there to find.</summary>
public sealed class SelfTestTests
{
    [Test]
    public void Operations_RightDevice_Pass()
    {
        SelfTestRow[] rows = Run("operations SumLosses", cpu => cpu);
        Assert.That(rows, Has.Length.EqualTo(6));
        Assert.That(rows.Where(row => !row.Passes), Is.Empty);
        Assert.That(rows.Select(row => row.Bound), Has.All.Positive);
    }

    [Test]
    public void Operations_WrongByAThousandth_Fail()
    {
        SelfTestRow[] rows = Run("operations SumLosses", InexactOperations.Create);
        Assert.That(rows.Where(row => row.Passes), Is.Empty);
        Assert.That(rows.Select(row => row.Ratio), Has.All.GreaterThan(1));
    }

    [Test]
    public void Operations_InputOverwritten_FailWithItsName()
    {
        SelfTestRow[] rows = [.. Run("operations GradientNorm G=1025", cpu => FaultyOperations.Create(cpu, _ => true))
            .Where(row => row.Name == nameof(IOperations.GradientNorm))];
        Assert.That(rows, Is.Not.Empty);
        Assert.That(rows.Where(row => row.Passes), Is.Empty);
        Assert.That(rows.Select(row => row.Note), Has.All.EqualTo("gradients: an input was changed"));
    }

    [Test]
    public void Training_StepLost_FailsWithTheReason()
    {
        SelfTestRow[] rows = Run("training losses", cpu => FaultyOperations.Create(cpu, step => step == 5));
        Assert.That(rows, Has.Length.EqualTo(1));
        Assert.That(rows[0].Passes, Is.False);
        Assert.That(rows[0].Note, Does.Contain("steps were not applied"));
    }

    /// <summary>The second run loses its fourth step: the losses differ from the fifth on.</summary>
    [Test]
    public void Training_OtherBitsWhenRepeated_FailsAtTheStep()
    {
        int opened = 0;
        var machine = new SelfTestMachine(SelfTestDevice.Cpu, [Precision.Fp32], (_, _) =>
        {
            opened++;
            return FaultyOperations.Create(Cpu(), step => opened == 2 && step == 3);
        });
        SelfTestPlan plan = SelfTestPlan.For(SelfTestDevice.Cpu, full: false) with { Filter = "training repeated" };
        SelfTestRow repeated = new SelfTest(machine, plan).Run().Single(row => row.Name == "repeated");
        Assert.That(repeated.Passes, Is.False);
        Assert.That(repeated.Note, Does.Contain("from step 5 of 20 on"));
    }

    [TestCase(SelfTestDevice.Gpu)]
    [TestCase(SelfTestDevice.Simulated)]
    public void Plan_ReachesEveryOperation(SelfTestDevice device)
    {
        string[] all = [.. OperationCases.All(CaseSizes.Full).Select(it => it.Operation).Distinct()];
        string[] planned = [.. OperationCases.All(SelfTestPlan.For(device, full: false).Sizes).Select(it => it.Operation).Distinct()];
        Assert.That(planned, Is.EquivalentTo(all));
    }

    private static IOperations Cpu() => CpuOperations.Create(new CpuDevice(1));

    private static SelfTestRow[] Run(string filter, Func<IOperations, IOperations> wrap)
    {
        var machine = new SelfTestMachine(SelfTestDevice.Cpu, [Precision.Fp32], (_, _) => wrap(Cpu()));
        SelfTestPlan plan = SelfTestPlan.For(SelfTestDevice.Cpu, full: false) with { Filter = filter };
        return [.. new SelfTest(machine, plan).Run()];
    }
}
