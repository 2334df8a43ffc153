using System;

namespace GptEngine.Perf.MachineCode;

/// <summary>One instruction of machine code.</summary>
/// <param name="Address">Bytes from the kernel's start.</param>
/// <param name="Guard">The predicate that it runs under, as <c>@!P0</c>; empty for none.</param>
/// <param name="Opcode">With its modifiers: <c>HMMA.884.F32.F32.STEP0</c>.</param>
/// <param name="Operands">What follows, as text.</param>
/// <param name="Control">Its schedule.</param>
/// <param name="Target">Index of the instruction that a branch goes to; -1 for what is no branch.</param>
internal sealed record MachineInstruction(int Address, string Guard, string Opcode, string Operands, ControlCode Control, int Target)
{
    /// <summary>The opcode without modifiers.</summary>
    public string Name { get; } = Opcode.Split('.')[0];

    /// <summary>
    /// The assembler leaves loops by CALL.REL.NOINC too, to a label that nothing returns from. BRA.DIV goes to what a warp does whose lanes are
    /// not together, and ours are.
    /// </summary>
    public bool IsBranch => Name is "BRA" or "CALL" && Target >= 0 && !Has("DIV");

    /// <summary>Whether control may go on behind it as well as elsewhere.</summary>
    public bool IsConditional => Guard.Length > 0 || (Name == "BRA" && (Operands.StartsWith('P') || Operands.StartsWith("!P", StringComparison.Ordinal)));

    public bool IsExit => Name is "EXIT" or "RET";

    /// <summary>Whether it has a modifier, <c>128</c> say.</summary>
    public bool Has(string modifier) => Opcode.Contains('.' + modifier, StringComparison.Ordinal);

    /// <summary>Bytes that a thread moves by it: 4 unless its modifiers say otherwise.</summary>
    public int Bytes => Has("128") ? 16 : Has("64") ? 8 : Has("U16") || Has("S16") ? 2 : Has("U8") || Has("S8") ? 1 : 4;
}
