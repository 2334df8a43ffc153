using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels.Selection;

/// <summary>How one of several kernels is chosen by measuring, kept, and left out where it is wrong. Kernels and their times are the test's.</summary>
public sealed class KernelSelectorTests
{
    private const string Question = "attention backward, bf16, B 36 T 256 H 16 D 64";
    private const string Machine = "NVIDIA H200, sm_90, driver 550.54.15 (CUDA 12.4), NVRTC 12.4, kernels 0123";

    private static readonly ImmutableArray<TriedKernel> Kernels = [new("plain", "attention_plain<Half>"), new("small", "attention_small<Half>"), new("large", "attention_large<Half>")];

    private readonly List<string> _warnings = [];
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown()
    {
        _warnings.Clear();
        _folder.Dispose();
    }

    [Test]
    public void Choose_TakesTheFastestOfMedians_AndGivesItsMemoryBack()
    {
        // One run of each is an accident, to the good and to the bad.
        ScriptedTrials trials = Trials([3], [1.2, 0.1, 1.2], [1.1, 9, 1.1]);

        KernelChoice choice = Choose(trials);

        Assert.That(choice, Has.Property("Chosen").EqualTo("large").And.Property("Basis").EqualTo(ChoiceBasis.Measured).And.Property("HasFault").False);
        Assert.That(choice.Candidates.Select(candidate => candidate.Ms), Is.EqualTo(new double?[] { 3, 1.2, 1.1 }));
        Assert.That(choice.ToString(), Is.EqualTo($"{Question}: large, 1.1 ms (plain 3 ms, small 1.2 ms), measured now"));
        Assert.That(trials.IsDisposed);
        Assert.That(_warnings, Is.Empty);
    }

    [Test]
    public void Choose_ChecksAllBefore_ThenTimesInRounds_WithoutTheHopeless()
    {
        ScriptedTrials trials = Trials([3], [1.2], [1.1]);

        Choose(trials);

        string[] first = ["check small", "check large", "time plain", "time small", "time large", "time large", "time small", "time small", "time large"];
        Assert.That(trials.Done.Take(first.Length), Is.EqualTo(first), "plain takes more than twice the best's time: once is enough");
        Assert.That(trials.Done.Count(done => done == "time small"), Is.EqualTo(KernelSelector.Rounds));
    }

    [Test]
    public void Choose_NextProcess_TakesItFromTheFile()
    {
        KernelChoice first = Choose(Trials([3], [1.2], [1.1]));

        KernelChoice second = Choose(null);

        Assert.That(second.Basis, Is.EqualTo(ChoiceBasis.Remembered));
        Assert.That((second.Chosen, second.Question), Is.EqualTo((first.Chosen, first.Question)));
        Assert.That(second.Candidates, Is.EqualTo(first.Candidates));
        Assert.That(KernelMeasurements.Of(_folder.Path, Machine).Single().ToString(), Is.EqualTo(second.ToString()));
        Assert.That(KernelMeasurements.Of(_folder.Path, Machine + "4"), Is.Empty, "another machine's");
    }

    /// <summary>The fastest is wrong: it loses, this process says so, and so does every later one.</summary>
    [Test]
    public void Choose_ResultsThatDiffer_AreLeftOut_AndSaidEachTime()
    {
        ScriptedTrials trials = Trials([3], [1.2], [0.5]);
        trials.Checks["large"] = () => "its gradient of K differs from the plain kernel's by 0.5 where 0.004 is allowed";

        KernelChoice choice = Choose(trials);

        Assert.That(choice.Chosen, Is.EqualTo("small"));
        Assert.That(trials.Done, Has.None.EqualTo("time large"));
        Assert.That(_warnings.Single(), Is.EqualTo(
            $"attention_large<Half> is LEFT OUT on {Machine}, for {Question}: its gradient of K differs from the plain kernel's by 0.5 where 0.004 is allowed. "
            + "small runs in its place. Please report this line, with what 'gpt selftest --filter Attention --all' prints."));

        KernelChoice again = Choose(null);

        Assert.That((again.Chosen, again.HasFault), Is.EqualTo(("small", true)));
        Assert.That(_warnings, Has.Count.EqualTo(2).And.All.EqualTo(_warnings[0]));
        Assert.That(KernelMeasurements.Of(_folder.Path, Machine).Single().HasFault);
    }

