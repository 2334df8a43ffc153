using System;
using System.IO;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>Whole buffers through a socket.</summary>
internal static class Wire
{
    /// <exception cref="EndOfStreamException">The other side has closed the connection.</exception>
    internal static async Task ReceiveAsync(Socket socket, Memory<byte> buffer, CancellationToken cancel)
    {
        while (buffer.Length > 0)
        {
            int received = await socket.ReceiveAsync(buffer, SocketFlags.None, cancel).ConfigureAwait(false);
            if (received == 0)
            {
                throw new EndOfStreamException("the connection was closed");
            }

            buffer = buffer[received..];
        }
    }

    internal static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> buffer, CancellationToken cancel)
    {
        while (buffer.Length > 0)
        {
            buffer = buffer[await socket.SendAsync(buffer, SocketFlags.None, cancel).ConfigureAwait(false)..];
        }
    }
}
