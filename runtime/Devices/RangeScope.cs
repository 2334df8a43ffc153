namespace GptEngine.Runtime.Devices;

/// <summary>A named stretch of work from its making to its disposal. Where nobody listens it costs a comparison.</summary>
public readonly ref struct RangeScope
{
    private readonly IRangeListener? _listener;
    private readonly RangeName _name;

    internal RangeScope(IRangeListener? listener, RangeName name, long number)
    {
        _listener = listener;
        _name = name;
        listener?.Begin(name, number);
    }

    public void Dispose() => _listener?.End(_name);
}
