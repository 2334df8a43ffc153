using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Reads one function: its head, its declarations and its instructions.</summary>
internal sealed class PtxFunctionParser
{
    private const int MaximumRegisters = 1 << 20;
    private const int MaximumDepth = 64;

    private readonly PtxTokenReader _reader;
    private readonly PtxLineTable _lines;
    private readonly List<PtxRegister> _registers = [];
    private readonly List<PtxVariable> _variables = [];
    private readonly List<PtxInstruction> _body = [];
    private readonly Dictionary<string, IReadOnlyList<string>> _branchTargets = new(StringComparer.Ordinal);
    private readonly PtxOperandParser _operands;
    private PtxScope _scope = new(null, 0);
    private int _scopes;
    private SourceLocation? _source;

    internal PtxFunctionParser(PtxTokenReader reader, PtxModule module, PtxLineTable lines)
    {
        _reader = reader;
        _lines = lines;
        _operands = new PtxOperandParser(reader, module, _registers);
    }

    /// <summary>Reads from behind <c>.entry</c> or <c>.func</c>.</summary>
    internal PtxFunction Read(bool isKernel)
    {
        List<PtxVariable> returns = !isKernel && _reader.Current.IsSign('(') ? ReadParameters() : [];
        string name = _reader.ExpectWord();
        List<PtxVariable> parameters = _reader.Current.IsSign('(') ? ReadParameters() : [];
        var function = new PtxFunction { Name = name, IsKernel = isKernel, Parameters = parameters, Returns = returns };
        ReadDirectives(function);
        if (_reader.TakeIf(';'))
        {
            return function;
        }

        _reader.Expect('{');
        ReadBody();
        foreach ((PtxOperand operand, PtxScope scope) in _operands.Names)
        {
            operand.Name = scope.Unique(operand.Name!);
        }

        function.Body = _body;
        function.Registers = _registers;
        function.Variables = _variables;
        function.BranchTargets = _branchTargets;
        return function;
    }

    private List<PtxVariable> ReadParameters()
    {
        var parameters = new List<PtxVariable>();
        _reader.Expect('(');
        while (!_reader.TakeIf(')'))
        {
            if (parameters.Count > 0)
            {
                _reader.Expect(',');
            }

            if (!_reader.TakeIf("param"))
            {
                throw _reader.Wrong("expected a .param (parameters in registers are not emitted since PTX 2)");
            }

            PtxVariable parameter = PtxVariableParser.Read(_reader, PtxStateSpace.Param, isExtern: false);
            _scope.Declare(parameter);
            parameters.Add(parameter);
        }

        return parameters;
    }

    private void ReadDirectives(PtxFunction function)
    {
        while (_reader.Current.Kind == PtxTokenKind.Dotted)
        {
            PtxToken directive = _reader.Take();
            var numbers = new List<int>();
            while (_reader.Current.Kind == PtxTokenKind.Number)
            {
                numbers.Add(_reader.ExpectCount(int.MaxValue - 1));
                _reader.TakeIf(',');
            }

            if (directive.Text is "maxntid" or "reqntid")
            {
                long threads = 1;
                numbers.ForEach(n => threads = Math.Min(threads * n, int.MaxValue));
                function.MaximumThreads = (int)threads;
                function.RequiredThreads = directive.Text == "reqntid" ? numbers : null;
            }
            else if (directive.Text == "pragma")
            {
                _reader.SkipStatement();
            }
        }
    }

    private void ReadBody()
    {
        while (true)
        {
            PtxToken token = _reader.Current;
            if (token.Kind == PtxTokenKind.End)
            {
                throw _reader.Wrong("a function is not closed");
            }

            if (_reader.TakeIf('{'))
            {
                _scope = new PtxScope(_scope, ++_scopes);
                if (_scope.Depth > MaximumDepth)
                {
                    throw _reader.Wrong($"braces are nested more than {MaximumDepth} deep");
                }
            }
            else if (_reader.TakeIf('}'))
            {
                if (_scope.Outer is null)
                {
                    return;
                }

                _scope = _scope.Outer;
            }
            else if (token.Kind == PtxTokenKind.Dotted)
            {
                ReadDeclaration();
            }
            else if (token.Kind == PtxTokenKind.Word && _reader.Next.IsSign(':'))
            {
                ReadLabel();
            }
            else if (!_reader.TakeIf(';'))
            {
                ReadInstruction();
            }
        }
    }

