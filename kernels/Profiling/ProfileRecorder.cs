using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Records one step: the operations called in it, what they launched, and in which named stretch. Hears of operations by
/// <see cref="ProfiledOperations"/>, of launches as a GPU's observer, of stretches as the device's range listener. Not for several threads.
/// </summary>
/// <param name="clock">Times the pieces; the recorder disposes of it.</param>
/// <param name="step">The step to record, from 0.</param>
/// <param name="next">Who heard of stretches before; hears of them still.</param>
public sealed class ProfileRecorder(WorkClock clock, long step, IRangeListener? next) : IRangeListener, ILaunchObserver, IDisposable
{
    private readonly List<Operation> _operations = [];
    private readonly List<Collective> _collectives = [];
    private CollectiveClock? _collectiveClock;
    private int _collectivesBefore;
    private ProfiledRange? _range;
    private Operation? _current;
    private int _depth;
    private int _pieces;
    private int _segment;

    /// <summary>Whether the step is under way.</summary>
    public bool IsRecording { get; private set; }

    /// <summary>Called as the step begins, ahead of everything that is recorded of it; null for nothing.</summary>
    public Action? BeforeStep { get; set; }

    public void Begin(RangeName name, long number)
    {
        ArgumentNullException.ThrowIfNull(name);
        next?.Begin(name, number);
        if (!IsRecording && name.Kind == RangeKind.Step && number == step)
        {
            // The clock first: what it prepares may take one rank longer than another.
            clock.BeginStep();
            BeforeStep?.Invoke();
            IsRecording = true;
        }

        if (IsRecording)
        {
            _range = new ProfiledRange(name, number, _range);
        }
    }

    public void End(RangeName name)
    {
        ArgumentNullException.ThrowIfNull(name);
        next?.End(name);
        if (IsRecording)
        {
            _range = _range?.Parent;
            if (_range is null)
            {
                IsRecording = false;
                clock.EndStep();
            }
        }
    }

    /// <summary>An operation is about to be called.</summary>
    /// <param name="name">For people.</param>
    /// <param name="detail">What tells calls of other shapes apart.</param>
    /// <param name="costs">Its parts.</param>
    public void BeginOperation(string name, string detail, IReadOnlyList<CostPart> costs)
    {
        if (!IsRecording)
        {
            return;
        }

        _current = new Operation(name, detail, costs, _range, _segment);
        _operations.Add(_current);
        if (!clock.TimesLaunches)
        {
            clock.Begin();
        }
    }

    /// <summary>It has returned.</summary>
    public void EndOperation()
    {
        if (_current is not { } operation)
        {
            return;
        }

        if (!clock.TimesLaunches)
        {
            KernelCost cost = operation.Costs.Aggregate(default(KernelCost), (sum, part) => sum + part.Cost);
            clock.End(operation.Name, null, cost);
            operation.Pieces.Add(new Piece(operation.Name, "", null, cost, _pieces++));
        }

        _current = null;
    }

    /// <summary>What is to hear when collectives run, from the first that the recorder is told of.</summary>
    public ICollectiveListener ListenToCollectives() => _collectiveClock ??= clock.TimeCollectives();

    /// <summary>A collective is about to be enqueued, in the recorded step or not.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="tensor">The whole tensor.</param>
    /// <param name="worldSize">Ranks.</param>
    public void AddCollective(CollectiveKind kind, Tensor tensor, int worldSize)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (IsRecording)
        {
            _collectives.Add(new Collective(kind, tensor.Name, tensor.Bytes, _collectivesBefore));
        }

        _collectiveClock?.Enqueue(IsRecording ? ProfiledCollective.WireBytes(kind, tensor.Bytes, worldSize) : 0);
        _collectivesBefore++;
    }

    /// <summary>What follows waited for the profile itself: no gap of the step lies between.</summary>
    public void BeginSegment() => _segment++;

    public void BeginLaunch()
    {
        if (IsRecording && _depth++ == 0 && clock.TimesLaunches)
        {
            clock.Begin();
        }
    }

    public void EndLaunch(string name, string part, LaunchShape? shape, KernelCost? cost)
    {
        if (!IsRecording || --_depth > 0 || !clock.TimesLaunches)
        {
            return;
        }

        clock.End(name, shape, cost);
        if (_current is null)
        {
            _operations.Add(_current = new Operation("other", "", [], _range, _segment));
        }

        _current.Pieces.Add(new Piece(name, part, shape, cost, _pieces++));
        _current = _current.Name == "other" ? null : _current;
    }

    /// <summary>Why what was recorded has no times that can be used: a clause; null where it has.</summary>
    public string? Fault => clock.Fault;

    /// <summary>What the device itself recorded of the step, in the order in which it began; nothing where it does not.</summary>
    public IReadOnlyList<GpuActivity> Activities => clock.Activities;

    /// <summary>What was recorded, in order. The device has done all of it.</summary>
    public IReadOnlyList<ProfiledOperation> Read() =>
    [
        .. _operations.Select(operation => new ProfiledOperation(
            operation.Name, operation.Detail, operation.Costs, operation.Range, operation.Segment, [.. operation.Pieces.Select(Read)])),
    ];

    /// <summary>Collectives of the step, in order. The device has waited for all of them.</summary>
    public IReadOnlyList<ProfiledCollective> ReadCollectives() =>
    [
        .. _collectives.Select(collective =>
        {
            (double start, double end) = _collectiveClock!.Read(collective.Number);
            return new ProfiledCollective(collective.Kind, collective.Tensor, collective.Bytes, start, end);
        }),
    ];

    public void Dispose()
    {
        _collectiveClock?.Dispose();
        clock.Dispose();
    }

    private ProfiledLaunch Read(Piece piece)
    {
        (double start, double seconds) = clock.Read(piece.Number);
        return new ProfiledLaunch(piece.Name, piece.Part, piece.Shape, piece.Cost, start, seconds, clock.Counters(piece.Number))
        {
            Activities = clock.ActivitiesOf(piece.Number),
            Enqueued = clock.Enqueued(piece.Number),
        };
    }

    private sealed record Operation(string Name, string Detail, IReadOnlyList<CostPart> Costs, ProfiledRange? Range, int Segment)
    {
        public List<Piece> Pieces { get; } = [];
    }

    private sealed record Collective(CollectiveKind Kind, string Tensor, long Bytes, int Number);

    private sealed record Piece(string Name, string Part, LaunchShape? Shape, KernelCost? Cost, int Number);
}
