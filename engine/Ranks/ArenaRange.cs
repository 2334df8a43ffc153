namespace GptEngine.Engine.Ranks;

/// <summary>Some elements of the parameter arena, one behind the other.</summary>
/// <param name="Start">The first.</param>
/// <param name="Count">How many.</param>
public readonly record struct ArenaRange(long Start, long Count)
{
    public long End => Start + Count;
}
