using System.Linq;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

/// <summary>Launches found again among a GPU's records, and what speaks against taking them.</summary>
[NonParallelizable]
public sealed class CuptiClockTests
{
    private const uint Compute = 7, Nccl = 9;

    private static readonly LaunchShape Shape = new(new GridSize(4), new GridSize(128), 1024);

    private TemporaryFolder _folder = null!;

    [OneTimeSetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Pieces_HaveTheTimesOfTheirRecords([ValueSource(typeof(FakeCupti), nameof(FakeCupti.Versions))] string version)
    {
        using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
        using var driver = new TracedDriver(cupti);
        using var clock = new CuptiClock(driver, cupti.Tracer());
        clock.BeginStep();
        Launch(clock, cupti, "norm<Half>");
        clock.Begin();
        cupti.Fill(64, Compute);
        cupti.LaunchCompiled("ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_32x5_tn", Shape, Compute);
        cupti.LaunchCompiled("_ZN8cublasLt19splitKreduce_kernelILi32EEEvv", Shape with { Grid = 9 }, Compute);

        // The library tries another product out meanwhile.
        cupti.LaunchCompiled("sm80_xmma_gemm", Shape, 12);
        clock.End("8×8×8", null, null);
        Launch(clock, cupti, "gelu<Half>");
        clock.EndStep();
        Assert.That(clock.Fault, Is.Null);
        (double Start, double Seconds)[] read = [.. Enumerable.Range(0, 3).Select(clock.Read)];
        Assert.That(read[0].Seconds, Is.EqualTo(5e-6).Within(1e-12));
        Assert.That(read[1].Seconds, Is.EqualTo((3 * 5e-6) + (2 * 0.7e-6)).Within(1e-12), "from its first record to its last");
        Assert.That(read[1].Start - read[0].Start, Is.EqualTo(5.7e-6).Within(1e-12), "the gap is what it is");
        Assert.That(clock.ActivitiesOf(1).Select(one => one.Name), Is.EqualTo(new[]
        {
            "fill", "ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_32x5_tn", "_ZN8cublasLt19splitKreduce_kernelILi32EEEvv",
        }));
        Assert.That(clock.Activities, Has.Count.EqualTo(6), "the trace has all");
        Assert.That(Enumerable.Range(0, 3).Select(piece => clock.Enqueued(piece)!.Value), Is.Ordered);
        Assert.That(clock.Enqueued(1), Is.GreaterThan(0).And.LessThan(read[1].Start));
    }

    [Test]
    public void Wait_LastsUntilTheCollectivesThatItWaitsFor_HaveEnded([ValueSource(typeof(FakeCupti), nameof(FakeCupti.Versions))] string version)
    {
        using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
        using var driver = new TracedDriver(cupti);
        using var clock = new CuptiClock(driver, cupti.Tracer());
        using CollectiveClock collectives = clock.TimeCollectives();
        Collective(collectives, cupti);
        clock.BeginStep();
        Launch(clock, cupti, "norm");
        Collective(collectives, cupti);
        Collective(collectives, cupti);
        Wait(clock);
        Launch(clock, cupti, "adamw");
        Wait(clock);
        clock.EndStep();
        Collective(collectives, cupti);
        Assert.That(clock.Fault, Is.Null);
        (double start, double seconds) = clock.Read(1);
        Assert.That(start + seconds, Is.EqualTo(collectives.Read(2).End).Within(1e-12), "the second of the step");
        Assert.That(start, Is.GreaterThanOrEqualTo(clock.Read(0).Start + clock.Read(0).Seconds - 1e-12));
        Assert.That(collectives.Read(1).End - collectives.Read(1).Start, Is.EqualTo(5e-6).Within(1e-12));
        Assert.That(clock.Read(3).Seconds, Is.Zero, "all had ended");
    }

    [TestCase("lost", "there is no record of launch 2 of 3, gelu<Half>")]
    [TestCase("twice", "launch 2 of 3, gelu<Half>: it has 2 records and not one")]
    [TestCase("grid", "launch 2 of 3, gelu<Half>: it was launched with grid (4, 1, 1), block (128, 1, 1) and recorded with grid (5, 1, 1), block (128, 1, 1)")]
    [TestCase("name", "launch 2 of 3, gelu<Half>: its record is of _Z5otherPf")]
    [TestCase("early", "launch 2 of 3, gelu<Half> is recorded to have begun before what was enqueued before it")]
    [TestCase("dropped", "1 records were dropped for want of memory")]
    [TestCase("anonymous", "there is no record of launch 1 of 3, norm<Half>")]
    public void RecordsThatDoNotTellOfEachLaunch_AreNotTaken(string mode, string expected)
    {
        foreach (string version in FakeCupti.Versions)
        {
            using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
            using var driver = new TracedDriver(cupti);
            using var clock = new CuptiClock(driver, cupti.Tracer());
            clock.BeginStep();
            cupti.Misbehave(mode, 2);
            Launch(clock, cupti, "norm<Half>");
            Launch(clock, cupti, "gelu<Half>");
            Launch(clock, cupti, "adamw<Half>");
            clock.EndStep();
            Assert.That(clock.Fault, Is.EqualTo(expected), version);
        }
    }

    [Test]
    public void CollectivesWithoutTheirKernels_AreNotTaken()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        using var driver = new TracedDriver(cupti);
        using var clock = new CuptiClock(driver, cupti.Tracer());
        using CollectiveClock collectives = clock.TimeCollectives();
        clock.BeginStep();
        Launch(clock, cupti, "norm<Half>");
        Collective(collectives, cupti);
        collectives.Begin(null);
        collectives.End(null);
        clock.EndStep();
        Assert.That(clock.Fault, Is.EqualTo("2 collectives were enqueued, and 1 kernels of NCCL's are recorded"));
    }

