using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>
/// Chooses among kernels that do the same by measuring them on the GPU, once for each question, and remembers the answer. A candidate may win
/// only if its results are the oracle's; one that differs, or fails, is left out, and every process that would have taken it says so.
/// Before a candidate runs for the first time the file says so: should it take the process with it (a fault of the GPU ends all its work, and a
/// kernel that does not end must be killed with its process), the next process leaves it out.
/// </summary>
/// <param name="file">Where answers are kept.</param>
/// <param name="gpu">For messages: what it was measured on.</param>
/// <param name="warn">Hears what a person should see.</param>
public sealed class KernelSelector(MeasuredFile file, string gpu, Action<string> warn)
{
    internal const int Rounds = 7;

    /// <summary>What a trial fails with where the GPU has no room for it.</summary>
    internal const string OutOfMemory = "CUDA_ERROR_OUT_OF_MEMORY";

    // A candidate that takes so many times the fastest's time at first is timed no more.
    private const double Hopeless = 2;
    private const string Begun = "begun";

    /// <summary>Other ranks of this host measure for as long as this process waits: about a second, compilation apart.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The answer, from the file or by measuring now.</summary>
    /// <param name="question">Operation, type and shape.</param>
    /// <param name="kernels">The oracle first, which is right by definition; then the others.</param>
    /// <param name="prepare">Loads kernels and inputs, if they are needed.</param>
    /// <exception cref="GpuException">The GPU has no room for trials; nothing is remembered.</exception>
    /// <exception cref="UserErrorException">A candidate has made an end of the GPU's work for this process; the next start leaves it out.</exception>
    public KernelChoice Choose(string question, ImmutableArray<TriedKernel> kernels, Func<IKernelTrials> prepare)
    {
        ArgumentNullException.ThrowIfNull(prepare);
        string[] words = [.. kernels.Select(kernel => kernel.Word)];
        KernelChoice? choice = ChoiceText.Parse(question, file.Find(question), words);
        if (choice is null)
        {
            using IDisposable? held = file.Hold(Patience);
            choice = ChoiceText.Parse(question, file.Find(question), words) ?? Measure(question, kernels, prepare);
        }

        foreach (KernelCandidate candidate in choice.Candidates.Where(candidate => candidate.Fault is not null))
        {
            string kernel = kernels.First(kernel => kernel.Word == candidate.Word).Kernel;
            warn($"{kernel} is LEFT OUT on {gpu}, for {question}: {candidate.Fault}. {choice.Chosen} runs in its place. {Report}");
        }

        return choice;
    }

    /// <summary>Candidates that have begun and not come to an end: what the doctor shows of a process that was killed or has crashed.</summary>
    internal static IEnumerable<KernelChoice> Unfinished(MeasuredFile file) => file.Lines
        .Where(line => line.Question.StartsWith(TrialOf("", ""), StringComparison.Ordinal))
        .Select(line => new KernelChoice(line.Question, "none", ChoiceBasis.Remembered, [new KernelCandidate("this", null, FaultOf(line.Answer))]));

    private const string Report = "Please report this line, with what 'gpt selftest --filter Attention --all' prints.";

    private static string TrialOf(string question, string word) => question.Length == 0 ? "trial of " : $"trial of {word}, {question}";

    private static string FaultOf(string mark) => mark == Begun ? "the process that first ran it did not come to the kernel's end" : ChoiceText.Clean(mark);

    private KernelChoice Measure(string question, ImmutableArray<TriedKernel> kernels, Func<IKernelTrials> prepare)
    {
        using IKernelTrials trials = prepare();
        var faults = new string?[kernels.Length];
        for (int i = 1; i < kernels.Length; i++)
        {
            faults[i] = Try(question, kernels[i], trials);
        }

        double?[] times = Time([.. kernels.Select((kernel, i) => faults[i] is null ? kernel.Word : null)], trials);
        int best = Enumerable.Range(0, kernels.Length).Where(i => times[i] is not null).MinBy(i => times[i]);
        var choice = new KernelChoice(
            question,
            kernels[best].Word,
            ChoiceBasis.Measured,
            [.. kernels.Select((kernel, i) => new KernelCandidate(kernel.Word, times[i], faults[i] is { } fault ? ChoiceText.Clean(fault) : null))]);
        file.Set(question, ChoiceText.Format(choice));

        // The line has the faults now.
        foreach (TriedKernel kernel in kernels.Where((_, i) => faults[i] is not null))
        {
            file.Set(TrialOf(question, kernel.Word), null);
        }

        return choice;
    }

    /// <summary>What is wrong with a candidate; null where nothing is.</summary>
    private string? Try(string question, TriedKernel kernel, IKernelTrials trials)
    {
        string mark = TrialOf(question, kernel.Word);
        if (file.Find(mark) is { } earlier)
        {
            return FaultOf(earlier);
        }

        bool isKept = file.Set(mark, Begun);
        string? fault;
        try
        {
            fault = trials.Check(kernel.Word);
        }
        catch (GpuException full) when (full.Code == OutOfMemory)
        {
            // Says nothing of the kernel.
            file.Set(mark, null);
            throw;
        }
        catch (Exception failure) when (failure is GpuException or CompileException or NotSupportedException)
        {
            fault = failure.Message.TrimEnd('.');
            if (!trials.IsAlive())
            {
                file.Set(mark, ChoiceText.Clean(fault));
                string remedy = isKept
                    ? "Start again: it is left out from now on."
                    : $"Its trial could not be noted in {file.Path}: let that be written, or force other kernels.";
                string message = $"{kernel.Kernel} failed on {gpu}, for {question}, and ended all work of this process on the GPU: {fault}. {remedy} {Report}";

                // Closing the GPU fails from here on, which may hide the exception.
                warn(message);
                throw new UserErrorException(message, ExitCode.Failed, failure);
            }
        }

        file.Set(mark, fault is null ? null : ChoiceText.Clean(fault));
        return fault;
    }

    /// <summary>Median milliseconds of each word; null for null. In rounds, each in the other order than the one before: a GPU's clocks move.</summary>
    private static double?[] Time(string?[] words, IKernelTrials trials)
    {
        List<double>[] samples = [.. words.Select(_ => new List<double>())];
        for (int round = 0; round < Rounds; round++)
        {
            double best = round == 0 ? double.PositiveInfinity : samples.Where(times => times.Count > 0).Min(times => times[0]);
            for (int at = 0; at < words.Length; at++)
            {
                int i = round % 2 == 0 ? at : words.Length - 1 - at;
                if (words[i] is { } word && (round == 0 || samples[i][0] <= Hopeless * best))
                {
                    samples[i].Add(trials.TimeMs(word));
                }
            }
        }

        return [.. samples.Select(times => times.Count == 0 ? (double?)null : times.Order().ElementAt(times.Count / 2))];
    }
}
