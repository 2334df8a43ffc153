using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.SelfTesting;

/// <summary>
/// A short training run in a precision: its losses beside fp32's on the CPU (the CPU's own beside the float64 reference's), which kernels were measured to be
/// the fastest, and whether one of them is wrong; the same bits when run again, when stopped and resumed half way, and when every step is enqueued anew instead of replayed as graphs.
/// </summary>
internal sealed class TrainingPart(SelfTestMachine machine, SelfTestPlan plan) : IDisposable
{
    public const string Name = "training";

    private const string LossRow = "losses", KernelRow = "kernels", RepeatRow = "repeated", ResumeRow = "resumed", GraphRow = "graphs";

    // docs/numerics.md: within a thousandth in fp32, a hundredth in 16 bits.
    private const double ExactBound = 1e-3, RoundedBound = 1e-2;

    // Each step sees other tokens: the loss of a few steps goes up as often as down.
    private const int StepsToLearn = 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("gptengine-selftest-").FullName;
    private float[]? _expected;
    private KernelChoice[] _choices = [];

    /// <summary>The losses of the run that the others are held to; null before it has run.</summary>
    public IReadOnlyList<float>? Expected => _expected;

    /// <summary>Each precision's losses, as far as they have run.</summary>
    public Dictionary<Precision, float[]> Losses { get; } = [];

    public IEnumerable<SelfTestRow> Run(Precision precision)
    {
        string[] wanted = [.. new[] { LossRow, KernelRow, RepeatRow, ResumeRow, GraphRow }
            .Where(name => name is not (KernelRow or GraphRow) || machine.Kind != SelfTestDevice.Cpu)
            .Where(name => plan.Wants(Row(precision, name, passes: true).Title))];
        if (wanted.Length == 0)
        {
            yield break;
        }

        var first = new ShortRun(plan, Path.Combine(_folder, $"{precision}-first"));
        SelfTestRow losses = Attempt(precision, LossRow, () => CompareLosses(precision, first));
        yield return losses;
        if (losses.Error is null)
        {
            // It did not come to its end: there is nothing to hold the others to.
            yield break;
        }

        // What was found to be wrong here is left out of every run; the test is where that fails.
        if (_choices.Length > 0 && wanted.Contains(KernelRow))
        {
            yield return Row(precision, KernelRow, !_choices.Any(choice => choice.HasFault), string.Join("; ", _choices.AsEnumerable()));
        }

        IReadOnlyDictionary<string, byte[]> whole = first.Result();
        float[] lossesOfWhole = first.Losses;
        if (wanted.Contains(RepeatRow))
        {
            var again = new ShortRun(plan, Path.Combine(_folder, $"{precision}-again"));
            yield return Attempt(precision, RepeatRow, () => Compare(precision, RepeatRow, again, lossesOfWhole, whole, run => Train(run, precision)));
        }

        if (wanted.Contains(ResumeRow))
        {
            float[] rest = lossesOfWhole[ShortRun.HalfOf(plan)..];
            yield return Attempt(precision, ResumeRow, () => Compare(precision, ResumeRow, first, rest, whole, run => Train(run, precision, fromHalf: true)));
        }

        if (wanted.Contains(GraphRow))
        {
            var eager = new ShortRun(plan, Path.Combine(_folder, $"{precision}-eager"));
            yield return Attempt(precision, GraphRow, () => Compare(precision, GraphRow, eager, lossesOfWhole, whole, run => Train(run, precision, usesGraphs: false)));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static SelfTestRow Attempt(Precision precision, string name, Func<SelfTestRow> act)
    {
        try
        {
            return act();
        }
        catch (Exception failure) when (failure is UserErrorException or GpuException or CompileException or NotSupportedException)
        {
            return Row(precision, name, passes: false, note: failure.Message);
        }
    }

    private SelfTestRow CompareLosses(Precision precision, ShortRun run)
    {
        float[] expected = _expected ??= Reference();
        Train(run, precision);
        float[] losses = run.Losses;
        Losses[precision] = losses;
        double bound = precision is Precision.Fp32 or Precision.Tf32 ? ExactBound : RoundedBound;
        double error = losses.Zip(expected, (a, e) => Math.Abs(a - e) / Math.Abs(e)).Max(difference => double.IsNaN(difference) ? double.PositiveInfinity : difference);
        string note = string.Create(
            CultureInfo.InvariantCulture,
            $"{losses[0]:0.0000} to {losses[^1]:0.0000} in {losses.Length} steps; {(machine.Kind == SelfTestDevice.Cpu ? "float64 reference" : "CPU, fp32")}: {expected[0]:0.0000} to {expected[^1]:0.0000}");
        bool learned = losses.Length < StepsToLearn || losses[^1] < losses[0];
        return new SelfTestRow(
            Name, precision, LossRow, "", error <= bound && run.AllApplied && learned, error, bound,
            !run.AllApplied ? $"{note}; steps were not applied" : learned ? note : $"{note}; the loss did not fall");
    }

    private static SelfTestRow Compare(
        Precision precision, string name, ShortRun run, float[] losses, IReadOnlyDictionary<string, byte[]> whole, Action<ShortRun> train)
    {
        train(run);
        int step = losses.Zip(run.Losses).TakeWhile(pair => BitConverter.SingleToInt32Bits(pair.First) == BitConverter.SingleToInt32Bits(pair.Second)).Count();
        string[] other = [.. run.Result().Where(file => !file.Value.AsSpan().SequenceEqual(whole[file.Key])).Select(file => file.Key)];
        bool same = step == losses.Length && losses.Length == run.Losses.Length;
        string note = same && other.Length == 0 ? "the same bits: losses, weights, moments"
            : same ? $"the same losses, other bits in {string.Join(" and ", other)}"
            : $"other bits from step {step + 1} of {losses.Length} on";
        return new SelfTestRow(Name, precision, name, "", same && other.Length == 0, null, null, note);
    }

    private void Train(ShortRun run, Precision precision, bool fromHalf = false, bool usesGraphs = true)
    {
        using var opened = new OpenedOperations(machine.Open(precision, usesGraphs));
        run.Run(opened.Operations, precision, fromHalf);
        _choices = [.. opened.Operations.Choices.Where(choice => choice.Basis is ChoiceBasis.Measured or ChoiceBasis.Remembered)];
    }

    /// <summary>What the losses ought to be: the CPU's in fp32; of the CPU, the float64 reference's.</summary>
    private float[] Reference()
    {
        var run = new ShortRun(plan, Path.Combine(_folder, "reference"));
        if (machine.Kind == SelfTestDevice.Cpu)
        {
            using var oracle = new OpenedOperations(new ReferenceOperations<double>(new ReferenceDevice()));
            run.Run(oracle.Operations, Precision.Fp32);
        }
        else
        {
            using var cpu = new OpenedOperations(CpuOperations.Create(new CpuDevice()));
            run.Run(cpu.Operations, Precision.Fp32);
        }

        return run.Losses;
    }

    private static SelfTestRow Row(Precision precision, string name, bool passes, string note = "") =>
        new(Name, precision, name, "", passes, null, null, note);
}
