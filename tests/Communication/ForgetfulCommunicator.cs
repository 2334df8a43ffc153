using System;
using System.Collections.Generic;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Communication;

/// <summary>Passes everything on but one wait, as a program would that had forgotten it.</summary>
/// <param name="inner">Gets the rest.</param>
/// <param name="forgotten">Which wait, of all <see cref="Follow"/> and <see cref="Join"/> from 0; negative for none.</param>
internal sealed class ForgetfulCommunicator(Communicator inner, int forgotten) : Communicator
{
    private readonly List<string> _waits = [];
    private string _last = "";

    /// <summary>The waits so far by the collectives at them: <c>before gradient bucket 3</c>, <c>after gradient bucket 7</c>.</summary>
    internal IReadOnlyList<string> Waits => _waits;

    public override int Rank => inner.Rank;

    public override int WorldSize => inner.WorldSize;

    public override string Transport => inner.Transport;

    public override void Follow()
    {
        _waits.Add("");
        if (_waits.Count - 1 != forgotten)
        {
            inner.Follow();
        }
    }

    public override void Join()
    {
        _waits.Add($"after {_last}");
        if (_waits.Count - 1 != forgotten)
        {
            inner.Join();
        }
    }

    public override void BeginGroup() => inner.BeginGroup();

    public override void EndGroup() => inner.EndGroup();

    public override void AllReduce(Tensor tensor)
    {
        Name(tensor);
        inner.AllReduce(tensor);
    }

    public override void ReduceScatter(Tensor tensor, Tensor shard)
    {
        Name(tensor);
        inner.ReduceScatter(tensor, shard);
    }

    public override void AllGather(Tensor shard, Tensor tensor)
    {
        Name(tensor);
        inner.AllGather(shard, tensor);
    }

    public override void Broadcast(Tensor tensor, int root)
    {
        Name(tensor);
        inner.Broadcast(tensor, root);
    }

    public override IDisposable? Register(Tensor memory) => inner.Register(memory);

    public override void ThrowIfFailed() => inner.ThrowIfFailed();

    public override void Abort(string reason) => inner.Abort(reason);

    protected override void Dispose(bool disposing) => inner.Dispose();

    private void Name(Tensor tensor)
    {
        _last = tensor.Name;
        if (_waits.Count > 0 && _waits[^1].Length == 0)
        {
            _waits[^1] = $"before {tensor.Name}";
        }
    }
}
