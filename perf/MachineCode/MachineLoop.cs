namespace GptEngine.Perf.MachineCode;

/// <summary>A loop: the instructions from its head to the last branch back to it.</summary>
internal readonly record struct MachineLoop(int First, int Last)
{
    public int Count => Last - First + 1;

    public bool Contains(MachineLoop other) => other.First >= First && other.Last <= Last && other != this;
}
