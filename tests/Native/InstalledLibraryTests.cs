using System;
using System.Linq;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.CublasLt;
using GptEngine.Runtime.Native.Cuda;
using GptEngine.Runtime.Native.Nccl;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

/// <summary>
/// NVIDIA's own libraries, as far as they work without a GPU: what each says to our numbers, structures and argument lists. Skipped, one by
/// one, where a machine has them not.
/// </summary>
public sealed unsafe class InstalledLibraryTests
{
    private const int NotInitialised = 1;

    private static readonly DevicePointer Somewhere = new(0x10000);

    /// <summary>By the form of cuGetProcAddress that drivers of CUDA 11 have alone, by that of CUDA 12, and with neither; before cuInit.</summary>
    [TestCase("cuGetProcAddress_v2")]
    [TestCase("cuGetProcAddress")]
    [TestCase(null)]
    public void Driver_GivesEachEntryPointItsOwnExport(string? form)
    {
        nint driver = Open(NativeLibraryName.Driver).Handle;
        var points = new CudaEntryPoints(name =>
            (!name.StartsWith("cuGetProcAddress", StringComparison.Ordinal) || name == form) && NativeLibrary.TryGetExport(driver, name, out nint address) ? address : 0);
        Assert.That(points.Missing, Is.Empty);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < CudaEntryPoints.Known.Length; i++)
            {
                nint export = NativeLibrary.GetExport(driver, CudaEntryPoints.Known[i].Export);
                Assert.That(points[(CudaEntryPoint)i], Is.EqualTo(export), CudaEntryPoints.Known[i].Symbol);
            }
        });
    }

    [TestCase(CudaNative.OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY")]
    [TestCase(CudaNative.NoDevice, "CUDA_ERROR_NO_DEVICE")]
    [TestCase(CudaNative.NotReady, "CUDA_ERROR_NOT_READY")]
    public void Driver_NamesItsErrors(int status, string name)
    {
        Open(NativeLibraryName.Driver);
        GpuException failure = CudaNative.Failure(status, "CudaNative.cuInit(0)", "");
        Assert.That((failure.Code, failure.Message.Length), Is.EqualTo((name, failure.Message.Length)));
        Assert.That(failure.Message, Does.StartWith($"cuInit: {name}: ").And.Not.Contain("no description"));
    }

    [Test]
    public void CublasLt_TakesEachKindOfProduct([Values(DataType.Float32, DataType.Float16, DataType.BFloat16)] DataType type)
    {
        Open(NativeLibraryName.CublasLt);
        Assert.Multiple(() =>
        {
            foreach (MatrixEpilogue epilogue in Enum.GetValues<MatrixEpilogue>())
            {
                AssertTaken(new MatrixProduct(96, 256, 64, LeftTransposed: false, RightTransposed: true, type, type, Epilogue: epilogue));
                AssertTaken(new MatrixProduct(96, 256, 64, LeftTransposed: true, RightTransposed: false, type, DataType.Float32, Accumulate: true, Epilogue: epilogue));
            }
        });
    }

    [Test]
    public void CublasLt_RefusesWhatItsHeaderDoesNotHave()
    {
        Open(NativeLibraryName.CublasLt);
        CublasLtNative.ThrowIfFailed(CublasLtNative.cublasLtMatmulDescCreate(out nint descriptor, CublasLtNative.Compute32F, CublasLtNative.TypeFloat32));
        long value = 0;
        Assert.That(CublasLtNative.cublasLtMatmulDescSetAttribute(descriptor, CublasLtNative.TransposeLeft, &value, sizeof(int)), Is.EqualTo(CublasLtNative.Success));
        GpuException tooLong = CublasLtNative.Failure(CublasLtNative.cublasLtMatmulDescSetAttribute(descriptor, CublasLtNative.TransposeLeft, &value, sizeof(short)), "set(x)", "");
        GpuException unknown = CublasLtNative.Failure(CublasLtNative.cublasLtMatmulDescSetAttribute(descriptor, 999, &value, sizeof(int)), "set(x)", "");
        CublasLtNative.ThrowIfFailed(CublasLtNative.cublasLtMatmulDescDestroy(descriptor));
        Assert.That((tooLong.Code, unknown.Code), Is.EqualTo(("CUBLAS_STATUS_INVALID_VALUE", "CUBLAS_STATUS_INVALID_VALUE")));
    }

    [Test]
    public void Nccl_MakesIdsAndNamesItsErrors()
    {
        Open(NativeLibraryName.Nccl);
        Assert.That(NcclNative.ncclGetVersion(out int version), Is.EqualTo(NcclNative.Success));
        Assert.That(version, Is.GreaterThanOrEqualTo(NcclNative.OldestVersion));
        Assert.That(NcclNative.ncclGetUniqueId(out NcclUniqueId first), Is.EqualTo(NcclNative.Success));
        Assert.That(NcclNative.ncclGetUniqueId(out NcclUniqueId second), Is.EqualTo(NcclNative.Success));
        Assert.That(first.ToArray(), Is.Not.EqualTo(second.ToArray()).And.Not.EqualTo(new byte[NcclUniqueId.Bytes]));
        string[] told = [.. Enumerable.Range(1, NcclNative.InProgress).Select(result => NcclResults.Failure(result, "x", version).Message)];
        Assert.That(told, Is.Unique.And.All.Not.Contains("unknown result"));
        Assert.That(told[5], Does.StartWith("x: ncclRemoteError: remote process exited"));
    }

    [Test]
    public void Nccl_WithoutAGpu_SaysSoInCudasWords([Values] bool blocks)
    {
        Open(NativeLibraryName.Nccl);
        if (CudaDriver.DeviceCount > 0)
        {
            Assert.Ignore("this machine has a GPU");
        }

        NcclConfiguration configuration = NcclConfiguration.NonBlocking();
        Assert.That(NcclNative.ncclGetVersion(out int version) + NcclNative.ncclGetUniqueId(out NcclUniqueId id), Is.Zero);
        int result = blocks ? NcclNative.ncclCommInitRank(out nint communicator, 1, id, 0) : NcclNative.ncclCommInitRankConfig(out communicator, 1, id, 0, &configuration);
        GpuException failure = NcclResults.Failure(result, nameof(NcclNative.ncclCommInitRank), version);
        Assert.That((failure.Code, communicator), Is.EqualTo(("ncclUnhandledCudaError", (nint)0)));
        Assert.That(failure.Message, Does.Contain("Cuda failure"));
    }

    /// <summary>
    /// Descriptor and layouts are made and all attributes set, each with its size, which the library checks; without the library's handle it
    /// then says that it has nothing for that, rather than that an argument is unfit.
    /// </summary>
    private static void AssertTaken(MatrixProduct product)
    {
        bool keepsSum = product.Epilogue is MatrixEpilogue.GeluTanh or MatrixEpilogue.GeluTanhGradient;
        using var plan = new CublasLtPlan(product, keepsSum, usesTf32: true);
        var operands = new MatrixOperands(Somewhere, Somewhere, Somewhere, Somewhere, keepsSum ? Somewhere : default);

        // The library holds the pointers against the epilogue: DGELU without its input, or a bias that nothing adds, it calls unfit.
        Assert.That(plan.Enqueue(0, operands, Somewhere, 0, 0), Is.EqualTo(CublasLtNative.NotSupported).Or.EqualTo(NotInitialised), product.ToString());
    }

    private static NativeLibraryOpening Open(NativeLibraryName name)
    {
        NativeLibraryOpening opening = NativeLibraries.TryOpen(name);
        if (!opening.IsOpen)
        {
            Assert.Ignore(opening.Describe());
        }

        return opening;
    }
}
