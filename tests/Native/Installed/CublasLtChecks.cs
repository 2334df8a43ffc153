using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native.CublasLt;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Installed;

/// <summary>What cuBLASLt says to our numbers and attributes.</summary>
internal static unsafe class CublasLtChecks
{
    private const int NotInitialised = 1;

    private static readonly DevicePointer Somewhere = new(0x10000);

    internal static IReadOnlyList<KeyValuePair<string, Action>> All { get; } =
    [
        new("Products_OfFloat32_AreTaken", () => ProductsAreTaken(DataType.Float32)),
        new("Products_OfFloat16_AreTaken", () => ProductsAreTaken(DataType.Float16)),
        new("Products_OfBFloat16_AreTaken", () => ProductsAreTaken(DataType.BFloat16)),
        new("WhatItsHeaderDoesNotHave_IsRefused", WhatItsHeaderDoesNotHaveIsRefused),
    ];

    private static void ProductsAreTaken(DataType type)
    {
        foreach (MatrixEpilogue epilogue in Enum.GetValues<MatrixEpilogue>())
        {
            IsTaken(new MatrixProduct(96, 256, 64, LeftTransposed: false, RightTransposed: true, type, type, Epilogue: epilogue));
            IsTaken(new MatrixProduct(96, 256, 64, LeftTransposed: true, RightTransposed: false, type, DataType.Float32, Accumulate: true, Epilogue: epilogue));
        }
    }

    private static void WhatItsHeaderDoesNotHaveIsRefused()
    {
        CublasLtNative.ThrowIfFailed(CublasLtNative.cublasLtMatmulDescCreate(out nint descriptor, CublasLtNative.Compute32F, CublasLtNative.TypeFloat32));
        long value = 0;
        Assert.That(CublasLtNative.cublasLtMatmulDescSetAttribute(descriptor, CublasLtNative.TransposeLeft, &value, sizeof(int)), Is.EqualTo(CublasLtNative.Success));
        GpuException tooLong = CublasLtNative.Failure(CublasLtNative.cublasLtMatmulDescSetAttribute(descriptor, CublasLtNative.TransposeLeft, &value, sizeof(short)), "set(x)", "");
        GpuException unknown = CublasLtNative.Failure(CublasLtNative.cublasLtMatmulDescSetAttribute(descriptor, 999, &value, sizeof(int)), "set(x)", "");
        CublasLtNative.ThrowIfFailed(CublasLtNative.cublasLtMatmulDescDestroy(descriptor));
        Assert.That((tooLong.Code, unknown.Code), Is.EqualTo(("CUBLAS_STATUS_INVALID_VALUE", "CUBLAS_STATUS_INVALID_VALUE")));
    }

    /// <summary>
    /// Descriptor and layouts are made and all attributes set, each with its size, which the library checks; without the library's handle it
    /// then says that it has nothing for that, rather than that an argument is unfit.
    /// </summary>
    private static void IsTaken(MatrixProduct product)
    {
        bool keepsSum = product.Epilogue is MatrixEpilogue.GeluTanh or MatrixEpilogue.GeluTanhGradient;
        using var plan = new CublasLtPlan(product, keepsSum, usesTf32: true);
        var operands = new MatrixOperands(Somewhere, Somewhere, Somewhere, Somewhere, keepsSum ? Somewhere : default);

        // The library holds the pointers against the epilogue: DGELU without its input, or a bias that nothing adds, it calls unfit.
        Assert.That(plan.Enqueue(0, operands, Somewhere, 0, 0), Is.EqualTo(CublasLtNative.NotSupported).Or.EqualTo(NotInitialised), product.ToString());
    }
}
