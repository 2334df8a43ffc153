using System;
using System.Collections.Generic;
using System.Text.Json;
using GptEngine.Runtime.Native;
using NUnit.Framework.Internal;

namespace GptEngine.Tests.Native.Installed;

/// <summary>
/// The checks of one of NVIDIA's libraries as a process of its own, called as <c>library NAME</c>: whoever has opened a libcuda, by whatever
/// path, has it from then on by its bare name too, and the other tests are to find none. It says what came of the opening, then of each
/// check, as <see cref="LibraryVerdict"/>s, one a line.
/// </summary>
internal static class LibraryProgram
{
    /// <summary>What stands before a verdict, since the libraries write on standard output too where they are told to.</summary>
    internal const string Mark = "verdict ";

    internal static int Run(string name)
    {
        InstalledLibrary library = InstalledLibrary.Named(name);
        NativeLibraryOpening opening = Open(library);
        Tell(new LibraryVerdict(LibraryVerdict.OfOpening, opening.IsOpen, opening.Describe()));
        if (opening.IsOpen)
        {
            foreach (KeyValuePair<string, Action> check in library.Checks)
            {
                Tell(Judge(check.Key, check.Value));
            }
        }

        return 0;
    }

    /// <summary>The one that the program would take, else that which the set-up brought for tests alone.</summary>
    private static NativeLibraryOpening Open(InstalledLibrary library)
    {
        // Not by TryOpen, which would remember what it has not found.
        NativeSearchPlaces places = NativeSearchPlaces.ForThisProcess();
        NativeLibraryOpening installed = NativeLibraries.Open(library.Name, places, null);
        if (!installed.IsOpen && library.Brought(places) is { } folder)
        {
            Environment.SetEnvironmentVariable(library.Name.EnvironmentVariable, folder);
        }

        return NativeLibraries.TryOpen(library.Name);
    }

    private static LibraryVerdict Judge(string name, Action check)
    {
        using var context = new TestExecutionContext.IsolatedContext();
        try
        {
            check();
            return new LibraryVerdict(name, Holds: true, "");
        }
        catch (Exception failure)
        {
            return new LibraryVerdict(name, Holds: false, failure.ToString());
        }
    }

    private static void Tell(LibraryVerdict verdict)
    {
        Console.WriteLine(Mark + JsonSerializer.Serialize(verdict));
        Console.Out.Flush();
    }
}
