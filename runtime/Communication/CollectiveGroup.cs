namespace GptEngine.Runtime.Communication;

/// <summary>Collectives that go out together; ends with its scope.</summary>
public readonly ref struct CollectiveGroup
{
    private readonly Communicator _collectives;

    internal CollectiveGroup(Communicator collectives)
    {
        _collectives = collectives;
        collectives.BeginGroup();
    }

    public void Dispose() => _collectives.EndGroup();
}
