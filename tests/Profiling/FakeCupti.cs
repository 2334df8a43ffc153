using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

/// <summary>A stand-in for libcupti, compiled with the record layouts of a CUDA version. Needs a C compiler.</summary>
internal sealed unsafe class FakeCupti : IDisposable
{
    private readonly nint _handle;

    private FakeCupti(nint handle) => _handle = handle;

    /// <summary>CUDA versions whose headers the layouts are known of.</summary>
    public static IEnumerable<string> Versions => Oracle.RootElement.GetProperty("versions").EnumerateArray().Select(version => version.GetProperty("cuda").GetString()!);

    /// <summary>What CUPTI's headers say, by tests/oracles/cupti.py.</summary>
    public static JsonDocument Oracle { get; } = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "oracles", "cupti.json")));

    /// <summary>What a version's headers say.</summary>
    public static JsonElement Of(string version) =>
        Oracle.RootElement.GetProperty("versions").EnumerateArray().Single(one => one.GetProperty("cuda").GetString() == version);

    /// <summary>Compiles and opens it; the test is ignored where there is no compiler.</summary>
    /// <param name="version">11.8 or 12.4.</param>
    /// <param name="folder">Where the library goes.</param>
    public static FakeCupti Open(string version, string folder)
    {
        string compiled = Path.Combine(folder, $"libcupti-{version}.so");
        if (!File.Exists(compiled))
        {
            Compile(version, "fake_cupti.c", compiled);
        }

        // A file of its own, or the loader would give the one that is open already, with what it has in its variables.
        string library = Path.Combine(folder, $"libcupti-{version}-{Guid.NewGuid():N}.so");
        File.Copy(compiled, library);
        return new FakeCupti(NativeLibrary.Load(library));
    }

    /// <summary>Compiles a stand-in; the test is ignored where there is no compiler.</summary>
    /// <param name="version">11.8 or 12.4.</param>
    /// <param name="source">Its file.</param>
    /// <param name="library">Where it goes.</param>
    public static void Compile(string version, string source, string library)
    {
        JsonElement headers = Of(version);
        IEnumerable<string> defines =
            from record in headers.EnumerateObject()
            where record.Value.ValueKind == JsonValueKind.Object && record.Name != "numbers"
            from field in record.Value.EnumerateObject()
            where field.Value.ValueKind == JsonValueKind.Number
            select $"-D{record.Name.ToUpperInvariant()}_{field.Name.ToUpperInvariant()}={field.Value.GetInt32()}";
        string[] options = ["-shared", "-fPIC", "-w", $"-DINTERFACE={headers.GetProperty("interface").GetInt32()}", $"-DSCALAR_BYTES={StepScalars.Count * sizeof(float)}", .. defines];
        try
        {
            using Process compiler = Process.Start("cc", [.. options, "-o", library, Path.Combine(AppContext.BaseDirectory, "Profiling", source)]);
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero, $"the C compiler refuses {source}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("this machine has no C compiler, called cc");
        }
    }

    /// <summary>How many kinds of records are asked for.</summary>
    public int Enabled => ((delegate* unmanaged[Cdecl]<int>)Export("FakeEnabled"))();

    /// <summary>How often kernels' records were asked for.</summary>
    public int Sessions => ((delegate* unmanaged[Cdecl]<int>)Export("FakeSessions"))();

    /// <summary>A tracer over it.</summary>
    public GpuTracer Tracer()
    {
        GpuTracer? tracer = TryTracer(out string reason);
        Assert.That(tracer, Is.Not.Null, reason);
        return tracer!;
    }

    public GpuTracer? TryTracer(out string reason) => GpuTracer.TryBind(_handle, "libcupti.so", out reason);

    /// <summary>Makes it misbehave from here on, at a launch counted from 1 where it is one launch's matter.</summary>
    public void Misbehave(string mode, int launch = 0)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(mode + '\0'))
        {
            ((delegate* unmanaged[Cdecl]<byte*, int, void>)Export("FakeMode"))(text, launch);
        }
    }

    /// <summary>The GPU does all that it was given.</summary>
    public void Synchronize() => ((delegate* unmanaged[Cdecl]<void>)Export("FakeSynchronize"))();

    /// <summary>The GPU is given a kernel of an expression's function, under the name that a compiler gives it.</summary>
    public void Launch(string expression, LaunchShape shape, uint stream)
    {
        string function = expression.Split('<')[0];
        LaunchCompiled(string.Create(CultureInfo.InvariantCulture, $"_Z{function.Length}{function}I6__halfLi512EEvPT_"), shape, stream);
    }

    public void LaunchCompiled(string name, LaunchShape shape, uint stream)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            ((delegate* unmanaged[Cdecl]<byte*, int, int, int, int, int, int, int, uint, void>)Export("FakeLaunch"))(
                text, shape.Grid.X, shape.Grid.Y, shape.Grid.Z, shape.Block.X, shape.Block.Y, shape.Block.Z, shape.SharedBytes, stream);
        }
    }

    public void Fill(long bytes, uint stream) => Transfer(2, 0, bytes, stream);

    /// <param name="copyKind">1 to the device, 2 to the host, 8 on the device.</param>
    public void Copy(int copyKind, long bytes, uint stream) => Transfer(1, copyKind, bytes, stream);

    public void Dispose() => NativeLibrary.Free(_handle);

    private void Transfer(int kind, int copyKind, long bytes, uint stream) =>
        ((delegate* unmanaged[Cdecl]<int, int, ulong, uint, void>)Export("FakeTransfer"))(kind, copyKind, (ulong)bytes, stream);

    private nint Export(string name) => NativeLibrary.GetExport(_handle, name);
}
