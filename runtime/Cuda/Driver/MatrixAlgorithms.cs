using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using GptEngine.Runtime.Native.CublasLt;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>
/// Algorithms chosen by measuring, kept for the next process: a file for each GPU and version of the library, a line for each kind of
/// product. What does not read as such a line is left out; the library checks each algorithm before it is used.
/// </summary>
internal sealed class MatrixAlgorithms
{
    private const int LargestFile = 1 << 20;

    private readonly string _path;
    private readonly Dictionary<string, string> _lines = new(StringComparer.Ordinal);

    /// <param name="folder">Where files are kept; made when first needed.</param>
    /// <param name="machine">The GPU and the library's version.</param>
    internal MatrixAlgorithms(string folder, string machine)
    {
        _path = Path.Combine(folder, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(machine)))[..16]}.txt");
        if (File.Exists(_path) && new FileInfo(_path).Length <= LargestFile)
        {
            foreach (string line in File.ReadLines(_path))
            {
                if (line.Split('\t') is [string product, string algorithm])
                {
                    _lines[product] = algorithm;
                }
            }
        }
    }

    internal MatmulAlgorithm? Find(string product)
    {
        MatmulAlgorithm algorithm = default;
        Span<byte> bytes = MemoryMarshal.AsBytes((Span<ulong>)algorithm);
        return _lines.TryGetValue(product, out string? text) && text.Length == 2 * bytes.Length
            && Convert.FromHexString(text, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == bytes.Length
            ? algorithm
            : null;
    }

    /// <summary>A yes or no that was measured.</summary>
    internal bool? FindChoice(string question) => _lines.TryGetValue(question, out string? text) && bool.TryParse(text, out bool answer) ? answer : null;

    internal void AddChoice(string question, bool answer)
    {
        _lines[question] = answer ? bool.TrueString : bool.FalseString;
        Write();
    }

    internal void Add(string product, in MatmulAlgorithm algorithm)
    {
        MatmulAlgorithm copy = algorithm;
        _lines[product] = Convert.ToHexStringLower(MemoryMarshal.AsBytes((Span<ulong>)copy));
        Write();
    }

    /// <summary>Writes the file anew; it appears by rename, whole.</summary>
    private void Write()
    {
        string temporary = $"{_path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            using (StreamWriter writer = File.CreateText(temporary))
            {
                foreach ((string known, string text) in _lines)
                {
                    writer.WriteLine($"{known}\t{text}");
                }
            }

            File.Move(temporary, _path, overwrite: true);
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            // Only the next process loses by it: it measures again.
        }
    }
}
