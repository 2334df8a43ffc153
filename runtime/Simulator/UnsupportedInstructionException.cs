using System;

namespace GptEngine.Runtime.Simulator;

/// <summary>PTX that the simulator does not know: the message names the instruction, the kernel and the line of the CUDA source.</summary>
public sealed class UnsupportedInstructionException : Exception
{
    public UnsupportedInstructionException(string instruction, string kernel, string place, string reason)
        : base($"the simulated GPU does not know '{instruction}' ({reason}) in {kernel}, at {place}.")
    {
        Instruction = instruction;
        Kernel = kernel;
    }

    /// <summary>Opcode and modifiers.</summary>
    public string Instruction { get; }

    /// <summary>The kernel or device function that has it.</summary>
    public string Kernel { get; }
}
