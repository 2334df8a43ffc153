using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using GptEngine.Runtime.Communication.Tcp;

namespace GptEngine.Runtime.Communication.Ring;

/// <summary>A rank's two connections in the ring: to the rank after it, and from the rank before it. Both are proven by the run's secret.</summary>
internal sealed record RingNeighbours(Socket Next, Socket Previous) : IDisposable
{
    private const int AddressBytes = 16;
    private const int BufferBytes = 1 << 20;

    /// <summary>Closes the ring; every rank calls it at once.</summary>
    /// <exception cref="UserErrorException">A neighbour does not answer; names it.</exception>
    internal static RingNeighbours Connect(TcpRankControl control, string secret, RankLimits limits)
    {
        var previous = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        int before = (control.Rank + control.WorldSize - 1) % control.WorldSize;
        int after = (control.Rank + 1) % control.WorldSize;
        using var gate = new Gate(secret, ConnectionPurpose.Ring, (socket, cancel) => AdmitAsync(socket, before, previous, cancel));
        IPAddress own = control.LocalAddress.IsIPv4MappedToIPv6 ? control.LocalAddress.MapToIPv4() : control.LocalAddress;
        int port = gate.Listen(own, 0);
        IReadOnlyList<byte[]> places = control.AllGather("the ring of connections", Pack(new IPEndPoint(own, port)));

        using var limit = new CancellationTokenSource(limits.Arrival);
        control.WhenFailed(_ => previous.TrySetCanceled());
        Socket? next = null;
        try
        {
            next = CallAsync(Unpack(places[after], own), secret, control.Rank, limit.Token).GetAwaiter().GetResult();
            return new RingNeighbours(next, previous.Task.WaitAsync(limit.Token).GetAwaiter().GetResult());
        }
        catch (Exception failed) when (failed is OperationCanceledException or SocketException or IOException or InvalidDataException)
        {
            next?.Dispose();
            if (!previous.TrySetCanceled() && previous.Task.IsCompletedSuccessfully)
            {
                previous.Task.Result.Dispose();
            }

            control.ThrowIfFailed();
            string missing = next is null ? $"reach rank {after} ({failed.Message})" : $"hear of rank {before}";
            control.Fail($"it does not {missing} for the ring of connections. Check that the hosts reach each other.");
            control.ThrowIfFailed();
            throw new UnreachableException("the run has just been failed", failed);
        }
    }

    public void Dispose()
    {
        Next.Dispose();
        Previous.Dispose();
    }

    private static async Task AdmitAsync(Socket socket, int expected, TaskCompletionSource<Socket> previous, CancellationToken cancel)
    {
        var rank = new byte[sizeof(int)];
        await Wire.ReceiveAsync(socket, rank, cancel).ConfigureAwait(false);
        Tune(socket);
        if (BitConverter.ToInt32(rank) != expected || !previous.TrySetResult(socket))
        {
            throw new InvalidDataException("it is not the rank before this one");
        }
    }

    private static async Task<Socket> CallAsync(IPEndPoint place, string secret, int rank, CancellationToken cancel)
    {
        var socket = new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(place, cancel).ConfigureAwait(false);
            Tune(socket);
            await Handshake.CallAsync(socket, secret, ConnectionPurpose.Ring, cancel).ConfigureAwait(false);
            await Wire.SendAsync(socket, BitConverter.GetBytes(rank), cancel).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Tune(Socket socket)
    {
        socket.NoDelay = true;
        socket.SendBufferSize = BufferBytes;
        socket.ReceiveBufferSize = BufferBytes;
    }

    // Sixteen bytes of address, IPv4 mapped, and four of port.
    private static byte[] Pack(IPEndPoint place) => [.. place.Address.MapToIPv6().GetAddressBytes(), .. BitConverter.GetBytes(place.Port)];

    private static IPEndPoint Unpack(byte[] place, IPAddress own)
    {
        if (place.Length != AddressBytes + sizeof(int) || BitConverter.ToInt32(place, AddressBytes) is var port && port is < 1 or > ushort.MaxValue)
        {
            throw new InvalidDataException("a rank has given no address");
        }

        var address = new IPAddress(place.AsSpan(0, AddressBytes));
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

        // A link's own addresses mean something on the interface they were seen on alone.
        return new IPEndPoint(address.IsIPv6LinkLocal && own.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes(), own.ScopeId) : address, port);
    }
}
