using System;
using System.Globalization;
using System.Threading;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Communication.Nccl;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Training;

namespace GptEngine.Tests.Communication;

/// <summary>
/// A rank as a process: <c>rank ROLE RANK WORLD ADDRESS PORT SILENCE-MS</c>. It says <c>step N</c> on standard output as it goes, and a user
/// error on standard error with that error's exit code.
/// </summary>
internal static class RankProgram
{
    internal const string SecretVariable = "GPTENGINE_TEST_SECRET";

    /// <summary>Milliseconds for all ranks to arrive.</summary>
    internal const string ArrivalVariable = "GPTENGINE_TEST_ARRIVAL";

    internal static int Run(string[] arguments)
    {
        int Number(int i) => int.Parse(arguments[i], CultureInfo.InvariantCulture);
        var environment = new RankEnvironment(
            Number(1), Number(2), Number(1), Number(2), arguments[3], Number(4), Environment.GetEnvironmentVariable(SecretVariable) ?? "", $"host{arguments[1]}");
        RankLimits limits = TcpRanks.Limits with { Silence = TimeSpan.FromMilliseconds(Number(5)) };
        if (Environment.GetEnvironmentVariable(ArrivalVariable) is { Length: > 0 } arrival)
        {
            limits = limits with { Arrival = TimeSpan.FromMilliseconds(int.Parse(arrival, CultureInfo.InvariantCulture)) };
        }

        try
        {
            if (arguments[0] == "nccl-train")
            {
                // All ranks in one process.
                NcclTraining.Run(Number(2));
                return 0;
            }

            using RankControl control = RankGroups.Meet(environment, TcpRanks.Identity, limits);
            switch (arguments[0])
            {
                case "endless":
                    Sums(control, environment, limits, int.MaxValue);
                    break;
                case "sums":
                    Sums(control, environment, limits, 50);
                    break;
                case "nccl":
                    CallNccl(control, limits);
                    break;
                case "nccl-hung":
                    HangUnderNccl(control, limits);
                    break;
                default:
                    throw new UserErrorException($"There is no role '{arguments[0]}'.", ExitCode.Usage);
            }

            return 0;
        }
        catch (UserErrorException error)
        {
            Console.Error.WriteLine(error.Message);
            return (int)error.ExitCode;
        }
    }

    private static void Sums(RankControl control, RankEnvironment environment, RankLimits limits, int steps)
    {
        using var device = new CpuDevice(1);
        using Communicator collectives = RankGroups.Connect(control, environment, device, limits);
        for (int step = 0; step < steps; step++)
        {
            control.Report($"step {step}");
            if (CollectiveCases.Check(new RankGroup(collectives, control), device, DataType.Float32, 1009, step) is { } wrong)
            {
                throw new UserErrorException(wrong);
            }

            Console.WriteLine($"step {step}");

            // Steps take some time, or the tests would only fill a pipe.
            Thread.Sleep(10);
        }

        control.Barrier("the end");
    }

    private static void CallNccl(RankControl control, RankLimits limits)
    {
        using var device = new GpuDevice(new SimulatedDriver(SimulatedGpus.ByArchitecture(80), new SimulatorOptions { HostThreads = 1 }));
        using NcclCommunicator nccl = NcclSetup.Join(control, device, _ => 0x5EED, () => { }, limits);
        Console.WriteLine(nccl.Transport);
        int world = control.WorldSize;
        var half = new Tensor("half", DataType.Float16, 0x1000, 1000);
        var brain = new Tensor("brain", DataType.BFloat16, 0x2000, 6 * world);
        var doubles = new Tensor("doubles", DataType.Float64, 0x3000, 5 * world);
        using IDisposable? registration = nccl.Register(new Tensor("arena", DataType.Float32, 0x1000, 1024));
        var listener = new StreamListener();
        nccl.Listener = listener;
        nccl.Follow();
        nccl.AllReduce(half);
        nccl.ReduceScatter(brain, new Tensor("shard", DataType.BFloat16, 0x8000, 6));
        nccl.AllGather(new Tensor("shard", DataType.Float64, 0x9000, 5), doubles);
        nccl.Broadcast(new Tensor("tokens", DataType.Int32, 0xA000, 7), world - 1);
        nccl.Listener = null;
        using (nccl.Group())
        {
            nccl.AllReduce(half);
            nccl.AllReduce(brain);
        }

        nccl.Join();
        Console.WriteLine($"heard {listener.Heard} on {(listener.Stream == device.Stream ? "the work's own stream" : "a stream of their own")}");
        for (int step = 0; step < 100; step++)
        {
            nccl.ThrowIfFailed();
        }

        Console.WriteLine("done");
    }

    /// <summary>Rank 1 never comes to the collective, and rank 0's GPU waits for it in vain.</summary>
    private static void HangUnderNccl(RankControl control, RankLimits limits)
    {
        using var driver = new SilentDriver();
        using var device = new GpuDevice(driver);
        using NcclCommunicator nccl = NcclSetup.Join(control, device, _ => 0x5EED, () => { }, limits with { Collective = TimeSpan.FromMilliseconds(500) });
        TcpRanks.Report(control, $"step 3 of rank {control.Rank}");
        driver.IsHung = control.Rank == 0;
        while (true)
        {
            if (control.Rank == 0)
            {
                nccl.Follow();
                nccl.AllReduce(new Tensor("gradients", DataType.Float32, 0x1000, 1000));
                nccl.Join();
            }

            Thread.Sleep(50);
            control.ThrowIfFailed();
        }
    }
}
