using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using GptEngine.Runtime.Native;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Installed;

/// <summary>
/// NVIDIA's own libraries, as far as they work without a GPU: what each says to our numbers, structures and argument lists. They are the
/// installed ones, else those that .ci/setup-nvidia.sh has brought; where there is neither, or the system cannot load it, what the program
/// says of that is held instead.
/// </summary>
public sealed class InstalledLibraryTests
{
    // NVRTC compiles every kernel anew where one has changed, on whatever share of the machine it has.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Dictionary<string, LibraryVerdict>> _verdicts = [];

    public static IEnumerable<TestCaseData> Driver => Cases(NativeLibraryName.Driver);

    public static IEnumerable<TestCaseData> CublasLt => Cases(NativeLibraryName.CublasLt);

    public static IEnumerable<TestCaseData> Nccl => Cases(NativeLibraryName.Nccl);

    public static IEnumerable<TestCaseData> Cupti => Cases(NativeLibraryName.Cupti);

    public static IEnumerable<TestCaseData> OldestNvrtc => Cases(NvrtcChecks.Name);

    [TestCaseSource(nameof(Driver))]
    [TestCaseSource(nameof(CublasLt))]
    [TestCaseSource(nameof(Nccl))]
    [TestCaseSource(nameof(Cupti))]
    [TestCaseSource(nameof(OldestNvrtc))]
    public void Check(string library, string check)
    {
        Dictionary<string, LibraryVerdict> verdicts = Verdicts(library);
        LibraryVerdict opening = verdicts[LibraryVerdict.OfOpening];
        if (!opening.Holds)
        {
            AssertSaysWhy(InstalledLibrary.Named(library), opening.Told);
            if (library == NvrtcChecks.Name.ImportName)
            {
                // Of it nothing else is to be held: what the program says of a missing NVRTC is held where it misses the one it wants.
                Assert.Ignore(opening.Told);
            }

            return;
        }

        Assert.That(verdicts.Keys, Does.Contain(check), "it crashed the process");
        Assert.That(verdicts[check].Holds, verdicts[check].Told);
    }

    private static IEnumerable<TestCaseData> Cases(NativeLibraryName name) =>
        from check in InstalledLibrary.Named(name.ImportName).Checks
        select new TestCaseData(name.ImportName, check.Key);

    /// <summary>The library, its file, the reason, and what to do.</summary>
    private static void AssertSaysWhy(InstalledLibrary library, string told)
    {
        string name = Regex.Escape(library.Name.ImportName), remedy = Regex.Escape(library.Name.Remedy);
        string files = string.Join('|', library.Name.FileNames.Select(Regex.Escape));
        string cannotBeLoaded = $@"^The library {name} cannot be loaded \((?=.*({files})).*(version `|cannot open shared object|undefined symbol|ELF|too short|static TLS).*\)\. .*({remedy}|add its folder to LD_LIBRARY_PATH\.)$";
        string isMissing = $@"^The library {name} is missing \(.*({files}|does not exist).*\)\. {remedy}$";
        bool isThere = library.Brought(NativeSearchPlaces.ForThisProcess()) is not null;
        Assert.That(told, isThere ? Does.Match(cannotBeLoaded) : Does.Match(cannotBeLoaded).Or.Match(isMissing));
    }

    /// <summary>What a process of its own says of the library; asked once.</summary>
    private Dictionary<string, LibraryVerdict> Verdicts(string library)
    {
        if (!_verdicts.TryGetValue(library, out Dictionary<string, LibraryVerdict>? verdicts))
        {
            var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "GptEngine.Tests"), ["library", library]) { RedirectStandardOutput = true };
            using Process process = Process.Start(start)!;
            string[] lines = process.StandardOutput.ReadToEnd().Split('\n');
            Assert.That(process.WaitForExit(Limit), "it does not end");
            verdicts = lines.Where(line => line.StartsWith(LibraryProgram.Mark, StringComparison.Ordinal))
                .Select(line => JsonSerializer.Deserialize<LibraryVerdict>(line[LibraryProgram.Mark.Length..])!)
                .ToDictionary(verdict => verdict.Subject);
            Assert.That(verdicts.Keys, Does.Contain(LibraryVerdict.OfOpening), $"the process ended with {process.ExitCode} before it said anything");
            TestContext.Out.WriteLine(verdicts[LibraryVerdict.OfOpening].Told);
            _verdicts.Add(library, verdicts);
        }

        return verdicts;
    }
}
