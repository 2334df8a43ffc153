using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Cupti;

/// <summary>
/// The part of CUPTI's C interface that the program uses, of one loaded library: its activity interface, as cupti_activity.h of 11.8 and 12.4
/// has it. Functions are asked for by name and called by address, so that a library that lacks one is told of and not run into. Every call
/// returns a result, for <see cref="CuptiResults"/>.
/// </summary>
internal sealed unsafe class CuptiLibrary
{
    /// <summary>CUDA 11.0's. What is read of records has lain where it lies since CUDA 7.</summary>
    internal const int OldestInterface = 13;

    /// <summary>From 13.0 on the interface is numbered as CUDA is; CUDA 14's is not known.</summary>
    internal const int FirstUnknownInterface = 140000;

    private const int FirstInterfaceOf12 = 19;
    private const int FirstInterfaceOf13 = 130000;
    private const uint ForcedFlush = 1;

    private readonly delegate* unmanaged[Cdecl]<uint*, int> _getVersion;
    private readonly delegate* unmanaged[Cdecl]<int, byte**, int> _getResultString;
    private readonly delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<byte**, nuint*, nuint*, void>, delegate* unmanaged[Cdecl]<nint, uint, byte*, nuint, nuint, void>, int> _registerCallbacks;
    private readonly delegate* unmanaged[Cdecl]<int, int> _enable;
    private readonly delegate* unmanaged[Cdecl]<int, int> _disable;
    private readonly delegate* unmanaged[Cdecl]<uint, int> _flushAll;
    private readonly delegate* unmanaged[Cdecl]<byte*, nuint, byte**, int> _getNextRecord;
    private readonly delegate* unmanaged[Cdecl]<nint, uint, nuint*, int> _getNumDroppedRecords;
    private readonly delegate* unmanaged[Cdecl]<int, ulong, int> _pushExternalCorrelationId;
    private readonly delegate* unmanaged[Cdecl]<int, ulong*, int> _popExternalCorrelationId;
    private readonly delegate* unmanaged[Cdecl]<ulong*, int> _getTimestamp;

    private CuptiLibrary(nint handle, List<string> missing)
    {
        _getVersion = (delegate* unmanaged[Cdecl]<uint*, int>)Find("cuptiGetVersion");
        _getResultString = (delegate* unmanaged[Cdecl]<int, byte**, int>)Find("cuptiGetResultString");
        _registerCallbacks = (delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<byte**, nuint*, nuint*, void>, delegate* unmanaged[Cdecl]<nint, uint, byte*, nuint, nuint, void>, int>)Find("cuptiActivityRegisterCallbacks");
        _enable = (delegate* unmanaged[Cdecl]<int, int>)Find("cuptiActivityEnable");
        _disable = (delegate* unmanaged[Cdecl]<int, int>)Find("cuptiActivityDisable");
        _flushAll = (delegate* unmanaged[Cdecl]<uint, int>)Find("cuptiActivityFlushAll");
        _getNextRecord = (delegate* unmanaged[Cdecl]<byte*, nuint, byte**, int>)Find("cuptiActivityGetNextRecord");
        _getNumDroppedRecords = (delegate* unmanaged[Cdecl]<nint, uint, nuint*, int>)Find("cuptiActivityGetNumDroppedRecords");
        _pushExternalCorrelationId = (delegate* unmanaged[Cdecl]<int, ulong, int>)Find("cuptiActivityPushExternalCorrelationId");
        _popExternalCorrelationId = (delegate* unmanaged[Cdecl]<int, ulong*, int>)Find("cuptiActivityPopExternalCorrelationId");
        _getTimestamp = (delegate* unmanaged[Cdecl]<ulong*, int>)Find("cuptiGetTimestamp");

        nint Find(string name)
        {
            if (!NativeLibrary.TryGetExport(handle, name, out nint address))
            {
                missing.Add(name);
            }

            return address;
        }
    }

    /// <summary>The number that tells CUPTI's versions apart: 18 is CUDA 11.8's, 22 is 12.4's, 130000 is 13.0's.</summary>
    internal int Interface { get; private set; }

