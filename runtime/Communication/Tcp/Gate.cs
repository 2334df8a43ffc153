using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>
/// Lets in who knows the secret. Others cost little: a connection has <see cref="Patience"/> to prove itself, by messages of fixed size;
/// of those that have not yet, <see cref="MostPending"/> are held, and one more ends the oldest, so that no flood keeps a rank out.
/// </summary>
internal sealed class Gate : IDisposable
{
    /// <summary>Unproven connections that are held at once.</summary>
    internal const int MostPending = 128;

    /// <summary>For a connection to prove itself.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const int Backlog = 512;

    private readonly string _secret;
    private readonly ConnectionPurpose _purpose;
    private readonly Func<Socket, CancellationToken, Task> _admit;
    private readonly List<Socket> _listeners = [];
    private readonly LinkedList<Socket> _pending = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private long _refused;
    private string _lastRefusal = "";

    /// <param name="secret">The run's.</param>
    /// <param name="purpose">What connections must be for.</param>
    /// <param name="admit">Takes over a proven connection; what it throws for bad input counts as a refusal.</param>
    internal Gate(string secret, ConnectionPurpose purpose, Func<Socket, CancellationToken, Task> admit)
    {
        _secret = secret;
        _purpose = purpose;
        _admit = admit;
    }

    /// <summary>The strangers so far in a sentence, beginning with a blank; empty where there were none.</summary>
    internal string Strangers
    {
        get
        {
            lock (_lock)
            {
                return _refused == 0 ? "" : $" {_refused} {(_refused == 1 ? "connection was" : "connections were")} refused, the last from {_lastRefusal}.";
            }
        }
    }

    /// <summary>Starts to listen.</summary>
    /// <returns>The port: that asked for, or the one given for 0.</returns>
    /// <exception cref="SocketException">The port is taken, or the address not of this host.</exception>
    internal int Listen(IPAddress address, int port)
    {
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any))
            {
                listener.DualMode = true;
            }

            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(Backlog);
        }
        catch (SocketException)
        {
            listener.Dispose();
            throw;
        }

        _listeners.Add(listener);
        _ = AcceptAsync(listener);
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    public void Dispose()
    {
        if (_closing.IsCancellationRequested)
        {
            return;
        }

        _closing.Cancel();
        foreach (Socket listener in _listeners)
        {
            listener.Dispose();
        }

        lock (_lock)
        {
            foreach (Socket socket in _pending)
            {
                socket.Dispose();
            }
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                Socket socket = await listener.AcceptAsync(_closing.Token).ConfigureAwait(false);
                _ = ProveAsync(socket, Hold(socket));
            }
            catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException failed)
            {
                // Aborted before it was accepted, or no file descriptor is left for it; the next may do better.
                Refuse("an unknown address", failed.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100)).ConfigureAwait(false);
            }
        }
    }

    private LinkedListNode<Socket> Hold(Socket socket)
    {
        lock (_lock)
        {
            if (_pending.Count == MostPending)
            {
                _pending.First!.Value.Dispose();
                _pending.RemoveFirst();
            }

            return _pending.AddLast(socket);
        }
    }

    private async Task ProveAsync(Socket socket, LinkedListNode<Socket> place)
    {
        string from = "an unknown address";
        bool admitted = false;
        try
        {
            from = socket.RemoteEndPoint?.ToString() ?? from;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
            limit.CancelAfter(Patience);
            await Handshake.AcceptAsync(socket, _secret, _purpose, limit.Token).ConfigureAwait(false);
            Release(place);
            await _admit(socket, limit.Token).ConfigureAwait(false);
            admitted = true;
        }
        catch (OperationCanceledException)
        {
            Refuse(from, $"it has not proved itself within {RankBoard.Seconds(Patience)}");
        }
        catch (Exception failed) when (failed is InvalidDataException or IOException or SocketException)
        {
            Refuse(from, failed.Message);
        }
        catch (ObjectDisposedException)
        {
            Refuse(from, "too many came after it, or the run has begun");
        }
        finally
        {
            Release(place);
            if (!admitted)
            {
                socket.Dispose();
            }
        }
    }

    private void Release(LinkedListNode<Socket> place)
    {
        lock (_lock)
        {
            if (place.List is not null)
            {
                _pending.Remove(place);
            }
        }
    }

    private void Refuse(string from, string reason)
    {
        lock (_lock)
        {
            _refused++;
            _lastRefusal = $"{from}: {reason}";
        }
    }
}
