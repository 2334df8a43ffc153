using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.MachineCode;

/// <summary>What an attention kernel's machine code takes of a multiprocessor, for one head of one sequence, one document.</summary>
/// <param name="Pass">The kernel.</param>
/// <param name="ResidentWarps">Warps a multiprocessor.</param>
/// <param name="Cycles">Of the simulation.</param>
/// <param name="TensorCycles">That a scheduler's tensor cores are held.</param>
/// <param name="IssueCycles">In which a scheduler issues.</param>
/// <param name="SharedCycles">That shared memory is held.</param>
/// <param name="SpecialCycles">That a scheduler's special functions are held.</param>
/// <param name="Waits">Part of the cycles in which a scheduler issues nothing, by reason.</param>
/// <param name="MemoryCycles">Least bytes over the multiprocessor's part of the bandwidth.</param>
internal sealed record AttentionPrediction(
    AttentionPass Pass,
    int ResidentWarps,
    double Cycles,
    double TensorCycles,
    double IssueCycles,
    double SharedCycles,
    double SpecialCycles,
    IReadOnlyDictionary<WaitReason, double> Waits,
    double MemoryCycles)
{
    /// <summary>Rounds of resident blocks that are simulated at least: the first and the last are not like the others.</summary>
    private const int Rounds = 6;

    /// <summary>What is predicted: cycles, or what memory needs where that is more.</summary>
    public double PredictedCycles => Math.Max(Cycles, MemoryCycles);

    public static AttentionPrediction Of(CompiledKernel kernel, AttentionPass pass, AttentionShape shape, GpuDeviceProperties gpu)
    {
        MachineModel model = MachineModel.Of(gpu.Architecture);
        var traces = new AttentionTraces(kernel.Graph, pass, shape.HeadSize);
        int tiles = pass.Tiles(shape.Time);
        int heads = ((Rounds * kernel.ResidentBlocks) + tiles - 1) / tiles;

        // Late queries and early keys first, as the grid has them.
        int[][][] head = [.. Enumerable.Range(0, tiles).Select(i => traces.OfBlock(pass.RowsAreKeys ? i : tiles - 1 - i, shape.Time))];
        var simulation = new MultiprocessorSimulation(kernel.Graph.Code, model, i => i < traces.Main.First);
        double cycles = simulation.Run(Enumerable.Range(0, heads).SelectMany(_ => head), kernel.ResidentBlocks);
        double bytes = Arrays(pass) * 2.0 * shape.Time * shape.HeadSize;
        return new AttentionPrediction(
            pass,
            kernel.ResidentWarps,
            cycles / heads,
            simulation.BusyCycles(Pipe.Tensor) / heads,
            simulation.Issued / 4.0 / heads,
            (simulation.BusyCycles(Pipe.Shared) + simulation.BusyCycles(Pipe.Global)) / heads,
            simulation.BusyCycles(Pipe.Special) / heads,
            Enum.GetValues<WaitReason>().ToDictionary(reason => reason, reason => simulation.WaitedCycles(reason) / cycles),
            bytes / (gpu.MemoryBandwidth / gpu.MultiprocessorCount / model.Clock));
    }

    /// <summary>TFLOP/s of kernels that follow each other, the causal half of the square counted.</summary>
    public static double Rate(IEnumerable<AttentionPrediction> parts, AttentionShape shape, int products, GpuDeviceProperties gpu)
    {
        double operations = products * 2.0 * shape.HeadSize * AttentionLauncher.CausalPairs(shape);
        double seconds = parts.Sum(part => part.PredictedCycles) / MachineModel.Of(gpu.Architecture).Clock / gpu.MultiprocessorCount;
        return operations / seconds / 1e12;
    }

    /// <summary>(T, D) arrays of 16 bits that must be read or written: q, k, v, o; those, gradO and gradQ; q, k, v, gradO, gradK, gradV.</summary>
    private static int Arrays(AttentionPass pass) => pass.LastingTensors == 1 ? 4 : 6;
}
