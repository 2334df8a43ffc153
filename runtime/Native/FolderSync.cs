using System;
using System.IO;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native;

/// <summary>Makes renames within a folder survive a power cut: .NET can flush a file to disk, but not a folder.</summary>
public static partial class FolderSync
{
    // O_RDONLY | O_CLOEXEC on Linux; O_DIRECTORY differs between architectures and is not needed.
    private const int OpenFlags = 0x80000;

    /// <summary>Waits until the folder's entries are on disk. Does nothing where the system is not Linux.</summary>
    /// <exception cref="IOException">The folder cannot be opened or flushed.</exception>
    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        int descriptor = Open(folder, OpenFlags);
        if (descriptor < 0)
        {
            throw new IOException($"{folder}: open failed, {Marshal.GetLastPInvokeErrorMessage()}");
        }

        int status = Fsync(descriptor);
        string reason = Marshal.GetLastPInvokeErrorMessage();
        if (Close(descriptor) != 0 || status != 0)
        {
            throw new IOException($"{folder}: fsync failed, {reason}");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
