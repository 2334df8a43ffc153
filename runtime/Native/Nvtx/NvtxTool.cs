using System;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nvtx;

/// <summary>
/// The tool that listens to this process's NVTX ranges: Nsight Systems, Nsight Compute, or whatever else NVTX_INJECTION64_PATH names.
/// NVTX version 3 has no library: its headers open the one that the tool names in that variable, call its InitializeInjectionNvtx2, and
/// from then on call what it has written into their tables. This does what they do.
/// </summary>
internal sealed unsafe class NvtxTool
{
    /// <summary>The variable in which a tool names its library.</summary>
    internal const string PathVariable = "NVTX_INJECTION64_PATH";

    private const string EntryPoint = "InitializeInjectionNvtx2";

    // Numbers of nvtxTypes.h.
    private const int RangePushEx = 8, RangePop = 11, NameCategoryA = 12;
    private const int DomainRegisterStringA = 10;

    // The tool's initialisation runs at most once in a process, as NVTX has it.
    private static readonly Lazy<(NvtxTool? Tool, string Description)> Attachment = new(() => Open(Environment.GetEnvironmentVariable(PathVariable)));

    private readonly delegate* unmanaged[Cdecl]<NvtxEventAttributes*, int> _push;
    private readonly delegate* unmanaged[Cdecl]<int> _pop;
    private readonly delegate* unmanaged[Cdecl]<uint, byte*, void> _nameCategory;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, nint> _register;
    private readonly ConcurrentDictionary<uint, string> _categories = [];

    private NvtxTool()
    {
        _push = (delegate* unmanaged[Cdecl]<NvtxEventAttributes*, int>)NvtxTables.Function(NvtxTables.Core, RangePushEx);
        _pop = (delegate* unmanaged[Cdecl]<int>)NvtxTables.Function(NvtxTables.Core, RangePop);
        _nameCategory = (delegate* unmanaged[Cdecl]<uint, byte*, void>)NvtxTables.Function(NvtxTables.Core, NameCategoryA);
        _register = (delegate* unmanaged[Cdecl]<nint, byte*, nint>)NvtxTables.Function(NvtxTables.Core2, DomainRegisterStringA);
    }

    /// <summary>The tool; null where none listens.</summary>
    internal static NvtxTool? OfThisProcess => Attachment.Value.Tool;

    /// <summary>For people: which tool listens, or why none does.</summary>
    internal static string Description => Attachment.Value.Description;

    /// <summary>Lets a tool attach itself.</summary>
    /// <param name="initialise">Its entry point.</param>
    /// <returns>Null where it declines, or wants to hear of no ranges.</returns>
    internal static NvtxTool? Attach(delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<uint, void*>, int> initialise)
    {
        if (initialise(NvtxTables.GetExportTable) == 0)
        {
            return null;
        }

        var tool = new NvtxTool();
        return tool._push is null || tool._pop is null ? null : tool;
    }

    /// <summary>Opens the library and lets it attach itself.</summary>
    internal static (NvtxTool? Tool, string Description) Open(string? path)
    {
        if (string.IsNullOrEmpty(path))
        {
            return (null, "no tool listens; Nsight Systems and Nsight Compute do, once they start the program");
        }

        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            return (null, $"{path} cannot be opened. It is what {PathVariable} names: unset that variable, or correct it.");
        }

        if (!NativeLibrary.TryGetExport(library, EntryPoint, out nint initialise))
        {
            NativeLibrary.Free(library);
            return (null, $"{path} has no {EntryPoint}: it is no tool for NVTX 3. Unset {PathVariable}, or correct it.");
        }

        NvtxTool? tool = Attach((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<uint, void*>, int>)initialise);
        return (tool, tool is null ? $"{path} does not want to hear of ranges" : $"{path} listens");
    }

    /// <summary>Gives the kind of a range a name, once: each device of the process has a listener that says it.</summary>
    internal void NameCategory(uint category, string name)
    {
        if (_nameCategory is not null && _categories.TryAdd(category, name))
        {
            byte* text = (byte*)Marshal.StringToCoTaskMemUTF8(name);
            _nameCategory(category, text);
            Marshal.FreeCoTaskMem((nint)text);
        }
    }

    /// <summary>Makes a name known, once: what it is from then on called by.</summary>
    internal (int MessageType, nint Message) Register(string name)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(name);
        if (_register is null)
        {
            // The tool reads the text at each range, so it stays.
            return (NvtxEventAttributes.MessageAscii, text);
        }

        nint handle = _register(0, (byte*)text);
        Marshal.FreeCoTaskMem(text);
        return (NvtxEventAttributes.MessageRegistered, handle);
    }

    /// <summary>Begins a range of the calling thread.</summary>
    internal void Push(in NvtxEventAttributes attributes)
    {
        fixed (NvtxEventAttributes* pointer = &attributes)
        {
            _push(pointer);
        }
    }

    /// <summary>Ends the range of the calling thread that began last.</summary>
    internal void Pop() => _pop();
}
