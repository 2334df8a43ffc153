using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using static GptEngine.Runtime.Native.Cupti.CuptiLayout;

namespace GptEngine.Runtime.Native.Cupti;

/// <summary>
/// Reads CUPTI's records out of their buffers. Nothing of them is believed before it is checked: where they lie, whether they are whole, and
/// whether a kernel's figures are such as a kernel's can be; only then the pointer to its name is followed. What does not hold is a fault,
/// the first of which stands for all; times that cannot be are one only where they are those of a piece of work.
/// </summary>
/// <param name="library">Whose records they are.</param>
/// <param name="from">No work began before it, in nanoseconds of CUPTI's clock.</param>
/// <param name="to">All work had ended by it.</param>
internal sealed unsafe class CuptiReader(CuptiLibrary library, ulong from, ulong to)
{
    // CUPTI computes the GPU's times over to the host's clock, which is not exact.
    private const ulong Slack = 10_000_000;

    // Those of templates of templates have some thousand characters.
    private const int LongestName = 1 << 14;
    private const int MostThreads = 1024;

    private readonly List<(GpuActivity Activity, uint Call)> _activities = [];
    private readonly List<(uint Call, string Fault)> _untimed = [];
    private readonly Dictionary<uint, ulong> _workOfCall = [];
    private readonly Dictionary<nint, string> _names = [];
    private string? _fault;

    /// <summary>Reads a buffer.</summary>
    internal void Read(nint buffer, nuint validBytes)
    {
        var bytes = new ReadOnlySpan<byte>((void*)buffer, checked((int)validBytes));
        byte* record = null;
        long next = 0;
        while (_fault is null)
        {
            int result = library.Next((byte*)buffer, validBytes, ref record);
            if (result == CuptiResults.MaximumReached)
            {
                return;
            }

            long offset = record - (byte*)buffer;
            if (result != CuptiResults.Success)
            {
                _fault = $"a record is not whole, or of a kind that the library does not know: {CuptiResults.Describe(library, result, "cuptiActivityGetNextRecord")}";
            }
            else if (offset < next || offset % Alignment != 0 || offset > bytes.Length - KindBytes)
            {
                _fault = string.Create(CultureInfo.InvariantCulture, $"a record lies outside of its buffer, at {offset} of {bytes.Length} bytes");
            }
            else
            {
                Parse(bytes[(int)offset..]);
                next = offset + Alignment;
            }
        }
    }

    /// <summary>What was read, in the order in which it began, each with the piece of work that it was for.</summary>
    /// <param name="fault">What is known to be wrong already; null for nothing.</param>
    internal GpuTrace Finish(string? fault) => new(
        [
            .. _activities.Select(one => one.Activity with { Work = _workOfCall.GetValueOrDefault(one.Call) })
                .OrderBy(activity => activity.Start).ThenBy(activity => activity.End),
        ],
        fault ?? _fault ?? _untimed.Find(one => _workOfCall.ContainsKey(one.Call)).Fault);

    private void Parse(ReadOnlySpan<byte> record)
    {
        int kind = Field<int>(record, Kind);
        int bytes = kind switch
        {
            ConcurrentKernel => KernelBytes,
            Copy or Fill => TransferBytes,
            ExternalCorrelation => ExternalBytes,
            _ => 0,
        };
        if (record.Length < bytes)
        {
            _fault = string.Create(CultureInfo.InvariantCulture, $"a record of kind {kind} is cut off after {record.Length} bytes");
            return;
        }

        switch (kind)
        {
            case ConcurrentKernel:
                ParseKernel(record);
                break;
            case Copy or Fill:
                ParseTransfer(record, kind);
                break;
            case ExternalCorrelation when Field<int>(record, ExternalKind) == OwnCorrelation:
                _workOfCall[Field<uint>(record, ExternalCall)] = Field<ulong>(record, ExternalWork);
                break;
            default:
                // A call of the driver, or what else was not asked for.
                break;
        }
    }

