using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>Another rank's side of the rendezvous: looks for rank 0, which may start later, and waits with it for the rest.</summary>
internal sealed class MemberRendezvous(RankEnvironment environment, RunIdentity identity, RankLimits limits)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // Rank 0 has the better message, if it has one: it knows who is missing.
    private static readonly TimeSpan GraceForReason = TimeSpan.FromSeconds(10);

    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Arrives.</summary>
    /// <returns>The connection to rank 0, and the hosts by rank.</returns>
    /// <exception cref="UserErrorException">Rank 0 is not there, or refuses this rank, or others have not come.</exception>
    internal async Task<(FramedConnection Connection, IReadOnlyList<string> Hosts)> MeetAsync(CancellationToken cancel)
    {
        FramedConnection connection = await FindAsync(cancel).ConfigureAwait(false);
        try
        {
            connection.Send(new RankIntroduction(environment.Rank, environment.WorldSize, environment.HostName, Environment.ProcessId, identity).ToFrame());
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Left + GraceForReason);
            return (connection, await WelcomeAsync(connection, limit.Token).ConfigureAwait(false));
        }
        catch (Exception failed)
        {
            connection.Dispose();
            if (failed is OperationCanceledException && !cancel.IsCancellationRequested)
            {
                throw new UserErrorException($"{Me} was let in by rank 0 at {Master}, and has heard nothing of it for {RankBoard.Seconds(limits.Arrival)}.");
            }

            if (failed is IOException or InvalidDataException)
            {
                throw new UserErrorException($"{Me} lost rank 0 at {Master} before the run began: {failed.Message}.", ExitCode.Failed, failed);
            }

            throw;
        }
    }

    private string Master => $"{environment.MasterAddress} port {environment.MasterPort}";

    private string Me => $"Rank {environment.Rank} on host {environment.HostName}";

    private TimeSpan Left => limits.Arrival - Stopwatch.GetElapsedTime(_start) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    private async Task<IReadOnlyList<string>> WelcomeAsync(FramedConnection connection, CancellationToken cancel)
    {
        // The hosts of all ranks, or why there is no run.
        int longest = 16 + (4 * Math.Max(environment.WorldSize * RankEnvironment.LongestHostName, TcpRankControl.LongestReason));
        (FrameKind kind, byte[] payload) = await connection.ReadAsync(longest, cancel).ConfigureAwait(false);
        return kind switch
        {
            FrameKind.Welcome => ReadHosts(payload),
            FrameKind.Refused => throw Refusal(payload),
            _ => throw new InvalidDataException($"it said {kind} before a welcome"),
        };
    }

    private static UserErrorException Refusal(byte[] payload)
    {
        var reader = new FrameReader(payload);
        ExitCode code = reader.Integer() == (long)ExitCode.Usage ? ExitCode.Usage : ExitCode.Failed;
        return new UserErrorException(reader.Text(TcpRankControl.LongestReason), code);
    }

    private string[] ReadHosts(byte[] payload)
    {
        var hosts = new string[environment.WorldSize];
        var reader = new FrameReader(payload);
        for (int rank = 0; rank < hosts.Length; rank++)
        {
            hosts[rank] = reader.Text(RankEnvironment.LongestHostName);
        }

        reader.End();
        return hosts;
    }

    private async Task<FramedConnection> FindAsync(CancellationToken cancel)
    {
        TimeSpan pause = FirstPause;
        string last = "nothing was tried";
        while (true)
        {
            (FramedConnection? connection, string failure) = await TryAllAsync(cancel).ConfigureAwait(false);
            if (connection is not null)
            {
                return connection;
            }

            last = failure;
            if (Left == TimeSpan.Zero)
            {
                throw new UserErrorException(
                    $"{Me} has not found rank 0 at {Master} within {RankBoard.Seconds(limits.Arrival)}: {last}. Check MASTER_ADDR and MASTER_PORT, and that rank 0 was started.");
            }

            await Task.Delay(pause < Left ? pause : Left, cancel).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task<(FramedConnection? Connection, string Failure)> TryAllAsync(CancellationToken cancel)
    {
        string failure;
        try
        {
            failure = "the name has no address";
            foreach (IPAddress address in await Dns.GetHostAddressesAsync(environment.MasterAddress, cancel).ConfigureAwait(false))
            {
                (FramedConnection? connection, failure) = await TryAsync(new IPEndPoint(address, environment.MasterPort), cancel).ConfigureAwait(false);
                if (connection is not null)
                {
                    return (connection, "");
                }
            }
        }
        catch (SocketException unknown)
        {
            failure = unknown.Message;
        }

        return (null, failure);
    }

    private async Task<(FramedConnection? Connection, string Failure)> TryAsync(IPEndPoint place, CancellationToken cancel)
    {
        var socket = new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Left + TimeSpan.FromMilliseconds(500) < Gate.Patience ? Left + TimeSpan.FromMilliseconds(500) : Gate.Patience);
        try
        {
            await socket.ConnectAsync(place, limit.Token).ConfigureAwait(false);
            await Handshake.CallAsync(socket, environment.Secret, ConnectionPurpose.Control, limit.Token).ConfigureAwait(false);
            return (new FramedConnection(socket), "");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            socket.Dispose();
            return (null, $"{place} has not answered");
        }
        catch (Exception failed)
        {
            socket.Dispose();
            if (failed is SocketException or IOException or InvalidDataException)
            {
                return (null, $"{place}: {failed.Message}");
            }

            throw;
        }
    }
}
