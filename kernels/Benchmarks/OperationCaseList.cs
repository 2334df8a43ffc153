using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>The cases of <c>perf/kernel_cases.json</c>, which PyTorch's side of the comparison reads too.</summary>
public sealed class OperationCaseList
{
    private const string Resource = "Benchmarks/kernel_cases.json";

    private static readonly DataType[] Types = [DataType.Float32, DataType.Float16, DataType.BFloat16];

    private readonly ImmutableArray<(string Scale, OperationCase Case)> _cases;

    private OperationCaseList(ImmutableArray<(string Scale, OperationCase Case)> cases) => _cases = cases;

    /// <summary>The names of the operations.</summary>
    public IEnumerable<string> Operations => _cases.Select(one => one.Case.Operation).Distinct();

    /// <summary>The list that ships with the program.</summary>
    public static OperationCaseList Load()
    {
        using Stream stream = typeof(OperationCaseList).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"{Resource} is not embedded");
        using JsonDocument document = JsonDocument.Parse(stream);
        return new OperationCaseList([.. document.RootElement.GetProperty("operations").EnumerateArray().SelectMany(Read)]);
    }

    /// <summary>The cases of a scale that a device can run.</summary>
    /// <param name="scale">What the shapes are for: <c>gpu</c>, <c>cpu</c> or <c>sim</c>.</param>
    /// <param name="types">The types that the device has.</param>
    public IEnumerable<OperationCase> Of(string scale, IReadOnlyCollection<DataType> types) =>
        _cases.Where(one => one.Scale == scale && types.Contains(one.Case.Type)).Select(one => one.Case);

    private static IEnumerable<(string Scale, OperationCase Case)> Read(JsonElement operation)
    {
        string name = operation.GetProperty("operation").GetString()!;
        foreach (string scale in new[] { "gpu", "cpu", "sim" })
        {
            foreach (JsonElement shape in operation.GetProperty(scale).EnumerateArray())
            {
                KeyValuePair<string, int>[] sizes = [.. shape.EnumerateObject().Select(size => KeyValuePair.Create(size.Name, size.Value.GetInt32()))];
                foreach (JsonElement type in operation.GetProperty("types").EnumerateArray())
                {
                    yield return (scale, new OperationCase(name, Types.Single(known => known.ShortName() == type.GetString()), sizes));
                }
            }
        }
    }
}
