using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Profiling;
using GptEngine.Gpt.Terminal;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Data;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

/// <summary>A whole profile of training on a GPU whose records a stand-in for CUPTI makes: every launch of the real step, none of them run.</summary>
[NonParallelizable]
public sealed class TrainingProfilerTests
{
    private static readonly BenchCase Case = new(TestRuns.Small, Steps: 1, Warmup: 1, MaxSeconds: 60, DocumentLength: 8);

    private TemporaryFolder _folder = null!;

    [OneTimeSetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Auto_TakesTheGpusOwnRecords([ValueSource(typeof(FakeCupti), nameof(FakeCupti.Versions))] string version)
    {
        using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
        StepProfile profile = Profile(cupti, ProfileTimer.Auto);
        Assert.That((profile.Timer, profile.TimerNote), Is.EqualTo(("CUPTI", (string?)null)));
        Assert.That(profile.TimeSource, Does.Contain($"CUPTI (interface {FakeCupti.Of(version).GetProperty("interface").GetInt32()})"));
        Assert.That(cupti.Sessions, Is.EqualTo(1), "the warm-up is not recorded");
        ProfiledLaunch[] launches = [.. profile.Operations.SelectMany(operation => operation.Launches)];
        Assert.That(launches, Has.Length.GreaterThan(50));
        Assert.That(launches.Select(launch => launch.Start), Is.Ordered);
        Assert.That(launches.Where(launch => launch.Shape is not null).Select(launch => launch.Seconds), Is.All.EqualTo(5e-6).Within(1e-12));
        Assert.That(profile.Agreement!.Launches, Is.EqualTo(launches.Length));
        Assert.That(profile.Agreement.CuptiSeconds, Is.EqualTo(launches.Sum(launch => launch.Seconds)).Within(1e-12));
        Assert.That(profile.Activities, Has.Count.GreaterThanOrEqualTo(launches.Length));

        // A product's row has what the library launched for it beneath; a kernel's own has its registers.
        ProfileRow product = profile.Rows().First(row => row.Operation.StartsWith("linear forward", System.StringComparison.Ordinal) && row.Kernels.Count > 0);
        Assert.That(product.Kernels.Select(kernel => kernel.Name), Is.All.Contain("matrix_product"));
        Assert.That(product.Kernels.Sum(kernel => kernel.Calls), Is.EqualTo(product.Calls));
        Assert.That(product.Kernels.Select(kernel => kernel.Recorded!.Registers), Is.All.EqualTo(40));
        Assert.That(profile.Rows().Single(row => row.Name.StartsWith("adamw", System.StringComparison.Ordinal)).Recorded!.Registers, Is.EqualTo(40));
    }

    [Test]
    public void Files_SayWhatTimedThem_AndHaveTheRecords()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        StepProfile profile = Profile(cupti, ProfileTimer.Auto);
        JsonElement figures = Written(stream => ProfileFile.Write(profile, [], null, stream));
        Assert.That(figures.GetProperty("timer").GetString(), Is.EqualTo("CUPTI"));
        Assert.That(figures.GetProperty("timer_agreement").GetProperty("launches").GetInt32(), Is.EqualTo(profile.Agreement!.Launches));
        JsonElement adamw = figures.GetProperty("kernels").EnumerateArray().Single(row => row.GetProperty("name").GetString()!.StartsWith("adamw", System.StringComparison.Ordinal));
        Assert.That((adamw.GetProperty("registers").GetInt32(), adamw.GetProperty("static_shared_bytes").GetInt32()), Is.EqualTo((40, 1024)));

        JsonElement[] trace = [.. Written(stream => TraceFile.Write(profile, "GPU", "compute stream", stream)).GetProperty("traceEvents").EnumerateArray()];
        JsonElement label = trace.Single(one => one.GetProperty("name").GetString() == "process_labels");
        Assert.That(label.GetProperty("args").GetProperty("labels").GetString(), Does.Contain("CUPTI"));
        int track = trace.Single(one => one.GetProperty("name").GetString() == "thread_name" && one.GetProperty("args").GetProperty("name").GetString() == "recorded, stream 7")
            .GetProperty("tid").GetInt32();
        JsonElement[] recorded = [.. trace.Where(one => one.GetProperty("ph").GetString() == "X" && one.GetProperty("tid").GetInt32() == track)];
        Assert.That(recorded, Has.Length.EqualTo(profile.Activities.Count(activity => activity.Stream == 7)));
        Assert.That(trace.Where(one => one.GetProperty("ph").GetString() == "X").Min(one => one.GetProperty("ts").GetDecimal()), Is.Zero);
    }

