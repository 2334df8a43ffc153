using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using GptEngine.Runtime.Native;

namespace GptEngine.Runtime.Compile;

/// <summary>
/// Compiled images on disk. The key is a SHA-256 over everything that decides the output: source, headers, options, kernels, target,
/// format and the compiler's version. A file appears by rename, whole; it carries a checksum, and one that fails it is compiled anew.
/// Any number of processes may share a folder.
/// </summary>
/// <param name="compiler">Compiles what is not there.</param>
/// <param name="folder">Where images are kept; made when first needed.</param>
public sealed class CompileCache(IKernelCompiler compiler, string folder)
{
    /// <summary>Changes when the file's layout does: older files then simply miss.</summary>
    private const string Layout = "gptengine kernel image 1";
    private const int ChecksumBytes = 32;

    /// <summary>Where the program keeps its images unless told otherwise.</summary>
    public static string DefaultFolder => Path.Combine(NativeSearchPlaces.ForThisProcess().CacheFolder, "kernels");

    /// <summary>The folder in use.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>The compiler behind it.</summary>
    public IKernelCompiler Compiler => compiler;

    /// <summary>The image of a request, from disk or compiled.</summary>
    /// <exception cref="CompileException">The source has an error.</exception>
    public (CompiledImage Image, CacheOutcome Outcome) GetOrCompile(CompileRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string path = PathOf(request);
        byte[]? stored = ReadIfPresent(path);
        if (stored is not null && TryDecode(stored, request, out CompiledImage? found))
        {
            return (found!, CacheOutcome.Hit);
        }

        CompiledImage image = compiler.Compile(request);
        bool written = TryWrite(path, Encode(image, request));
        return (image, !written ? CacheOutcome.NotStored : stored is null ? CacheOutcome.Stored : CacheOutcome.Repaired);
    }

    /// <summary>The file that a request's image is kept in.</summary>
    public string PathOf(CompileRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string key = KeyOf(request);
        return Path.Combine(Folder, key[..2], key + (request.Format == ImageFormat.Ptx ? ".ptx.image" : ".cubin.image"));
    }

    private string KeyOf(CompileRequest request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, Layout);
        Append(hash, compiler.Version.ToString());
        Append(hash, request.IsArchitectureSpecific ? request.Target.SpecificRealName : request.Target.RealName);
        Append(hash, request.Format.ToString());
        AppendAll(hash, request.Options);
        AppendAll(hash, request.NameExpressions);
        Append(hash, request.Source.Name);
        Append(hash, request.Source.Text);
        foreach (SourceFile header in request.Headers)
        {
            Append(hash, header.Name);
            Append(hash, header.Text);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void AppendAll(IncrementalHash hash, IReadOnlyCollection<string> texts)
    {
        Append(hash, texts.Count.ToString());
        foreach (string text in texts)
        {
            Append(hash, text);
        }
    }

    /// <summary>With its length in front, so that no two lists of texts run together to the same bytes.</summary>
    private static void Append(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }

    private static byte[] Encode(CompiledImage image, CompileRequest request)
    {
        using var body = new MemoryStream();
        body.Write(new byte[ChecksumBytes]);
        using (var writer = new BinaryWriter(body, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Layout);
            writer.Write(image.CompilerVersion.ToString());
            writer.Write(image.Log);
            foreach (string expression in request.NameExpressions)
            {
                writer.Write(image.LoweredNames[expression]);
            }

            writer.Write(image.Bytes.Length);
            writer.Write(image.Bytes.Span);
        }

        byte[] file = body.ToArray();
        SHA256.HashData(file.AsSpan(ChecksumBytes), file.AsSpan(0, ChecksumBytes));
        return file;
    }

    private static bool TryDecode(byte[] file, CompileRequest request, out CompiledImage? image)
    {
        image = null;
        if (file.Length < ChecksumBytes || !SHA256.HashData(file.AsSpan(ChecksumBytes)).AsSpan().SequenceEqual(file.AsSpan(0, ChecksumBytes)))
        {
            return false;
        }

        try
        {
            using var reader = new BinaryReader(new MemoryStream(file, ChecksumBytes, file.Length - ChecksumBytes), Encoding.UTF8);
            if (reader.ReadString() != Layout || !Version.TryParse(reader.ReadString(), out Version? version))
            {
                return false;
            }

            string log = reader.ReadString();
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (string expression in request.NameExpressions)
            {
                names[expression] = reader.ReadString();
            }

            int length = reader.ReadInt32();
            byte[] bytes = reader.ReadBytes(length);
            if (bytes.Length != length)
            {
                return false;
            }

            image = new CompiledImage(request.Format, request.Target, bytes, log, names, version);
            return true;
        }
        catch (Exception broken) when (broken is IOException or FormatException or ArgumentException)
        {
            // A checksum that fits over contents that do not: no file of ours. It is compiled anew like any other broken one.
            return false;
        }
    }

    private static byte[]? ReadIfPresent(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // The cache only saves time: what cannot be read is compiled, and the outcome tells.
            return [];
        }
    }

    private static bool TryWrite(string path, byte[] file)
    {
        string temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(temporary, file);
            File.Move(temporary, path, overwrite: true);
            return true;
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            // Same here: a read-only or full disk costs the next process a compilation and nothing else.
            TryDelete(temporary);
            return false;
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception stuck) when (stuck is IOException or UnauthorizedAccessException)
        {
            // Where the folder became unwritable in between, the stray file stays; no reader ever looks at it.
        }
    }
}
