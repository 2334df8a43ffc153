using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.Cuda;
using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>A stream of the driver that does not wait for the default one.</summary>
internal sealed unsafe class CudaStream : GpuStream
{
    private const uint NonBlocking = 1;

    // What a capture forbids elsewhere in the process: nothing. Other ranks of the process, and its checkpoints, go on meanwhile.
    private const int Relaxed = 2;

    private readonly CudaDriver _driver;
    private readonly CudaHandle _stream;

    // Callbacks recorded so far, while a capture is on: a graph calls them again with each launch, so they live as long as it.
    private List<GCHandle>? _recorded;

    internal CudaStream(CudaDriver driver)
    {
        _driver = driver;
        driver.MakeCurrent();
        ThrowIfFailed(cuStreamCreate(out nint stream, NonBlocking));
        _stream = new CudaHandle(stream, cuStreamDestroy_v2);
    }

    internal nint Handle => _stream.Value;

    public override bool IsIdle
    {
        get
        {
            _driver.MakeCurrent();
            int status = cuStreamQuery(Handle);
            return status == NotReady ? false : status == Success ? true : throw Failure(status, nameof(cuStreamQuery), "");
        }
    }

    public override void Synchronize()
    {
        _driver.MakeCurrent();
        ThrowIfFailed(cuStreamSynchronize(Handle));
    }

    public override void Wait(GpuEvent signal)
    {
        _driver.MakeCurrent();
        ThrowIfFailed(cuStreamWaitEvent(Handle, ((CudaEvent)signal).Handle, 0));
    }

    public override void AddCallback(Action callback)
    {
        if (IsRehearsing)
        {
            return;
        }

        _driver.MakeCurrent();
        var pinned = GCHandle.Alloc(callback);
        int status = cuLaunchHostFunc(Handle, _recorded is null ? &CallOnce : &Call, GCHandle.ToIntPtr(pinned));
        if (status != Success)
        {
            pinned.Free();
            throw Failure(status, nameof(cuLaunchHostFunc), "");
        }

        _recorded?.Add(pinned);
    }

    public override void BeginCapture()
    {
        _driver.MakeCurrent();
        ThrowIfFailed(cuStreamBeginCapture_v2(Handle, Relaxed));
        _recorded = [];
    }

    public override GpuGraph EndCapture()
    {
        _driver.MakeCurrent();
        List<GCHandle> callbacks = _recorded ?? [];
        _recorded = null;
        try
        {
            return new CudaGraph(_driver, Instantiate(), callbacks);
        }
        catch
        {
            callbacks.ForEach(callback => callback.Free());
            throw;
        }
    }

    public override void Dispose() => _stream.Dispose();

    private nint Instantiate()
    {
        ThrowIfFailed(cuStreamEndCapture(Handle, out nint graph));
        try
        {
            ThrowIfFailed(cuGraphInstantiateWithFlags(out nint executable, graph, 0));
            return executable;
        }
        finally
        {
            ThrowIfFailed(cuGraphDestroy(graph));
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void CallOnce(nint state)
    {
        GCHandle handle = GCHandle.FromIntPtr(state);
        var callback = (Action)handle.Target!;
        handle.Free();
        callback();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Call(nint state) => ((Action)GCHandle.FromIntPtr(state).Target!)();
}
