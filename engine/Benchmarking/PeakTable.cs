using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Engine.Benchmarking;

/// <summary>
/// What GPUs can do by their data sheets: the table that ships with the program, under the user's own. A GPU is found by its driver's name for
/// it, whole, so that a slice or a variant that nobody listed has no figure and not a wrong one.
/// </summary>
public sealed class PeakTable
{
    private const int MaxFileBytes = 1 << 20;
    private const int LongestName = 128;
    private const double LargestRate = 1e6;
    private const string Resource = "GptEngine.Engine.Benchmarking.gpu-peaks.json";

    private static readonly string[] Prefixes = ["NVIDIA ", "Tesla "];

    private readonly Dictionary<string, PeakEntry> _entries = new(StringComparer.OrdinalIgnoreCase);

    private PeakTable()
    {
    }

    /// <summary>The files that a user may have a table of their own in, lowest rank first.</summary>
    public static IReadOnlyList<string> UserFiles =>
    [
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData), "gptengine", "peaks.json"),
        Path.Combine(AppContext.BaseDirectory, "peaks.json"),
    ];

    /// <summary>The program's own table.</summary>
    public static PeakTable BuiltIn()
    {
        using Stream stream = typeof(PeakTable).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"{Resource} is not embedded");
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        var table = new PeakTable();
        table.Add(bytes.ToArray(), Resource);
        return table;
    }

    /// <summary>The program's table, then the user's files that exist, then <paramref name="path"/>; later figures replace earlier ones.</summary>
    /// <param name="path">A file that must exist; null for none.</param>
    /// <exception cref="UserErrorException">Usage: a file cannot be read or is no table.</exception>
    public static PeakTable Load(string? path)
    {
        PeakTable table = BuiltIn();
        foreach (string file in UserFiles)
        {
            if (File.Exists(file))
            {
                table.AddFile(file);
            }
        }

        return path is null ? table : table.AddFile(path);
    }

    /// <summary>Adds a file's GPUs over those that are there.</summary>
    /// <exception cref="UserErrorException">As <see cref="Load"/> has it.</exception>
    public PeakTable AddFile(string path)
    {
        byte[] bytes = new byte[MaxFileBytes + 1];
        try
        {
            using FileStream stream = File.OpenRead(path);
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxFileBytes)
            {
                throw Refuse(path, $"it has more than {MaxFileBytes:N0} bytes");
            }

            Add(bytes.AsSpan(0, length), path);
            return this;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UserErrorException($"{path}: the table of peaks cannot be read ({e.Message.TrimEnd('.')}). Check the path.", ExitCode.Usage, e);
        }
    }

    /// <summary>The GPU of that name, or null for one that no table has.</summary>
    /// <param name="deviceName">As the driver gives it.</param>
    public PeakEntry? Find(string deviceName) => _entries.GetValueOrDefault(Bare(deviceName));

    /// <summary>FLOP/s of a GPU in a precision; 0 where no table says.</summary>
    public double FlopsPerSecond(string deviceName, Precision precision)
    {
        PeakRates? rates = Find(deviceName)?.Tflops;
        double? rate = precision switch
        {
            Precision.Fp32 => rates?.Fp32,
            Precision.Tf32 => rates?.Tf32,
            Precision.Fp16 => rates?.Fp16,
            _ => rates?.Bf16,
        };
        return (rate ?? 0) * 1e12;
    }

    private void Add(ReadOnlySpan<byte> json, string origin)
    {
        PeakFile file;
        try
        {
            file = JsonSerializer.Deserialize(json, PeakJson.Default.PeakFile) ?? throw Refuse(origin, "it is null");
        }
        catch (JsonException e)
        {
            string where = e.LineNumber is { } line ? $"line {line + 1}" : e.Path ?? "somewhere";
            throw new UserErrorException(
                $"{origin}: this is no table of peaks ({where}). Write {{\"gpus\": [{{\"names\": [\"A100-SXM4-80GB\"], \"tflops\": {{\"bf16\": 312}}, \"bandwidth_gbs\": 2039}}]}}.",
                ExitCode.Usage, e);
        }

        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (PeakEntry entry in file.Gpus)
        {
            Check(entry, origin);
            foreach (string name in entry.Names)
            {
                if (!seen.Add(Bare(name)))
                {
                    throw Refuse(origin, $"{name} stands in it twice");
                }

                _entries[Bare(name)] = entry;
            }
        }
    }

    private static void Check(PeakEntry? entry, string origin)
    {
        if (entry is null || entry.Names.Count == 0)
        {
            throw Refuse(origin, "a GPU in it has no name");
        }

        foreach (string? name in entry.Names)
        {
            if (string.IsNullOrWhiteSpace(name) || name.Length > LongestName)
            {
                throw Refuse(origin, "a name in it is empty or too long");
            }
        }

        foreach (double? rate in (double?[])[entry.Tflops.Fp32, entry.Tflops.Tf32, entry.Tflops.Fp16, entry.Tflops.Bf16, entry.BandwidthGbs])
        {
            if (rate is { } value && !(value > 0 && value <= LargestRate))
            {
                throw Refuse(origin, FormattableString.Invariant($"{entry.Names[0]} has a rate of {value}; rates are above 0 and at most {LargestRate}"));
            }
        }
    }

    private static string Bare(string name)
    {
        string bare = name.Trim();
        foreach (string prefix in Prefixes)
        {
            bare = bare.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? bare[prefix.Length..] : bare;
        }

        return bare;
    }

    private static UserErrorException Refuse(string origin, string reason) =>
        new($"{origin}: this is no table of peaks: {reason}. Correct the file.", ExitCode.Usage);
}
