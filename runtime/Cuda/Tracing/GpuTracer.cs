using System;
using System.Globalization;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Cupti;

namespace GptEngine.Runtime.Cuda.Tracing;

/// <summary>
/// Has the GPU record what it does, by CUPTI: from when to when each kernel, copy and fill ran on the GPU itself, with nothing put into the
/// streams between them. A process has one at a time. Work that is asked for between <see cref="Push"/> and <see cref="Pop"/>, on the same
/// thread, is known by the number given.
/// </summary>
public sealed class GpuTracer
{
    /// <summary>How NVIDIA's tools make the CUDA driver load them: where it is set, they have CUPTI, and each would spoil the other's records.</summary>
    internal static readonly string[] ToolVariables = ["CUDA_INJECTION64_PATH", "NV_TPS_LAUNCH_TOKEN"];

    // The two kinds of calls too: a record of whose work it was comes with that of the call.
    private static readonly int[] Kinds =
    [
        CuptiLayout.ExternalCorrelation, CuptiLayout.DriverCall, CuptiLayout.RuntimeCall, CuptiLayout.ConcurrentKernel, CuptiLayout.Copy, CuptiLayout.Fill,
    ];

    private readonly CuptiLibrary _library;
    private ulong _start;
    private string? _fault;
    private bool _isRegistered;
    private bool _isRunning;

    private GpuTracer(CuptiLibrary library) => _library = library;

    /// <summary>Which CUPTI it is, for people: <c>CUPTI (interface 22)</c>.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"CUPTI (interface {_library.Interface})");

    /// <summary>Nanoseconds from the trace's beginning.</summary>
    public long Now
    {
        get
        {
            Check(_library.Now(out ulong now), "cuptiGetTimestamp");
            return (long)(now - _start);
        }
    }

    /// <summary>Opens CUPTI for a GPU, if it is there and nobody else has it. Does not throw.</summary>
    /// <param name="properties">The GPU.</param>
    /// <param name="reason">Why not, where null is returned: a sentence or two.</param>
    public static GpuTracer? TryOpen(GpuDeviceProperties properties, out string reason)
    {
        ArgumentNullException.ThrowIfNull(properties);
        if (OtherTool(Environment.GetEnvironmentVariable) is { } tool)
        {
            reason = tool;
            return null;
        }

        NativeLibraryOpening opening = GpuLibraries.OpenTracing(properties.Architecture);
        reason = opening.IsOpen ? "" : opening.Describe();
        return opening.IsOpen ? TryBind(opening.Handle, opening.Path!, out reason) : null;
    }

    /// <summary>Begins.</summary>
    /// <returns>Why it cannot: a clause; null where it runs.</returns>
    public string? Start()
    {
        if (_isRunning || !CuptiBuffers.TryBegin())
        {
            return "another trace runs in this process";
        }

        FreeFilled();
        string? reason = _isRegistered ? null : Failure(_library.RegisterCallbacks(), "cuptiActivityRegisterCallbacks");
        _isRegistered = reason is null;
        int enabled = 0;
        while (reason is null && enabled < Kinds.Length)
        {
            reason = Failure(_library.Enable(Kinds[enabled]), string.Create(CultureInfo.InvariantCulture, $"cuptiActivityEnable({Kinds[enabled]})"));
            enabled += reason is null ? 1 : 0;
        }

        reason ??= Failure(_library.Dropped(out _), "cuptiActivityGetNumDroppedRecords") ?? Failure(_library.Now(out _start), "cuptiGetTimestamp");
        if (reason is not null)
        {
            // What was enabled before it is disabled again; that this fails too says nothing more.
            _ = Disable(enabled);
            CuptiBuffers.End();
            return reason;
        }

        _fault = null;
        _isRunning = true;
        return null;
    }

    /// <summary>What this thread asks the driver for from now on is the piece of work of that number.</summary>
    /// <param name="work">Not 0.</param>
    public void Push(ulong work) => Check(_library.Push(work), "cuptiActivityPushExternalCorrelationId");

    /// <summary>It is so no more.</summary>
    public void Pop() => Check(_library.Pop(), "cuptiActivityPopExternalCorrelationId");

    /// <summary>Ends. The GPU has done all its work.</summary>
    public GpuTrace Stop()
    {
        if (!_isRunning)
        {
            throw new InvalidOperationException("no trace runs");
        }

        Check(_library.Now(out ulong end), "cuptiGetTimestamp");
        Check(_library.Flush(), "cuptiActivityFlushAll");
        Check(_library.Dropped(out nuint dropped), "cuptiActivityGetNumDroppedRecords");
        _fault ??= dropped == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{dropped} records were dropped for want of memory");
        var reader = new CuptiReader(_library, _start, end);
        foreach ((nint buffer, nuint validBytes) in CuptiBuffers.TakeFilled())
        {
            reader.Read(buffer, validBytes);
            CuptiBuffers.Free(buffer);
        }

        // What other threads have asked the driver for meanwhile comes back here, so that CUPTI keeps nothing to give back at the process's end.
        string? disabling = Disable(Kinds.Length);
        _fault ??= disabling;
        Check(_library.Flush(), "cuptiActivityFlushAll");
        FreeFilled();
        _isRunning = false;
        CuptiBuffers.End();
        return reader.Finish(_fault);
    }

    /// <summary>As <see cref="TryOpen"/>, for a library that is open already.</summary>
    internal static GpuTracer? TryBind(nint handle, string path, out string reason)
    {
        CuptiLibrary? library = CuptiLibrary.Bind(handle, out string clause);
        reason = library is null ? $"{path}: {clause}." : "";
        return library is null ? null : new GpuTracer(library);
    }

    /// <summary>A sentence where the environment says that a tool of NVIDIA's has started this process; else null.</summary>
    internal static string? OtherTool(Func<string, string?> environment)
    {
        string? variable = Array.Find(ToolVariables, name => !string.IsNullOrEmpty(environment(name)));
        return variable is null
            ? null
            : $"Another tool traces this process already, as {variable} says: its report has the GPU's own times.";
    }

    private static void FreeFilled()
    {
        foreach ((nint buffer, _) in CuptiBuffers.TakeFilled())
        {
            CuptiBuffers.Free(buffer);
        }
    }

    private string? Disable(int count)
    {
        string? reason = null;
        for (int i = 0; i < count; i++)
        {
            reason ??= Failure(_library.Disable(Kinds[i]), string.Create(CultureInfo.InvariantCulture, $"cuptiActivityDisable({Kinds[i]})"));
        }

        return reason;
    }

    private void Check(int result, string call) => _fault ??= Failure(result, call);

    private string? Failure(int result, string call) => result == CuptiResults.Success ? null : CuptiResults.Describe(_library, result, call);
}