    private void ParseKernel(ReadOnlySpan<byte> record)
    {
        GridSize grid = Size(record, KernelGrid);
        GridSize block = Size(record, KernelBlock);
        bool isPossible = grid is { X: > 0, Y: > 0, Z: > 0 } && block is { X: > 0 and <= MostThreads, Y: > 0 and <= MostThreads, Z: > 0 and <= MostThreads }
            && block.Count <= MostThreads && Field<int>(record, KernelStaticShared) >= 0 && Field<int>(record, KernelDynamicShared) >= 0;
        if (!isPossible)
        {
            _fault = $"a kernel's record has grid {grid} and block {block}, which no launch can have";
            return;
        }

        if (Times(record, KernelStart, KernelEnd, KernelCorrelation, "a kernel's record") is not { } times)
        {
            return;
        }

        string name = Name(Field<nint>(record, KernelName));
        Add(record, KernelCorrelation, new GpuActivity(GpuActivityKind.Kernel, name, times.Start, times.End, Field<uint>(record, KernelStream), 0)
        {
            Shape = new LaunchShape(grid, block, Field<int>(record, KernelDynamicShared)),
            Registers = Field<ushort>(record, KernelRegisters),
            StaticSharedBytes = Field<int>(record, KernelStaticShared),
            LocalBytes = Field<uint>(record, KernelLocal),
        });
    }

    private void ParseTransfer(ReadOnlySpan<byte> record, int kind)
    {
        (GpuActivityKind what, string name) = kind == Fill
            ? (GpuActivityKind.Fill, "fill")
            : (GpuActivityKind.Copy, record[CopyKind] switch
            {
                HostToDevice => "copy to device",
                DeviceToHost => "copy to host",
                DeviceToDevice => "copy on device",
                _ => "copy",
            });
        if (Times(record, TransferStart, TransferEnd, TransferCorrelation, $"the record of a {name}") is { } times)
        {
            long size = (long)Math.Min(Field<ulong>(record, TransferSize), long.MaxValue);
            Add(record, TransferCorrelation, new GpuActivity(what, name, times.Start, times.End, Field<uint>(record, TransferStream), 0) { Bytes = size });
        }
    }

    private void Add(ReadOnlySpan<byte> record, int callOffset, GpuActivity activity) => _activities.Add((activity, Field<uint>(record, callOffset)));

    /// <summary>Nanoseconds from the beginning; null where they cannot be right.</summary>
    private (long Start, long End)? Times(ReadOnlySpan<byte> record, int startOffset, int endOffset, int callOffset, string what)
    {
        ulong start = Field<ulong>(record, startOffset);
        ulong end = Field<ulong>(record, endOffset);
        string? fault = start == 0 || end == 0
            ? $"{what} has no times"
            : end < start
                ? $"{what} ends before it begins"
                : start + Slack < from || end > to + Slack || start > end + Slack
                    ? $"{what} has times outside of the step"
                    : null;
        if (fault is null)
        {
            return ((long)(start - from), (long)(end - from));
        }

        _untimed.Add((Field<uint>(record, callOffset), fault));
        return null;
    }

    private string Name(nint pointer)
    {
        if (pointer == 0)
        {
            return "";
        }

        if (!_names.TryGetValue(pointer, out string? name))
        {
            var text = (byte*)pointer;
            int length = 0;
            while (length < LongestName && text[length] != 0)
            {
                length++;
            }

            name = Encoding.UTF8.GetString(text, length);
            _names.Add(pointer, name);
        }

        return name;
    }

    private static GridSize Size(ReadOnlySpan<byte> record, int offset) =>
        new(Field<int>(record, offset), Field<int>(record, offset + sizeof(int)), Field<int>(record, offset + (2 * sizeof(int))));

    private static T Field<T>(ReadOnlySpan<byte> record, int offset)
        where T : unmanaged => MemoryMarshal.Read<T>(record[offset..]);
}
