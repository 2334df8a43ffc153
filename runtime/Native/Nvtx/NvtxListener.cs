using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Devices;

namespace GptEngine.Runtime.Native.Nvtx;

/// <summary>
/// Passes the ranges of one device on to the tool that runs this program, in NVTX's default domain: step, micro-step and layer stand as
/// nested ranges in the row of the thread that enqueues them, coloured by their kind, with their number as payload.
/// </summary>
public sealed class NvtxListener : IRangeListener
{
    private readonly NvtxTool _tool;
    private readonly Dictionary<RangeName, NvtxEventAttributes> _known = [];

    internal NvtxListener(NvtxTool tool)
    {
        _tool = tool;
        foreach (RangeKind kind in Enum.GetValues<RangeKind>())
        {
            tool.NameCategory(Category(kind), kind.ToString());
        }
    }

    /// <summary>For people: which tool listens, or why none does.</summary>
    public static string Description => NvtxTool.Description;

    /// <summary>A listener for one device; null where no tool listens to this process.</summary>
    public static NvtxListener? ForThisProcess() => NvtxTool.OfThisProcess is { } tool ? new NvtxListener(tool) : null;

    public void Begin(RangeName name, long number)
    {
        if (!_known.TryGetValue(name, out NvtxEventAttributes attributes))
        {
            attributes = Describe(name);
            _known.Add(name, attributes);
        }

        attributes.Payload = number;
        _tool.Push(attributes);
    }

    public void End(RangeName name) => _tool.Pop();

    private NvtxEventAttributes Describe(RangeName name)
    {
        (int messageType, nint message) = _tool.Register(name.Text);
        return new NvtxEventAttributes
        {
            Version = NvtxEventAttributes.CurrentVersion,
            Size = (ushort)Unsafe.SizeOf<NvtxEventAttributes>(),
            Category = Category(name.Kind),
            ColorType = NvtxEventAttributes.ColorArgb,
            Color = ColorOf(name.Kind),
            PayloadType = name.Kind is RangeKind.Step or RangeKind.MicroStep ? NvtxEventAttributes.PayloadInt64 : 0,
            MessageType = messageType,
            Message = message,
        };
    }

    // 0 is NVTX's "no category".
    private static uint Category(RangeKind kind) => 1 + (uint)kind;

    private static uint ColorOf(RangeKind kind) => kind switch
    {
        RangeKind.Step => 0xff4c566a,
        RangeKind.MicroStep => 0xff81a1c1,
        RangeKind.Pass => 0xff5e81ac,
        RangeKind.Layer => 0xffa3be8c,
        RangeKind.Part => 0xffebcb8b,
        RangeKind.Update => 0xffb48ead,
        _ => 0xffd08770,
    };
}
