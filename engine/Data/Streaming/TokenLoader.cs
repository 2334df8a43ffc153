using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// Prepares the micro-batches of a rank in order on a thread of its own, ahead of the training that takes them. Page faults and the reading
/// of the next window from disk happen there. After the start nothing managed is allocated.
/// </summary>
public sealed class TokenLoader : IDisposable
{
    private readonly BatchSampler _sampler;
    private readonly TokenBatch[] _ring;
    private readonly long _lastStep;
    private readonly SemaphoreSlim _empty;
    private readonly SemaphoreSlim _full = new(0);
    private readonly Thread _thread;
    private readonly long _firstStep;
    private volatile bool _stopping;
    private ExceptionDispatchInfo? _failure;
    private long _filled;
    private long _delivered;
    private int _next;
    private int _taken;

    /// <param name="sampler">What to read.</param>
    /// <param name="ring">At least two batches to fill in turn; the caller's, and in use until this is disposed of.</param>
    /// <param name="firstStep">The optimizer step to begin with: 0, or where a run resumes.</param>
    /// <param name="steps">How many steps will be taken, so that none is read in vain; all by default.</param>
    public TokenLoader(BatchSampler sampler, IReadOnlyList<TokenBatch> ring, long firstStep = 0, long steps = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ring.Count, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        foreach (TokenBatch batch in ring)
        {
            batch.CheckShape(sampler.Options.MicroBatch, sampler.Options.ContextLength);
        }

        _sampler = sampler;
        _ring = [.. ring];
        _firstStep = firstStep;
        _lastStep = steps > long.MaxValue - firstStep ? long.MaxValue : firstStep + steps;
        _empty = new SemaphoreSlim(_ring.Length);
        _thread = new Thread(Fill) { Name = "tokens: load", IsBackground = true };
        _thread.Start();
    }

    /// <summary>
    /// The next micro-batch, waited for where it is not ready. It is the caller's until <see cref="Release"/>; up to all but one of the ring
    /// may be held, for copies that are still under way.
    /// </summary>
    /// <exception cref="Runtime.UserErrorException">A token of this batch is outside the vocabulary; those before it come out whole.</exception>
    /// <exception cref="InvalidOperationException">All steps have been taken.</exception>
    public TokenBatch Next()
    {
        _full.Wait();
        if (_delivered == Volatile.Read(ref _filled))
        {
            // The thread signals without a batch only when it has failed; once more, for a caller that tries again.
            _full.Release();
            _failure!.Throw();
        }

        _delivered++;
        TokenBatch batch = _ring[_next];
        _next = (_next + 1) % _ring.Length;
        _taken++;
        return batch;
    }

    /// <summary>Gives the batch that has been held longest back to be filled again.</summary>
    public void Release()
    {
        if (_taken == 0)
        {
            throw new InvalidOperationException("No batch is held.");
        }

        _taken--;
        _empty.Release();
    }

    public void Dispose()
    {
        _stopping = true;
        _empty.Release();
        _thread.Join();
        _empty.Dispose();
        _full.Dispose();
    }

    private void Fill()
    {
        try
        {
            FillAll();
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
            _full.Release();
        }
    }

    private void FillAll()
    {
        int slot = 0;
        _sampler.Prefetch(_sampler.PositionOf(_firstStep));
        for (long step = _firstStep; step < _lastStep; step++)
        {
            DataPosition position = _sampler.PositionOf(step);
            _sampler.Prefetch(_sampler.PositionOf(step + 1));
            for (int microStep = 0; microStep < _sampler.MicroSteps; microStep++)
            {
                _empty.Wait();
                if (_stopping)
                {
                    return;
                }

                TokenBatch batch = _ring[slot];
                slot = (slot + 1) % _ring.Length;
                _sampler.Read(position, microStep, batch);
                batch.Position = position;
                batch.MicroStep = microStep;
                Volatile.Write(ref _filled, _filled + 1);
                _full.Release();
            }
        }

        throw new InvalidOperationException($"All steps up to {_lastStep} have been taken.");
    }
}