    [TestCaseSource(nameof(Failures))]
    public void Choose_KernelThatCannotRun_IsLeftOut(Exception failure)
    {
        ScriptedTrials trials = Trials([3], [1.2], [0.5]);
        trials.Checks["large"] = () => throw failure;

        Assert.That(Choose(trials).Chosen, Is.EqualTo("small"));
        Assert.That(_warnings.Single(), Does.Contain("attention_large<Half>").And.Contain(failure.Message.TrimEnd('.').Split(Environment.NewLine)[0]).And.Contain(Machine));
        Assert.That(Choose(null).HasFault);
    }

    private static Exception[] Failures() =>
    [
        new GpuException("cuLaunchKernel", "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"),
        NotCompiled("attention_large.cu(17): error: identifier is undefined"),
        new NotSupportedException("attention_large is not for sm_90."),
    ];

    /// <summary>After a fault within a kernel the GPU does nothing more for the process: it ends with the reason, and the next one does without.</summary>
    [Test]
    public void Choose_FaultThatEndsTheProcess_IsLeftOutByTheNext()
    {
        ScriptedTrials dying = Trials([3], [1.2], [0.5], survives: false);
        dying.Checks["large"] = () => throw new GpuException("cuEventQuery", "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered");

        UserErrorException error = Assert.Throws<UserErrorException>(() => Choose(dying))!;

        Assert.That(error.Message, Does.StartWith($"attention_large<Half> failed on {Machine}").And.Contain("CUDA_ERROR_ILLEGAL_ADDRESS").And.Contain("Start again: it is left out from now on."));
        Assert.That(_warnings.Single(), Is.EqualTo(error.Message), "what ends the process may hide the exception");
        Assert.That(KernelMeasurements.Of(_folder.Path, Machine).Single(), Has.Property("HasFault").True, "the doctor knows before the next run");

        _warnings.Clear();
        ScriptedTrials next = Trials([3], [1.2], [0.5]);
        Assert.That(Choose(next).Chosen, Is.EqualTo("small"));
        Assert.That(next.Done, Has.None.Contains("large"));
        Assert.That(_warnings.Single(), Does.Contain("CUDA_ERROR_ILLEGAL_ADDRESS"));
        Assert.That(KernelMeasurements.Of(_folder.Path, Machine), Has.Count.EqualTo(1), "its trial is no longer under way");
    }

    /// <summary>A kernel that never ends must be killed with its process, which then says nothing.</summary>
    [Test]
    public void Choose_ProcessThatWasKilledInATrial_IsRemembered()
    {
        ScriptedTrials killed = Trials([3], [1.2], [0.5]);
        killed.Checks["small"] = () => throw new OperationCanceledException("as if the process were no more");
        Assert.Throws<OperationCanceledException>(() => Choose(killed));

        ScriptedTrials next = Trials([3], [1.2], [0.5]);

        Assert.That(Choose(next).Chosen, Is.EqualTo("large"));
        Assert.That(next.Done, Has.None.Contains("small"));
        Assert.That(_warnings.Single(), Does.Contain("attention_small<Half>").And.Contain("the process that first ran it did not come to the kernel's end"));
    }

    /// <summary>No room says nothing of a kernel: it is tried again when there is.</summary>
    [Test]
    public void Choose_WithoutMemory_RemembersNothing()
    {
        ScriptedTrials full = Trials([3], [1.2], [0.5]);
        full.Checks["large"] = () => throw new GpuException("cuModuleLoadData", "CUDA_ERROR_OUT_OF_MEMORY", "out of memory");
        Assert.Throws<GpuException>(() => Choose(full));
        Assert.That(KernelMeasurements.Of(_folder.Path, Machine), Is.Empty);

        Assert.That(Choose(Trials([3], [1.2], [0.5])), Has.Property("Chosen").EqualTo("large").And.Property("HasFault").False);
        Assert.That(_warnings, Is.Empty);
    }

