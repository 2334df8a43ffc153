using System;
using System.Buffers.Binary;
using System.IO;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>
/// Two ranks prove to each other that they know the run's secret, without showing it: each sends 32 random bytes, and answers with an
/// HMAC-SHA256 under the secret over both hellos and its own side's name. The one who called proves first, so that a stranger learns
/// nothing. Every message has a fixed size. What follows is neither encrypted nor signed.
/// </summary>
internal static class Handshake
{
    /// <summary>Which messages follow; raised when they change.</summary>
    internal const ushort Protocol = 2;

    private const int NonceBytes = 32;
    private const int ProofBytes = HMACSHA256.HashSizeInBytes;
    private const int HelloBytes = 8 + sizeof(ushort) + 1 + NonceBytes;

    private static ReadOnlySpan<byte> Magic => "GPTRANKS"u8;

    /// <summary>The side that was called.</summary>
    /// <exception cref="InvalidDataException">The other is a stranger; says how that shows.</exception>
    internal static async Task AcceptAsync(Socket socket, string secret, ConnectionPurpose purpose, CancellationToken cancel)
    {
        var theirs = new byte[HelloBytes];
        await Wire.ReceiveAsync(socket, theirs, cancel).ConfigureAwait(false);
        string? unfit = Unfit(theirs, purpose);
        if (unfit is not null && !theirs.AsSpan().StartsWith(Magic))
        {
            throw new InvalidDataException(unfit);
        }

        // Another version of this program is told ours; anything else nothing.
        byte[] ours = Hello(purpose);
        await Wire.SendAsync(socket, ours, cancel).ConfigureAwait(false);
        if (unfit is not null)
        {
            throw new InvalidDataException(unfit);
        }

        var proof = new byte[ProofBytes];
        await Wire.ReceiveAsync(socket, proof, cancel).ConfigureAwait(false);
        bool knows = CryptographicOperations.FixedTimeEquals(proof, Proof(secret, "calling", theirs, ours));
        var answer = new byte[1 + ProofBytes];
        if (knows)
        {
            answer[0] = 1;
            Proof(secret, "called", theirs, ours).CopyTo(answer, 1);
        }

        await Wire.SendAsync(socket, answer, cancel).ConfigureAwait(false);
        if (!knows)
        {
            throw new InvalidDataException("it does not know the secret");
        }
    }

    /// <summary>The side that called.</summary>
    /// <exception cref="InvalidDataException">What answers is no rank of this run, and may not be it later.</exception>
    /// <exception cref="UserErrorException">What answers is a rank, and refuses this one.</exception>
    internal static async Task CallAsync(Socket socket, string secret, ConnectionPurpose purpose, CancellationToken cancel)
    {
        byte[] ours = Hello(purpose);
        await Wire.SendAsync(socket, ours, cancel).ConfigureAwait(false);
        var theirs = new byte[HelloBytes];
        await Wire.ReceiveAsync(socket, theirs, cancel).ConfigureAwait(false);
        if (Unfit(theirs, purpose) is { } unfit)
        {
            throw theirs.AsSpan().StartsWith(Magic)
                ? new UserErrorException($"{socket.RemoteEndPoint} is a rank of another run or version: {unfit}. Run the same program on every rank.")
                : new InvalidDataException(unfit);
        }

        await Wire.SendAsync(socket, Proof(secret, "calling", ours, theirs), cancel).ConfigureAwait(false);
        var answer = new byte[1 + ProofBytes];
        await Wire.ReceiveAsync(socket, answer, cancel).ConfigureAwait(false);
        if (answer[0] != 1)
        {
            throw new UserErrorException($"{socket.RemoteEndPoint} refuses this rank, whose secret is not that of its run. Give every rank the same secret.");
        }

        if (!CryptographicOperations.FixedTimeEquals(answer.AsSpan(1), Proof(secret, "called", ours, theirs)))
        {
            throw new UserErrorException($"{socket.RemoteEndPoint} pretends to be a rank and does not know the secret. Check the address and port of rank 0.");
        }
    }

    private static byte[] Hello(ConnectionPurpose purpose)
    {
        var hello = new byte[HelloBytes];
        Magic.CopyTo(hello);
        BinaryPrimitives.WriteUInt16LittleEndian(hello.AsSpan(Magic.Length), Protocol);
        hello[Magic.Length + sizeof(ushort)] = (byte)purpose;
        RandomNumberGenerator.Fill(hello.AsSpan(HelloBytes - NonceBytes));
        return hello;
    }

    private static string? Unfit(byte[] hello, ConnectionPurpose purpose)
    {
        if (!hello.AsSpan().StartsWith(Magic))
        {
            return "it does not speak as a rank does";
        }

        ushort protocol = BinaryPrimitives.ReadUInt16LittleEndian(hello.AsSpan(Magic.Length));
        return protocol != Protocol ? $"its messages are of version {protocol} and ours of {Protocol}"
            : hello[Magic.Length + sizeof(ushort)] != (byte)purpose ? "it has come to the wrong port"
            : null;
    }

    private static byte[] Proof(string secret, string side, byte[] callers, byte[] calleds)
    {
        byte[] text = [.. Encoding.ASCII.GetBytes(side), 0, .. callers, .. calleds];
        return HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), text);
    }
}
