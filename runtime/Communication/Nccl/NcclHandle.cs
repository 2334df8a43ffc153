using System;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Native.Nccl;
using static GptEngine.Runtime.Native.Nccl.NcclNative;

namespace GptEngine.Runtime.Communication.Nccl;

/// <summary>
/// A communicator of NCCL's and the one way to call it: every result is checked, calls that go on in the background are waited for, and
/// another thread may abort at any time. From NCCL 2.14 on calls do not block, so that none can hang; before, an abort ends one that does.
/// </summary>
internal sealed class NcclHandle : IDisposable
{
    // A call that blocks holds the lock; aborting is what ends it.
    private static readonly TimeSpan PatienceToAbort = TimeSpan.FromSeconds(2);

    private readonly object _lock = new();
    private readonly TimeSpan _limit;
    private nint _communicator;
    private string? _aborted;
    private bool _isGrouping;

    private NcclHandle(nint communicator, int version, TimeSpan limit)
    {
        _communicator = communicator;
        Version = version;
        _limit = limit;
    }

    /// <summary>A call: gets the communicator, returns NCCL's result.</summary>
    internal delegate int Call<TArguments>(nint communicator, in TArguments arguments)
        where TArguments : allows ref struct;

    /// <summary>The library's, as 22703 for 2.27.3.</summary>
    internal int Version { get; }

    /// <summary>Joins the communicator, with the GPU whose context is the calling thread's; every rank does so at once.</summary>
    /// <param name="control">Of this rank; its failure ends the wait for the others.</param>
    /// <param name="id">Rank 0's.</param>
    /// <param name="version">The library's.</param>
    /// <param name="makeCurrent">Makes the GPU's context another thread's.</param>
    /// <param name="limit">How long to wait for the others, and for any other call.</param>
    /// <exception cref="GpuException">NCCL failed.</exception>
    internal static NcclHandle Join(RankControl control, NcclUniqueId id, int version, Action makeCurrent, TimeSpan limit)
    {
        if (version < ConfigurationVersion)
        {
            return new NcclHandle(JoinBlocking(control, id, version, makeCurrent, limit), version, limit);
        }

        int result = JoinAtOnce(control, id, out nint communicator);
        if (result is not (Success or InProgress))
        {
            throw NcclResults.Failure(result, nameof(ncclCommInitRankConfig), version);
        }

        var handle = new NcclHandle(communicator, version, limit);
        control.WhenFailed(handle.Abort);
        handle.Settle(result, nameof(ncclCommInitRankConfig));
        return handle;
    }

    /// <summary>Calls NCCL and waits until the call is done with the host; what it has enqueued may run later.</summary>
    /// <exception cref="GpuException">NCCL failed.</exception>
    /// <exception cref="UserErrorException">The communicator was aborted.</exception>
    internal void Do<TArguments>(string name, Call<TArguments> call, in TArguments arguments)
        where TArguments : allows ref struct
    {
        int result;
        lock (_lock)
        {
            ThrowIfAborted();
            result = call(_communicator, arguments);
        }

        Settle(result, name);
    }

    /// <summary>
    /// What <see cref="Do"/> is given from here on waits for <see cref="EndGroup"/>, on the same thread. Meanwhile nobody aborts: NCCL
    /// holds on to the communicator.
    /// </summary>
    /// <exception cref="GpuException">NCCL failed.</exception>
    /// <exception cref="UserErrorException">The communicator was aborted.</exception>
    internal void BeginGroup()
    {
        Monitor.Enter(_lock);
        try
        {
            ThrowIfAborted();
            int result = ncclGroupStart();
            if (result != Success)
            {
                throw NcclResults.Failure(result, nameof(ncclGroupStart), Version);
            }

            _isGrouping = true;
        }
        catch
        {
            Monitor.Exit(_lock);
            throw;
        }
    }

    /// <summary>Starts what the group has.</summary>
    /// <exception cref="GpuException">NCCL failed.</exception>
    /// <exception cref="UserErrorException">The communicator was aborted.</exception>
    internal void EndGroup() => Settle(LeaveGroup(), nameof(ncclGroupEnd));

    /// <summary>Ends a group whatever becomes of it.</summary>
    /// <returns>NCCL's result.</returns>
    internal int LeaveGroup()
    {
        _isGrouping = false;
        try
        {
            return ncclGroupEnd();
        }
        finally
        {
            Monitor.Exit(_lock);
        }
    }

    /// <summary>Tells NCCL of memory that collectives will use.</summary>
    /// <returns>What takes that back, before the memory goes; null before 2.19, which has no call for it.</returns>
    /// <exception cref="GpuException">NCCL failed.</exception>
    internal NcclRegistration? Register(nuint address, long bytes)
    {
        if (Version < RegistrationVersion || bytes == 0)
        {
            return null;
        }

        nint registered = 0;
        Do(nameof(ncclCommRegister), (nint communicator, in int _) => ncclCommRegister(communicator, address, (nuint)bytes, out registered), 0);
        return new NcclRegistration(this, registered);
    }

