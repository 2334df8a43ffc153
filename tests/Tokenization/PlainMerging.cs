using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Tests.Tokenization;

/// <summary>Byte-pair merging of one piece by its definition, quadratic: the oracle of the fast ones.</summary>
internal static class PlainMerging
{
    private static readonly Dictionary<string, int> Ranks = Enumerable.Range(0, Gpt2Tokenizer.EndOfText)
        .ToDictionary(id => Encoding.Latin1.GetString(new Gpt2Tokenizer().Decode(id)), id => id);

    public static int[] Encode(ReadOnlySpan<byte> piece)
    {
        string text = Encoding.Latin1.GetString(piece);
        if (Ranks.TryGetValue(text, out int whole))
        {
            return [whole];
        }

        List<string> parts = [.. text.Select(c => c.ToString())];
        List<int> pairs = [.. Enumerable.Range(0, Math.Max(0, parts.Count - 1)).Select(i => Rank(parts, i))];
        while (pairs.Count > 0)
        {
            int least = pairs.Min();
            if (least == int.MaxValue)
            {
                break;
            }

            int at = pairs.IndexOf(least);
            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
            pairs.RemoveAt(at);
            if (at < pairs.Count)
            {
                pairs[at] = Rank(parts, at);
            }

            if (at > 0)
            {
                pairs[at - 1] = Rank(parts, at - 1);
            }
        }

        return [.. parts.Select(part => Ranks[part])];
    }

    private static int Rank(List<string> parts, int at) =>
        Ranks.TryGetValue(parts[at] + parts[at + 1], out int rank) ? rank : int.MaxValue;
}
