using System;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace GptEngine.Runtime.Cpu;

/// <summary>
/// A fixed set of threads for fork and join; the thread that calls is worker 0. A call costs a few microseconds and allocates nothing.
/// Workers spin briefly for the next call and then sleep, so that an idle engine uses no processor, and a caller whose workers were put
/// aside by the system sleeps too instead of keeping a core from them.
/// One call at a time: a call from inside a call, or from a second thread meanwhile, throws <see cref="InvalidOperationException"/>.
/// </summary>
public sealed unsafe class CpuThreadPool : IDisposable
{
    // About 50 µs of pause instructions: longer than the serial gaps within a training step, shorter than a scheduler's time slice.
    private const int SpinRounds = 1000;
    private const int PausesPerRound = 8;
    private const int Closed = 1 << 30;

    private readonly Worker[] _workers;
    private readonly SemaphoreSlim _allDone = new(0);

    // The call in progress: written by the caller before it opens the gate, read by workers inside the gate.
    private void* _work;
    private delegate*<void*, int, int, int, void> _invoke;
    private int _count;
    private int _grain;
    private Exception? _failure;

    private PaddedInt _epoch;
    private PaddedInt _next;
    private PaddedInt _callerSleeps;

    // Workers inside the call, plus Closed while none may enter. A worker that comes late, because the system gave its core to somebody
    // else, finds the gate closed, and nobody has waited for it: the others have done its share.
    private PaddedInt _gate;
    private int _busy;
    private bool _stopping;

