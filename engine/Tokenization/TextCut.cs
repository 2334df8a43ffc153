using System;
using System.Buffers;
using System.Text;

namespace GptEngine.Engine.Tokenization;

/// <summary>Where text may be cut so that both parts, encoded apart, give the ids of the whole.</summary>
internal static class TextCut
{
    private const int Invalid = -1;

    /// <summary>
    /// The last such place in <paramref name="text"/>, or 0 if there is none but its ends. A piece always ends between a letter and
    /// anything else, a number and anything else, and before white space that follows something else; and nothing before these places
    /// depends on what comes after.
    /// </summary>
    /// <param name="text">The text so far; its last character may be incomplete.</param>
    /// <param name="onlyBeforeSpace">Only before white space, so that no cut falls into a special token.</param>
    public static int FindLast(ReadOnlySpan<byte> text, bool onlyBeforeSpace)
    {
        int at = text.Length;
        int next = Invalid;
        while (at > 0)
        {
            OperationStatus status = Rune.DecodeLastFromUtf8(text[..at], out Rune rune, out int size);
            int previous = status == OperationStatus.Done ? (int)RuneClasses.Of(rune.Value) : Invalid;
            if (next != Invalid && MayCut(previous, next, onlyBeforeSpace))
            {
                return at;
            }

            next = previous;
            at -= size;
        }

        return 0;
    }

    /// <summary>The last place between characters, for text in which <see cref="FindLast"/> finds none.</summary>
    public static int LastCharacterBoundary(ReadOnlySpan<byte> text)
    {
        int at = text.Length - 1;
        int lowest = Math.Max(1, text.Length - 4);
        while (at > lowest && (text[at] & 0xC0) == 0x80)
        {
            at--;
        }

        return Math.Max(at, 1);
    }

    private static bool MayCut(int previous, int next, bool onlyBeforeSpace)
    {
        if (next == (int)RuneClass.Space)
        {
            return previous != (int)RuneClass.Space;
        }

        return !onlyBeforeSpace && next != previous && (previous is (int)RuneClass.Letter or (int)RuneClass.Number);
    }
}
