using System;
using System.Buffers.Binary;
using System.IO;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>A connection that carries frames. Sending never waits: frames are queued, and one who does not take them is cut off.</summary>
internal sealed class FramedConnection : IDisposable
{
    private const int LongestQueue = 4096;

    private readonly Socket _socket;
    private readonly Channel<byte[]> _outgoing = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(LongestQueue) { SingleReader = true });
    private readonly Task _writing;
    private volatile bool _isFinishing;

    internal FramedConnection(Socket socket)
    {
        _socket = socket;
        socket.NoDelay = true;
        Remote = socket.RemoteEndPoint?.ToString() ?? "an unknown address";
        LocalAddress = ((System.Net.IPEndPoint)socket.LocalEndPoint!).Address;
        _writing = WriteAsync();
    }

    /// <summary>For messages: the other side's address.</summary>
    internal string Remote { get; }

    /// <summary>This side's address, which the other reaches.</summary>
    internal System.Net.IPAddress LocalAddress { get; }

    /// <summary>Queues a frame; after <see cref="FinishAsync"/>, and where the connection has ended, it is dropped.</summary>
    internal void Send(byte[] frame)
    {
        if (!_outgoing.Writer.TryWrite(frame) && !_isFinishing)
        {
            // Full: its reader fails now and says so.
            _socket.Dispose();
        }
    }

    /// <summary>The next frame, of at most <paramref name="longest"/> bytes of payload.</summary>
    /// <exception cref="IOException">The connection has ended.</exception>
    /// <exception cref="InvalidDataException">The frame is too long.</exception>
    internal async Task<(FrameKind Kind, byte[] Payload)> ReadAsync(int longest, CancellationToken cancel)
    {
        try
        {
            var header = new byte[FrameBuilder.HeaderBytes];
            await Wire.ReceiveAsync(_socket, header, cancel).ConfigureAwait(false);
            int length = BinaryPrimitives.ReadInt32LittleEndian(header);
            if (length < 0 || length > longest)
            {
                throw new InvalidDataException($"a message has {length} bytes, and {longest} at most are allowed");
            }

            var payload = new byte[length];
            await Wire.ReceiveAsync(_socket, payload, cancel).ConfigureAwait(false);
            return ((FrameKind)header[^1], payload);
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            throw new IOException(ended.Message, ended);
        }
    }

    /// <summary>Sends what is queued and says that no more will come; what the other sends is still read.</summary>
    internal async Task FinishAsync()
    {
        _isFinishing = true;
        _outgoing.Writer.TryComplete();
        await _writing.ConfigureAwait(false);
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The other side has closed first.
        }
    }

    public void Dispose()
    {
        _isFinishing = true;
        _outgoing.Writer.TryComplete();
        _socket.Dispose();
    }

    private async Task WriteAsync()
    {
        try
        {
            await foreach (byte[] frame in _outgoing.Reader.ReadAllAsync().ConfigureAwait(false))
            {
                await Wire.SendAsync(_socket, frame, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // Whoever reads from the connection finds out as well, and reports it.
            _outgoing.Writer.TryComplete();
        }
    }
}
