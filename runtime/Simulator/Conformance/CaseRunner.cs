using System;
using System.Text;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>Runs an instruction on a driver, real or simulated.</summary>
public static unsafe class CaseRunner
{
    private const int Threads = 128;

    /// <summary>The bits of %d for each input.</summary>
    public static ulong[] Run(GpuDriver driver, InstructionCase instruction, int architecture, ulong[] a, ulong[] b, ulong[] c)
    {
        using GpuStream stream = driver.CreateStream();
        using GpuModule module = driver.LoadModule(Encoding.UTF8.GetBytes(CaseKernel.Write(instruction, architecture) + "\0"), instruction.Name);
        int count = a.Length;
        long bytes = 8L * count;
        DevicePointer d = driver.Allocate(bytes, "d");
        driver.Fill(d, 0, bytes, stream);
        DevicePointer[] inputs = [driver.Allocate(bytes, "a"), driver.Allocate(bytes, "b"), driver.Allocate(bytes, "c")];
        ulong[][] values = [a, b, c];
        for (int i = 0; i < inputs.Length; i++)
        {
            fixed (ulong* source = values[i])
            {
                driver.CopyToDevice(inputs[i], (nint)source, bytes, stream);
                stream.Synchronize();
            }
        }

        driver.Launch(
            module.GetFunction(CaseKernel.KernelName), new LaunchShape((count + Threads - 1) / Threads, Threads), stream, d, inputs[0], inputs[1], inputs[2], count);
        var results = new ulong[count];
        fixed (ulong* target = results)
        {
            driver.CopyToHost((nint)target, d, bytes, stream);
            stream.Synchronize();
        }

        driver.Free(d);
        Array.ForEach(inputs, driver.Free);
        return results;
    }
}
