using System;
using System.Runtime.InteropServices;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// The tokens of one micro-step in memory that does not move: the caller's (pinned for a GPU), or its own. Three arrays of int32 [B, T].
/// </summary>
public sealed unsafe class TokenBatch : IDisposable
{
    private const int Alignment = 64;

    private readonly int* _inputs;
    private readonly int* _targets;
    private readonly int* _documentStarts;
    private void* _owned;

    /// <summary>A batch over memory of the caller's, which outlives it.</summary>
    /// <param name="inputs">B·T int32.</param>
    /// <param name="targets">B·T int32.</param>
    /// <param name="documentStarts">B·T int32.</param>
    /// <param name="rows">B.</param>
    /// <param name="columns">T.</param>
    public TokenBatch(nint inputs, nint targets, nint documentStarts, int rows, int columns)
    {
        _inputs = (int*)inputs;
        _targets = (int*)targets;
        _documentStarts = (int*)documentStarts;
        Rows = rows;
        Columns = columns;
        _ = checked(rows * columns);
    }

    /// <summary>A batch with memory of its own, which <see cref="Dispose"/> frees.</summary>
    public static TokenBatch Allocate(int rows, int columns)
    {
        nuint bytes = checked((nuint)rows * (nuint)columns * sizeof(int));
        nuint padded = (bytes + Alignment - 1) / Alignment * Alignment;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(padded * 3, Alignment);
        NativeMemory.Clear(memory, padded * 3);
        return new TokenBatch((nint)memory, (nint)(memory + padded), (nint)(memory + (2 * padded)), rows, columns) { _owned = memory };
    }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>T.</summary>
    public int Columns { get; }

    /// <summary>[B, T]: the tokens.</summary>
    public Span<int> Inputs => new(_inputs, Rows * Columns);

    /// <summary>[B, T]: the token after each.</summary>
    public Span<int> Targets => new(_targets, Rows * Columns);

    /// <summary>
    /// [B, T]: for query t the first key in its sequence that it may attend to, which is the position of the last document token at or
    /// before t, or 0.
    /// </summary>
    public Span<int> DocumentStarts => new(_documentStarts, Rows * Columns);

    /// <summary>The optimizer step these tokens belong to.</summary>
    public DataPosition Position { get; internal set; }

    /// <summary>The micro-step within it.</summary>
    public int MicroStep { get; internal set; }

    public void Dispose()
    {
        if (_owned is not null)
        {
            NativeMemory.AlignedFree(_owned);
            _owned = null;
        }
    }

    internal void CheckShape(int rows, int columns)
    {
        if (Rows != rows || Columns != columns)
        {
            throw new ArgumentException($"batch: expected (B={rows}, T={columns}) int32, got ({Rows}, {Columns})");
        }
    }

    /// <summary>Reads one sequence of T tokens and the target behind it, which wraps to the source's first token at its end.</summary>
    internal void ReadRow(int row, ITokenSource source, long start, int documentToken)
    {
        Span<int> inputs = Inputs.Slice(row * Columns, Columns);
        Span<int> targets = Targets.Slice(row * Columns, Columns);
        source.Read(start, inputs);
        inputs[1..].CopyTo(targets);
        source.Read((start + Columns) % source.Count, targets[^1..]);
        FindDocumentStarts(inputs, DocumentStarts.Slice(row * Columns, Columns), documentToken);
    }

    private static void FindDocumentStarts(ReadOnlySpan<int> tokens, Span<int> starts, int documentToken)
    {
        int from = 0;
        int start = 0;
        while (documentToken >= 0 && from < tokens.Length)
        {
            int distance = tokens[from..].IndexOf(documentToken);
            if (distance < 0)
            {
                break;
            }

            starts.Slice(from, distance).Fill(start);
            start = from + distance;
            starts[start] = start;
            from = start + 1;
        }

        starts[from..].Fill(start);
    }
}
