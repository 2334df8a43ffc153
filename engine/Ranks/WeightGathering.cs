using System;
using System.Linq;
using GptEngine.Engine.Model;
using GptEngine.Runtime.Communication;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// Brings the weights that sharded ranks have updated, each its part of every bucket, to all of them. What the forward pass reads at once is
/// gathered while the rest is updated; the rest sets out with the next step's first forward pass, in the order in which that reads it, and
/// each layer waits for its own. Between the two the weights are not whole: whoever else reads them calls <see cref="GatherRest"/> first.
/// Gathering what is whole already changes nothing.
/// </summary>
internal sealed class WeightGathering : IWeightListener
{
    private readonly ArenaShard _weights;
    private readonly Communicator _collectives;
    private readonly bool[] _isEarly;
    private readonly (int Phase, int[] Buckets)[] _late;
    private int _next;

    /// <param name="parameters">The weights, in buckets.</param>
    /// <param name="collectives">Joins the ranks.</param>
    public WeightGathering(ParameterArena parameters, Communicator collectives)
    {
        _weights = parameters.ComputeShard;
        _collectives = collectives;
        ArenaMap map = parameters.Map;
        _isEarly = [.. map.Buckets.Select(bucket => bucket.IsReadFirst)];
        int[] order = [.. map.ReadOrder];
        _late = [.. order.Where(bucket => !_isEarly[bucket]).GroupBy(bucket => map.Buckets[bucket].ReadPhase).Select(group => (group.Key, group.ToArray()))];
        Order = order;
    }

    /// <summary>The buckets in the order in which the forward pass reads them, which is that of their gathering.</summary>
    public ReadOnlyMemory<int> Order { get; }

    /// <summary>Whether something is left for the next step.</summary>
    public bool HasRest => _late.Length > 0;

    /// <summary>A bucket's part has been updated here, in <see cref="Order"/>.</summary>
    public void AfterUpdate(int bucket)
    {
        if (_isEarly[bucket])
        {
            _collectives.Follow();
            _weights.Gather(bucket, _collectives);
        }
    }

    /// <summary>All parts have been: what the device does from here on sees the buckets that were gathered meanwhile.</summary>
    public void FinishUpdate() => _collectives.Join();

    /// <inheritdoc/>
    public void BeforeWeights(int phase)
    {
        if (phase == 0)
        {
            _next = 0;
            if (HasRest)
            {
                _collectives.Follow();
                Gather(_late[0].Buckets);
            }
        }

        // Later phases' buckets set out behind this wait and not before it, or it would be for them, too.
        if (_next < _late.Length && _late[_next].Phase == phase)
        {
            _collectives.Join();
            if (++_next < _late.Length)
            {
                Gather(_late[_next].Buckets);
            }
        }
    }

    /// <summary>Enqueues what makes the weights whole at once.</summary>
    public void GatherRest()
    {
        _collectives.Follow();
        using (_collectives.Group())
        {
            foreach ((_, int[] buckets) in _late)
            {
                GatherEach(buckets);
            }
        }

        _collectives.Join();
    }

    private void Gather(int[] buckets)
    {
        if (buckets.Length == 1)
        {
            GatherEach(buckets);
            return;
        }

        using CollectiveGroup group = _collectives.Group();
        GatherEach(buckets);
    }

    private void GatherEach(int[] buckets)
    {
        foreach (int bucket in buckets)
        {
            _weights.Gather(bucket, _collectives);
        }
    }
}
