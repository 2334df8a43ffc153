using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Native.Nccl;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Installed;

/// <summary>What NCCL says to our argument lists, our configuration and our numbers of its results.</summary>
internal static unsafe class NcclChecks
{
    internal static IReadOnlyList<KeyValuePair<string, Action>> All { get; } =
    [
        new("Ids_AreMade_AndErrorsNamed", IdsAreMadeAndErrorsNamed),
        new("Joining_Plainly_WorksOrSaysWhyInCudasWords", () => JoiningWorksOrSaysWhy(configures: false)),
        new("Joining_WithAConfiguration_WorksOrSaysWhyInCudasWords", () => JoiningWorksOrSaysWhy(configures: true)),
    ];

    private static void IdsAreMadeAndErrorsNamed()
    {
        Assert.That(NcclNative.ncclGetVersion(out int version), Is.EqualTo(NcclNative.Success));
        Assert.That(version, Is.GreaterThanOrEqualTo(NcclNative.OldestVersion));
        Assert.That(NcclNative.ncclGetUniqueId(out NcclUniqueId first), Is.EqualTo(NcclNative.Success));
        Assert.That(NcclNative.ncclGetUniqueId(out NcclUniqueId second), Is.EqualTo(NcclNative.Success));
        Assert.That(first.ToArray(), Is.Not.EqualTo(second.ToArray()).And.Not.EqualTo(new byte[NcclUniqueId.Bytes]));
        string[] told = [.. Enumerable.Range(1, NcclNative.InProgress).Select(result => NcclResults.Failure(result, "x", version).Message)];
        Assert.That(told, Is.Unique.And.All.Not.Contains("unknown result"));
        Assert.That(told[5], Does.StartWith("x: ncclRemoteError: remote process exited"));
    }

    private static void JoiningWorksOrSaysWhy(bool configures)
    {
        NcclConfiguration configuration = NcclConfiguration.NonBlocking();
        Assert.That(NcclNative.ncclGetVersion(out int version) + NcclNative.ncclGetUniqueId(out NcclUniqueId id), Is.Zero);
        int result = configures ? NcclNative.ncclCommInitRankConfig(out nint communicator, 1, id, 0, &configuration) : NcclNative.ncclCommInitRank(out communicator, 1, id, 0);
        if (CudaDriver.DeviceCount > 0)
        {
            Assert.That(result, Is.EqualTo(NcclNative.Success).Or.EqualTo(configures ? NcclNative.InProgress : NcclNative.Success));
            Assert.That(NcclNative.ncclCommAbort(communicator), Is.EqualTo(NcclNative.Success));
            return;
        }

        GpuException failure = NcclResults.Failure(result, nameof(NcclNative.ncclCommInitRank), version);
        Assert.That((failure.Code, communicator), Is.EqualTo(("ncclUnhandledCudaError", (nint)0)));
        Assert.That(failure.Message, Does.Contain("Cuda failure"));
    }
}
