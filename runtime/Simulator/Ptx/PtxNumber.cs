using System;
using System.Globalization;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>An immediate: its form and its bits.</summary>
internal readonly record struct PtxNumber(PtxOperandKind Kind, ulong Bits)
{
    /// <summary>Reads a number with its signs: decimal, octal, 0x, 0b, 0f (bits of a float), 0d (bits of a double), or with a point.</summary>
    internal static PtxNumber Read(PtxTokenReader reader)
    {
        bool negative = false;
        bool inverted = false;
        while (reader.Current.IsSign('-') || reader.Current.IsSign('+') || reader.Current.IsSign('~'))
        {
            PtxToken sign = reader.Take();
            negative ^= sign.IsSign('-');
            inverted |= sign.IsSign('~');
        }

        if (reader.Current.Kind != PtxTokenKind.Number)
        {
            throw reader.Wrong("expected a number");
        }

        PtxToken token = reader.Take();
        if (!TryParse(token.Text, out PtxNumber number))
        {
            throw new PtxSyntaxException(token.Line, $"'{token.Text}' is no number.");
        }

        ulong bits = number.Bits;
        if (negative)
        {
            bits = number.Kind switch
            {
                PtxOperandKind.Float32 => bits ^ 0x8000_0000,
                PtxOperandKind.Float64 => bits ^ 0x8000_0000_0000_0000,
                _ => 0 - bits,
            };
        }

        return number with { Bits = inverted ? ~bits : bits };
    }

    private static bool TryParse(ReadOnlySpan<char> text, out PtxNumber number)
    {
        char form = text.Length > 2 && text[0] == '0' ? char.ToUpperInvariant(text[1]) : ' ';
        ulong bits;
        bool known;
        PtxOperandKind kind = PtxOperandKind.Integer;
        if (form is 'F' or 'D')
        {
            kind = form == 'F' ? PtxOperandKind.Float32 : PtxOperandKind.Float64;
            known = ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bits)
                && text.Length == (form == 'F' ? 10 : 18);
        }
        else if (form is 'X' or 'B')
        {
            known = ulong.TryParse(
                text[2..].TrimEnd('U'), form == 'X' ? NumberStyles.AllowHexSpecifier : NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out bits);
        }
        else if (text.IndexOfAny('.', 'e', 'E') >= 0)
        {
            kind = PtxOperandKind.Float64;
            known = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value);
            bits = BitConverter.DoubleToUInt64Bits(value);
        }
        else if (text.Length > 1 && text[0] == '0')
        {
            known = TryParseOctal(text.TrimEnd('U'), out bits);
        }
        else
        {
            known = ulong.TryParse(text.TrimEnd('U'), NumberStyles.None, CultureInfo.InvariantCulture, out bits);
        }

        number = new PtxNumber(kind, bits);
        return known;
    }

    private static bool TryParseOctal(ReadOnlySpan<char> text, out ulong bits)
    {
        bits = 0;
        foreach (char c in text)
        {
            if (c is < '0' or > '7' || bits >> 61 != 0)
            {
                return false;
            }

            bits = (bits << 3) | (uint)(c - '0');
        }

        return true;
    }
}