    [Test]
    public void Output_SaysWhatTimedIt()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        string traced = Printed(Profile(cupti, ProfileTimer.Auto));
        Assert.That(traced, Does.Contain("times: the GPU's own records by CUPTI (interface 22), without graphs\ntimers: "));
        Assert.That(traced, Does.Contain(" by events in another step; a launch by events -5.0 µs, median").And.Contain("\nkernel or product (CUPTI) "));
        Assert.That(traced, Does.Contain("\n  _Z14matrix_product"));
        string events = Printed(Profile(cupti, ProfileTimer.Auto, "lost"));
        Assert.That(events, Does.Contain("times: CUDA events around each launch, without graphs\nwhy not CUPTI: CUPTI (interface 22) was not taken: "));
        Assert.That(events, Does.Contain("\nkernel or product (events) ").And.Not.Contain("timers:"));
    }

    [TestCase("lost", "CUPTI (interface 22) was not taken: there is no record of launch 1 of")]
    [TestCase("dropped", "CUPTI (interface 22) was not taken: 1 records were dropped")]
    [TestCase("grid", "and recorded with grid")]
    public void Auto_WhereRecordsAreNotWhole_TakesEventsAndSaysWhy(string mode, string reason)
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        StepProfile profile = Profile(cupti, ProfileTimer.Auto, mode);
        Assert.That(profile.Timer, Is.EqualTo("events"));
        Assert.That(profile.TimerNote, Does.Contain(reason));
        Assert.That((profile.Agreement, profile.Activities.Count), Is.EqualTo(((TimerAgreement?)null, 0)));
        Assert.That(Written(stream => ProfileFile.Write(profile, [], null, stream)).GetProperty("timer_note").GetString(), Is.EqualTo(profile.TimerNote));
    }

    [Test]
    public void Auto_WithoutCupti_TakesEventsAndSaysWhy()
    {
        using CudaOperations operations = Silent(new SilentDriver());
        using Device device = operations.Device;
        StepProfile profile = TrainingProfiler.Traced(Case, operations, null, null, "There is no CUPTI here.", ProfileTimer.Auto, (1e12, 1e14), CancellationToken.None);
        Assert.That((profile.Timer, profile.TimerNote), Is.EqualTo(("events", "There is no CUPTI here.")));
    }

    /// <summary>Of two ranks one's GPU is traced and the other's is not, and both take the same steps.</summary>
    [Test]
    public void Ranks_FindTheirCollectivesAmongTheRecords()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        using FakeCupti silent = FakeCupti.Open("11.8", _folder.Path);
        FakeCupti[] stands = [cupti, silent];
        var profiles = new StepProfile[2];
        LocalRanks.Run(2, _ => new CpuDevice(1), (group, _) =>
        {
            FakeCupti own = stands[group.Rank];
            using var driver = new TracedDriver(own);
            using CudaOperations operations = Silent(driver);
            using Device device = operations.Device;
            using var collectives = new TracedCollectives(group.Control, own, driver);
            profiles[group.Rank] = TrainingProfiler.Traced(
                Case with { WorldSize = 2 }, operations, group with { Collectives = collectives }, group.Rank == 0 ? own.Tracer() : null, "No CUPTI on this rank.",
                ProfileTimer.Auto, (1e12, 1e14), CancellationToken.None);
        });
        Assert.That(profiles.Select(profile => (profile.Timer, profile.TimerNote)), Is.EqualTo(new[] { ("CUPTI", (string?)null), ("events", "No CUPTI on this rank.") }));
        StepProfile traced = profiles[0];
        Assert.That(traced.Collectives, Has.Count.GreaterThan(1));
        Assert.That(traced.Collectives.Select(one => one.Seconds), Is.All.EqualTo(5e-6).Within(1e-12));
        Assert.That(traced.Collectives.Select(one => one.Start), Is.Ordered);
        ProfiledLaunch[] waits = [.. traced.Operations.SelectMany(operation => operation.Launches).Where(ProfiledCommunicator.IsWait)];
        Assert.That(waits, Is.Not.Empty);
        Assert.That(waits.Max(wait => wait.Start + wait.Seconds), Is.GreaterThanOrEqualTo(traced.Collectives[^1].End - 1e-12));
        Assert.That(traced.Overlap!.Value.Seconds, Is.EqualTo(traced.Collectives.Sum(one => one.Seconds)).Within(1e-12));
    }

    [Test]
    public void Cupti_WhereRecordsAreNotWhole_IsAnError()
    {
        using FakeCupti cupti = FakeCupti.Open("11.8", _folder.Path);
        UserErrorException error = Assert.Throws<UserErrorException>(() => Profile(cupti, ProfileTimer.Cupti, "lost"))!;
        Assert.That(error.Message, Does.Contain("there is no record of launch").And.EndsWith(". Take --timer events."));
        Assert.That(cupti.Enabled, Is.Zero);
    }

    /// <summary>The misbehaviour begins with the step that is recorded, at its first launch.</summary>
    private StepProfile Profile(FakeCupti cupti, ProfileTimer timer, string mode = "")
    {
        using CudaOperations operations = Silent(new TracedDriver(cupti) { WhenTracing = () => cupti.Misbehave(mode, 1) });
        using Device device = operations.Device;
        return TrainingProfiler.Traced(Case, operations, null, cupti.Tracer(), "", timer, (1e12, 1e14), CancellationToken.None);
    }

    private CudaOperations Silent(SilentDriver driver)
    {
        var device = new GpuDevice(driver, usesGraphs: false);
        var queue = new KernelQueue(driver, device.Stream, new CompileCache(new SilentDriver.Compiler(), _folder.Path), ImageFormat.Ptx);
        return new CudaOperations(device, queue, new KernelMatrixProducts(queue), DataType.Float32, new GpuOptions());
    }

    private static string Printed(StepProfile profile)
    {
        using var text = new StringWriter { NewLine = "\n" };
        new ProfileOutput(text, profile, 0.001).Print("GPU", "fp32", "tokens", 0, ProfileOrder.Time);
        return text.ToString();
    }

    [Test]
    public void Output_SaysWhichKernelsWereChosen_ByAnythingButTheRule()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        using var text = new StringWriter { NewLine = "\n" };
        var output = new ProfileOutput(text, Profile(cupti, ProfileTimer.Auto), 0.001)
        {
            Choices =
            [
                new("attention forward, fp32, B 1 T 2 H 1 D 8", "plain", ChoiceBasis.Rule, []),
                new("attention forward, fp16, B 1 T 2 H 1 D 8", "small", ChoiceBasis.Remembered, [new("plain", 2, null), new("small", 1, null)]),
            ],
        };

        output.Print("GPU", "fp32", "tokens", 0, ProfileOrder.Time);

        Assert.That(text.ToString(), Does.Contain("\nkernels: attention forward, fp16, B 1 T 2 H 1 D 8: small, 1 ms (plain 2 ms), measured before\n").And.Not.Contain("kernels: attention forward, fp32"));
    }

    private static JsonElement Written(System.Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }
}
