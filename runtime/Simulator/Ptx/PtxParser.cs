using System.Collections.Generic;
using System.Globalization;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Reads a PTX text into a module. Whatever is wrong with the text is a <see cref="PtxSyntaxException"/> with its line.</summary>
internal sealed class PtxParser
{
    private readonly PtxTokenReader _reader;
    private readonly PtxLineTable _lines;
    private readonly PtxModule _module = new();

    private PtxParser(string text)
    {
        List<PtxToken> tokens = PtxLexer.Read(text);
        _reader = new PtxTokenReader(tokens);
        _lines = new PtxLineTable(tokens);
    }

    internal static PtxModule Parse(string text) => new PtxParser(text).Read();

    private PtxModule Read()
    {
        while (!_reader.AtEnd)
        {
            if (_reader.TakeIf(';'))
            {
                continue;
            }

            if (_reader.Current.Kind != PtxTokenKind.Dotted)
            {
                throw _reader.Wrong("expected a directive");
            }

            ReadDirective();
        }

        return _module;
    }

    private void ReadDirective()
    {
        bool isExtern = false;
        while (true)
        {
            PtxToken token = _reader.Take();
            switch (token.Text)
            {
                case "visible" or "weak" or "common":
                    continue;
                case "extern":
                    isExtern = true;
                    continue;
                case "version":
                    _module.Version = _reader.Take().Text;
                    return;
                case "target":
                    ReadTarget();
                    return;
                case "address_size":
                    if (_reader.ExpectCount(64) != 64)
                    {
                        throw new PtxSyntaxException(token.Line, "only 64-bit addresses are simulated.");
                    }

                    return;
                case "entry" or "func":
                    ReadFunction(token.Text == "entry");
                    return;
                case "global" or "const" or "shared":
                    ReadVariables(token.Text, isExtern);
                    return;
                case "file":
                    ReadFile();
                    return;
                case "section":
                    _reader.Take();
                    _reader.SkipBraces();
                    return;
                case "pragma":
                    _reader.SkipStatement();
                    return;
                default:
                    throw new PtxSyntaxException(token.Line, $"'.{token.Text}' is no directive that the simulator knows.");
            }
        }
    }

    private void ReadTarget()
    {
        string target = _reader.ExpectWord();
        string digits = target.StartsWith("sm_", System.StringComparison.Ordinal) ? target[3..].TrimEnd('a', 'f') : "";
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            throw new PtxSyntaxException(_reader.Current.Line, $".target {target} is no sm_NN.");
        }

        _module.Target = number;
        _module.IsArchitectureSpecific = digits.Length + "sm_".Length < target.Length;
        while (_reader.TakeIf(','))
        {
            _reader.ExpectWord();
        }
    }

    private void ReadFile()
    {
        _reader.ExpectCount(int.MaxValue - 1);
        _reader.ExpectText();
        while (_reader.TakeIf(','))
        {
            PtxNumber.Read(_reader);
        }
    }

    private void ReadFunction(bool isKernel)
    {
        int line = _reader.Current.Line;
        PtxFunction function = new PtxFunctionParser(_reader, _module, _lines).Read(isKernel);
        if (_module.Functions.TryGetValue(function.Name, out PtxFunction? known) && known.Body is not null)
        {
            if (function.Body is not null)
            {
                throw new PtxSyntaxException(line, $"the function {function.Name} is defined twice.");
            }

            return;
        }

        _module.Functions[function.Name] = function;
    }

    private void ReadVariables(string space, bool isExtern)
    {
        PtxStateSpace where = space switch { "global" => PtxStateSpace.Global, "const" => PtxStateSpace.Const, _ => PtxStateSpace.Shared };
        do
        {
            PtxVariable variable = PtxVariableParser.Read(_reader, where, isExtern);
            _module.Variables[variable.Name] = variable;
        }
        while (_reader.TakeIf(','));
        _reader.Expect(';');
    }
}
