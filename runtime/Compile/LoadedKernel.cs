namespace GptEngine.Runtime.Compile;

/// <summary>A kernel ready to be launched; what else it takes to launch it, the queue that loaded it knows.</summary>
/// <param name="name">For messages and profiles: its name expression.</param>
public abstract class LoadedKernel(string name)
{
    public string Name { get; } = name;

    public override string ToString() => Name;
}
