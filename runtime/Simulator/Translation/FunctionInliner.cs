using System.Collections.Generic;
using System.Globalization;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>
/// Writes a kernel out with every device function that it calls put in place of the call. Parameters and results of calls are variables of
/// the thread, as in PTX. What has no body here, and a function that calls itself, is an error.
/// </summary>
internal sealed class FunctionInliner(PtxModule module, PtxFunction kernel)
{
    private const int MaximumInstructions = 4_000_000;
    private const int MaximumDepth = 64;

    private readonly List<PtxInstruction> _instructions = [];
    private readonly HashSet<PtxVariable> _stack = [];
    private readonly List<PtxVariable> _shared = [];
    private readonly List<string> _active = [];
    private int _registers;
    private int _copies;

    internal IReadOnlyList<PtxInstruction> Instructions => _instructions;

    /// <summary>Variables of a thread: local ones and the parameters of calls.</summary>
    internal IReadOnlyCollection<PtxVariable> StackVariables => _stack;

    /// <summary>Shared variables that functions declare inside.</summary>
    internal IReadOnlyList<PtxVariable> SharedVariables => _shared;

    internal int RegisterCount => _registers;

    /// <summary>Labels of each table of brx.idx.</summary>
    internal Dictionary<string, IReadOnlyList<string>> BranchTargets { get; } = [];

    internal void Run() => Copy(kernel, [], null);

    private void Copy(PtxFunction function, Dictionary<PtxVariable, PtxVariable> variables, string? returnLabel)
    {
        string suffix = _copies++ == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"@{_copies}");
        int firstRegister = _registers;
        _registers += function.Registers.Count;
        _active.Add(function.Name);
        foreach (PtxVariable variable in function.Variables)
        {
            PtxVariable own = variable;
            if (variable.Space == PtxStateSpace.Shared)
            {
                if (!_shared.Contains(variable))
                {
                    _shared.Add(variable);
                }
            }
            else
            {
                own = new PtxVariable { Name = variable.Name, Space = variable.Space, Type = variable.Type, Size = variable.Size, Alignment = variable.Alignment };
                _stack.Add(own);
            }

            variables[variable] = own;
        }

        foreach ((string table, IReadOnlyList<string> labels) in function.BranchTargets)
        {
            var renamed = new List<string>();
            foreach (string label in labels)
            {
                renamed.Add(label + suffix);
            }

            BranchTargets[table + suffix] = renamed;
        }

        foreach (PtxInstruction instruction in function.Body!)
        {
            CopyInstruction(instruction, new Renaming(firstRegister, suffix, variables), returnLabel);
        }

