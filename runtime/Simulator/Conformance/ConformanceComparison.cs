using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>The same PTX and the same inputs on two devices, a simulated one and a real one: the table that says how far they agree.</summary>
public static class ConformanceComparison
{
    private const int ProductArchitecture = 90;

    /// <summary>Runs every case of the catalogue that the architecture has.</summary>
    /// <param name="first">One device.</param>
    /// <param name="second">The other.</param>
    /// <param name="architecture">70, 75, 80 or 90; both devices have it or newer.</param>
    /// <param name="inputs">Inputs an instruction.</param>
    /// <param name="seed">Of the inputs.</param>
    public static IReadOnlyList<ConformanceRow> Run(GpuDriver first, GpuDriver second, int architecture, int inputs, int seed)
    {
        var rows = new List<ConformanceRow>();
        foreach (InstructionCase instruction in InstructionCatalogue.All.Where(c => c.MinimumArchitecture <= architecture))
        {
            var random = new Random(seed);
            ulong[] a = Draw(instruction.Inputs, 0, instruction.Sizes.A, inputs, random);
            ulong[] b = Draw(instruction.Inputs, 1, instruction.Sizes.B, inputs, random);
            ulong[] c = Draw(instruction.Inputs, 2, instruction.Sizes.C, inputs, random);
            ulong[] x = CaseRunner.Run(first, instruction, architecture, a, b, c);
            ulong[] y = CaseRunner.Run(second, instruction, architecture, a, b, c);
            rows.Add(Compare(instruction, a, b, c, x, y));
        }

        // wgmma is sm_90a's: no newer GPU has it.
        if (first.Properties.Architecture == ProductArchitecture && second.Properties.Architecture == ProductArchitecture)
        {
            rows.AddRange(ProductCatalogue.All.Select(product => Compare(first, second, product, new Random(seed))));
        }

        return rows;
    }

    private static ConformanceRow Compare(GpuDriver first, GpuDriver second, ProductCase product, Random random)
    {
        byte[] image = ProductRunner.Image(product, random);
        byte[] left = ProductRunner.Left(product, random);
        float[] x = ProductRunner.Run(first, product, image, left);
        float[] y = ProductRunner.Run(second, product, image, left);
        int[] different = [.. Enumerable.Range(0, x.Length).Where(i => x[i] != y[i])];
        string example = different.Length == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"sum {different[0] % (product.N / 2)} of thread {different[0] / (product.N / 2)} is {x[different[0]]} and {y[different[0]]}");
        return new ConformanceRow(product.Name, x.Length, different.Length, 0, different.Length == 0, example);
    }

    private static ConformanceRow Compare(InstructionCase instruction, ulong[] a, ulong[] b, ulong[] c, ulong[] x, ulong[] y)
    {
        int different = 0;
        double largest = 0;
        string example = "";
        bool isDouble = instruction.Sizes.D == 8 && instruction.Name.Contains("f64", StringComparison.Ordinal);
        for (int i = 0; i < x.Length; i++)
        {
            bool bothNaN = isDouble && double.IsNaN(BitConverter.UInt64BitsToDouble(x[i])) && double.IsNaN(BitConverter.UInt64BitsToDouble(y[i]));
            if (x[i] == y[i] || bothNaN)
            {
                continue;
            }

            different++;
            largest = instruction.UlpTolerance > 0 ? Math.Max(largest, Math.Abs((double)(int)x[i] - (int)y[i])) : 0;
            example = example.Length > 0
                ? example
                : string.Create(CultureInfo.InvariantCulture, $"({a[i]:x}, {b[i]:x}, {c[i]:x}) gives {x[i]:x} and {y[i]:x}");
        }

        // Each device may be off by the documented error, to either side.
        bool passes = different == 0 || (instruction.UlpTolerance > 0 && largest <= 2 * instruction.UlpTolerance);
        return new ConformanceRow(instruction.Name, x.Length, different, largest, passes, example);
    }

    private static ulong[] Draw(InputPattern pattern, int operand, int size, int count, Random random) =>
        [.. Enumerable.Range(0, count).Select(_ => InputGenerator.Draw(pattern, operand, size, random))];
}
