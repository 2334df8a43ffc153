using System;
using System.Threading;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Communication.Local;
using GptEngine.Runtime.Communication.Nccl;
using GptEngine.Runtime.Communication.Ring;
using GptEngine.Runtime.Communication.Tcp;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Devices;

namespace GptEngine.Runtime.Communication;

/// <summary>
/// How a process becomes a rank. First all ranks meet and check that they were started alike, before anything costly is done:
/// <see cref="Meet"/>; then, with its device, each joins the collectives: <see cref="Connect"/>.
/// </summary>
public static class RankGroups
{
    /// <summary>Meets the other ranks: rank 0 listens at the master's address and port, the others look for it there, in any order.</summary>
    /// <param name="environment">Where this rank stands.</param>
    /// <param name="identity">What must be the same on every rank.</param>
    /// <param name="limits">How long to wait; null for the defaults.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="UserErrorException">A rank has not come, differs, or is refused: named, on every rank.</exception>
    public static RankControl Meet(RankEnvironment environment, RunIdentity identity, RankLimits? limits = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(identity);
        environment.Validate();
        limits ??= RankLimits.Default;
        if (environment.WorldSize == 1)
        {
            return new LocalRankControl(new LocalMeeting(1, limits), 0);
        }

        if (environment.Rank == 0)
        {
            using var rendezvous = new RootRendezvous(environment, identity, limits);
            return new RootControl(rendezvous.Meet(cancel), environment.HostName, limits);
        }

        (FramedConnection root, var hosts) = new MemberRendezvous(environment, identity, limits).MeetAsync(cancel).GetAwaiter().GetResult();
        return new MemberControl(root, environment.Rank, hosts, limits);
    }

    /// <summary>
    /// Joins the collectives: every rank calls it, after <see cref="Meet"/> and with the device that it computes on. Ranks with GPUs
    /// exchange by NCCL, a single one as well; those on the CPU or a simulated GPU over TCP, which is for tests.
    /// </summary>
    /// <param name="control">What <see cref="Meet"/> has returned.</param>
    /// <param name="environment">As given to <see cref="Meet"/>.</param>
    /// <param name="device">This rank's; outlives the communicator.</param>
    /// <param name="limits">How long to wait; null for the defaults.</param>
    /// <exception cref="UserErrorException">A rank does not join: named, on every rank. Or NCCL is missing.</exception>
    public static Communicator Connect(RankControl control, RankEnvironment environment, Device device, RankLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(control);
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(device);
        limits ??= RankLimits.Default;
        if (device is GpuDevice { Driver: CudaDriver driver } gpu)
        {
            return NcclSetup.Join(control, gpu, driver, limits);
        }

        HostTransport transport = control is TcpRankControl tcp
            ? new RingTransport(tcp.Rank, tcp.WorldSize, RingNeighbours.Connect(tcp, environment.Secret, limits))
            : new LocalTransport(new LocalExchange(1), 0);
        return new HostCommunicator(control, transport, device, limits);
    }
}
