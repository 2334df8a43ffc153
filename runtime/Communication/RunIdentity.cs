using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace GptEngine.Runtime.Communication;

/// <summary>What must be the same on every rank of a run, checked before a step is spent: the program, its configuration key by key, the data.</summary>
public sealed class RunIdentity
{
    /// <summary>Facts at most.</summary>
    public const int MostFacts = 256;

    /// <summary>Bytes of all facts' texts at most, as UTF-8.</summary>
    public const int LongestText = 48 << 10;

    /// <param name="facts">In the order in which messages name them; each name once.</param>
    /// <exception cref="ArgumentException">They are more than a rank may send, or a name comes twice.</exception>
    public RunIdentity(params IEnumerable<RunFact> facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        Facts = [.. facts];
        int bytes = Facts.Sum(fact => Encoding.UTF8.GetByteCount(fact.Name) + Encoding.UTF8.GetByteCount(fact.Value) + Encoding.UTF8.GetByteCount(fact.Origin));
        if (Facts.Count > MostFacts || bytes > LongestText || Facts.DistinctBy(fact => fact.Name).Count() != Facts.Count)
        {
            throw new ArgumentException(
                $"{Facts.Count} facts of {bytes} bytes; ranks compare at most {MostFacts} of {LongestText} in all, each name once", nameof(facts));
        }
    }

    public IReadOnlyList<RunFact> Facts { get; }

    /// <summary>The fact of a name; null where there is none.</summary>
    internal RunFact? this[string name] => Facts.FirstOrDefault(fact => fact.Name == name);
}