    [TestCase("")]
    [TestCase("large")]
    [TestCase("large|plain=3|small=1.2", TestName = "one candidate is missing")]
    [TestCase("large|plain=3|small=1.2|large=1.1|huge=1", TestName = "one candidate is too many")]
    [TestCase("huge|plain=3|small=1.2|large=1.1", TestName = "the chosen is no candidate")]
    [TestCase("large|plain=3|small=1.2|large!wrong", TestName = "the chosen is wrong")]
    [TestCase("large|plain=3|small=1.2|large=NaN")]
    [TestCase("large|plain=3|small=1.2|large=-1")]
    [TestCase("large|plain=3|small=1.2|large=∞")]
    [TestCase("large|plain=3|small=1.2|large=")]
    [TestCase("large|plain=3|small=1.2|large?1.1")]
    [TestCase("large|plain=3|large=1.1|small=1.2", TestName = "in another order")]
    public void Choose_FileThatSaysSomethingElse_IsMeasuredAgain(string answer)
    {
        var file = new MeasuredFile(_folder.Path, Machine);
        file.Set(Question, answer);

        Assert.That(Choose(Trials([3], [1.2], [1.1])).Basis, Is.EqualTo(ChoiceBasis.Measured));
        Assert.That(Choose(null).Chosen, Is.EqualTo("large"));
    }

    [Test]
    public void Choose_FileThatIsNoText_IsMeasuredAgain([Values(0, 100, 2 << 20)] int bytes)
    {
        var noise = new byte[bytes];
        new Random(5).NextBytes(noise);
        File.WriteAllBytes(new MeasuredFile(_folder.Path, Machine).Path, noise);

        Assert.That(Choose(Trials([3], [1.2], [1.1])).Chosen, Is.EqualTo("large"));
        Assert.That(Choose(null).Basis, Is.EqualTo(ChoiceBasis.Remembered), "and the file is whole again");
    }

    /// <summary>What a kernel's failure says may have what would be another line, or another candidate.</summary>
    [Test]
    public void Choose_FaultOfSeveralLines_IsOneInTheFile()
    {
        ScriptedTrials trials = Trials([3], [1.2], [0.5]);
        trials.Checks["large"] = () => throw NotCompiled($"a.cu(1): error: a\tb\nc|large=0 {new string('x', 5000)}");
        Choose(trials);

        KernelChoice again = Choose(null);

        Assert.That((again.Chosen, again.Candidates[2].Fault!.Length), Is.EqualTo(("small", 300)));
    }

    [Test]
    public void Choose_FolderThatCannotBeWritten_IsMeasuredEachTime()
    {
        string folder = Path.Combine(_folder.Write("file", "not a folder"), "measured");
        Assert.That(Choose(Trials([3], [1.2], [1.1]), folder).Basis, Is.EqualTo(ChoiceBasis.Measured));
        Assert.That(Choose(Trials([3], [1.2], [1.1]), folder).Basis, Is.EqualTo(ChoiceBasis.Measured));
        Assert.That(_warnings, Is.Empty);
    }

    /// <summary>Ranks of one host, all of them with nothing remembered: one measures, the others take what it found.</summary>
    [Test]
    public void Choose_SeveralAtOnce_OneMeasures()
    {
        using var inside = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        ScriptedTrials trials = Trials([3], [1.2], [1.1]);
        trials.Checks["small"] = () =>
        {
            inside.Set();
            goOn.Wait();
            return null;
        };

        Task<KernelChoice> first = Task.Run(() => Choose(trials));
        inside.Wait();
        Task<KernelChoice> second = Task.Run(() => Choose(null));
        Assert.That(second.Wait(50), Is.False, "it waits for the first");
        goOn.Set();

        Assert.That(first.Result.Basis, Is.EqualTo(ChoiceBasis.Measured));
        Assert.That(second.Result.Basis, Is.EqualTo(ChoiceBasis.Remembered));
    }

    private static CompileException NotCompiled(string log) => new(
        KernelSources.Request(ComputeCapability.FromNumber(90), ImageFormat.Ptx, AttentionKernels.Forward(DataType.Float16, 64)), log);

    private static ScriptedTrials Trials(double[] plain, double[] small, double[] large, bool survives = true) => new()
    {
        Times = new() { ["plain"] = plain, ["small"] = small, ["large"] = large },
        SurvivesFailures = survives,
    };

    /// <summary>As another process would; null for one that must not measure.</summary>
    private KernelChoice Choose(ScriptedTrials? trials, string? folder = null) =>
        new KernelSelector(new MeasuredFile(folder ?? _folder.Path, Machine), Machine, _warnings.Add)
            .Choose(Question, Kernels, () => trials ?? throw new AssertionException("nothing was to be measured"));
}
