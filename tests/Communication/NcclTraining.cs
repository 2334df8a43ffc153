using System;
using System.Linq;
using System.Runtime.InteropServices;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Communication.Local;
using GptEngine.Runtime.Communication.Nccl;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Kernels;
using GptEngine.Tests.Ranks;
using GptEngine.Tests.Training;

namespace GptEngine.Tests.Communication;

/// <summary>
/// A run of ranks over NCCL's calls as they are, on simulated GPUs whose streams work in an unlucky order: the collectives are done by the
/// host on the stream that the call names. In a process of its own, for the library that stands for NCCL.
/// </summary>
internal static unsafe class NcclTraining
{
    internal const string OrderVariable = "GPTENGINE_TEST_ORDER", ShardedVariable = "GPTENGINE_TEST_SHARDED", ForgottenVariable = "GPTENGINE_TEST_FORGOTTEN";

    /// <summary>Trains, and prints each step's bits by rank, and the waits for collectives and theirs.</summary>
    internal static void Run(int worldSize)
    {
        var order = Enum.Parse<StreamOrder>(Variable(OrderVariable) ?? nameof(StreamOrder.AtOnce));
        int forgotten = int.Parse(Variable(ForgottenVariable) ?? "-1", System.Globalization.CultureInfo.InvariantCulture);
        RunConfiguration configuration = SimulatedRanksTests.Configuration(Precision.Fp32).Sharded(Variable(ShardedVariable) is not null);

        // An evaluation makes weights whole: between the two steps there is none, or the second would have nothing to gather.
        configuration = configuration with { Training = configuration.Training with { EvalEvery = 2, EvalBatches = 1 } };
        nint setMover = NativeLibrary.GetExport(NativeLibraries.Require(NativeLibraryName.Nccl).Handle, "fakeNcclSetMover");
        ((delegate* unmanaged<delegate* unmanaged<int, nint, nint, nuint, int, int, nint, void>, void>)setMover)(&Move);
        var exchange = new LocalExchange(worldSize);
        CudaOperations[] operations =
            [.. Enumerable.Range(0, worldSize).Select(_ => SimulatedOperations.Create(80, DataType.Float32, checks: SimulatorChecks.None, order: order))];
        var observers = new RecordingObserver[worldSize];
        var waits = new string[worldSize][];
        LocalRanks.Run(worldSize, rank => operations[rank].Device, (usual, device) =>
        {
            using CudaOperations own = operations[usual.Rank];
            using var transport = new LocalTransport(exchange, usual.Rank);
            usual.Control.WhenFailed(exchange.Abort);
            using NcclCommunicator nccl = NcclSetup.Join(
                usual.Control, (GpuDevice)device, stream => GCHandle.ToIntPtr(GCHandle.Alloc(new Queue((GpuDevice)device, stream, transport, worldSize))), () => { }, RankLimits.Default);
            var used = new ForgetfulCommunicator(nccl, forgotten);
            observers[usual.Rank] = new RecordingObserver();
            RankedRuns.Train(configuration, own, RankedRuns.Options(usual with { Collectives = used }, observers[usual.Rank], null, false));
            waits[usual.Rank] = [.. used.Waits];
        });
        foreach (RecordingObserver observer in observers)
        {
            Console.WriteLine(string.Join(' ', observer.Steps.Select(step => (step.Loss, step.GradNorm)).Concat(observer.Evaluations.Select(e => ((float)e.Loss, 0f)))));
        }

        Console.WriteLine(string.Join(", ", waits[0]));
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    [UnmanagedCallersOnly]
    private static void Move(int kind, nint source, nint target, nuint count, int type, int root, nint stream) =>
        ((Queue)GCHandle.FromIntPtr(stream).Target!).Add((CollectiveKind)kind, (ulong)source, (ulong)target, (long)count, type, root);

    /// <summary>A stream as NCCL is given it.</summary>
    private sealed class Queue(GpuDevice device, GpuStream stream, LocalTransport transport, int worldSize)
    {
        public void Add(CollectiveKind kind, ulong source, ulong target, long count, int type, int root) => stream.AddCallback(() =>
        {
            // Counts are those of the smaller of the two where they differ.
            var driver = (SimulatedDriver)device.Driver;
            DataType element = type switch { 6 => DataType.Float16, 7 => DataType.Float32, 9 => DataType.BFloat16, _ => DataType.Float64 };
            long bytes = count * element.SizeInBytes(), all = bytes * worldSize;
            transport.Run(new HostCollective(kind, element, count, root)
            {
                Source = (nint)driver.Reading("NCCL", new DevicePointer(source), kind == CollectiveKind.ReduceScatter ? all : bytes),
                Target = (nint)driver.Writing("NCCL", new DevicePointer(target), kind == CollectiveKind.AllGather ? all : bytes),
            });
        });
    }
}
