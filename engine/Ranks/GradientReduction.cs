using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// Sums the gradients of all ranks while the backward pass of a step's last micro-step goes on: a bucket sets out as soon as the pass has
/// completed it, the loss and what ranks tell each other with it before the first. Each rank gets the whole sum, or its part of each
/// bucket where the optimizer is sharded. Gradients are scaled by the tokens of all ranks, so that a sum is the mean.
/// </summary>
internal sealed class GradientReduction : IGradientListener
{
    private readonly IOperations _operations;
    private readonly Communicator _collectives;
    private readonly Tensor _scalars;
    private readonly bool _scatters;
    private readonly bool _isStaged;
    private readonly Parcel[][] _byPhase;
    private readonly Parcel[] _all;

    /// <param name="operations">Where gradients are.</param>
    /// <param name="collectives">Joins the ranks.</param>
    /// <param name="map">The buckets.</param>
    /// <param name="gradients">The arena.</param>
    /// <param name="staging">As many elements in the type that gradients travel in; null where that is their own.</param>
    /// <param name="scalars">What is summed with them.</param>
    public GradientReduction(
        IOperations operations, Communicator collectives, ArenaMap map, Tensor gradients, Tensor? staging, Tensor scalars)
    {
        _operations = operations;
        _collectives = collectives;
        _scalars = scalars;
        RankLayout layout = map.Layout ?? throw new ArgumentException("a process alone has nothing to reduce", nameof(map));
        _scatters = layout.ShardsOptimizer;
        _isStaged = staging is not null;
        _all = [.. map.Buckets.Select((bucket, i) => new Parcel(bucket, i, layout, gradients, staging))];
        int phases = map.Buckets.Max(bucket => bucket.Phase) + 1;
        _byPhase = [.. Enumerable.Range(0, phases).Select(phase => _all.Where(parcel => parcel.Phase == phase).ToArray())];
    }

    /// <summary>This rank's part of each bucket's gradients.</summary>
    public IReadOnlyList<Tensor> Parts => [.. _all.Select(parcel => parcel.Part)];

    /// <summary>The loss is complete.</summary>
    public void OnLoss()
    {
        _collectives.Follow();
        _collectives.AllReduce(_scalars);
    }

    /// <summary>A phase of the backward pass is done.</summary>
    public void OnGradients(int phase)
    {
        if (phase >= _byPhase.Length)
        {
            return;
        }

        Parcel[] parcels = _byPhase[phase];
        if (_isStaged)
        {
            foreach (Parcel parcel in parcels)
            {
                // One travels while the next is rounded.
                using RangeScope range = _operations.Device.Range(parcel.Name);
                _operations.Cast(parcel.Gradients, parcel.Staging!);
                _collectives.Follow();
                Sum(parcel);
            }
        }
        else if (parcels.Length > 0)
        {
            using RangeScope range = _operations.Device.Range(parcels[0].Name);
            _collectives.Follow();
            using CollectiveGroup group = _collectives.Group();
            foreach (Parcel parcel in parcels)
            {
                Sum(parcel);
            }
        }
    }

    /// <summary>What the device does from here on sees the sums.</summary>
    public void Finish()
    {
        _collectives.Join();
        foreach (Parcel parcel in _all)
        {
            if (parcel.Staging is { } staging)
            {
                _operations.Cast(_scatters ? parcel.StagingPart! : staging, _scatters ? parcel.Part : parcel.Gradients);
            }
        }
    }

    private void Sum(Parcel parcel)
    {
        Tensor travelling = parcel.Staging ?? parcel.Gradients;
        if (_scatters)
        {
            _collectives.ReduceScatter(travelling, parcel.StagingPart ?? parcel.Part);
        }
        else
        {
            _collectives.AllReduce(travelling);
        }
    }

    /// <summary>A bucket's tensors, made once: a step only reads them.</summary>
    private sealed class Parcel
    {
        public Parcel(GradientBucket bucket, int index, RankLayout layout, Tensor gradients, Tensor? staging)
        {
            Phase = bucket.Phase;
            Name = new RangeName(RangeKind.Communication, $"gradient bucket {index}");
            ArenaRange whole = bucket.Range;
            ArenaRange part = bucket.PartOf(layout.Rank, layout.WorldSize);
            Gradients = gradients.View(Name.Text, whole.Start, whole.Count);
            Part = gradients.View(Name.Text, part.Start, part.Count);
            Staging = staging?.View(Name.Text, whole.Start, whole.Count);
            StagingPart = staging?.View(Name.Text, part.Start, part.Count);
        }

        public int Phase { get; }

        public RangeName Name { get; }

        public Tensor Gradients { get; }

        public Tensor Part { get; }

        public Tensor? Staging { get; }

        public Tensor? StagingPart { get; }
    }
}
