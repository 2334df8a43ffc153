using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Reads the operands of one function's instructions and resolves their names.</summary>
internal sealed class PtxOperandParser(PtxTokenReader reader, PtxModule module, List<PtxRegister> registers)
{
    private const int MaximumElements = 256;

    /// <summary>Names that were no register and no variable: labels to be told apart by scope once all are known.</summary>
    internal List<(PtxOperand Operand, PtxScope Scope)> Names { get; } = [];

    internal PtxOperand Read(PtxScope scope)
    {
        PtxOperand operand = ReadSingle(scope);
        if (!reader.TakeIf('|'))
        {
            return operand;
        }

        return new PtxOperand { Kind = PtxOperandKind.Pair, Elements = [operand, ReadSingle(scope)] };
    }

    private PtxOperand ReadSingle(PtxScope scope)
    {
        if (reader.TakeIf('['))
        {
            return ReadAddress(scope);
        }

        if (reader.TakeIf('{'))
        {
            return new PtxOperand { Kind = PtxOperandKind.Vector, Elements = ReadList(scope, '}') };
        }

        if (reader.TakeIf('('))
        {
            return new PtxOperand { Kind = PtxOperandKind.List, Elements = ReadList(scope, ')') };
        }

        if (reader.TakeIf('!'))
        {
            PtxOperand inner = ReadWord(scope);
            return inner.Kind == PtxOperandKind.Register
                ? new PtxOperand { Kind = PtxOperandKind.NegatedPredicate, Register = inner.Register }
                : throw reader.Wrong("a predicate is expected behind '!'");
        }

        return reader.Current.Kind == PtxTokenKind.Word ? ReadWord(scope) : Immediate();
    }

    private PtxOperand Immediate()
    {
        PtxNumber number = PtxNumber.Read(reader);
        return new PtxOperand { Kind = number.Kind, Bits = number.Bits };
    }

    private PtxOperand ReadWord(PtxScope scope)
    {
        string name = reader.ExpectWord();
        if (name == "_")
        {
            return new PtxOperand { Kind = PtxOperandKind.Sink };
        }

        if (name == "WARP_SZ")
        {
            return new PtxOperand { Kind = PtxOperandKind.Integer, Bits = 32 };
        }

        if (scope.FindRegister(name, registers) is { } register)
        {
            return new PtxOperand { Kind = PtxOperandKind.Register, Register = register };
        }

        if ((scope.FindVariable(name) ?? module.Variables.GetValueOrDefault(name)) is { } variable)
        {
            return new PtxOperand { Kind = PtxOperandKind.Variable, Variable = variable, Bits = OptionalOffset() };
        }

        if (name[0] == '%')
        {
            if (reader.Current.Kind == PtxTokenKind.Dotted)
            {
                name += "." + reader.Take().Text;
            }

            return new PtxOperand { Kind = PtxOperandKind.SpecialRegister, Name = name };
        }

        var operand = new PtxOperand { Kind = PtxOperandKind.Name, Name = name };
        Names.Add((operand, scope));
        return operand;
    }

    private PtxOperand ReadAddress(PtxScope scope)
    {
        PtxRegister? register = null;
        PtxVariable? variable = null;
        ulong offset = 0;
        if (reader.Current.Kind == PtxTokenKind.Word)
        {
            int line = reader.Current.Line;
            PtxOperand start = ReadWord(scope);
            register = start.Register;
            variable = start.Variable;
            offset = start.Bits + (start.Kind == PtxOperandKind.Variable ? 0 : OptionalOffset());
            if (register is null && variable is null)
            {
                throw new PtxSyntaxException(line, $"the address names '{start.Name}', which is not declared.");
            }
        }
        else
        {
            offset = PtxNumber.Read(reader).Bits;
        }

        if (!reader.TakeIf(']'))
        {
            throw reader.Wrong("expected ']' (a tensor coordinate is not simulated)");
        }

        return new PtxOperand { Kind = PtxOperandKind.Address, Register = register, Variable = variable, Bits = offset };
    }

    private ulong OptionalOffset() => reader.Current.IsSign('+') || reader.Current.IsSign('-') ? PtxNumber.Read(reader).Bits : 0;

    private List<PtxOperand> ReadList(PtxScope scope, char close)
    {
        var elements = new List<PtxOperand>();
        while (!reader.TakeIf(close))
        {
            if (elements.Count > 0)
            {
                reader.Expect(',');
            }

            // Only a list of a call may nest nothing; braces and parentheses inside a list are never emitted.
            if (reader.Current.IsSign('{') || reader.Current.IsSign('(') || elements.Count == MaximumElements)
            {
                throw reader.Wrong("the list of operands has no such form");
            }

            elements.Add(Read(scope));
        }

        return elements;
    }
}
