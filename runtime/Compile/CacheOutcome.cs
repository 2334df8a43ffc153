namespace GptEngine.Runtime.Compile;

/// <summary>How the cache came by an image.</summary>
public enum CacheOutcome
{
    /// <summary>Read from disk.</summary>
    Hit,

    /// <summary>Compiled, and stored for the next time.</summary>
    Stored,

    /// <summary>What was on disk was broken; compiled anew, and replaced.</summary>
    Repaired,

    /// <summary>Compiled, but the folder cannot be written: the next process compiles it again.</summary>
    NotStored,
}
