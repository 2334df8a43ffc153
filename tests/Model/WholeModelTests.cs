using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Generation;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Model;

/// <summary>The whole model's loss, logits and gradients against PyTorch (tests/Golden/gradients) and against central differences.</summary>
public sealed class WholeModelTests
{
    // DESIGN's bound for fp32. The oracle's own error comes from its tables of positions, which are floats on every device.
    private const double Fp32Bound = 1e-4;
    private const double OracleBound = 1e-6;

    private static readonly string Golden = Path.Combine(AppContext.BaseDirectory, "Golden", "gradients");

    private static string[] Cases() => [.. Directory.GetDirectories(Golden).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];

    [Test]
    public void Oracle_MatchesPyTorch([ValueSource(nameof(Cases))] string name, [Values] ActivationPolicy policy)
    {
        using var device = new ReferenceDevice();
        Compare(name, new ReferenceOperations<double>(device), policy, OracleBound);
    }

    [Test]
    public void Cpu_MatchesPyTorch([ValueSource(nameof(Cases))] string name, [Values] ActivationPolicy policy)
    {
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        using var owned = (IDisposable)operations;
        Compare(name, operations, policy, Fp32Bound);
    }

    [TestCase(PositionKind.Sinusoidal, false, 0f, ActivationPolicy.KeepAll)]
    [TestCase(PositionKind.Learned, true, 0.25f, ActivationPolicy.KeepAll)]
    [TestCase(PositionKind.Rotary, false, 0.25f, ActivationPolicy.RecomputeBlocks)]
    [TestCase(PositionKind.Learned, true, 0.25f, ActivationPolicy.RecomputeNorms)]
    public void Gradients_MatchCentralDifferences(PositionKind positions, bool tied, float dropout, ActivationPolicy policy)
    {
        const int Batch = 2;
        var model = new ModelConfiguration
        {
            VocabSize = 13,
            ContextLength = 7,
            DModel = 8,
            NLayers = 2,
            NHeads = 2,
            Positions = positions,
            TieEmbeddings = tied,
            QkvBias = tied,
            Dropout = dropout,
        };
        using var device = new ReferenceDevice();
        using var harness = new ModelHarness(model, new ReferenceOperations<double>(device), Batch, policy);
        harness.Initialise(3);
        var random = new Random(5);
        Randomise(harness, random);
        int[] Draw() => [.. Enumerable.Range(0, Batch * model.ContextLength).Select(_ => random.Next(model.VocabSize))];
        harness.SetBatch(Draw(), Draw(), [0, 0, 2, 2, 4, 4, 4, 0, 1, 1, 1, 1, 1, 6]);
        float scale = 1.0f / (Batch * model.ContextLength);
        harness.Gpt.ForwardBackward(scale, accumulate: false);
        IReadOnlyList<ParameterSpec> parameters = harness.Memory.Parameters.Catalogue.Parameters;

        // All of them now: the passes for the differences overwrite them.
        double[][] all = [.. parameters.Select(p => harness.Read(harness.Memory.Gradients[p.Name]))];
        foreach ((ParameterSpec parameter, double[] gradients) in parameters.Zip(all))
        {
            Assert.That(gradients.Skip((int)parameter.Count), Is.All.Zero, parameter.Name);
            for (int trial = 0; trial < 4; trial++)
            {
                long element = random.NextInt64(parameter.Count);
                double expected = Difference(harness, parameter.Name, element, scale);
                Assert.That(gradients[element], Is.EqualTo(expected).Within(1e-8 + (1e-6 * Math.Abs(expected))), $"{parameter.Name}[{element}]");
            }
        }
    }

    [Test]
    public void Cpu_EveryPolicy_GivesTheSameBits()
    {
        var model = new ModelConfiguration { VocabSize = 97, ContextLength = 33, DModel = 48, NLayers = 3, NHeads = 3, Dropout = 0.1f };
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        using var owned = (IDisposable)operations;
        var gradients = new List<double[]>();
        foreach (ActivationPolicy policy in Enum.GetValues<ActivationPolicy>())
        {
            using var harness = new ModelHarness(model, operations, 2, policy);
            harness.Initialise(3);
            int[] tokens = [.. Enumerable.Range(0, 66).Select(i => i * i % 97)];
            harness.SetBatch(tokens, tokens, new int[66]);
            harness.Gpt.ForwardBackward(1.0f / 66, accumulate: false);
            gradients.Add(harness.Read(harness.Memory.Gradients.Arena));
        }

        Assert.That(gradients, Is.All.EqualTo(gradients[0]));
        Assert.That(gradients[0], Has.Some.Not.Zero.And.None.NaN);
    }

    [Test]
    public void SecondMicroStep_AddsToTheFirst()
    {
        var model = new ModelConfiguration { VocabSize = 13, ContextLength = 4, DModel = 8, NLayers = 1, NHeads = 2 };
        using var device = new ReferenceDevice();
        using var harness = new ModelHarness(model, new ReferenceOperations<double>(device), 1);
        harness.Initialise(3);
        harness.SetBatch([1, 2, 3, 4], [2, 3, 4, 5], [0, 0, 0, 0]);
        harness.Gpt.ForwardBackward(0.25f, accumulate: false);
        double[] once = harness.Read(harness.Memory.Gradients.Arena);
        harness.Gpt.ForwardBackward(0.25f, accumulate: true);
        double[] twice = harness.Read(harness.Memory.Gradients.Arena);
        Assert.That(twice, Is.EqualTo(once.Select(g => 2 * g)).Within(1e-12));
    }

