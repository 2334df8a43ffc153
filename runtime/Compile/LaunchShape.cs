namespace GptEngine.Runtime.Compile;

/// <summary>How a kernel is spread over the device.</summary>
/// <param name="GridX">Blocks along x: up to 2³¹ − 1.</param>
/// <param name="GridY">Blocks along y: up to 65535.</param>
/// <param name="BlockX">Threads of a block along x.</param>
/// <param name="BlockY">Threads of a block along y.</param>
/// <param name="DynamicSharedBytes">Shared memory of a block, on top of the kernel's own.</param>
public readonly record struct LaunchShape(long GridX, int GridY, int BlockX, int BlockY, int DynamicSharedBytes = 0)
{
    public override string ToString() => $"grid ({GridX}, {GridY}), block ({BlockX}, {BlockY}), {DynamicSharedBytes} shared bytes";
}
