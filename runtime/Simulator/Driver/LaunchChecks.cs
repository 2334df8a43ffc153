using System;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>What the driver refuses before a kernel runs.</summary>
internal static class LaunchChecks
{
    internal static void Check(SimulatedFunction function, in LaunchShape shape, GpuDeviceProperties properties, ReadOnlySpan<KernelArgument> arguments)
    {
        CheckArguments(function, shape, arguments);
        GridSize grid = shape.Grid;
        GridSize block = shape.Block;
        if (grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.Y > 65535 || grid.Z > 65535 || block.X < 1 || block.Y < 1 || block.Z < 1 || block.Z > 64)
        {
            throw Refused(function, shape, "CUDA_ERROR_INVALID_VALUE", "an extent is out of range (grid y and z to 65535, block z to 64).");
        }

        if (block.Count > function.MaximumThreadsPerBlock)
        {
            throw Refused(
                function, shape, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", $"{block.Count} threads a block are more than the {function.MaximumThreadsPerBlock} that the kernel is built for.");
        }

        if (shape.SharedBytes < 0 || shape.SharedBytes > function.MaximumDynamicSharedBytes)
        {
            throw Refused(
                function, shape, "CUDA_ERROR_INVALID_VALUE", $"more dynamic shared memory than the {function.MaximumDynamicSharedBytes} bytes that the function allows; raise its maximum first.");
        }

        if (function.Kernel.Function.RequiredThreads is { } required && (required[0] != block.X || (required.Count > 1 && required[1] != block.Y) || (required.Count > 2 && required[2] != block.Z)))
        {
            throw Refused(function, shape, "CUDA_ERROR_INVALID_VALUE", $"the kernel is built for blocks of ({string.Join(", ", required)}).");
        }
    }

    private static void CheckArguments(SimulatedFunction function, in LaunchShape shape, ReadOnlySpan<KernelArgument> arguments)
    {
        System.Collections.Generic.IReadOnlyList<PtxVariable> parameters = function.Kernel.Function.Parameters;
        if (arguments.Length != parameters.Count)
        {
            throw Refused(function, shape, "CUDA_ERROR_INVALID_VALUE", $"{arguments.Length} arguments for {parameters.Count} parameters.");
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].Size != parameters[i].Size)
            {
                throw Refused(function, shape, "CUDA_ERROR_INVALID_VALUE", $"argument {i} has {arguments[i].Size} bytes, its parameter {parameters[i].Size}.");
            }
        }
    }

    private static GpuException Refused(SimulatedFunction function, in LaunchShape shape, string code, string sentence) =>
        new("cuLaunchKernel", code, $"{function.Name}, {shape}: {sentence}");
}
