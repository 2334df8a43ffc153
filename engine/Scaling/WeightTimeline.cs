using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Engine.Scaling;

/// <summary>
/// A sharded update and the micro-step behind it: the pieces that are read first are gathered while the others are updated, those during the
/// micro-step, one after the other in the order in which it reads them. Computation waits for what it reads, and is slower meanwhile.
/// </summary>
internal static class WeightTimeline
{
    /// <summary>How long the update takes with what is gathered meanwhile, in seconds.</summary>
    /// <param name="pieces">In the order in which they are updated: the early ones first.</param>
    /// <param name="updateSeconds">Of this rank's parts of all pieces.</param>
    /// <param name="gatherSeconds">Of a piece by its bytes.</param>
    /// <param name="slowdown">Of computation while something is gathered.</param>
    public static double Update(IReadOnlyList<WeightPiece> pieces, double updateSeconds, Func<double, double> gatherSeconds, double slowdown)
    {
        double bytes = pieces.Sum(piece => piece.Bytes), time = 0, gathered = 0;
        foreach (WeightPiece piece in pieces)
        {
            time = After(time, updateSeconds * piece.Bytes / bytes, gathered, slowdown);
            if (piece.IsEarly)
            {
                gathered = Math.Max(gathered, time) + gatherSeconds(piece.Bytes);
            }
        }

        return Math.Max(time, gathered);
    }

    /// <summary>By how much the micro-step behind it is longer than alone, in seconds.</summary>
    /// <param name="pieces">In the order in which they are read.</param>
    /// <param name="computeSeconds">The micro-step alone.</param>
    /// <param name="gatherSeconds">Of a piece by its bytes.</param>
    /// <param name="slowdown">Of computation while something is gathered.</param>
    public static double Exposed(IReadOnlyList<WeightPiece> pieces, double computeSeconds, Func<double, double> gatherSeconds, double slowdown)
    {
        WeightPiece[] late = [.. pieces.Where(piece => !piece.IsEarly)];
        double all = late.Sum(piece => gatherSeconds(piece.Bytes)), time = 0, done = 0, gathered = 0;
        foreach (WeightPiece piece in late)
        {
            gathered += gatherSeconds(piece.Bytes);
            double reached = piece.NeededAt * computeSeconds;
            time = Math.Max(After(time, reached - done, all, slowdown), gathered);
            done = reached;
        }

        return After(time, computeSeconds - done, all, slowdown) - computeSeconds;
    }

    // When some computation ends that starts at a time, with something gathered until another.
    private static double After(double start, double seconds, double busyUntil, double slowdown)
    {
        double slow = Math.Min(seconds, Math.Max(0, busyUntil - start) / (1 + slowdown));
        return start + (slow * (1 + slowdown)) + (seconds - slow);
    }
}
