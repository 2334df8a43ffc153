using System;
using System.Text;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>Runs a form of wgmma on a driver, real or simulated, of compute capability 9.0.</summary>
public static unsafe class ProductRunner
{
    /// <summary>Whole numbers of that size and less: every sum of products is exact in single precision, in any order.</summary>
    private const int LargestValue = 8;

    /// <summary>What fills shared memory: as bits of the case's type, everywhere, so that each byte that is read in the wrong place shows.</summary>
    public static byte[] Image(ProductCase product, Random random) => Values(product, ProductCase.SharedBytes, random);

    /// <summary>A as the threads' registers have it, four each.</summary>
    public static byte[] Left(ProductCase product, Random random) => Values(product, ProductKernel.Threads * 16, random);

    /// <summary>The sums, N / 2 a thread.</summary>
    public static float[] Run(GpuDriver driver, ProductCase product, byte[] image, byte[] left)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(product);
        using GpuStream stream = driver.CreateStream();
        using GpuModule module = driver.LoadModule(Encoding.UTF8.GetBytes(ProductKernel.Write(product) + "\0"), product.Name);
        GpuFunction function = module.GetFunction(ProductKernel.KernelName);
        function.MaximumDynamicSharedBytes = ProductCase.SharedBytes;
        var sums = new float[ProductKernel.Threads * product.N / 2];
        DevicePointer imagePlace = Upload(driver, stream, image);
        DevicePointer leftPlace = Upload(driver, stream, left);
        DevicePointer sumsPlace = driver.Allocate(sums.Length * sizeof(float), "sums");
        driver.Launch(
            function, new LaunchShape(1, ProductKernel.Threads, ProductCase.SharedBytes), stream, imagePlace, leftPlace, sumsPlace,
            product.LeftDescriptor, product.RightDescriptor);
        fixed (float* target = sums)
        {
            driver.CopyToHost((nint)target, sumsPlace, sums.Length * sizeof(float), stream);
            stream.Synchronize();
        }

        driver.Free(imagePlace);
        driver.Free(leftPlace);
        driver.Free(sumsPlace);
        return sums;
    }

    private static DevicePointer Upload(GpuDriver driver, GpuStream stream, byte[] bytes)
    {
        DevicePointer place = driver.Allocate(bytes.Length, "operands");
        fixed (byte* source = bytes)
        {
            driver.CopyToDevice(place, (nint)source, bytes.Length, stream);
            stream.Synchronize();
        }

        return place;
    }

    private static byte[] Values(ProductCase product, int bytes, Random random)
    {
        byte[] values = new byte[bytes];
        int size = 32 / product.Depth;
        for (int i = 0; i < bytes; i += size)
        {
            float value = random.Next(-LargestValue, LargestValue + 1);
            uint single = BitConverter.SingleToUInt32Bits(value);
            uint bits = product.Type switch { "bf16" => single >> 16, "f16" => BitConverter.HalfToUInt16Bits((Half)value), _ => single };
            BitConverter.GetBytes(bits).AsSpan(0, size).CopyTo(values.AsSpan(i));
        }

        return values;
    }
}
