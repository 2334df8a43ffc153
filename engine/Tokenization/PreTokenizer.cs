using System.Runtime.CompilerServices;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// Splits text into the pieces that byte-pair encoding works on, as GPT-2's pattern does:
/// <c>'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
/// Works on the bytes of valid UTF-8 and allocates nothing.
/// </summary>
internal static unsafe class PreTokenizer
{
    /// <summary>Where the piece that starts at <paramref name="start"/> ends. Always after <paramref name="start"/>.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="start">A piece boundary below <paramref name="length"/>.</param>
    /// <param name="length">Bytes of <paramref name="text"/>.</param>
    /// <param name="firstByte"><see cref="RuneClasses.FirstByte"/>.</param>
    /// <param name="basicPlane"><see cref="RuneClasses.BasicPlane"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PieceEnd(byte* text, int start, int length, byte* firstByte, byte* basicPlane)
    {
        int at = start;
        byte first = text[at];
        if (first == ' ' && at + 1 < length)
        {
            // " ?": a space joins the run behind it, unless that run is white space itself.
            at++;
            first = text[at];
        }
        else if (first == '\'')
        {
            int contraction = ContractionLength(text + at, length - at);
            if (contraction != 0)
            {
                return at + contraction;
            }
        }

        int size = 1;
        int runClass = firstByte[first];
        if (runClass == (int)RuneClass.MultiByte)
        {
            runClass = ClassOfMultiByte(text + at, basicPlane, out size);
        }

        return runClass == (int)RuneClass.Space
            ? SpaceEnd(text, start, length, firstByte, basicPlane)
            : RunEnd(text, at + size, length, runClass, firstByte, basicPlane);
    }

    /// <summary>Bytes of the contraction that opens with the apostrophe at <paramref name="text"/>, or 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ContractionLength(byte* text, int length)
    {
        if (length < 2)
        {
            return 0;
        }

        byte a = text[1];
        if (a is (byte)'s' or (byte)'d' or (byte)'m' or (byte)'t')
        {
            return 2;
        }

        if (length < 3)
        {
            return 0;
        }

        byte b = text[2];
        return (a == 'l' && b == 'l') || ((a is (byte)'v' or (byte)'r') && b == 'e') ? 3 : 0;
    }

    /// <summary>The end of the longest run of one class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RunEnd(byte* text, int at, int length, int runClass, byte* firstByte, byte* basicPlane)
    {
        while (true)
        {
            while (at < length && firstByte[text[at]] == runClass)
            {
                at++;
            }

            if (at >= length || text[at] < 0x80 || ClassOfMultiByte(text + at, basicPlane, out int size) != runClass)
            {
                return at;
            }

            at += size;
        }
    }

    /// <summary>
    /// <c>\s+(?!\S)|\s+</c>: at the end of the text the whole run; before anything else all but its last character, which may join what
    /// follows; a single character by itself.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int SpaceEnd(byte* text, int start, int length, byte* firstByte, byte* basicPlane)
    {
        int end = RunEnd(text, start, length, (int)RuneClass.Space, firstByte, basicPlane);
        if (end == length)
        {
            return end;
        }

        int last = end - 1;
        while ((text[last] & 0xC0) == 0x80)
        {
            last--;
        }

        return last > start ? last : end;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ClassOfMultiByte(byte* text, byte* basicPlane, out int size)
    {
        int b = text[0];
        if (b < 0xE0)
        {
            size = 2;
            return basicPlane[((b & 0x1F) << 6) | (text[1] & 0x3F)];
        }

        if (b < 0xF0)
        {
            size = 3;
            return basicPlane[((b & 0x0F) << 12) | ((text[1] & 0x3F) << 6) | (text[2] & 0x3F)];
        }

        size = 4;
        int codePoint = ((b & 0x07) << 18) | ((text[1] & 0x3F) << 12) | ((text[2] & 0x3F) << 6) | (text[3] & 0x3F);
        return (int)RuneClasses.Of(codePoint);
    }
}
