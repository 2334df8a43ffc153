using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.MachineCode;

/// <summary>What a memory-bound kernel's machine code takes on a GPU: a model, no measurement.</summary>
/// <param name="Kernel">What is launched.</param>
/// <param name="ResidentWarps">Warps a multiprocessor.</param>
/// <param name="Waves">Blocks a multiprocessor over those that it holds.</param>
/// <param name="LoadsInFlight">Bytes of loads under way on a multiprocessor, at most.</param>
/// <param name="FloorSeconds">Its bytes at the rate of copies.</param>
/// <param name="Seconds">Predicted, without the launch.</param>
/// <param name="IssueShare">Of the time, in which a scheduler issues.</param>
/// <param name="Limit">What keeps it from the rate of copies.</param>
internal sealed record MemoryPrediction(
    MemoryKernel Kernel, int ResidentWarps, double Waves, int LoadsInFlight, double FloorSeconds, double Seconds, double IssueShare, string Limit)
{
    // Rounds of resident blocks that are run; what more there are take as long each as the last of these.
    private const int Rounds = 6;
    private const int SteadyRounds = 3;

    /// <summary>Part of the rate of copies.</summary>
    public double Share => FloorSeconds / Seconds;

    /// <param name="compiled">Its machine code.</param>
    /// <param name="kernel">What is launched.</param>
    /// <param name="gpu">The GPU.</param>
    public static MemoryPrediction Of(CompiledKernel compiled, MemoryKernel kernel, GpuDeviceProperties gpu)
    {
        MachineModel model = MachineModel.Of(gpu.Architecture);
        MemorySystem memory = MemorySystem.Of(gpu);
        double mean = (double)kernel.Grid / gpu.MultiprocessorCount;
        int[] trace = new StreamTrace(compiled.Graph, kernel.ThreadLoadBytes).Read();
        HashSet<int> cached = Cached(compiled, kernel, trace);
        int[][] block = [.. Enumerable.Repeat(trace, kernel.Kernel.Threads / 32)];
        double fair = memory.CopyRate / gpu.MultiprocessorCount / model.Clock;

        // Waves are told apart where there are few; of many, blocks start as others end, and the last are as the mean.
        int resident = compiled.ResidentBlocks;
        int waves = (int)(mean / resident);
        MultiprocessorSimulation simulation;
        double all;
        double cycles;
        if (waves >= Rounds)
        {
            simulation = Simulate(fair);
            cycles = simulation.Run(Enumerable.Repeat(block, Rounds * resident), resident);
            int fewer = (Rounds - SteadyRounds) * resident;
            double perBlock = (cycles - Simulate(fair).Run(Enumerable.Repeat(block, fewer), resident)) / (SteadyRounds * resident);
            all = cycles + ((mean - (Rounds * resident)) * perBlock);
        }
        else
        {
            // In the last wave those that have a block more have more of the bandwidth.
            double left = mean - (waves * resident);
            int blocks = (int)Math.Ceiling(left);
            simulation = Simulate(waves > 0 ? fair : ShareOf(blocks / left));
            cycles = simulation.Run(Enumerable.Repeat(block, waves > 0 ? waves * resident : blocks), resident);
            all = cycles + (waves > 0 && blocks > 0 ? Simulate(ShareOf(blocks / left)).Run(Enumerable.Repeat(block, blocks), resident) : 0);
        }

        double seconds = all / model.Clock;
        double floor = kernel.Bytes / memory.CopyRate;
        int inFlight = BytesInFlight.Of(compiled).PerMultiprocessor;
        return new MemoryPrediction(
            kernel, compiled.ResidentWarps, mean / compiled.ResidentBlocks, inFlight, floor, Math.Max(seconds, floor), simulation.Issued / 4.0 / cycles,
            LimitOf(simulation, cycles, floor / seconds, mean / compiled.ResidentBlocks));

        double ShareOf(double uneven) => Math.Min(fair * uneven, MachineModel.CacheBytes);

        MultiprocessorSimulation Simulate(double bytesPerCycle) =>
            new(compiled.Graph.Code, model, i => !cached.Contains(i), memory: new MemoryShare(bytesPerCycle, memory.LoadedLatency * model.Clock));
    }

    /// <summary>How much of what the trace moves is what the kernel must move: 1 where the way through the code is the right one.</summary>
    public static double TracedShare(CompiledKernel compiled, MemoryKernel kernel)
    {
        int[] trace = new StreamTrace(compiled.Graph, kernel.ThreadLoadBytes).Read();
        HashSet<int> cached = Cached(compiled, kernel, trace);
        double bytes = trace.Sum(i => MachineModel.PipeOf(compiled.Graph.Code[i]) == Pipe.Global && !cached.Contains(i) ? compiled.Graph.Code[i].Bytes : 0.0);
        return bytes * kernel.Kernel.Threads * kernel.Grid / kernel.Bytes;
    }

    private static HashSet<int> Cached(CompiledKernel compiled, MemoryKernel kernel, int[] trace)
    {
        var cached = new HashSet<int>();
        double left = kernel.CachedBlockBytes / kernel.Kernel.Threads;
        foreach (int i in kernel.IsCachedLast ? trace.Reverse() : trace)
        {
            MachineInstruction instruction = compiled.Graph.Code[i];
            bool isNarrow = kernel.ReadsScalars && instruction.Bytes == sizeof(float);
            if (instruction.Name == "LDG" && (isNarrow || left > 0) && cached.Add(i))
            {
                left -= isNarrow ? 0 : instruction.Bytes;
            }
        }

        return cached;
    }

    private static string LimitOf(MultiprocessorSimulation simulation, double cycles, double share, double waves)
    {
        if (share >= 0.95)
        {
            return "memory";
        }

        KeyValuePair<string, double>[] parts =
        [
            .. Enum.GetValues<WaitReason>().Select(reason => KeyValuePair.Create(NameOf(reason), simulation.WaitedCycles(reason) / cycles)),
            KeyValuePair.Create("issue", simulation.Issued / 4.0 / cycles),
        ];
        string text = string.Join(", ", parts.OrderByDescending(part => part.Value).Take(2).Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Key} {part.Value:P0}")));
        return waves < 1 ? $"no full wave, {text}" : waves < Rounds && waves % 1 is > 0 and < 0.5 ? string.Create(CultureInfo.InvariantCulture, $"{waves:0.0} waves, {text}") : text;
    }

    private static string NameOf(WaitReason reason) => reason switch
    {
        WaitReason.Global => "memory's latency",
        WaitReason.Block => "barriers",
        WaitReason.Unit => "units",
        WaitReason.Stall => "dependent arithmetic",
        WaitReason.Idle => "no warp",
        _ => reason.ToString().ToLowerInvariant(),
    };
}