    // Weights larger than at initialisation, so that every gradient counts, biases' and norms' included.
    private static void Randomise(ModelHarness harness, Random random)
    {
        foreach (ParameterSpec parameter in harness.Memory.Parameters.Catalogue.Parameters)
        {
            for (long i = 0; i < parameter.Count; i++)
            {
                harness.Nudge(parameter.Name, i, 0.4 * (random.NextDouble() - 0.5));
            }
        }
    }

    // The loss with the dropout of the pass: scalars and sequences are the same each time, so the draws are, too.
    private static double Difference(ModelHarness harness, string parameter, long element, float scale)
    {
        const double Step = 1e-5;
        double LossAt(double by)
        {
            harness.Nudge(parameter, element, by);
            harness.Gpt.ForwardBackward(scale, accumulate: false);
            harness.Nudge(parameter, element, -by);
            return harness.Loss();
        }

        return (LossAt(Step) - LossAt(-Step)) / (2 * Step);
    }

    private static void Compare(string name, IOperations operations, ActivationPolicy policy, double bound)
    {
        string folder = Path.Combine(Golden, name);
        ModelConfiguration model = ModelFile.Read(folder);
        using SafetensorsReader expected = SafetensorsReader.Open(Path.Combine(folder, "expected.safetensors"));
        int[] tokens = ReadInts(expected, "tokens");
        int batch = (int)expected.Entries["tokens"].Shape[0];
        int time = (int)expected.Entries["tokens"].Shape[1];

        // The context may be longer than the batch: the same model with the positions that the batch has makes the same numbers.
        using var whole = new ModelHarness(model, operations, batch, policy);
        whole.Load(folder);
        using var harness = new ModelHarness(model with { ContextLength = time }, operations, batch, policy);
        harness.CopyWeights(whole);
        int documentToken = DocumentToken(name);
        CompareGradients(harness, expected, tokens, ReadInts(expected, "targets"), model.DocumentMask ? documentToken : -1, bound);
        CompareLogits(harness, expected, tokens, time, documentToken, bound);
    }

    private static void CompareGradients(
        ModelHarness harness, SafetensorsReader expected, int[] tokens, int[] targets, int documentToken, double bound)
    {
        int time = (int)harness.Memory.Batch.Tokens[1];
        harness.SetBatch(tokens, targets, DocumentStarts(tokens, time, documentToken));
        harness.Gpt.ForwardBackward(1.0f / tokens.Length, accumulate: false);
        Assert.That(harness.Loss(), Is.EqualTo(ReadDoubles(expected, "loss")[0]).Within(bound * 100).Percent);
        foreach (ParameterSpec parameter in harness.Memory.Parameters.Catalogue.Parameters)
        {
            double[] ours = harness.Read(harness.Memory.Gradients[parameter.Name], parameter.Count);
            double[] theirs = ReadDoubles(expected, "grad/" + parameter.Name);

            // Rows of positions that no token of the batch has.
            Assert.That(theirs.Skip(ours.Length), Is.All.Zero, parameter.Name);
            Assert.That(RelativeError(ours, theirs[..ours.Length]), Is.LessThan(bound), parameter.Name);
        }
    }

    private static void CompareLogits(ModelHarness harness, SafetensorsReader expected, int[] tokens, int time, int documentToken, double bound)
    {
        int vocabulary = harness.Context.Model.VocabSize;
        double[] logits = ReadDoubles(expected, "logits");
        using var inference = new InferenceModel(harness.Context, harness.Memory.Inference!);
        for (int sequence = 0; sequence < tokens.Length / time; sequence++)
        {
            for (int length = 1; length <= time; length += 5)
            {
                int start = sequence * time;
                inference.Prefill(tokens.AsSpan(start, length), documentToken);
                double[] ours = harness.Read(inference.Logits, vocabulary);
                int row = start + length - 1;
                Assert.That(RelativeError(ours, logits[(row * vocabulary)..((row + 1) * vocabulary)]), Is.LessThan(bound), $"row {row}");
            }
        }
    }

    private static int DocumentToken(string name)
    {
        using var manifest = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Golden, "manifest.json")));
        return manifest.RootElement.GetProperty("cases").EnumerateArray()
            .Single(c => c.GetProperty("case").GetString() == name).GetProperty("document_token").GetInt32();
    }

    private static int[] DocumentStarts(int[] tokens, int time, int documentToken)
    {
        int[] starts = new int[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            starts[i] = tokens[i] == documentToken ? i % time : i % time == 0 ? 0 : starts[i - 1];
        }

        return starts;
    }

    private static double RelativeError(double[] ours, double[] expected)
    {
        double error = Math.Sqrt(ours.Zip(expected, (a, b) => (a - b) * (a - b)).Sum());
        double size = Math.Sqrt(expected.Sum(b => b * b));
        return ours.Length != expected.Length ? double.PositiveInfinity : size == 0 ? error : error / size;
    }

    private static int[] ReadInts(SafetensorsReader reader, string name) => Read<int>(reader, name);

    private static double[] ReadDoubles(SafetensorsReader reader, string name) => Read<double>(reader, name);

    private static T[] Read<T>(SafetensorsReader reader, string name)
        where T : unmanaged
    {
        SafetensorsEntry entry = reader.Entries[name];
        T[] values = new T[entry.Count];
        reader.ReadRaw(entry, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
