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

    /// <param name="kernel">Its machine code.</param>
    /// <param name="passes">What its blocks do, in the grid's order: one pass, or two in one launch.</param>
    /// <param name="shape">T and D.</param>
    /// <param name="gpu">The GPU.</param>
    public static AttentionPrediction Of(CompiledKernel kernel, AttentionPass[] passes, AttentionShape shape, GpuDeviceProperties gpu)
    {
        MachineModel model = MachineModel.Of(gpu.Architecture);
        AttentionPass pass = passes[0];
        IHeadTraces[] traces = [.. passes.Select(part => part.IsOfWarpgroups ? (IHeadTraces)new WarpgroupTraces(kernel.Graph, part) : new AttentionTraces(kernel.Graph, part, shape.HeadSize))];

        // Late queries and early keys first, as the grid has them.
        int[][][] head = [.. traces.SelectMany(part => part.OfHead(shape.Time))];
        int heads = ((Rounds * kernel.ResidentBlocks) + head.Length - 1) / head.Length;
        var simulation = new MultiprocessorSimulation(kernel.Graph.Code, model, i => traces.Any(part => part.IsBeforeSteps(i)), pass.Team);
        double cycles = simulation.Run(Enumerable.Range(0, heads).SelectMany(_ => head), kernel.ResidentBlocks);
        double bytes = pass.Arrays * 2.0 * shape.Time * shape.HeadSize;
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
}
