using System;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Little's law, the code's side: bytes of global memory that a warp asks for before it waits for any of them, at most, and as many warps as
/// fit. Every instruction is taken to be executed, in the order of addresses; a wait for a barrier is one for all loads that raised it.
/// </summary>
internal readonly record struct BytesInFlight(int PerWarp, int PerMultiprocessor)
{
    public static BytesInFlight Of(CompiledKernel kernel)
    {
        int[] pending = new int[ControlCode.Barriers];
        int most = 0;
        foreach (MachineInstruction instruction in kernel.Graph.Code)
        {
            ControlCode control = instruction.Control;
            for (int barrier = 0; barrier < pending.Length; barrier++)
            {
                pending[barrier] = (control.WaitMask >> barrier & 1) != 0 ? 0 : pending[barrier];
            }

            if (instruction.Name == "LDG" && control.WriteBarrier < pending.Length)
            {
                pending[control.WriteBarrier] += (int)MachineModel.WarpBytes(instruction);
            }

            most = Math.Max(most, pending.Sum());
        }

        return new BytesInFlight(most, most * kernel.ResidentWarps);
    }
}
