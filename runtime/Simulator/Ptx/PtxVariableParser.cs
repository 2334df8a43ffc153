using System;
using System.Collections.Generic;
using System.Numerics;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Reads declarations of variables and parameters, with their sizes bounded and their initialisers.</summary>
internal static class PtxVariableParser
{
    private const int MaximumBytes = 1 << 30;

    /// <summary>Reads from behind the state space to behind the name and its array sizes; the initialiser too where there is one.</summary>
    internal static PtxVariable Read(PtxTokenReader reader, PtxStateSpace space, bool isExtern)
    {
        int alignment = 0;
        int vector = 1;
        PtxType type = PtxType.None;
        while (reader.Current.Kind == PtxTokenKind.Dotted)
        {
            PtxToken token = reader.Take();
            switch (token.Text)
            {
                case "align":
                    alignment = reader.ExpectCount(1 << 12);
                    if (!BitOperations.IsPow2(alignment))
                    {
                        throw new PtxSyntaxException(token.Line, $".align {alignment} is no power of two.");
                    }

                    break;
                case "v2" or "v4":
                    vector = token.Text[1] - '0';
                    break;
                case "attribute":
                    SkipParentheses(reader);
                    break;
                case "ptr" or "global" or "const" or "shared" or "local":
                    break;
                default:
                    if (!PtxTypes.TryParse(token.Text, out type))
                    {
                        throw new PtxSyntaxException(token.Line, $"'.{token.Text}' is no type that a variable can have here.");
                    }

                    break;
            }
        }

        int line = reader.Current.Line;
        string name = reader.ExpectWord();
        long elements = ReadElements(reader, vector, isExtern);
        long size = elements * type.Size();
        if (type.Size() == 0 || size > MaximumBytes)
        {
            throw new PtxSyntaxException(line, $"{name}: {size} bytes of .{type.PtxName()} cannot be held; the most is {MaximumBytes}.");
        }

        IReadOnlyList<PtxInitializer>? initializer = reader.TakeIf('=') ? ReadInitializer(reader, elements) : null;
        return new PtxVariable
        {
            Name = name,
            Space = space,
            Type = type,
            Size = (int)size,
            Alignment = Math.Max(alignment, type.Size() * vector),
            IsExtern = isExtern,
            Initializer = initializer,
        };
    }

    private static long ReadElements(PtxTokenReader reader, int vector, bool isExtern)
    {
        long elements = vector;
        while (reader.TakeIf('['))
        {
            if (reader.TakeIf(']'))
            {
                if (!isExtern)
                {
                    throw reader.Wrong("an array without a size must be extern");
                }

                elements = 0;
                continue;
            }

            elements *= reader.ExpectCount(MaximumBytes);
            if (elements > MaximumBytes)
            {
                throw reader.Wrong("the array is too large");
            }

            reader.Expect(']');
        }

        return elements;
    }

    private static List<PtxInitializer> ReadInitializer(PtxTokenReader reader, long most)
    {
        var elements = new List<PtxInitializer>();
        int depth = 0;
        do
        {
            while (reader.TakeIf('{'))
            {
                depth++;
            }

            if (!reader.Current.IsSign('}'))
            {
                elements.Add(ReadElement(reader));
                if (elements.Count > most)
                {
                    throw reader.Wrong($"an initialiser has more than the {most} elements of its variable");
                }
            }

            while (depth > 0 && reader.TakeIf('}'))
            {
                depth--;
            }
        }
        while (depth > 0 && reader.TakeIf(','));
        return depth == 0 ? elements : throw reader.Wrong("an initialiser is not closed");
    }

    private static PtxInitializer ReadElement(PtxTokenReader reader)
    {
        if (reader.Current.Kind != PtxTokenKind.Word)
        {
            return new PtxInitializer(PtxNumber.Read(reader).Bits, null, false);
        }

        string symbol = reader.Take().Text;
        bool generic = symbol == "generic" && reader.TakeIf('(');
        if (generic)
        {
            symbol = reader.ExpectWord();
            reader.Expect(')');
        }

        bool hasOffset = reader.Current.IsSign('+') || reader.Current.IsSign('-');
        return new PtxInitializer(hasOffset ? PtxNumber.Read(reader).Bits : 0, symbol, generic);
    }

    private static void SkipParentheses(PtxTokenReader reader)
    {
        reader.Expect('(');
        while (!reader.TakeIf(')'))
        {
            if (reader.AtEnd)
            {
                throw reader.Wrong("a parenthesis is not closed");
            }

            reader.Take();
        }
    }
}
