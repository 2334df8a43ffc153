using GptEngine.Runtime.Communication.Host;

namespace GptEngine.Runtime.Communication.Local;

/// <summary>What the ranks of one process show each other of a collective: where its memory is.</summary>
internal sealed class LocalExchange(int worldSize)
{
    private readonly RankBarrier _barrier = new(worldSize);
    private readonly HostCollective[] _collectives = new HostCollective[worldSize];

    internal int WorldSize => worldSize;

    internal ref readonly HostCollective this[int rank] => ref _collectives[rank];

    /// <summary>Waits until every rank has come to the collective.</summary>
    /// <exception cref="UserErrorException">The ranks have come to different ones.</exception>
    internal void Open(int rank, in HostCollective collective)
    {
        _collectives[rank] = collective;
        _barrier.Wait(rank);
        for (int other = 1; other < worldSize; other++)
        {
            if (!_collectives[other].Matches(_collectives[0]))
            {
                throw new UserErrorException(
                    $"every rank must do the same, and rank 0 has come to this: {_collectives[0].Describe()}; rank {other} to this: {_collectives[other].Describe()}");
            }
        }
    }

    /// <summary>Waits until every rank is done with the others' memory.</summary>
    internal void Close(int rank) => _barrier.Wait(rank);

    /// <summary>Ends the wait of those who would wait for this rank in vain.</summary>
    internal void Leave(int rank)
    {
        if (_barrier.IsAwaited(rank))
        {
            _barrier.Abort($"rank {rank} has left the run");
        }
    }

    internal void Abort(string reason) => _barrier.Abort(reason);
}