    /// <summary>Takes back what NCCL was told of memory; nothing where the communicator has ended, and with it what it knew.</summary>
    internal void Deregister(nint registered)
    {
        if (_communicator == 0)
        {
            return;
        }

        try
        {
            Do(nameof(ncclCommDeregister), static (nint communicator, in nint handle) => ncclCommDeregister(communicator, handle), registered);
        }
        catch (Exception failed) when (failed is GpuException or UserErrorException)
        {
            // The run is over: what NCCL still knows of the memory ends with the communicator.
            Abort(failed.Message);
        }
    }

    /// <summary>What has gone wrong in the background; null where nothing has.</summary>
    internal GpuException? AsynchronousFailure()
    {
        if (!Monitor.TryEnter(_lock))
        {
            // A call is under way and finds out itself.
            return null;
        }

        try
        {
            if (_communicator == 0)
            {
                return null;
            }

            int result = ncclCommGetAsyncError(_communicator, out int state);
            return result != Success ? NcclResults.Failure(result, nameof(ncclCommGetAsyncError), Version)
                : state is not (Success or InProgress) ? NcclResults.Failure(state, "a collective", Version)
                : null;
        }
        finally
        {
            Monitor.Exit(_lock);
        }
    }

    /// <summary>Ends what runs, on the GPU as well, and makes every further call throw; from any thread.</summary>
    internal void Abort(string reason)
    {
        if (Interlocked.CompareExchange(ref _aborted, reason, null) is not null)
        {
            return;
        }

        bool isMine = Monitor.TryEnter(_lock, PatienceToAbort);
        try
        {
            nint communicator = Interlocked.Exchange(ref _communicator, 0);
            if (communicator != 0)
            {
                // Its result says nothing that the reason does not.
                _ = ncclCommAbort(communicator);
            }
        }
        finally
        {
            if (isMine)
            {
                Monitor.Exit(_lock);
            }
        }
    }

    /// <summary>Ends the communicator: in good order where all ranks do so in time, else by an abort.</summary>
    public void Dispose()
    {
        if (_communicator == 0)
        {
            return;
        }

        try
        {
            if (Version >= ConfigurationVersion)
            {
                Do(nameof(ncclCommFinalize), static (nint communicator, in int _) => ncclCommFinalize(communicator), 0);
            }

            nint ended = Interlocked.Exchange(ref _communicator, 0);
            int result = ended == 0 ? Success : ncclCommDestroy(ended);
            if (result is not (Success or InProgress))
            {
                throw NcclResults.Failure(result, nameof(ncclCommDestroy), Version);
            }
        }
        catch (Exception failed) when (failed is GpuException or UserErrorException)
        {
            // Another rank has gone without farewell: nothing is lost that the run still needs.
            Abort(failed.Message);
        }
    }

    private static unsafe int JoinAtOnce(RankControl control, NcclUniqueId id, out nint communicator)
    {
        NcclConfiguration configuration = NcclConfiguration.NonBlocking();
        return ncclCommInitRankConfig(out communicator, control.WorldSize, id, control.Rank, &configuration);
    }

    // The call may never return, and then nothing but the end of the process ends it: so it has a thread that the process does not wait for.
    private static nint JoinBlocking(RankControl control, NcclUniqueId id, int version, Action makeCurrent, TimeSpan limit)
    {
        nint communicator = 0;
        int result = InProgress;
        Exception? failure = null;
        var joining = new Thread(() =>
        {
            try
            {
                makeCurrent();
                result = ncclCommInitRank(out communicator, control.WorldSize, id, control.Rank);
            }
            catch (Exception failed)
            {
                failure = failed;
            }
        })
        { IsBackground = true, Name = "joining over NCCL" };
        joining.Start();
        long start = Stopwatch.GetTimestamp();
        while (!joining.Join(TimeSpan.FromMilliseconds(100)) && Stopwatch.GetElapsedTime(start) < limit)
        {
            control.ThrowIfFailed();
        }

        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        return result == Success ? communicator : throw NcclResults.Failure(result, nameof(ncclCommInitRank), version);
    }

    private void Settle(int result, string call)
    {
        if (_isGrouping && result == InProgress)
        {
            // Nothing begins before the group's end, which is waited for.
            return;
        }

        long start = Stopwatch.GetTimestamp();
        var pause = default(SpinWait);
        while (result == InProgress)
        {
            if (Stopwatch.GetElapsedTime(start) > _limit)
            {
                throw NcclResults.Failure(InProgress, call, Version);
            }

            pause.SpinOnce(sleep1Threshold: 50);
            lock (_lock)
            {
                ThrowIfAborted();
                int asked = ncclCommGetAsyncError(_communicator, out result);
                result = asked == Success ? result : asked;
            }
        }

        if (result != Success)
        {
            throw NcclResults.Failure(result, call, Version);
        }
    }

    private void ThrowIfAborted()
    {
        if (Volatile.Read(ref _aborted) is { } reason)
        {
            throw new UserErrorException(reason);
        }

        ObjectDisposedException.ThrowIf(_communicator == 0, this);
    }
}
