using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.Gemm;

/// <summary>
/// Our products against a BLAS library in one run, shape by shape and in turn: <c>gpt-perf gemm [filter] [--threads N] [--blas FILE]
/// [--seconds S] [--isa NAME] [--only ours|blas]</c>. Each side also deserves a run alone: threads that the other left spinning cost it
/// time. Rates are medians of repetitions; % is of the measured multiply-add peak.
/// </summary>
internal static unsafe class GemmBenchmark
{
    public static int Run(string[] args)
    {
        int threads = int.Parse(Option(args, "--threads") ?? "2", CultureInfo.InvariantCulture);
        double seconds = double.Parse(Option(args, "--seconds") ?? "0.15", CultureInfo.InvariantCulture);
        CpuIsa isa = Option(args, "--isa") is { } name ? Enum.Parse<CpuIsa>(name, ignoreCase: true) : CpuFeatures.BestIsa;
        string filter = args.Length > 0 && !args[0].StartsWith('-') ? args[0] : "";
        using var pool = new CpuThreadPool(threads);
        using var gemm = new CpuGemm(pool, isa);
        OpenBlas? blas = OpenBlas.TryLoad(Option(args, "--blas") ?? "libopenblas.so.0");
        if (blas is not null && blas.SetThreads != null)
            blas.SetThreads(threads);
        string only = Option(args, "--only") ?? "";
        double peak = MultiplyAddPeak.Measure(pool);
        Console.WriteLine($"{isa}, {threads} threads, multiply-add peak {peak / 1e9:F0} GFLOP/s, BLAS {blas?.CoreName ?? "not found"}");
        Console.WriteLine($"{"shape",-26} {"m",6} {"n",6} {"k",6} {"ours",8} {"% peak",7} {"BLAS",8} {"ratio",6}");
        using HostMemory memory = HostMemory.Allocate(1L << 30);
        new Random(1).NextBytes(memory.AsSpan<byte>()[..(1 << 20)]);
        foreach (GemmShape shape in Shapes().Where(s => s.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)))
            Compare(shape, only == "blas" ? null : gemm, only == "ours" ? null : blas, peak, seconds, memory);
        return 0;
    }

    private static string? Option(string[] args, string name)
    {
        int at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }

    private static IEnumerable<GemmShape> Shapes()
    {
        (int Tokens, int Width)[] models = [(1024, 128), (2048, 256), (512, 512), (256, 768)];
        foreach ((int tokens, int d) in models)
        {
            (string Name, int In, int Out)[] layers = [("qkv", d, 3 * d), ("proj", d, d), ("up", d, 4 * d), ("down", 4 * d, d)];
            foreach ((string layer, int inputs, int outputs) in layers)
            {
                yield return GemmShape.Forward($"d{d} {layer}", tokens, inputs, outputs);
                yield return GemmShape.GradX($"d{d} {layer}", tokens, inputs, outputs);
                yield return GemmShape.GradW($"d{d} {layer}", tokens, inputs, outputs);
            }
        }
        foreach (int rows in new[] { 64, 128, 256 })
        {
            yield return GemmShape.Forward($"d128 head{rows}", rows, 128, 50257);
            yield return GemmShape.GradX($"d128 head{rows}", rows, 128, 50257);
            yield return GemmShape.GradW($"d128 head{rows}", rows, 128, 50257);
        }
        foreach (int rows in new[] { 1, 4, 16 })
            yield return GemmShape.Forward($"d768 skinny{rows}", rows, 768, 3072);
    }

    private static void Compare(GemmShape s, CpuGemm? gemm, OpenBlas? blas, double peak, double seconds, HostMemory memory)
    {
        float* a = (float*)memory.Pointer, b = Next(a, (long)s.M * s.K), c = Next(b, (long)s.N * s.K);
        float beta = s.Accumulate ? 1 : 0;
        var ours = new List<double>();
        var theirs = new List<double>();
        void Ours() => gemm!.Multiply(s.M, s.N, s.K, a, s.Lda, s.TransposeA, b, s.Ldb, s.TransposeB, c, s.N, 1, beta);
        void Theirs() => blas!.Multiply(s.M, s.N, s.K, a, s.Lda, s.TransposeA, b, s.Ldb, s.TransposeB, c, s.N, beta);
        for (int round = 0; round < 4; round++)
        {
            if (gemm is not null)
                Time(Ours, seconds / 4, ours);
            if (blas is not null)
                Time(Theirs, seconds / 4, theirs);
        }
        double rate = gemm is null ? double.NaN : s.Flops / Median(ours), other = blas is null ? double.NaN : s.Flops / Median(theirs);
        Console.WriteLine($"{s.Name,-26} {s.M,6} {s.N,6} {s.K,6} {rate / 1e9,8:F1} {100 * rate / peak,6:F1}% {other / 1e9,8:F1} {rate / other,6:F2}");
    }

    private static float* Next(float* start, long elements) => start + (elements + 1023) / 1024 * 1024;

    private static void Time(Action action, double seconds, List<double> times)
    {
        // The first calls of each kind compile and fault pages in; a tenth of the time is given to warming up.
        long warm = Stopwatch.GetTimestamp();
        do
            action();
        while (Stopwatch.GetElapsedTime(warm).TotalSeconds < seconds / 4);
        long start = Stopwatch.GetTimestamp();
        do
        {
            long before = Stopwatch.GetTimestamp();
            action();
            times.Add(Stopwatch.GetElapsedTime(before).TotalSeconds);
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return times[times.Count / 2];
    }
}
