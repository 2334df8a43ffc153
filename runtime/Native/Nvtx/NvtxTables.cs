using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nvtx;

/// <summary>
/// The side of NVTX's protocol that its C headers put into every program: tables of places into which a tool writes its functions. There
/// is a table a module, and in it a pointer to a place for each function by its number in nvtxTypes.h, number 0 being none. The tool
/// keeps what it gets for as long as the process lives, and so does this.
/// </summary>
internal static unsafe class NvtxTables
{
    internal const int Core = 1, Core2 = 5;

    private const uint ExportCallbacks = 1, ExportVersion = 3;
    private const uint ProtocolVersion = 3;

    // NVTX_CBID_*_SIZE: modules 1 to 6 are core, the CUDA driver, OpenCL, the CUDA runtime, core 2 and synchronisation.
    private const int Modules = 6;
    private static readonly int[] Sizes = [0, 16, 9, 15, 7, 16, 7];

    // Written here once; afterwards only tools write, through the pointers.
    private static readonly nint*** Tables = MakeTables();
    private static readonly nint* Callbacks = Make(2 * sizeof(nint), (nint)(delegate* unmanaged[Cdecl]<int, nint***, uint*, int>)&GetModuleFunctionTable);
    private static readonly nint* Version = MakeVersion();

    /// <summary>What a tool's entry point is handed: asks for one of the tables by its number.</summary>
    internal static delegate* unmanaged[Cdecl]<uint, void*> GetExportTable => &ExportTable;

    /// <summary>What a tool has put into a place; 0 for nothing.</summary>
    internal static nint Function(int module, int number) => *Tables[module][number];

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* ExportTable(uint table) => table switch
    {
        ExportCallbacks => Callbacks,
        ExportVersion => Version,
        _ => null,
    };

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int GetModuleFunctionTable(int module, nint*** table, uint* size)
    {
        if (module is < 1 or > Modules)
        {
            return 0;
        }

        if (size is not null)
        {
            *size = (uint)Sizes[module];
        }

        if (table is not null)
        {
            *table = (nint**)Tables[module];
        }

        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void SetInjectionVersion(uint version)
    {
        // A tool may say which version it was made for; nothing here depends on it.
    }

    private static nint*** MakeTables()
    {
        var tables = (nint***)NativeMemory.AllocZeroed(Modules + 1, (nuint)sizeof(nint));
        for (int module = 1; module <= Modules; module++)
        {
            int size = Sizes[module];

            // One null behind the last, so that a tool that reads too far finds an end.
            tables[module] = (nint**)NativeMemory.AllocZeroed((nuint)size + 1, (nuint)sizeof(nint));
            var places = (nint*)NativeMemory.AllocZeroed((nuint)size, (nuint)sizeof(nint));
            for (int number = 1; number < size; number++)
            {
                tables[module][number] = places + number;
            }
        }

        return tables;
    }

    private static nint* Make(nint bytes, nint function)
    {
        var table = (nint*)NativeMemory.AllocZeroed((nuint)bytes);
        table[0] = bytes;
        table[1] = function;
        return table;
    }

    // Size, version and 32 bits of padding, one function.
    private static nint* MakeVersion()
    {
        nint* table = Make(3 * sizeof(nint), (nint)ProtocolVersion);
        table[2] = (nint)(delegate* unmanaged[Cdecl]<uint, void>)&SetInjectionVersion;
        return table;
    }
}
