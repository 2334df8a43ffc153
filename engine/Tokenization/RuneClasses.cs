using System;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// The class of every code point, from .NET's own Unicode data. Classified by code point, never by UTF-16 unit: by unit, every letter
/// outside the basic plane would count as a surrogate and so as "other".
/// </summary>
internal static unsafe class RuneClasses
{
    // Pinned, so that the scanner can index it by pointer.
    private static readonly byte[] BasicPlaneTable = BuildBasicPlane();
    private static readonly byte[] FirstByteTable = BuildFirstBytes();

    /// <summary>65,536 classes of the basic plane.</summary>
    public static byte* BasicPlane => (byte*)Unsafe.AsPointer(ref BasicPlaneTable[0]);

    /// <summary>256 classes of first bytes: that of the ASCII character, or <see cref="RuneClass.MultiByte"/>.</summary>
    public static byte* FirstByte => (byte*)Unsafe.AsPointer(ref FirstByteTable[0]);

    public static RuneClass Of(int codePoint) =>
        codePoint < 0x10000 ? (RuneClass)BasicPlaneTable[codePoint] : Classify(CharUnicodeInfo.GetUnicodeCategory(codePoint));

    private static RuneClass Classify(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => RuneClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => RuneClass.Number,
        _ => RuneClass.Other,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static byte[] BuildBasicPlane()
    {
        byte[] table = GC.AllocateUninitializedArray<byte>(0x10000, pinned: true);
        for (int c = 0; c < table.Length; c++)
        {
            table[c] = (byte)Classify(CharUnicodeInfo.GetUnicodeCategory((char)c));
        }

        // White_Space as Unicode's PropList.txt has it; none lies outside the basic plane.
        ReadOnlySpan<char> spaces =
            "\t\n\v\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";
        foreach (char space in spaces)
        {
            table[space] = (byte)RuneClass.Space;
        }

        return table;
    }

    private static byte[] BuildFirstBytes()
    {
        byte[] table = GC.AllocateUninitializedArray<byte>(256, pinned: true);
        BasicPlaneTable.AsSpan(0, 128).CopyTo(table);
        table.AsSpan(128).Fill((byte)RuneClass.MultiByte);
        return table;
    }
}
