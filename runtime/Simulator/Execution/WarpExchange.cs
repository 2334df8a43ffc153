using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>Shuffles, votes, matches and redux. Every lane's mask has been waited for; the rows hold what the lanes bring.</summary>
internal static unsafe class WarpExchange
{
    /// <summary>Modes of shfl.</summary>
    internal const int Up = 0, Down = 1, Butterfly = 2, Index = 3;

    /// <summary>Modes of vote and match.</summary>
    internal const int All = 0, Any = 1, Uniform = 2, Ballot = 3;

    /// <summary>shfl.sync: operands are value, lane or delta, clamp and segment mask, member mask.</summary>
    public static void Shuffle(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        MemorySite site = warp.Sites[siteIndex];
        uint* a = (uint*)site.Operands[0].At(registers);
        uint* b = (uint*)site.Operands[1].At(registers);
        uint* c = (uint*)site.Operands[2].At(registers);
        uint* members = (uint*)site.Operands[3].At(registers);
        uint* result = (uint*)warp.Scratch;
        uint inRange = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            int segment = (int)(c[lane] >> 8) & 31;
            int clamp = (int)c[lane] & 31;
            int highest = (lane & segment) | (clamp & ~segment);
            int lowest = lane & segment;
            int delta = (int)b[lane] & 31;
            (int source, bool valid) = site.Detail switch
            {
                Up => (lane - delta, lane - delta >= highest),
                Down => (lane + delta, lane + delta <= highest),
                Butterfly => (lane ^ delta, (lane ^ delta) <= highest),
                _ => (lowest | (delta & ~segment), (lowest | (delta & ~segment)) <= highest),
            };
            source = valid ? source : lane;
            if (((members[lane] >> source) & 1) == 0)
            {
                throw warp.Block.Fail(
                    FindingKind.WrongLaneMask, warp.ThreadOf(lane), site, $"lane {lane} reads lane {source}, which its mask 0x{members[lane]:x8} does not name.");
            }

            if (((mask >> source) & 1) == 0)
            {
                throw warp.Block.Fail(FindingKind.WrongLaneMask, warp.ThreadOf(lane), site, $"lane {lane} reads lane {source}, which does not take part.");
            }

            result[lane] = a[source];
            inRange |= valid ? 1u << lane : 0;
        }

        Write(site.Data[0], registers, result, mask);
        if (site.Data.Length > 1 && !site.Data[1].IsSink)
        {
            Predicates.Assign(site.Data[1].At(registers), inRange, mask);
        }
    }

    /// <summary>vote.sync over the lanes that each lane's mask names. The operand may be read negated (mode).</summary>
    public static void Vote(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        MemorySite site = warp.Sites[siteIndex];
        uint predicate = *(uint*)site.Operands[0].At(registers);
        predicate = site.Mode != 0 ? ~predicate : predicate;
        uint* members = (uint*)site.Operands[1].At(registers);
        uint* ballots = (uint*)warp.Scratch;
        uint holds = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint who = members[lane] & mask;
            uint yes = predicate & who;
            ballots[lane] = yes;
            bool result = site.Detail switch { All => yes == who, Any => yes != 0, _ => yes == 0 || yes == who };
            holds |= result ? 1u << lane : 0;
        }

        if (site.Detail == Ballot)
        {
            Write(site.Data[0], registers, ballots, mask);
        }
        else
        {
            Predicates.Assign(site.Data[0].At(registers), holds, mask);
        }
    }

    /// <summary>match.sync: the lanes whose value is the same; with all, only where every named lane's is.</summary>
    public static void Match(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        MemorySite site = warp.Sites[siteIndex];
        Row value = site.Operands[0];
        uint* members = (uint*)site.Operands[1].At(registers);
        uint* result = (uint*)warp.Scratch;
        uint allSame = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint who = members[lane] & mask;
            ulong own = BitLanes.Read(value.At(registers), value.Size, lane);
            uint same = 0;
            for (uint others = who; others != 0; others &= others - 1)
            {
                int other = BitOperations.TrailingZeroCount(others);
                same |= BitLanes.Read(value.At(registers), value.Size, other) == own ? 1u << other : 0;
            }

            bool complete = same == who;
            allSame |= complete ? 1u << lane : 0;
            result[lane] = site.Detail == All ? (complete ? who : 0) : same;
        }

        Write(site.Data[0], registers, result, mask);
        if (site.Data.Length > 1 && !site.Data[1].IsSink)
        {
            Predicates.Assign(site.Data[1].At(registers), allSame, mask);
        }
    }

    /// <summary>redux.sync: the reduction of all named lanes' values, by a bit function.</summary>
    public static void Reduce(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        MemorySite site = warp.Sites[siteIndex];
        var apply = (delegate*<ulong, ulong, ulong, int, ulong>)site.Function;
        uint* a = (uint*)site.Operands[0].At(registers);
        uint* members = (uint*)site.Operands[1].At(registers);
        uint* result = (uint*)warp.Scratch;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint who = members[lane] & mask;
            ulong sum = a[BitOperations.TrailingZeroCount(who)];
            for (uint others = who & (who - 1); others != 0; others &= others - 1)
            {
                sum = (uint)apply(sum, a[BitOperations.TrailingZeroCount(others)], 0, (int)site.Mode);
            }

            result[lane] = (uint)sum;
        }

        Write(site.Data[0], registers, result, mask);
    }

    /// <summary>elect.sync: one lane of those named, the lowest; PTX leaves open which.</summary>
    public static void Elect(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        MemorySite site = warp.Sites[siteIndex];
        uint* members = (uint*)site.Operands[0].At(registers);
        uint* result = (uint*)warp.Scratch;
        uint leaders = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            result[lane] = (uint)BitOperations.TrailingZeroCount(members[lane] & mask);
            leaders |= result[lane] == lane ? 1u << lane : 0;
        }

        Write(site.Data[0], registers, result, mask);
        Predicates.Assign(site.Data[1].At(registers), leaders, mask);
    }

    /// <summary>bar.warp.sync: what the lanes wrote before, they see of each other after.</summary>
    public static void Synchronize(Warp warp, uint mask)
    {
        if (mask != 0)
        {
            warp.Clock[warp.Index] = warp.Block.Time;
            warp.Block.Time++;
        }
    }

    /// <summary>activemask: the lanes that run this together.</summary>
    public static void ActiveMask(byte* d, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            ((uint*)d)[BitOperations.TrailingZeroCount(rest)] = mask;
        }
    }

    private static void Write(Row d, byte* registers, uint* values, uint mask)
    {
        if (d.IsSink)
        {
            return;
        }

        uint* row = (uint*)d.At(registers);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            row[lane] = values[lane];
        }
    }
}