    /// <summary>Starts the threads.</summary>
    /// <param name="threadCount">How many threads work on a call, the caller included; 0 for as many as the process may use, which
    /// respects affinity, cgroup limits and <c>DOTNET_PROCESSOR_COUNT</c>.</param>
    public CpuThreadPool(int threadCount = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threadCount);
        _gate.Value = Closed;
        ThreadCount = threadCount == 0 ? Environment.ProcessorCount : threadCount;
        _workers = new Worker[ThreadCount - 1];
        for (int i = 0; i < _workers.Length; i++)
            _workers[i] = new Worker(this, i + 1);
        foreach (Worker worker in _workers)
            worker.Start();
    }

    /// <summary>Threads that share a call, the caller included; at least 1.</summary>
    public int ThreadCount { get; }

    /// <summary>
    /// Splits the items 0 … <paramref name="count"/>−1 into one contiguous range a thread, the same for the same count and thread count,
    /// and returns when all are done. The worker that the work sees is the number of its range, whichever thread runs it. An exception
    /// of any range is thrown here after all ranges ended.
    /// </summary>
    /// <param name="count">Items; with fewer items than threads some workers get none.</param>
    /// <param name="work">What to do with a range.</param>
    /// <param name="multiple">Range bounds are multiples of this (the last range's end excepted), to keep vectors and cache lines whole.</param>
    public void Run<TWork>(int count, TWork work, int multiple = 1)
        where TWork : struct, IParallelWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(multiple, 1);
        if (_workers.Length == 0 || count <= multiple)
        {
            RunAlone(count, ref work);
            return;
        }
        int groups = (int)(((long)count + multiple - 1) / multiple);
        var ranges = new StaticRanges<TWork>(work, count, multiple, groups, ThreadCount);
        // The copy is on this stack, which stays until the call is done: its address is safe to hand out.
        Fork(&Invoke<StaticRanges<TWork>>, Unsafe.AsPointer(ref ranges), ThreadCount, grain: 1);
    }

    /// <summary>
    /// As <see cref="Run"/>, but workers claim <paramref name="grain"/> items at a time until none are left, which evens out unequal
    /// items and threads. Only for work whose result does not depend on which worker does an item.
    /// </summary>
    public void RunDynamic<TWork>(int count, TWork work, int grain = 1)
        where TWork : struct, IParallelWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(grain, 1);
        if (_workers.Length == 0 || count <= grain)
        {
            RunAlone(count, ref work);
            return;
        }
        Fork(&Invoke<TWork>, Unsafe.AsPointer(ref work), count, grain);
    }

    /// <summary>Ends the threads; no call may be in progress.</summary>
    public void Dispose()
    {
        if (_stopping)
            return;
        Enter();
        Volatile.Write(ref _stopping, true);
        Interlocked.Increment(ref _epoch.Value);
        foreach (Worker worker in _workers)
            worker.Wake();
        foreach (Worker worker in _workers)
            worker.Dispose();
        _allDone.Dispose();
    }

    private static void Invoke<TWork>(void* work, int begin, int end, int worker)
        where TWork : struct, IParallelWork => Unsafe.AsRef<TWork>(work).Run(begin, end, worker);

    private void RunAlone<TWork>(int count, ref TWork work)
        where TWork : struct, IParallelWork
    {
        Enter();
        try
        {
            if (count > 0)
                work.Run(0, count, 0);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
            throw new InvalidOperationException("The thread pool is already running a call: calls do not nest, and one thread calls at a time.");
    }

    private void Fork(delegate*<void*, int, int, int, void> invoke, void* work, int count, int grain)
    {
        Enter();
        _invoke = invoke;
        _work = work;
        _count = count;
        _grain = grain;
        _failure = null;
        _next.Value = 0;
        Volatile.Write(ref _gate.Value, 0);
        Interlocked.Increment(ref _epoch.Value);
        int helpers = (int)Math.Min(_workers.Length, ((long)count + grain - 1) / grain - 1);
        for (int i = 0; i < helpers; i++)
            _workers[i].Wake();
        Execute(0);
        Join();
        Exception? failure = _failure;
        _work = null;
        _failure = null;
        Volatile.Write(ref _busy, 0);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private void Execute(int worker)
    {
        try
        {
            for (; ; )
            {
                int begin = Interlocked.Add(ref _next.Value, _grain) - _grain;
                // begin turns negative only where count is within a few grains of 2³¹.
                if ((uint)begin >= (uint)_count)
                    return;
                _invoke(_work, begin, (int)Math.Min((long)begin + _grain, _count), worker);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
    }

    private void HelpIfOpen(int worker)
    {
        int gate = Volatile.Read(ref _gate.Value);
        while ((gate & Closed) == 0)
        {
            int seen = Interlocked.CompareExchange(ref _gate.Value, gate + 1, gate);
            if (seen == gate)
            {
                Execute(worker);
                if (Interlocked.Decrement(ref _gate.Value) == Closed && Interlocked.Exchange(ref _callerSleeps.Value, 0) == 1)
                    _allDone.Release();
                return;
            }
            gate = seen;
        }
    }

    private void Join()
    {
        Interlocked.Or(ref _gate.Value, Closed);
        for (int round = 0; round < SpinRounds; round++)
        {
            if (Volatile.Read(ref _gate.Value) == Closed)
                return;
            Thread.SpinWait(PausesPerRound);
        }
        // The last worker releases the semaphore if it sees the flag; if it left before, the gate shows it and the flag is taken back.
        // A worker of the call before that was put aside between its two steps may release early: hence the loop.
        while (Volatile.Read(ref _gate.Value) != Closed)
        {
            Interlocked.Exchange(ref _callerSleeps.Value, 1);
            if (Volatile.Read(ref _gate.Value) == Closed && Interlocked.Exchange(ref _callerSleeps.Value, 0) == 1)
                return;
            _allDone.Wait();
        }
    }

    private readonly struct StaticRanges<TWork>(TWork work, int count, int multiple, int groups, int threads) : IParallelWork
        where TWork : struct, IParallelWork
    {
        private readonly TWork _inner = work;

        public void Run(int begin, int end, int worker)
        {
            for (int range = begin; range < end; range++)
            {
                int from = Bound(range), to = Bound(range + 1);
                if (from < to)
                    _inner.Run(from, to, range);
            }
        }

        private int Bound(int worker) => (int)Math.Min(count, (long)groups * worker / threads * multiple);
    }

    // A cache line each, so that a spinning reader does not slow the writer of a neighbour.
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct PaddedInt
    {
        [FieldOffset(64)]
        public int Value;
    }

    private sealed class Worker : IDisposable
    {
        private readonly CpuThreadPool _pool;
        private readonly int _index;
        private readonly Thread _thread;
        private readonly SemaphoreSlim _wake = new(0);
        private PaddedInt _sleeps;

        public Worker(CpuThreadPool pool, int index)
        {
            _pool = pool;
            _index = index;
            _thread = new Thread(Loop) { IsBackground = true, Name = $"cpu worker {index}" };
        }

        public void Start() => _thread.Start();

        public void Dispose()
        {
            _thread.Join();
            _wake.Dispose();
        }

        public void Wake()
        {
            if (Volatile.Read(ref _sleeps.Value) == 1 && Interlocked.Exchange(ref _sleeps.Value, 0) == 1)
                _wake.Release();
        }

        private void Loop()
        {
            int seen = 0;
            for (; ; )
            {
                AwaitEpochAfter(seen);
                seen = Volatile.Read(ref _pool._epoch.Value);
                if (Volatile.Read(ref _pool._stopping))
                    return;
                _pool.HelpIfOpen(_index);
            }
        }

        private void AwaitEpochAfter(int seen)
        {
            ref int epoch = ref _pool._epoch.Value;
            for (int round = 0; round < SpinRounds; round++)
            {
                if (Volatile.Read(ref epoch) != seen)
                    return;
                Thread.SpinWait(PausesPerRound);
            }
            Interlocked.Exchange(ref _sleeps.Value, 1);
            // A caller that raised the epoch before it could see the flag will not wake us; one that saw it has released or will.
            if (Volatile.Read(ref epoch) != seen && Interlocked.Exchange(ref _sleeps.Value, 0) == 1)
                return;
            _wake.Wait();
        }
    }
}