    private void ReadLabel()
    {
        int line = _reader.Current.Line;
        string label = _reader.ExpectWord();
        _reader.Expect(':');
        if (_reader.TakeIf("branchtargets"))
        {
            var targets = new List<string>();
            do
            {
                targets.Add(_scope.Unique(_reader.ExpectWord()));
            }
            while (_reader.TakeIf(','));
            _reader.Expect(';');
            _branchTargets[label] = targets;
            return;
        }

        if (_reader.Current.IsDotted("callprototype") || _reader.Current.IsDotted("calltargets"))
        {
            _reader.SkipStatement();
            return;
        }

        if (!_scope.DeclareLabel(label))
        {
            throw new PtxSyntaxException(line, $"the label {label} is declared twice.");
        }

        _body.Add(new PtxInstruction { Label = _scope.Qualify(label), Line = line, Source = _source });
    }

    private void ReadDeclaration()
    {
        PtxToken token = _reader.Take();
        switch (token.Text)
        {
            case "reg":
                ReadRegisters();
                break;
            case "loc":
                _source = _lines.Read(_reader);
                break;
            case "pragma":
                _reader.SkipStatement();
                break;
            case "shared" or "local" or "param":
                PtxStateSpace space = token.Text switch { "shared" => PtxStateSpace.Shared, "local" => PtxStateSpace.Local, _ => PtxStateSpace.Param };
                do
                {
                    PtxVariable variable = PtxVariableParser.Read(_reader, space, isExtern: false);
                    _scope.Declare(variable);
                    _variables.Add(variable);
                }
                while (_reader.TakeIf(','));
                _reader.Expect(';');
                break;
            default:
                throw new PtxSyntaxException(token.Line, $"'.{token.Text}' is no declaration that the simulator knows inside a function.");
        }
    }

    private void ReadRegisters()
    {
        PtxToken token = _reader.Take();
        if (!PtxTypes.TryParse(token.Text, out PtxType type))
        {
            throw new PtxSyntaxException(token.Line, $"'.{token.Text}' is no type of a register.");
        }

        do
        {
            string name = _reader.ExpectWord();
            if (_reader.TakeIf('<'))
            {
                _scope.DeclareRange(name, _reader.ExpectCount(MaximumRegisters), type);
                _reader.Expect('>');
            }
            else
            {
                var register = new PtxRegister(_registers.Count, name, type);
                _registers.Add(register);
                _scope.Declare(register);
            }
        }
        while (_reader.TakeIf(','));
        _reader.Expect(';');
    }

    private void ReadInstruction()
    {
        int line = _reader.Current.Line;
        PtxRegister? guard = null;
        bool negated = false;
        if (_reader.TakeIf('@'))
        {
            negated = _reader.TakeIf('!');
            string name = _reader.ExpectWord();
            guard = _scope.FindRegister(name, _registers);
            if (guard is not { Type: PtxType.Pred })
            {
                throw new PtxSyntaxException(line, $"the guard {name} is no declared predicate.");
            }
        }

        string opcode = _reader.ExpectWord();
        var modifiers = new List<string>();
        while (_reader.Current.Kind == PtxTokenKind.Dotted)
        {
            modifiers.Add(_reader.Take().Text);
        }

        var operands = new List<PtxOperand>();
        while (!_reader.TakeIf(';'))
        {
            if (operands.Count > 0)
            {
                _reader.Expect(',');
            }

            operands.Add(_operands.Read(_scope));
        }

        _body.Add(new PtxInstruction
        {
            Opcode = opcode,
            Modifiers = modifiers,
            Operands = operands,
            Guard = guard,
            GuardNegated = negated,
            Line = line,
            Source = _source,
        });
    }
}
