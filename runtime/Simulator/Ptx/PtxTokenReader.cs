using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Walks over the tokens of a text.</summary>
internal sealed class PtxTokenReader(List<PtxToken> tokens)
{
    private int _at;

    internal PtxToken Current => tokens[_at];

    internal PtxToken Next => tokens[_at + 1 < tokens.Count ? _at + 1 : _at];

    internal bool AtEnd => Current.Kind == PtxTokenKind.End;

    internal PtxToken Take()
    {
        PtxToken taken = tokens[_at];
        if (_at + 1 < tokens.Count)
        {
            _at++;
        }

        return taken;
    }

    internal bool TakeIf(char sign)
    {
        if (!Current.IsSign(sign))
        {
            return false;
        }

        Take();
        return true;
    }

    internal bool TakeIf(string dotted)
    {
        if (!Current.IsDotted(dotted))
        {
            return false;
        }

        Take();
        return true;
    }

    internal void Expect(char sign)
    {
        if (!TakeIf(sign))
        {
            throw Wrong($"expected '{sign}'");
        }
    }

    internal string ExpectWord()
    {
        if (Current.Kind != PtxTokenKind.Word)
        {
            throw Wrong("expected a name");
        }

        return Take().Text;
    }

    internal string ExpectText()
    {
        if (Current.Kind != PtxTokenKind.Text)
        {
            throw Wrong("expected a string");
        }

        return Take().Text;
    }

    /// <summary>A count, size or line number, from 0 to <paramref name="maximum"/>.</summary>
    internal int ExpectCount(int maximum)
    {
        int line = Current.Line;
        PtxNumber number = PtxNumber.Read(this);
        if (number.Kind != PtxOperandKind.Integer || number.Bits > (ulong)maximum)
        {
            throw new PtxSyntaxException(line, $"a whole number from 0 to {maximum} is expected here.");
        }

        return (int)number.Bits;
    }

    /// <summary>Passes over everything to the next semicolon, which it takes.</summary>
    internal void SkipStatement()
    {
        while (!AtEnd && !Current.IsSign(';'))
        {
            Take();
        }

        Expect(';');
    }

    /// <summary>Passes over a block in braces.</summary>
    internal void SkipBraces()
    {
        Expect('{');
        int depth = 1;
        while (depth > 0)
        {
            if (AtEnd)
            {
                throw Wrong("a brace is not closed");
            }

            PtxToken token = Take();
            depth += token.IsSign('{') ? 1 : token.IsSign('}') ? -1 : 0;
        }
    }

    internal PtxSyntaxException Wrong(string what) => new(Current.Line, $"{what}, but found '{Current.Text}'.");
}
