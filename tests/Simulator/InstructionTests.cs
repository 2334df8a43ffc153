using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Conformance;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>Every instruction of the catalogue on random and awkward inputs, against exact arithmetic.</summary>
public sealed class InstructionTests
{
    private const int Count = 800;

    public static IEnumerable<string> Exact => InstructionCatalogue.All.Where(c => c.UlpTolerance == 0).Select(c => c.Name);

    public static IEnumerable<string> Approximate => InstructionCatalogue.All.Where(c => c.UlpTolerance > 0).Select(c => c.Name);

    [TestCaseSource(nameof(Exact))]
    public void Instruction_OnRandomAndEdgeInputs_HasTheExactBits(string name)
    {
        (InstructionCase instruction, ulong[] a, ulong[] b, ulong[] c, ulong[] results) = Run(name);
        ulong kept = instruction.Sizes.D == 8 ? ulong.MaxValue : (1ul << (8 * instruction.Sizes.D)) - 1;
        for (int i = 0; i < Count; i++)
        {
            ulong expected = InstructionReference.Evaluate(name, Kept(a[i], instruction.Sizes.A), Kept(b[i], instruction.Sizes.B), Kept(c[i], instruction.Sizes.C)) & kept;
            bool bothNaN = name.Contains("f64", StringComparison.Ordinal) && instruction.Sizes.D == 8
                && double.IsNaN(BitConverter.UInt64BitsToDouble(expected)) && double.IsNaN(BitConverter.UInt64BitsToDouble(results[i]));
            if (results[i] != expected && !bothNaN)
            {
                Assert.Fail($"{name}({a[i]:x}, {b[i]:x}, {c[i]:x}) = {results[i]:x}, expected {expected:x}");
            }
        }
    }

    [TestCaseSource(nameof(Approximate))]
    public void Approximation_StaysWithinItsDocumentedError(string name)
    {
        (InstructionCase instruction, ulong[] a, ulong[] b, _, ulong[] results) = Run(name);
        for (int i = 0; i < Count; i++)
        {
            double x = BitConverter.UInt32BitsToSingle((uint)a[i]);
            double y = BitConverter.UInt32BitsToSingle((uint)b[i]);
            double exact = name.Split('.')[0] switch
            {
                "ex2" => Math.Pow(2, x),
                "rcp" => 1 / x,
                "rsqrt" => 1 / Math.Sqrt(Math.Abs(x)),
                "sqrt" => Math.Sqrt(Math.Abs(x)),
                _ => x / y,
            };
            float got = BitConverter.UInt32BitsToSingle((uint)results[i]);
            float near = (float)exact;
            double ulp = float.IsFinite(near) ? Math.Max(MathF.BitIncrement(Math.Abs(near)) - Math.Abs(near), float.Epsilon) : 1;
            Assert.That(got == near || Math.Abs(got - exact) <= instruction.UlpTolerance * ulp, $"{name}({x}, {y}) = {got}, exactly {exact}");
        }
    }

    [Test]
    public void Catalogue_NamesAreUnique() =>
        Assert.That(InstructionCatalogue.All.Select(c => c.Name), Is.Unique);

    private static ulong Kept(ulong value, int size) => size == 8 ? value : value & ((1ul << (8 * size)) - 1);

    private static (InstructionCase Case, ulong[] A, ulong[] B, ulong[] C, ulong[] Results) Run(string name)
    {
        InstructionCase instruction = InstructionCatalogue.All.Single(c => c.Name == name);
        var random = new Random(name.Length);
        ulong[] Draw(int operand, int size) => [.. Enumerable.Range(0, Count).Select(_ => InputGenerator.Draw(instruction.Inputs, operand, size, random))];
        ulong[] a = Draw(0, instruction.Sizes.A);
        ulong[] b = Draw(1, instruction.Sizes.B);
        ulong[] c = Draw(2, instruction.Sizes.C);
        using var driver = new SimulatedDriver(SimulatedGpus.H200);
        return (instruction, a, b, c, CaseRunner.Run(driver, instruction, 90, a, b, c));
    }
}