    [Test]
    public void CuptiThatCannotBegin_LeavesTheStepAlone()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        cupti.Misbehave("taken");
        using var driver = new TracedDriver(cupti);
        using var clock = new CuptiClock(driver, cupti.Tracer());
        Assert.That(clock.Fault, Is.EqualTo("the step has not ended"));
        clock.BeginStep();
        Launch(clock, cupti, "norm<Half>");
        clock.EndStep();
        Assert.That(clock.Fault, Does.Contain("another tool traces this process"));
    }

    [Test]
    public void StepThatIsBrokenOff_EndsTheTrace()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        using var driver = new TracedDriver(cupti);
        var clock = new CuptiClock(driver, cupti.Tracer());
        clock.BeginStep();
        clock.Dispose();
        Assert.That(cupti.Enabled, Is.Zero);
        GpuTracer next = cupti.Tracer();
        Assert.That(next.Start(), Is.Null, "and the process's one session is free");
        next.Stop();
    }

    [TestCase("_Z27layer_norm_forward_residentI6__halfLi512EEvPT_", "layer_norm_forward_resident<Half, 512>", true)]
    [TestCase("_ZN9gptengine4geluIfEEvPT_", "gptengine::gelu<float>", true)]
    [TestCase("layer_norm_backward_reduce", "layer_norm_backward_reduce", true)]
    [TestCase("void gptengine::gelu<float>(float*)", "gptengine::gelu<float>", true)]
    [TestCase("void fast_gelu<float>(float*)", "gelu<float>", false)]
    [TestCase("_Z26layer_norm_forward_residenPf", "layer_norm_forward_resident<Half, 512>", false)]
    [TestCase("_Z5gelu2IfEvPT_", "gelu<float>", false)]
    [TestCase("", "gelu<float>", false)]
    public void CompiledName_IsThatOfTheExpression(string compiled, string expression, bool isIt) =>
        Assert.That(TracedStep.IsNameOf(compiled, expression), Is.EqualTo(isIt));

    private static void Launch(CuptiClock clock, FakeCupti cupti, string expression)
    {
        clock.Begin();
        cupti.Launch(expression, Shape, Compute);
        clock.End(expression, Shape, null);
    }

    private static void Wait(CuptiClock clock)
    {
        clock.Begin();
        clock.End(ProfiledCommunicator.Wait, null, null);
    }

    // NCCL launches from a thread of its own: no number of ours is known to it.
    private static void Collective(CollectiveClock collectives, FakeCupti cupti)
    {
        collectives.Begin(null);
        cupti.LaunchCompiled("_Z42ncclDevKernel_AllReduce_Sum_bf16_RING_LL24ncclDevKernelArgsStorageILm4096EE", Shape, Nccl);
        collectives.End(null);
    }
}
