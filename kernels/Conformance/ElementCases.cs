using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>Fill, cast and embedding.</summary>
public static class ElementCases
{
    private const int Words = 97;
    private const int PaddedWords = 128;

    public static IEnumerable<OperationCase> Zero(CaseSizes sizes) => Checked(sizes).Counts.Select(count => Single("Zero", $"n={count}", bench =>
    {
        foreach (TensorKind kind in Enum.GetValues<TensorKind>())
        {
            bench.Operations.Zero(bench.Write($"{kind}", kind, count));
        }
    }));

    public static IEnumerable<OperationCase> Cast(CaseSizes sizes) => Checked(sizes).Counts.Select(count => Single("Cast", $"n={count}", bench =>
    {
        double[] values = bench.Normal(count);
        bench.Operations.Cast(bench.Read("master", TensorKind.Master, values, count), bench.Write("toStorage", TensorKind.Storage, count));
        bench.Operations.Cast(bench.Read("storage", TensorKind.Storage, values, count), bench.Write("toMaster", TensorKind.Master, count));
    }));

    public static IEnumerable<OperationCase> EmbeddingForward(CaseSizes sizes) => Embeddings(sizes, (batch, time, channels, dropout, positions) =>
    [
        new ComparedCase("EmbeddingForward", Describe(batch, time, channels, dropout, positions), bench =>
        {
            int first = dropout == 0 ? 5 : 0;
            Tensor tokens = bench.Read("tokens", bench.Integers(batch * time, Words), batch, time);
            Tensor words = bench.Read("tokenEmbedding", TensorKind.Storage, PaddedWords, channels);
            Tensor? places = positions ? bench.Read("positionEmbedding", TensorKind.Storage, time + 7, channels) : null;
            Tensor output = bench.Write("output", TensorKind.Storage, batch * time, channels);
            bench.Operations.EmbeddingForward(tokens, words, places, output, first, CaseDropout.Of(bench, dropout, batch));
        }),
    ]);

    public static IEnumerable<OperationCase> EmbeddingBackward(CaseSizes sizes) => Embeddings(sizes, (batch, time, channels, dropout, positions) =>
    [
        EmbeddingBackward(batch, time, channels, dropout, positions, accumulate: false),
        EmbeddingBackward(batch, time, channels, dropout, positions, accumulate: true),
    ]);

    private static ComparedCase EmbeddingBackward(int batch, int time, int channels, float dropout, bool positions, bool accumulate) => Single(
        "EmbeddingBackward",
        $"{Describe(batch, time, channels, dropout, positions)}{(accumulate ? " accumulated" : "")}",
        bench =>
        {
            Tensor tokens = bench.Read("tokens", bench.Integers(batch * time, Words), batch, time);
            Tensor gradOutput = bench.Read("gradOutput", TensorKind.Storage, batch * time, channels);
            Tensor gradWords = bench.Update("gradTokenEmbedding", TensorKind.Master, PaddedWords, channels);
            Tensor? gradPlaces = positions ? bench.Gradient("gradPositionEmbedding", accumulate, time + 7, channels) : null;
            bench.Workspace(o => o.EmbeddingBackwardWorkspaceBytes(batch * time, channels, PaddedWords));
            bench.Operations.EmbeddingBackward(tokens, gradOutput, gradWords, gradPlaces, CaseDropout.Of(bench, dropout, batch), accumulate);
        });

    private static IEnumerable<OperationCase> Embeddings(CaseSizes sizes, Func<int, int, int, float, bool, OperationCase[]> cases) =>
        from shape in Checked(sizes).Embeddings
        from option in new (float Dropout, bool Positions)[] { (0, true), (0.1f, true), (0.5f, false) }
        from made in cases(shape.Batch, shape.Time, shape.Channels, option.Dropout, option.Positions)
        select made;

    private static string Describe(int batch, int time, int channels, float dropout, bool positions) =>
        $"B={batch} T={time} C={channels}{(positions ? " positions" : "")}{CaseDropout.Describe(dropout)}";

    private static ComparedCase Single(string operation, string shape, Action<OperationBench> act) => new(operation, shape, act) { IsSingle = true };

    private static CaseSizes Checked(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return sizes;
    }
}
