using System;
using System.Net;
using GptEngine.Runtime.Communication;

namespace GptEngine.Runtime.Launching;

/// <summary>Where a process stands among those of its run, as whoever started it says.</summary>
/// <param name="Rank">This process, from 0.</param>
/// <param name="WorldSize">Processes of the run.</param>
/// <param name="LocalRank">This process among those of its host, from 0: which GPU it takes.</param>
/// <param name="LocalWorldSize">Processes on this host; null where the launcher does not say.</param>
/// <param name="MasterAddress">Where rank 0 listens; null for a single process.</param>
/// <param name="MasterPort">The port there; null for a single process.</param>
/// <param name="Launcher">For messages: <c>Slurm</c>.</param>
public sealed record RankPlace(
    int Rank, int WorldSize, int LocalRank, int? LocalWorldSize, string? MasterAddress, int? MasterPort, string Launcher)
{
    /// <summary>The place with what else the ranks need to meet.</summary>
    /// <param name="secret">See <see cref="SharedSecret"/>.</param>
    /// <param name="hostName">What messages call this host.</param>
    /// <exception cref="UserErrorException">The values cannot be those of a run.</exception>
    public RankEnvironment WithSecret(string secret, string hostName)
    {
        // Who does not say how many share the host has them all on one, or a number that the local rank bounds from below.
        bool isOneHost = MasterAddress is "localhost" || (IPAddress.TryParse(MasterAddress, out IPAddress? address) && IPAddress.IsLoopback(address));
        int local = LocalWorldSize ?? (isOneHost ? WorldSize : Math.Min(WorldSize, LocalRank + 1));
        var environment = new RankEnvironment(Rank, WorldSize, LocalRank, local, MasterAddress ?? "", MasterPort ?? 0, secret, hostName);
        environment.Validate();
        return environment;
    }
}
