using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.CublasLt;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>
/// Algorithms chosen by measuring, kept for the next process by GPU and version of the library, a line for each kind of product. The library
/// checks each algorithm before it is used.
/// </summary>
/// <param name="folder">Where files are kept; made when first needed.</param>
/// <param name="machine">The GPU and the library's version.</param>
internal sealed class MatrixAlgorithms(string folder, string machine)
{
    /// <summary>A product's candidates take milliseconds, and its epilogue's rival a compilation.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly MeasuredFile _file = new(folder, machine);

    /// <summary>Keeps the other ranks of this host from measuring at the same time; what one of them has found is there when this returns.</summary>
    internal IDisposable? Hold() => _file.Hold(Patience);

    internal MatmulAlgorithm? Find(string product)
    {
        MatmulAlgorithm algorithm = default;
        Span<byte> bytes = MemoryMarshal.AsBytes((Span<ulong>)algorithm);
        return _file.Find(product) is { } text && text.Length == 2 * bytes.Length
            && Convert.FromHexString(text, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == bytes.Length
            ? algorithm
            : null;
    }

    /// <summary>A yes or no that was measured.</summary>
    internal bool? FindChoice(string question) => bool.TryParse(_file.Find(question), out bool answer) ? answer : null;

    internal void AddChoice(string question, bool answer) => _file.Set(question, answer ? bool.TrueString : bool.FalseString);

    internal void Add(string product, in MatmulAlgorithm algorithm)
    {
        MatmulAlgorithm copy = algorithm;
        _file.Set(product, Convert.ToHexStringLower(MemoryMarshal.AsBytes((Span<ulong>)copy)));
    }
}
