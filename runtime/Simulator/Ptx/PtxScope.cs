using System;
using System.Collections.Generic;
using System.Globalization;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>The names that a pair of braces declares: registers, singly or as a numbered range, variables and labels.</summary>
internal sealed class PtxScope(PtxScope? outer, int number)
{
    private readonly Dictionary<string, PtxRegister> _registers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Count, PtxType Type)> _ranges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PtxVariable> _variables = new(StringComparer.Ordinal);
    private readonly HashSet<string> _labels = new(StringComparer.Ordinal);

    internal PtxScope? Outer => outer;

    internal int Depth { get; } = outer is null ? 0 : outer.Depth + 1;

    internal void DeclareRange(string prefix, int count, PtxType type) => _ranges[prefix] = (count, type);

    internal void Declare(PtxRegister register) => _registers[register.Name] = register;

    internal void Declare(PtxVariable variable) => _variables[variable.Name] = variable;

    internal bool DeclareLabel(string label) => _labels.Add(label);

    internal PtxVariable? FindVariable(string name) => _variables.GetValueOrDefault(name) ?? outer?.FindVariable(name);

    /// <summary>The register of that name; <paramref name="all"/> grows when one of a range is named for the first time.</summary>
    internal PtxRegister? FindRegister(string name, List<PtxRegister> all)
    {
        if (_registers.TryGetValue(name, out PtxRegister? register))
        {
            return register;
        }

        int digits = name.Length;
        while (digits > 0 && char.IsAsciiDigit(name[digits - 1]))
        {
            digits--;
        }

        if (digits < name.Length && _ranges.TryGetValue(name[..digits], out (int Count, PtxType Type) range)
            && int.TryParse(name.AsSpan(digits), NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < range.Count)
        {
            register = new PtxRegister(all.Count, name, range.Type);
            all.Add(register);
            _registers.Add(name, register);
            return register;
        }

        return outer?.FindRegister(name, all);
    }

    /// <summary>A name for a label that no other scope's label has.</summary>
    internal string Unique(string label)
    {
        for (PtxScope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._labels.Contains(label))
            {
                return scope.Qualify(label);
            }
        }

        return label;
    }

    internal string Qualify(string label) => number == 0 ? label : string.Create(CultureInfo.InvariantCulture, $"{label}#{number}");
}
