namespace GptEngine.Runtime.Devices;

/// <summary>
/// The name of a stretch of work. Made once and used again: listeners know a name by the object, so that a step allocates nothing.
/// </summary>
/// <param name="kind">What it names.</param>
/// <param name="text">For people: <c>layer 3</c>.</param>
public sealed class RangeName(RangeKind kind, string text)
{
    public RangeKind Kind => kind;

    public string Text => text;

    public override string ToString() => text;
}
