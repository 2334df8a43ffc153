using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>
/// One result of kernels under trial, as the oracle has it and as a candidate has it, both on the device; and how far they may be apart, by the
/// rule that tests go by (<see cref="Tolerance"/>): twice what the oracle's own result moves by when inputs are moved by up to one unit in the
/// last place, plus one unit of the largest value. Rows go by turns to parts (gradients of Q, K and V), each with a bound of its own.
/// </summary>
internal sealed unsafe class TrialResult
{
    private readonly Tensor _expected;
    private readonly Tensor _actual;
    private readonly string[] _parts;
    private readonly double[] _bounds;
    private readonly long _rowLength;

    /// <param name="expected">Where the oracle's result is.</param>
    /// <param name="actual">Where a candidate's goes, and the oracle's from moved inputs.</param>
    /// <param name="rowLength">Elements of a row.</param>
    /// <param name="parts">The parts' names; row r is of part r modulo their number.</param>
    internal TrialResult(Tensor expected, Tensor actual, long rowLength, params string[] parts)
    {
        (_expected, _actual, _rowLength, _parts) = (expected, actual, rowLength, parts);
        _bounds = new double[parts.Length];
    }

    internal Tensor Expected => _expected;

    internal Tensor Actual => _actual;

    /// <summary>Takes the bounds from what is there now: the oracle's result, and as the candidate's that from moved inputs.</summary>
    internal void TakeBounds(TrialMemory memory)
    {
        (double[] moved, double[] largest) = Compare(memory);
        for (int part = 0; part < _bounds.Length; part++)
        {
            _bounds[part] = (2 * moved[part]) + Tolerance.UnitInTheLastPlace(largest[part], _expected.Type);
        }
    }

    /// <summary>How the candidate's result differs by more than it may; null where it does not.</summary>
    internal string? Difference(TrialMemory memory)
    {
        double[] errors = Compare(memory).Errors;
        int worst = Enumerable.Range(0, errors.Length).MaxBy(part => errors[part] / _bounds[part]);
        return errors[worst] <= _bounds[worst]
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"its {_parts[worst]} differs from the plain kernel's by {errors[worst]:G3} where {_bounds[worst]:G3} is allowed");
    }

    /// <summary>Of each part the largest difference, infinite where only one is a number, and the oracle's largest magnitude.</summary>
    private (double[] Errors, double[] Largest) Compare(TrialMemory memory)
    {
        double[] errors = new double[_parts.Length];
        double[] largest = new double[_parts.Length];
        int size = _expected.Type.SizeInBytes();
        foreach ((long first, long rows) in Chunks(TrialMemory.ChunkBytes / (_rowLength * size)))
        {
            int rowBytes = checked((int)_rowLength * size);
            (nint expected, nint actual) = memory.Download(_expected, _actual, first * rowBytes, rows * rowBytes);
            var found = new (float Error, float Largest)[rows];
            Parallel.For(0, (int)rows, row => found[row] = CompareRow(
                new((void*)(expected + (row * rowBytes)), rowBytes), new((void*)(actual + (row * rowBytes)), rowBytes), _expected.Type));
            for (int row = 0; row < rows; row++)
            {
                int part = (int)((first + row) % _parts.Length);
                errors[part] = Math.Max(errors[part], found[row].Error);
                largest[part] = Math.Max(largest[part], found[row].Largest);
            }
        }

        return (errors, largest);
    }

    private IEnumerable<(long First, long Rows)> Chunks(long rowsPerChunk)
    {
        long all = _expected.Count / _rowLength;
        for (long first = 0; first < all; first += rowsPerChunk)
        {
            yield return (first, Math.Min(rowsPerChunk, all - first));
        }
    }

    private static (float Error, float Largest) CompareRow(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, DataType type)
    {
        float error = 0, largest = 0;
        int size = type.SizeInBytes();
        for (int at = 0; at < expected.Length; at += size)
        {
            float want = Read(expected[at..], type);
            float difference = MathF.Abs(want - Read(actual[at..], type));
            error = MathF.Max(error, float.IsNaN(difference) ? float.PositiveInfinity : difference);
            largest = MathF.Max(largest, MathF.Abs(want));
        }

        return (error, largest);
    }

    private static float Read(ReadOnlySpan<byte> place, DataType type) => type switch
    {
        DataType.Float16 => (float)BitConverter.ToHalf(place),
        DataType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(place) << 16),
        _ => BitConverter.ToSingle(place),
    };
}
