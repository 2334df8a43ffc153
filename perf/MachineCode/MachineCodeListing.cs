using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using GptEngine.Runtime;

namespace GptEngine.Perf.MachineCode;

/// <summary>What <c>nvdisasm -c -hex</c> prints of one kernel, read.</summary>
internal static partial class MachineCodeListing
{
    /// <exception cref="UserErrorException">There is no instruction in it, or a branch to nowhere.</exception>
    public static ImmutableArray<MachineInstruction> Parse(string text)
    {
        var labels = new Dictionary<string, int>(StringComparer.Ordinal);
        var lines = new List<(Match Line, ulong Upper)>();
        foreach (string line in text.Split('\n'))
        {
            if (Label().Match(line) is { Success: true } label)
            {
                labels[label.Groups["name"].Value] = lines.Count;
            }
            else if (Instruction().Match(line) is { Success: true } instruction)
            {
                lines.Add((instruction, 0));
            }
            else if (lines.Count > 0 && UpperHalf().Match(line) is { Success: true } half)
            {
                lines[^1] = (lines[^1].Line, ulong.Parse(half.Groups["bits"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            }
        }

        if (lines.Count == 0)
        {
            throw new UserErrorException("There is no instruction in the disassembly. It must be nvdisasm's, with -hex.", ExitCode.Failed);
        }

        var instructions = ImmutableArray.CreateBuilder<MachineInstruction>(lines.Count);
        foreach ((Match line, ulong upper) in lines)
        {
            string operands = line.Groups["operands"].Value.Trim();
            instructions.Add(new MachineInstruction(
                int.Parse(line.Groups["address"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                line.Groups["guard"].Value,
                line.Groups["opcode"].Value,
                operands,
                ControlCode.FromUpperHalf(upper),
                TargetOf(operands, labels)));
        }

        return instructions.MoveToImmutable();
    }

    private static int TargetOf(string operands, Dictionary<string, int> labels)
    {
        if (Reference().Match(operands) is not { Success: true } reference)
        {
            return -1;
        }

        string name = reference.Groups["name"].Value;
        return labels.TryGetValue(name, out int target)
            ? target
            : throw new UserErrorException($"The disassembly has a branch to '{name}' and no such label.", ExitCode.Failed);
    }

    /// <summary>The part of a listing that is one kernel's: a source file's kernels without template arguments are in every image of it.</summary>
    /// <param name="text">What the program printed.</param>
    /// <param name="kernel">Its name as the compiler wrote it.</param>
    public static string Only(string text, string kernel)
    {
        int start = text.IndexOf($".section\t.text.{kernel},", StringComparison.Ordinal);
        int end = start < 0 ? -1 : text.IndexOf("\n\t.section\t", start, StringComparison.Ordinal);
        return start < 0
            ? throw new UserErrorException($"The disassembly has no section of {kernel}.", ExitCode.Failed)
            : text[start..(end < 0 ? text.Length : end)];
    }

    [GeneratedRegex(@"^(?<name>\.L_[\w]+):")]
    private static partial Regex Label();

    [GeneratedRegex(@"^\s+/\*(?<address>[0-9a-f]{4,})\*/\s+(?:(?<guard>@!?U?P\w+)\s+)?(?<opcode>[A-Z][\w.]*)\s*(?<operands>[^;]*);\s*/\* 0x[0-9a-f]{16} \*/")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"^\s+/\* 0x(?<bits>[0-9a-f]{16}) \*/")]
    private static partial Regex UpperHalf();

    [GeneratedRegex(@"`\((?<name>\.L_\w+)\)")]
    private static partial Regex Reference();
}
