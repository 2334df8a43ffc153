using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Cuts PTX text into tokens. Comments vanish; the text is hostile until it has been through here and the parser.</summary>
internal static class PtxLexer
{
    private const int MaximumCharacters = 256 << 20;
    private static readonly string[] s_signs = BuildSigns();

    internal static List<PtxToken> Read(string text)
    {
        if (text.Length > MaximumCharacters)
        {
            throw new PtxSyntaxException(1, $"the text has {text.Length} characters, more than the {MaximumCharacters} that are read.");
        }

        var tokens = new List<PtxToken>(text.Length / 4);
        var names = new Dictionary<int, List<string>>();
        int line = 1;
        int at = 0;
        while (at < text.Length && text[at] != '\0')
        {
            char c = text[at];
            if (c == '\n')
            {
                line++;
                at++;
            }
            else if (char.IsWhiteSpace(c))
            {
                at++;
            }
            else if (c == '/' && at + 1 < text.Length && text[at + 1] is '/' or '*')
            {
                at = SkipComment(text, at, ref line);
            }
            else if (c == '"')
            {
                int end = text.AsSpan(at + 1).IndexOfAny('"', '\n');
                if (end < 0 || text[at + 1 + end] == '\n')
                {
                    throw new PtxSyntaxException(line, "a string is not closed.");
                }

                tokens.Add(new PtxToken(PtxTokenKind.Text, text.Substring(at + 1, end), line));
                at += end + 2;
            }
            else if (c == '.' && at + 1 < text.Length && IsNameCharacter(text[at + 1]))
            {
                int end = EndOfDotted(text, at + 1);
                tokens.Add(new PtxToken(PtxTokenKind.Dotted, Intern(names, text.AsSpan(at + 1, end - at - 1)), line));
                at = end;
            }
            else if (char.IsAsciiDigit(c))
            {
                int end = EndOfNumber(text, at);
                tokens.Add(new PtxToken(PtxTokenKind.Number, Intern(names, text.AsSpan(at, end - at)), line));
                at = end;
            }
            else if (IsNameCharacter(c))
            {
                int end = at + 1;
                while (end < text.Length && IsNameCharacter(text[end]))
                {
                    end++;
                }

                tokens.Add(new PtxToken(PtxTokenKind.Word, Intern(names, text.AsSpan(at, end - at)), line));
                at = end;
            }
            else if (c < 128)
            {
                tokens.Add(new PtxToken(PtxTokenKind.Sign, s_signs[c], line));
                at++;
            }
            else
            {
                throw new PtxSyntaxException(line, $"the character U+{(int)c:X4} has no place in PTX.");
            }
        }

        tokens.Add(new PtxToken(PtxTokenKind.End, "the end of the text", line));
        return tokens;
    }

    private static int SkipComment(string text, int at, ref int line)
    {
        if (text[at + 1] == '/')
        {
            int end = text.IndexOf('\n', at);
            return end < 0 ? text.Length : end;
        }

        int close = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
        if (close < 0)
        {
            throw new PtxSyntaxException(line, "a comment is not closed.");
        }

        line += text.AsSpan(at, close - at).Count('\n');
        return close + 2;
    }

    /// <summary>A modifier goes on over a double colon: <c>.L1::no_allocate</c>.</summary>
    private static int EndOfDotted(string text, int at)
    {
        while (at < text.Length)
        {
            if (IsNameCharacter(text[at]))
            {
                at++;
            }
            else if (text[at] == ':' && at + 2 < text.Length && text[at + 1] == ':' && IsNameCharacter(text[at + 2]))
            {
                at += 2;
            }
            else
            {
                break;
            }
        }

        return at;
    }

    private static int EndOfNumber(string text, int at)
    {
        bool exactBits = text[at] == '0' && at + 1 < text.Length && text[at + 1] is 'f' or 'F' or 'd' or 'D' or 'x' or 'X' or 'b' or 'B';
        while (at < text.Length)
        {
            char c = text[at];
            bool exponentSign = !exactBits && c is '+' or '-' && text[at - 1] is 'e' or 'E';
            if (!char.IsAsciiLetterOrDigit(c) && !(c == '.' && !exactBits) && !exponentSign)
            {
                break;
            }

            at++;
        }

        return at;
    }

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '%';

    /// <summary>The same few thousand names come again and again; a string for each occurrence would be most of the memory.</summary>
    private static string Intern(Dictionary<int, List<string>> names, ReadOnlySpan<char> name)
    {
        int hash = string.GetHashCode(name);
        if (!names.TryGetValue(hash, out List<string>? same))
        {
            names[hash] = same = [];
        }

        foreach (string known in same)
        {
            if (name.SequenceEqual(known))
            {
                return known;
            }
        }

        string added = name.ToString();
        same.Add(added);
        return added;
    }

    private static string[] BuildSigns()
    {
        var signs = new string[128];
        for (int c = 0; c < signs.Length; c++)
        {
            signs[c] = ((char)c).ToString();
        }

        return signs;
    }
}
