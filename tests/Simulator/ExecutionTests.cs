using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>Scheduling, calls and counters.</summary>
public sealed class ExecutionTests
{
    [Test]
    public void SpinLock_BetweenLanesOfAWarp_MakesProgress()
    {
        using KernelRun run = Open();
        DevicePointer sum = run.Upload(new int[1]);
        run.Launch("spin_lock", 1, 64, 0, run.Upload(new int[1]), sum);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<int>(sum, 1)[0], Is.EqualTo(64));
    }

    [Test]
    public void SpinLock_BetweenBlocks_MakesProgress([Values(1, 2)] int hostThreads)
    {
        using KernelRun run = Open(hostThreads);
        DevicePointer sum = run.Upload(new int[1]);
        run.Launch("spin_lock", 6, 32, 0, run.Upload(new int[1]), sum);
        Assert.That(run.Download<int>(sum, 1)[0], Is.EqualTo(6 * 32));
    }

    [Test]
    public void UnevenLoops_MeetAgain()
    {
        using KernelRun run = Open();
        DevicePointer y = run.Driver.Allocate(128, "y");
        run.Launch("uneven_loops", 1, 32, 0, y);
        static int Sum(int lane) => Enumerable.Range(0, lane % 2 == 1 ? 10 : 3).Sum(i => i % 3 == (lane & 3) ? i * 5 : -1);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<int>(y, 32), Is.EqualTo(Enumerable.Range(0, 32).Select(l => Sum(l ^ 1))));
    }

    [Test]
    public void Calls_ReturnTheirValues()
    {
        using KernelRun run = Open();
        DevicePointer y = run.Driver.Allocate(512, "y");
        run.Launch("calls", 1, 128, 0, y);
        static float Twice(float x, int depth) => (x + (depth & 3)) * 2;
        Assert.That(run.Download<float>(y, 128), Is.EqualTo(Enumerable.Range(0, 128).Select(t => Twice(t, t) + Twice(1, t + 1))));
    }

    [Test]
    public void CoalescedCopy_HasFourSectorsARequest()
    {
        LaunchCounters counters = Count("coalesced_copy", 128, 128, 128);
        Assert.That(counters.GlobalLoadRequests, Is.EqualTo(4));
        Assert.That(counters.LoadSectorsPerRequest, Is.EqualTo(4));
        Assert.That(counters.StoreSectorsPerRequest, Is.EqualTo(4));
        Assert.That(counters.GlobalLoadBytes, Is.EqualTo(512));
        Assert.That(counters.ActiveLanes, Is.EqualTo(32));
    }

    [Test]
    public void VectorCopy_HasSixteenSectorsARequest() =>
        Assert.That(Count("vector_copy", 128, 512, 512).LoadSectorsPerRequest, Is.EqualTo(16));

    [Test]
    public void StridedCopy_HasASectorALane() =>
        Assert.That(Count("strided_copy", 128, 1024, 128).LoadSectorsPerRequest, Is.EqualTo(32));

    [TestCase(1, 1)]
    [TestCase(2, 2)]
    [TestCase(8, 8)]
    [TestCase(32, 32)]
    [TestCase(33, 1)]
    public void SharedStride_HasItsBankConflicts(int stride, int wavefronts)
    {
        using KernelRun run = Open();
        LaunchReport report = run.Launch("bank_conflicts", 1, 32, stride * 32 * 4, run.Driver.Allocate(128, "y"), stride);
        Assert.That(report.Counters.SharedRequests, Is.EqualTo(2));
        Assert.That(report.Counters.SharedWavefronts, Is.EqualTo(2 * wavefronts));
        Assert.That(report.Counters.SharedIdealWavefronts, Is.EqualTo(2));
    }

    [Test]
    public void Counters_DoNotDependOnHostThreads()
    {
        static (long, long, long, float[]) Run(int hostThreads)
        {
            using KernelRun run = Open(hostThreads);
            float[] x = [.. Enumerable.Range(0, 3000).Select(i => i * 0.25f)];
            DevicePointer y = run.Driver.Allocate(12000, "y");
            LaunchCounters counters = run.Launch("to_the_end", 24, 128, 0, run.Upload(x), y, 3000).Counters;
            return (counters.WarpInstructions, counters.ThreadInstructions, counters.GlobalLoadSectors, run.Download<float>(y, 3000));
        }

        (long, long, long, float[]) one = Run(1);
        (long, long, long, float[]) two = Run(2);
        Assert.That((two.Item1, two.Item2, two.Item3), Is.EqualTo((one.Item1, one.Item2, one.Item3)));
        Assert.That(two.Item4, Is.EqualTo(one.Item4));
    }

    [Test]
    public void Graph_ReplaysWhatWasCaptured()
    {
        using KernelRun run = Open();
        DevicePointer x = run.Upload(Enumerable.Range(0, 128).Select(i => (float)i).ToArray());
        DevicePointer y = run.Driver.Allocate(512, "y");
        run.Stream.BeginCapture();
        run.Driver.Launch(run.Function("coalesced_copy"), new LaunchShape(1, 128), run.Stream, x, y);
        using GpuGraph graph = run.Stream.EndCapture();
        Assert.That(run.Driver.LastLaunch, Is.Null);
        graph.Launch(run.Stream);
        Assert.That(run.Download<float>(y, 128)[127], Is.EqualTo(127));
    }

    [Test]
    public void Launch_WithWrongArguments_IsRefused()
    {
        using KernelRun run = Open();
        GpuFunction function = run.Function("coalesced_copy");
        var error = Assert.Throws<GpuException>(() => run.Driver.Launch(function, new LaunchShape(1, 32), run.Stream, 1, 2));
        Assert.That(error!.Message, Is.EqualTo("cuLaunchKernel: CUDA_ERROR_INVALID_VALUE: coalesced_copy, grid (1, 1, 1), block (32, 1, 1), 0 bytes of shared memory: argument 0 has 4 bytes, its parameter 8."));
        Assert.Throws<GpuException>(() => run.Driver.Launch(function, new LaunchShape(1, 32), run.Stream, 1));
        Assert.Throws<GpuException>(() => run.Driver.Launch(function, new LaunchShape(1, 2048), run.Stream, 1L, 2L));
    }

    private static KernelRun Open(int hostThreads = 2) => new(
        Golden.Read("planted.sm80.ptx"), 80, new SimulatorOptions { ThrowOnFinding = false, HostThreads = hostThreads });

    private static LaunchCounters Count(string kernel, int threads, int inputs, int outputs)
    {
        using KernelRun run = Open();
        LaunchReport report = run.Launch(kernel, 1, threads, 0, run.Upload(new float[inputs]), run.Driver.Allocate(4 * outputs, "y"));
        Assert.That(report.Findings, Is.Empty);
        return report.Counters;
    }
}
