using System;
using System.IO;

namespace GptEngine.Runtime.Communication.Host;

/// <summary>
/// Carries collectives between host memories. Sums are the same bits in each: part b of the elements is summed from rank b + 1 around to
/// rank b, in fp32 (fp64 for fp64), and rounded once.
/// </summary>
internal abstract class HostTransport : IDisposable
{
    internal abstract string Name { get; }

    /// <summary>Does one collective to its end, on the communicator's own thread.</summary>
    /// <exception cref="UserErrorException">It failed or was aborted; says why.</exception>
    /// <exception cref="IOException">Another rank, or the way to it, has ended, which may have its reason elsewhere.</exception>
    internal abstract void Run(in HostCollective collective);

    /// <summary>Makes <see cref="Run"/> throw, now and from here on; from any thread.</summary>
    internal abstract void Abort(string reason);

    public abstract void Dispose();
}
