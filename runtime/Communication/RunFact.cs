using System;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace GptEngine.Runtime.Communication;

/// <summary>Something that must be the same on every rank of a run. All texts are fit for messages: bounded, and without control characters.</summary>
public sealed record RunFact
{
    /// <summary>Characters of a name at most.</summary>
    public const int LongestName = 128;

    /// <summary>Characters of a value at most; a longer one is its beginning and its hash.</summary>
    public const int LongestValue = 256;

    /// <summary>Characters of an origin at most; of a longer one the end stays.</summary>
    public const int LongestOrigin = 512;

    private const int HashCharacters = 32;
    private const int ShownOfLongValue = 160;

    /// <param name="name">What it is: <c>training.seed</c>.</param>
    /// <param name="value">As text.</param>
    /// <param name="origin">Where this rank has it from, for messages; may differ from rank to rank. Empty where that says nothing.</param>
    public RunFact(string name, string value, string origin = "")
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(origin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, LongestName);
        Name = Clean(name);
        Value = Clean(value.Length <= LongestValue ? value : Shortened(value));
        Origin = Clean(origin.Length <= LongestOrigin ? origin : "…" + origin[^(LongestOrigin - 1)..]);
    }

    /// <summary>What it is.</summary>
    public string Name { get; }

    /// <summary>What is compared.</summary>
    public string Value { get; }

    /// <summary>Where this rank has it from.</summary>
    public string Origin { get; }

    /// <summary>For messages: the value, or the origin with it.</summary>
    public override string ToString() => Origin.Length == 0 ? Value : $"{Origin} ({Value})";

    private static string Shortened(string value)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)))[..HashCharacters];
        return string.Create(CultureInfo.InvariantCulture, $"{value[..ShownOfLongValue]}… ({value.Length} characters, SHA-256 {hash}…)");
    }

    // What another rank receives went through UTF-8, which has no half characters: so does what it is compared with.
    private static string Clean(string text)
    {
        string whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return string.Create(whole.Length, whole, static (span, from) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(from[i]) ? '?' : from[i];
            }
        });
    }
}
