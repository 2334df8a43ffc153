using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>Rank 0's side of the rendezvous: waits for all ranks, and checks that they belong together.</summary>
internal sealed class RootRendezvous : IDisposable
{
    // For a refusal to reach those who are refused, before the process may end.
    private static readonly TimeSpan Parting = TimeSpan.FromSeconds(2);

    private readonly RankEnvironment _environment;
    private readonly RunIdentity _identity;
    private readonly RankLimits _limits;
    private readonly Gate _gate;
    private readonly Arrival?[] _arrivals;
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource<string?> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal RootRendezvous(RankEnvironment environment, RunIdentity identity, RankLimits limits)
    {
        _environment = environment;
        _identity = identity;
        _limits = limits;
        _arrivals = new Arrival?[environment.WorldSize];
        _gate = new Gate(environment.Secret, ConnectionPurpose.Control, AdmitAsync);
    }

    /// <summary>A rank that has come, and what it says next.</summary>
    internal sealed record Arrival(RankIntroduction Introduction, FramedConnection Connection, Task<(FrameKind Kind, byte[] Payload)> Next);

    /// <summary>Waits for all.</summary>
    /// <returns>By rank; null for this one.</returns>
    /// <exception cref="UserErrorException">Some have not come, or do not belong; names them.</exception>
    internal IReadOnlyList<Arrival?> Meet(CancellationToken cancel)
    {
        Listen();
        string? problem;
        try
        {
            problem = _end.Task.Wait(_limits.Arrival, cancel) ? _end.Task.Result : DescribeMissing();
        }
        finally
        {
            _gate.Dispose();
        }

        // Ranks that were started alike may do better when they are started again; others will not.
        ExitCode code = ExitCode.Failed;
        if (problem is null && DescribeDifferences() is { } differences)
        {
            (problem, code) = (differences, ExitCode.Usage);
        }

        lock (_lock)
        {
            if (problem is null)
            {
                byte[] welcome = Welcome();
                Array.ForEach(_arrivals, arrival => arrival?.Connection.Send(welcome));
                return _arrivals;
            }

            byte[] refusal = Refusal(problem, code);
            Array.ForEach(_arrivals, arrival => arrival?.Connection.Send(refusal));
            Task.WaitAll([.. _arrivals.OfType<Arrival>().Select(arrival => arrival.Connection.FinishAsync())], Parting);
        }

        throw new UserErrorException(problem, code);
    }

    /// <summary>Closes the door; and, unless <see cref="Meet"/> has handed them over, the connections.</summary>
    public void Dispose() => _gate.Dispose();

    private void Listen()
    {
        foreach (IPAddress address in ListeningAddresses())
        {
            try
            {
                _gate.Listen(address, _environment.MasterPort);
            }
            catch (SocketException failed)
            {
                _gate.Dispose();
                throw new UserErrorException(
                    $"Rank 0 cannot listen at {address} port {_environment.MasterPort}: {failed.Message}. Give the run another port (MASTER_PORT).",
                    ExitCode.Failed,
                    failed);
            }
        }
    }

    /// <summary>Where the others will look: the master's own addresses if they are this host's, else all that the host has.</summary>
    private IPAddress[] ListeningAddresses()
    {
        try
        {
            IPAddress[] own = [.. NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(card => card.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address)];
            IPAddress[] named = [.. Dns.GetHostAddresses(_environment.MasterAddress).Where(a => IPAddress.IsLoopback(a) || own.Any(o => o.Equals(a))).Distinct()];
            if (named.Length > 0)
            {
                return named;
            }
        }
        catch (SocketException)
        {
            // The name may be known to the other hosts only.
        }

        return [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any];
    }

    private async Task AdmitAsync(Socket socket, CancellationToken cancel)
    {
        var connection = new FramedConnection(socket);
        RankIntroduction introduction = RankIntroduction.Read(await connection.ReadAsync(RankIntroduction.LongestFrame, cancel).ConfigureAwait(false));
        string name = $"Rank {introduction.Rank} on host {introduction.HostName} (process {introduction.ProcessId}, {connection.Remote})";

        // Nothing is said before the welcome: whatever comes earlier is the end of that rank.
        Task<(FrameKind, byte[])> next = connection.ReadAsync(TcpRankControl.LongestFromMember, CancellationToken.None);
        if (Enter(new Arrival(introduction, connection, next)) is { } contradiction)
        {
            string problem = $"{name} cannot take part: {contradiction}. Start every rank once, with its own number and the same world size.";
            connection.Send(Refusal(problem, ExitCode.Failed));
            await connection.FinishAsync().ConfigureAwait(false);
            _end.TrySetResult(problem);
            connection.Dispose();
            return;
        }

        _ = next.ContinueWith(
            _ => _end.TrySetResult($"{name} has left before all ranks had arrived; its own output says why."),
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }

    /// <summary>Takes the rank's place; or says why it has none.</summary>
    private string? Enter(Arrival arrival)
    {
        RankIntroduction introduction = arrival.Introduction;
        string[] contradictions = [.. introduction.Contradictions(_environment)];
        if (contradictions.Length > 0)
        {
            return string.Join("; ", contradictions);
        }

        lock (_lock)
        {
            if (_arrivals[introduction.Rank]?.Introduction is { } first)
            {
                return $"rank {first.Rank} is there already, on host {first.HostName} (process {first.ProcessId})";
            }

            _arrivals[introduction.Rank] = arrival;
            if (_arrivals.Count(other => other is not null) == _environment.WorldSize - 1)
            {
                _end.TrySetResult(null);
            }

            return null;
        }
    }

    private string DescribeMissing()
    {
        int[] missing = [.. Enumerable.Range(1, _environment.WorldSize - 1).Where(rank => _arrivals[rank] is null)];
        return $"After {RankBoard.Seconds(_limits.Arrival)} {missing.Length} of {_environment.WorldSize} ranks {(missing.Length == 1 ? "has" : "have")} not arrived at "
            + $"{_environment.MasterAddress} port {_environment.MasterPort}: rank {string.Join(", ", missing.Take(16))}{(missing.Length > 16 ? ", …" : "")}.{_gate.Strangers}";
    }

    private string? DescribeDifferences() => RunDifferences.Describe(
        new RunDifferences.Member(0, _environment.HostName, _identity),
        [.. _arrivals.OfType<Arrival>().Select(a => new RunDifferences.Member(a.Introduction.Rank, a.Introduction.HostName, a.Introduction.Identity))]);

    private static byte[] Refusal(string problem, ExitCode code) =>
        new FrameBuilder(FrameKind.Refused).Integer((long)code).Text(problem, TcpRankControl.LongestReason).Build();

    private byte[] Welcome()
    {
        var frame = new FrameBuilder(FrameKind.Welcome);
        for (int rank = 0; rank < _environment.WorldSize; rank++)
        {
            frame.Text(_arrivals[rank]?.Introduction.HostName ?? _environment.HostName, RankEnvironment.LongestHostName);
        }

        return frame.Build();
    }
}
