using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Nccl;
using static GptEngine.Runtime.Native.Nccl.NcclNative;

namespace GptEngine.Runtime.Communication.Nccl;

/// <summary>How the ranks of a run become a communicator of NCCL's.</summary>
internal static class NcclSetup
{
    /// <summary>2.27.3 for 22703.</summary>
    internal static string VersionName(int version) =>
        string.Create(CultureInfo.InvariantCulture, $"{version / 10000}.{version / 100 % 100}.{version % 100}");

    /// <summary>Joins over a real GPU.</summary>
    /// <exception cref="UserErrorException">NCCL is missing or too old, differs between ranks, or fails.</exception>
    internal static NcclCommunicator Join(RankControl control, GpuDevice device, CudaDriver driver, RankLimits limits)
    {
        driver.MakeCurrent();
        return Join(control, device, CudaDriver.HandleOf, driver.MakeCurrent, limits);
    }

    /// <param name="control">Brings the unique id to the others.</param>
    /// <param name="device">Whose context is the calling thread's.</param>
    /// <param name="handleOf">A stream as NCCL takes it.</param>
    /// <param name="makeCurrent">Makes the device's context that of another thread.</param>
    /// <param name="limits">How long to wait.</param>
    internal static NcclCommunicator Join(RankControl control, GpuDevice device, Func<GpuStream, nint> handleOf, Action makeCurrent, RankLimits limits)
    {
        NativeLibraryOpening library = NativeLibraries.Require(NativeLibraryName.Nccl);
        try
        {
            int version = Version(library);
            RequireSameVersion(control, version);
            NcclUniqueId id = ShareId(control, version);
            control.Report("joining the others over NCCL");
            NcclHandle handle = NcclHandle.Join(control, id, version, makeCurrent, limits.Arrival);
            var communicator = new NcclCommunicator(control, device, handle, handleOf, limits);
            Connect(communicator, device);
            return communicator;
        }
        catch (GpuException failed)
        {
            control.Fail(failed.Message);
            control.ThrowIfFailed();
            throw;
        }
    }

    private static int Version(NativeLibraryOpening library)
    {
        int result = ncclGetVersion(out int version);
        if (result != Success)
        {
            throw NcclResults.Failure(result, nameof(ncclGetVersion), 0);
        }

        // Up to 2.8 the number was made otherwise, and is smaller than any since.
        return version >= OldestVersion
            ? version
            : throw new UserErrorException($"{library.Path} is NCCL {version}, and 2.10 is the oldest that serves. {NativeLibraryName.Nccl.Remedy}", ExitCode.MissingDependency);
    }

    private static void RequireSameVersion(RankControl control, int version)
    {
        IReadOnlyList<byte[]> all = control.AllGather("NCCL's version", Encoding.ASCII.GetBytes(VersionName(version)));
        string[] versions = [.. all.Select(Encoding.ASCII.GetString)];
        if (Array.FindIndex(versions, other => other != versions[0]) is var rank and >= 0)
        {
            throw new UserErrorException(
                $"Rank 0 has NCCL {versions[0]} and rank {rank} NCCL {versions[rank]}, which do not speak with each other. Set GPTENGINE_NCCL to the same libnccl.so.2 everywhere.");
        }
    }

    private static NcclUniqueId ShareId(RankControl control, int version)
    {
        byte[] own = [];
        if (control.Rank == 0)
        {
            int result = ncclGetUniqueId(out NcclUniqueId made);
            own = result == Success ? made.ToArray() : throw NcclResults.Failure(result, nameof(ncclGetUniqueId), version);
        }

        return NcclUniqueId.From(control.AllGather("NCCL's unique id", own)[0]);
    }

    /// <summary>
    /// Does each collective once. NCCL makes its connections when they are first needed; now that is here, and not inside a capture or a step
    /// whose time counts.
    /// </summary>
    private static void Connect(NcclCommunicator communicator, GpuDevice device)
    {
        try
        {
            int world = communicator.WorldSize;
            using DeviceMemory memory = device.Allocate(world * sizeof(float));
            var whole = new Tensor("connections", DataType.Float32, memory.Address, world);
            Tensor shard = whole.View("connections.shard", communicator.Rank, 1);
            communicator.Follow();
            communicator.AllReduce(whole);
            communicator.ReduceScatter(whole, shard);
            communicator.AllGather(shard, whole);
            communicator.Broadcast(whole, 0);
            communicator.Join();
            device.Synchronize();
            communicator.ThrowIfFailed();
        }
        catch
        {
            communicator.Dispose();
            throw;
        }
    }
}
