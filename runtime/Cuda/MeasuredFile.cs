using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using GptEngine.Runtime.Native;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// What was measured on a GPU, kept for the next process: a file for each machine (the GPU and the versions that what was measured depends on),
/// a line for each question. It appears by rename, whole, and any number of processes may share it. What does not read as such a line is left
/// out; whoever asks checks the answer.
/// </summary>
public sealed class MeasuredFile
{
    private const int LargestFile = 1 << 20;
    private const int LockPollMs = 10;

    // What another process holds: EWOULDBLOCK of Linux's flock, and Windows's sharing violation.
    private const int HeldOnLinux = 11;
    private const int HeldOnWindows = unchecked((int)0x80070020);

    /// <summary>For who waits only to write a line, which takes who holds the file a millisecond.</summary>
    private static readonly TimeSpan ShortPatience = TimeSpan.FromSeconds(2);

    private readonly string _machine;
    private readonly Dictionary<string, string> _lines = new(StringComparer.Ordinal);

    // What this process has set and could not write.
    private readonly Dictionary<string, string?> _unwritten = new(StringComparer.Ordinal);
    private bool _isHeld;

    /// <param name="folder">Where files are kept; made when first needed.</param>
    /// <param name="machine">What answers hold for, on one line.</param>
    public MeasuredFile(string folder, string machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        _machine = machine;
        Path = System.IO.Path.Combine(folder, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(machine)))[..16]}.txt");
        Read();
    }

    /// <summary>Where the program keeps such files.</summary>
    public static string DefaultFolder => System.IO.Path.Combine(NativeSearchPlaces.ForThisProcess().CacheFolder, "measured");

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>All lines, as they were when the file was last read or written.</summary>
    public IEnumerable<(string Question, string Answer)> Lines => _lines.Select(line => (line.Key, line.Value));

    /// <summary>The answer to a question; null where there is none.</summary>
    public string? Find(string question) => _lines.GetValueOrDefault(question);

    /// <summary>Keeps an answer, beside what other processes have kept meanwhile. Where the disk refuses, only the next process loses by it.</summary>
    /// <param name="question">Of one line, without tabs, as is the answer.</param>
    /// <param name="answer">Null forgets the question.</param>
    /// <returns>Whether it is on disk.</returns>
    public bool Set(string question, string? answer)
    {
        Require(question);
        Require(answer ?? "");
        using IDisposable? held = _isHeld ? null : Hold(ShortPatience);
        _unwritten[question] = answer;
        Read();
        if (!TryWrite())
        {
            return false;
        }

        _unwritten.Clear();
        return true;
    }

    /// <summary>
    /// Keeps other processes of this host from measuring at the same time, and reads what they have written before. Null where the folder cannot
    /// be written, <paramref name="patience"/> is at its end, or this holds it already: then whoever asks goes on for itself.
    /// </summary>
    public IDisposable? Hold(TimeSpan patience)
    {
        if (_isHeld)
        {
            return null;
        }

        FileStream? held = Open(patience);
        Read();
        if (held is null)
        {
            return null;
        }

        _isHeld = true;
        return new Holding(this, held);
    }

    private static void Require(string text)
    {
        if (text.AsSpan().ContainsAny('\t', '\n', '\r'))
        {
            throw new ArgumentException($"\"{text}\" is not a line without tabs", nameof(text));
        }
    }

    private FileStream? Open(TimeSpan patience)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
                return new FileStream($"{Path}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException held) when (held.HResult is HeldOnLinux or HeldOnWindows && Stopwatch.GetElapsedTime(started) < patience)
            {
                Thread.Sleep(LockPollMs);
            }
            catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
            {
                // Without a lock nothing goes wrong that a rename does not put right: two measure, and the later one is kept.
                return null;
            }
        }
    }

    private void Read()
    {
        _lines.Clear();
        try
        {
            bool isThere = File.Exists(Path) && new FileInfo(Path).Length <= LargestFile;
            foreach (string line in isThere ? File.ReadLines(Path) : [])
            {
                if (line.Split('\t') is [string question, string answer])
                {
                    _lines[question] = answer;
                }
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is measured again.
        }

        foreach ((string question, string? answer) in _unwritten)
        {
            if (answer is null)
            {
                _lines.Remove(question);
            }
            else
            {
                _lines[question] = answer;
            }
        }
    }

    /// <summary>Writes the file anew; its first line says to people what it is.</summary>
    private bool TryWrite()
    {
        string temporary = string.Create(CultureInfo.InvariantCulture, $"{Path}.{Environment.ProcessId}.{Environment.CurrentManagedThreadId}.tmp");
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            using (StreamWriter writer = File.CreateText(temporary))
            {
                writer.WriteLine($"# {_machine}");
                foreach ((string question, string answer) in _lines)
                {
                    writer.WriteLine($"{question}\t{answer}");
                }
            }

            File.Move(temporary, Path, overwrite: true);
            return true;
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            // Only the next process loses by it: it measures again.
            return false;
        }
    }

    private sealed class Holding(MeasuredFile file, FileStream held) : IDisposable
    {
        public void Dispose()
        {
            file._isHeld = false;
            held.Dispose();
        }
    }
}
