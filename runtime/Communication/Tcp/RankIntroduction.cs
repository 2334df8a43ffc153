using System;
using System.Collections.Generic;
using System.IO;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>What a rank says of itself when it joins.</summary>
/// <param name="Rank">Which it is.</param>
/// <param name="WorldSize">How many it believes there are.</param>
/// <param name="HostName">Where it runs.</param>
/// <param name="ProcessId">In its host.</param>
/// <param name="Identity">What must be the same everywhere.</param>
internal sealed record RankIntroduction(int Rank, int WorldSize, string HostName, int ProcessId, RunIdentity Identity)
{
    /// <summary>Bytes of a join frame's payload at most.</summary>
    internal const int LongestFrame = 64 << 10;

    internal byte[] ToFrame()
    {
        FrameBuilder frame = new FrameBuilder(FrameKind.Join)
            .Integer(Rank)
            .Integer(WorldSize)
            .Text(HostName, RankEnvironment.LongestHostName)
            .Integer(ProcessId)
            .Integer(Identity.Facts.Count);
        foreach (RunFact fact in Identity.Facts)
        {
            frame.Text(fact.Name, RunFact.LongestName).Text(fact.Value, RunFact.LongestValue).Text(fact.Origin, RunFact.LongestOrigin);
        }

        return frame.Build();
    }

    /// <exception cref="InvalidDataException">It is no introduction.</exception>
    internal static RankIntroduction Read((FrameKind Kind, byte[] Payload) frame)
    {
        if (frame.Kind != FrameKind.Join)
        {
            throw new InvalidDataException("it has not introduced itself");
        }

        var reader = new FrameReader(frame.Payload);
        var introduction = new RankIntroduction(
            reader.Integer(0, RankEnvironment.LargestWorld - 1),
            reader.Integer(1, RankEnvironment.LargestWorld),
            reader.Text(RankEnvironment.LongestHostName),
            reader.Integer(0, int.MaxValue),
            ReadIdentity(ref reader));
        reader.End();
        return introduction;
    }

    private static RunIdentity ReadIdentity(ref FrameReader reader)
    {
        var facts = new RunFact[reader.Integer(0, RunIdentity.MostFacts)];
        try
        {
            for (int i = 0; i < facts.Length; i++)
            {
                facts[i] = new RunFact(reader.Text(RunFact.LongestName), reader.Text(RunFact.LongestValue), reader.Text(RunFact.LongestOrigin));
            }

            return new RunIdentity(facts);
        }
        catch (ArgumentException unfit)
        {
            throw new InvalidDataException($"its account of itself is unfit: {unfit.Message}", unfit);
        }
    }

    /// <summary>Why it cannot take part in rank 0's run, whatever the others are; nothing where it can.</summary>
    internal IEnumerable<string> Contradictions(RankEnvironment root)
    {
        if (WorldSize != root.WorldSize)
        {
            yield return $"it was started as one of {WorldSize} and rank 0 as one of {root.WorldSize}";
        }

        if (Rank == 0)
        {
            yield return "it was started as rank 0, which there is already";
        }
        else if (Rank >= root.WorldSize)
        {
            yield return $"there are only ranks 0 to {root.WorldSize - 1}";
        }
    }
}
