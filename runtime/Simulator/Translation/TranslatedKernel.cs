using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>A kernel ready to run: its blocks, its memory instructions and what it needs.</summary>
internal sealed class TranslatedKernel
{
    internal required PtxFunction Function { get; init; }

    internal required BasicBlock[] Blocks { get; init; }

    internal required MemorySite[] Sites { get; init; }

    /// <summary>Bytes of a warp's registers, the special ones included.</summary>
    internal required int RegisterBytes { get; init; }

    /// <summary>Bytes of shared memory that the kernel declares itself.</summary>
    internal required int StaticSharedBytes { get; init; }

    /// <summary>Bytes of local memory of one thread.</summary>
    internal required int LocalBytes { get; init; }

    /// <summary>Registers that warpgroup products use, or that are moved to or from such.</summary>
    internal required int ProductRegisterCount { get; init; }

    /// <summary>Where each parameter lies in the argument buffer.</summary>
    internal required IReadOnlyList<int> ParameterOffsets { get; init; }

    internal required int ParameterBytes { get; init; }

    internal string Name => Function.Name;

    /// <summary>Translates a block when it is first reached.</summary>
    internal BlockMethod MethodOf(BasicBlock block)
    {
        if (block.Method is null)
        {
            lock (this)
            {
                block.Method ??= block.Code!.Finish();
            }
        }

        return block.Method;
    }
}
