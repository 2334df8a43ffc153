using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Conformance;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>The forms of wgmma that a GPU would be held against the simulator by, on the simulator against the layouts as the PTX ISA writes them.</summary>
public sealed class ProductCatalogueTests
{
    private static IEnumerable<string> Names => ProductCatalogue.All.Select(product => product.Name);

    [TestCaseSource(nameof(Names))]
    public void Sums_AreThoseOfTheLayouts(string name)
    {
        ProductCase product = ProductCatalogue.All.First(one => one.Name == name);
        byte[] image = ProductRunner.Image(product, new Random(3));
        byte[] left = ProductRunner.Left(product, new Random(4));
        using var driver = new SimulatedDriver(SimulatedGpus.H200, new SimulatorOptions { HostThreads = 1 });

        float[] sums = ProductRunner.Run(driver, product, image, left);

        CanonicalLayout? a = product.Left is null ? null : Layout(product, product.Left, 0, 64);
        CanonicalLayout b = Layout(product, product.Right, ProductCase.RightStart, product.N);
        for (int i = 0; i < sums.Length; i++)
        {
            (int thread, int element) = (i / (product.N / 2), i % (product.N / 2));
            int row = (thread / 32 * 16) + (thread % 32 / 4) + (8 * (element / 2 % 2));
            int column = (element / 4 * 8) + (thread % 4 * 2) + (element % 2);
            double sum = (product.Signs & 4) == 0 ? element + 1 : 0;
            double sign = (product.Signs & 3) is 1 or 2 ? -1 : 1;
            for (int k = 0; k < product.Depth; k++)
            {
                double x = a is null ? Value(product, left, Fragment(product, row, k)) : Value(product, image, a.At(row, k));
                sum += sign * x * Value(product, image, b.At(column, k));
            }

            Assert.That(sums[i], Is.EqualTo((float)sum), $"row {row}, column {column}");
        }
    }

    [Test]
    public void Names_AreUnique() => Assert.That(Names, Is.Unique);

    private static CanonicalLayout Layout(ProductCase product, ProductLayout layout, int start, int rows)
    {
        (int leading, int stride) = layout.Strides(rows, product.Depth);
        return new CanonicalLayout(
            Math.Max(1, layout.SwizzleBytes / 16), layout.IsDown, 32 / product.Depth, layout.Start(start), leading, stride, layout.BaseOffset);
    }

    /// <summary>The byte of A's element among the threads' registers.</summary>
    private static int Fragment(ProductCase product, int row, int k)
    {
        int half = product.Depth / 2;
        int perRegister = 16 / product.Depth == 1 ? 2 : 1;
        int thread = (row / 16 * 32) + (row % 8 * 4) + (k % half / perRegister);
        int register = (row % 16 / 8) + (2 * (k / half));
        return (thread * 16) + (register * 4) + (2 * (k % perRegister));
    }

    private static double Value(ProductCase product, byte[] bytes, int at) => product.Type switch
    {
        "bf16" => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes, at) << 16),
        "f16" => (double)BitConverter.ToHalf(bytes, at),
        _ => BitConverter.ToSingle(bytes, at),
    };
}