    /// <summary>Binds a library.</summary>
    /// <param name="handle">The loader's.</param>
    /// <param name="reason">Why not, where null is returned: a clause.</param>
    internal static CuptiLibrary? Bind(nint handle, out string reason)
    {
        var missing = new List<string>();
        var library = new CuptiLibrary(handle, missing);
        uint version = 0;
        if (missing.Count > 0)
        {
            reason = $"the library has no {string.Join(", ", missing)}";
            return null;
        }

        int result = library._getVersion(&version);
        library.Interface = (int)Math.Min(version, int.MaxValue);
        reason = result != CuptiResults.Success
            ? $"cuptiGetVersion says {library.NameOf(result)}"
            : library.Interface is < OldestInterface or >= FirstUnknownInterface
                ? string.Create(CultureInfo.InvariantCulture, $"the library's interface {version} is not known here: CUDA 11's to 13's are")
                : "";
        return reason.Length == 0 ? library : null;
    }

    /// <summary>Whether a library knows a GPU, and is not of a newer major version of CUDA than the driver.</summary>
    /// <param name="handle">The loader's.</param>
    /// <param name="architecture">70, 80, 90, …</param>
    /// <param name="driverVersion">1000 · major + 10 · minor.</param>
    internal static bool Serves(nint handle, int architecture, int driverVersion)
    {
        uint version = 0;
        int isKnown = 0;
        return NativeLibrary.TryGetExport(handle, "cuptiGetVersion", out nint getVersion)
            && ((delegate* unmanaged[Cdecl]<uint*, int>)getVersion)(&version) == CuptiResults.Success
            && MajorOf(version) <= driverVersion / 1000
            && NativeLibrary.TryGetExport(handle, "cuptiComputeCapabilitySupported", out nint isSupported)
            && ((delegate* unmanaged[Cdecl]<int, int, int*, int>)isSupported)(architecture / 10, architecture % 10, &isKnown) == CuptiResults.Success
            && isKnown != 0;
    }

    /// <summary>The header's name of a result.</summary>
    internal string NameOf(int result)
    {
        byte* text = null;
        return _getResultString(result, &text) == CuptiResults.Success && text is not null
            ? Marshal.PtrToStringUTF8((nint)text)!
            : string.Create(CultureInfo.InvariantCulture, $"result {result}");
    }

    internal int RegisterCallbacks() => _registerCallbacks(CuptiBuffers.Request, CuptiBuffers.Complete);

    internal int Enable(int kind) => _enable(kind);

    internal int Disable(int kind) => _disable(kind);

    /// <summary>Brings back every buffer, those with records that are not finished too.</summary>
    internal int Flush() => _flushAll(ForcedFlush);

    /// <summary>Steps from a record (0: from before the first) to the next.</summary>
    internal int Next(byte* buffer, nuint validBytes, ref byte* record)
    {
        fixed (byte** place = &record)
        {
            return _getNextRecord(buffer, validBytes, place);
        }
    }

    /// <summary>Records lost since the last call for want of a buffer.</summary>
    internal int Dropped(out nuint count)
    {
        // Some versions leave it alone where nothing was lost.
        count = 0;
        fixed (nuint* place = &count)
        {
            return _getNumDroppedRecords(0, 0, place);
        }
    }

    /// <summary>What the calling thread asks the driver for from now on is for this piece of work.</summary>
    internal int Push(ulong work) => _pushExternalCorrelationId(CuptiLayout.OwnCorrelation, work);

    internal int Pop()
    {
        ulong last;
        return _popExternalCorrelationId(CuptiLayout.OwnCorrelation, &last);
    }

    /// <summary>Nanoseconds on the clock of the records.</summary>
    internal int Now(out ulong nanoseconds)
    {
        nanoseconds = 0;
        fixed (ulong* place = &nanoseconds)
        {
            return _getTimestamp(place);
        }
    }

    private static int MajorOf(uint version) => version >= FirstInterfaceOf13 ? (int)(version / 10000) : version >= FirstInterfaceOf12 ? 12 : 11;
}