        _active.RemoveAt(_active.Count - 1);
    }

    private void CopyInstruction(PtxInstruction source, Renaming renaming, string? returnLabel)
    {
        if (_instructions.Count > MaximumInstructions)
        {
            throw new UnsupportedInstructionException(source.FullName, kernel.Name, source.Place, $"with its calls the kernel has more than {MaximumInstructions} instructions");
        }

        if (source.Label is not null)
        {
            _instructions.Add(new PtxInstruction { Label = source.Label + renaming.Suffix, Line = source.Line, Source = source.Source });
            return;
        }

        PtxRegister? guard = source.Guard is null ? null : renaming.Of(source.Guard);
        if (source.Opcode == "call")
        {
            Call(source, guard, renaming);
            return;
        }

        bool returns = source.Opcode == "ret" && returnLabel is not null;
        var operands = new List<PtxOperand>();
        foreach (PtxOperand operand in source.Operands)
        {
            operands.Add(renaming.Of(operand));
        }

        _instructions.Add(new PtxInstruction
        {
            Opcode = returns ? "bra" : source.Opcode,
            Modifiers = source.Modifiers,
            Operands = returns ? [new PtxOperand { Kind = PtxOperandKind.Name, Name = returnLabel }] : operands,
            Guard = guard,
            GuardNegated = source.GuardNegated,
            Line = source.Line,
            Source = source.Source,
        });
    }

    private void Call(PtxInstruction call, PtxRegister? guard, Renaming renaming)
    {
        int target = call.Operands.Count > 0 && call.Operands[0].Kind == PtxOperandKind.List ? 1 : 0;
        string? name = target < call.Operands.Count ? call.Operands[target].Name : null;
        if (name is null || call.Operands[target].Kind != PtxOperandKind.Name || !module.Functions.TryGetValue(name, out PtxFunction? callee))
        {
            throw Unsupported(call, "only calls of a function by its name are simulated");
        }

        if (callee.Body is null)
        {
            if (name == "__assertfail")
            {
                _instructions.Add(new PtxInstruction
                {
                    Opcode = "trap",
                    Modifiers = ["assert"],
                    Guard = guard,
                    GuardNegated = call.GuardNegated,
                    Line = call.Line,
                    Source = call.Source,
                });
                return;
            }

            throw Unsupported(call, $"the function {name} has no body in the module");
        }

        if (_active.Contains(name) || _active.Count >= MaximumDepth)
        {
            throw Unsupported(call, $"the function {name} calls itself, or calls nest more than {MaximumDepth} deep");
        }

        string end = string.Create(CultureInfo.InvariantCulture, $"return@{_copies + 1}");
        if (guard is not null)
        {
            _instructions.Add(new PtxInstruction
            {
                Opcode = "bra",
                Operands = [new PtxOperand { Kind = PtxOperandKind.Name, Name = end }],
                Guard = guard,
                GuardNegated = !call.GuardNegated,
                Line = call.Line,
                Source = call.Source,
            });
        }

        var variables = new Dictionary<PtxVariable, PtxVariable>();
        Bind(call, callee.Returns, target == 1 ? call.Operands[0].Elements : [], renaming, variables);
        Bind(call, callee.Parameters, target + 1 < call.Operands.Count ? call.Operands[target + 1].Elements : [], renaming, variables);
        Copy(callee, variables, end);
        _instructions.Add(new PtxInstruction { Label = end, Line = call.Line, Source = call.Source });
    }

    private void Bind(
        PtxInstruction call,
        IReadOnlyList<PtxVariable> formal,
        IReadOnlyList<PtxOperand> actual,
        Renaming renaming,
        Dictionary<PtxVariable, PtxVariable> variables)
    {
        if (formal.Count != actual.Count)
        {
            throw Unsupported(call, $"the call passes {actual.Count} values for {formal.Count}");
        }

        for (int i = 0; i < formal.Count; i++)
        {
            PtxVariable? passed = actual[i].Variable is { } variable ? renaming.Of(variable) : null;
            if (passed is null || !_stack.Contains(passed) || passed.Size < formal[i].Size)
            {
                throw Unsupported(call, "a value is not passed through a .param variable of its size");
            }

            variables[formal[i]] = passed;
        }
    }

    private UnsupportedInstructionException Unsupported(PtxInstruction call, string reason) => new(call.FullName, kernel.Name, call.Place, reason);

    /// <summary>What the names in one copy of a function become.</summary>
    private sealed class Renaming(int firstRegister, string suffix, Dictionary<PtxVariable, PtxVariable> variables)
    {
        internal string Suffix => suffix;

        internal PtxRegister Of(PtxRegister register) => firstRegister == 0 ? register : register with { Index = register.Index + firstRegister };

        internal PtxVariable Of(PtxVariable variable) => variables.GetValueOrDefault(variable, variable);

        internal PtxOperand Of(PtxOperand operand)
        {
            var elements = new List<PtxOperand>();
            foreach (PtxOperand element in operand.Elements)
            {
                elements.Add(Of(element));
            }

            return new PtxOperand
            {
                Kind = operand.Kind,
                Bits = operand.Bits,
                Name = operand.Kind == PtxOperandKind.Name ? operand.Name + suffix : operand.Name,
                Register = operand.Register is null ? null : Of(operand.Register),
                Variable = operand.Variable is null ? null : Of(operand.Variable),
                Elements = elements,
            };
        }
    }
}
