using System;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Where an input of some format may be cut into blocks that can be worked on apart.</summary>
internal abstract class BlockRule
{
    /// <summary>Running text, cut where no token can reach across.</summary>
    public static BlockRule Text { get; } = new TextRule(onlyBeforeSpace: false);

    /// <summary>Running text in which special tokens count.</summary>
    public static BlockRule TextWithSpecialTokens { get; } = new TextRule(onlyBeforeSpace: true);

    /// <summary>Whole lines.</summary>
    public static BlockRule Lines { get; } = new TerminatorRule("\n"u8.ToArray());

    /// <summary>Whole members of .NET reference documentation.</summary>
    public static BlockRule XmlMembers { get; } = new TerminatorRule("</member>"u8.ToArray());

    /// <summary>Bytes to gather before a block is cut; most blocks are about as long.</summary>
    public int BlockBytes { get; init; } = 512 << 10;

    /// <summary>The most bytes that are held where no cut is found: the longest word, line or member.</summary>
    public int LargestBytes { get; init; } = 16 << 20;

    /// <summary>The end of the last whole record in <paramref name="bytes"/>, or 0.</summary>
    public abstract int LastCut(ReadOnlySpan<byte> bytes);

    /// <summary>Where to cut when <see cref="LargestBytes"/> have no cut, or 0 to drop the record.</summary>
    public abstract int ForcedCut(ReadOnlySpan<byte> bytes);

    /// <summary>The end of the first record in <paramref name="bytes"/>, or 0: where reading goes on after a dropped record.</summary>
    public abstract int FirstCut(ReadOnlySpan<byte> bytes);

    private sealed class TextRule(bool onlyBeforeSpace) : BlockRule
    {
        public override int LastCut(ReadOnlySpan<byte> bytes) => TextCut.FindLast(bytes, onlyBeforeSpace);

        public override int ForcedCut(ReadOnlySpan<byte> bytes) => TextCut.LastCharacterBoundary(bytes);

        public override int FirstCut(ReadOnlySpan<byte> bytes) => 0;
    }

    private sealed class TerminatorRule : BlockRule
    {
        private readonly byte[] _terminator;

        public TerminatorRule(byte[] terminator)
        {
            _terminator = terminator;
            LargestBytes = 64 << 20;
        }

        public override int LastCut(ReadOnlySpan<byte> bytes) => End(bytes.LastIndexOf(_terminator));

        public override int ForcedCut(ReadOnlySpan<byte> bytes) => 0;

        public override int FirstCut(ReadOnlySpan<byte> bytes) => End(bytes.IndexOf(_terminator));

        private int End(int at) => at < 0 ? 0 : at + _terminator.Length;
    }
}
