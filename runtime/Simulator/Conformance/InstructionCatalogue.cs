using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>The instructions that are tried, by family.</summary>
public static class InstructionCatalogue
{
    private static readonly (int, int, int, int) s_words = (4, 4, 4, 4);
    private static readonly (int, int, int, int) s_longs = (8, 8, 8, 8);
    private static readonly (int, int, int, int) s_shorts = (2, 2, 2, 2);

    public static IReadOnlyList<InstructionCase> All { get; } = Build();

    private static List<InstructionCase> Build()
    {
        var cases = new List<InstructionCase>();
        AddIntegers(cases);
        AddBits(cases);
        AddSingles(cases);
        AddDoublesAndHalves(cases);
        AddComparisons(cases);
        AddConversions(cases);
        AddApproximate(cases);
        return cases;
    }

    private static void AddIntegers(List<InstructionCase> cases)
    {
        foreach (string type in (string[])["s32", "u32", "s64", "u64", "s16", "u16"])
        {
            (int, int, int, int) sizes = type[1..] switch { "32" => s_words, "64" => s_longs, _ => s_shorts };
            foreach (string operation in (string[])["add", "sub", "min", "max", "div", "rem", "mul.lo", "mul.hi"])
            {
                cases.Add(new($"{operation}.{type}", Divided(operation, type), sizes, InputPattern.Integers));
            }

            cases.Add(new($"mad.lo.{type}", $"mad.lo.{type} %d, %a, %b, %c;", sizes, InputPattern.Integers));
            if (type[0] == 's')
            {
                cases.Add(new($"abs.{type}", $"abs.{type} %d, %a;", sizes, InputPattern.Integers));
                cases.Add(new($"neg.{type}", $"neg.{type} %d, %a;", sizes, InputPattern.Integers));
            }

            if (type[1..] == "32")
            {
                cases.Add(new($"mul.wide.{type}", $"mul.wide.{type} %d, %a, %b;", (8, 4, 4, 4), InputPattern.Integers));
                cases.Add(new($"mad.wide.{type}", $"mad.wide.{type} %d, %a, %b, %c;", (8, 4, 4, 8), InputPattern.Integers));
                cases.Add(new($"mad.hi.{type}", $"mad.hi.{type} %d, %a, %b, %c;", s_words, InputPattern.Integers));
                cases.Add(new($"sad.{type}", $"sad.{type} %d, %a, %b, %c;", s_words, InputPattern.Integers));
                cases.Add(new($"dp4a.{type}", $"dp4a.{type}.{type} %d, %a, %b, %c;", s_words, InputPattern.Integers));
            }
        }

        cases.Add(new("add.sat.s32", "add.sat.s32 %d, %a, %b;", s_words, InputPattern.Integers));
        cases.Add(new("sub.sat.s32", "sub.sat.s32 %d, %a, %b;", s_words, InputPattern.Integers));
        cases.Add(new(
            "add.cc chain",
            "{ .reg .b32 %x<6>; mov.b64 {%x0, %x1}, %a; mov.b64 {%x2, %x3}, %b; add.cc.u32 %x4, %x0, %x2; addc.u32 %x5, %x1, %x3; mov.b64 %d, {%x4, %x5}; }",
            s_longs,
            InputPattern.Integers));
        cases.Add(new(
            "sub.cc chain",
            "{ .reg .b32 %x<6>; mov.b64 {%x0, %x1}, %a; mov.b64 {%x2, %x3}, %b; sub.cc.u32 %x4, %x0, %x2; subc.u32 %x5, %x1, %x3; mov.b64 %d, {%x4, %x5}; }",
            s_longs,
            InputPattern.Integers));
    }

    /// <summary>A divisor of zero is left open by PTX: it becomes one.</summary>
    private static string Divided(string operation, string type)
    {
        string body = $"{operation}.{type} %d, %a, %b;";
        return operation is "div" or "rem"
            ? $"{{ .reg .pred %z; .reg .b{type[1..]} %y; setp.eq.{type} %z, %b, 0; selp.b{type[1..]} %y, 1, %b, %z; {operation}.{type} %d, %a, %y; }}"
            : body;
    }

    private static void AddBits(List<InstructionCase> cases)
    {
        foreach (string operation in (string[])["and", "or", "xor"])
        {
            cases.Add(new($"{operation}.b32", $"{operation}.b32 %d, %a, %b;", s_words, InputPattern.Integers));
            cases.Add(new($"{operation}.b64", $"{operation}.b64 %d, %a, %b;", s_longs, InputPattern.Integers));
        }

        foreach (int table in (int[])[0x96, 0xE8, 0xCA, 0x1B])
        {
            cases.Add(new($"lop3.b32 {table}", $"lop3.b32 %d, %a, %b, %c, {table};", s_words, InputPattern.Integers));
        }

        foreach ((string type, (int, int, int, int) sizes) in ((string, (int, int, int, int))[])[("b32", (4, 4, 4, 4)), ("b64", (8, 8, 4, 4)), ("b16", (2, 2, 4, 4))])
        {
            cases.Add(new($"shl.{type}", $"shl.{type} %d, %a, %b;", sizes, InputPattern.Shifts));
            cases.Add(new($"shr.u{type[1..]}", $"shr.u{type[1..]} %d, %a, %b;", sizes, InputPattern.Shifts));
            cases.Add(new($"shr.s{type[1..]}", $"shr.s{type[1..]} %d, %a, %b;", sizes, InputPattern.Shifts));
        }

        foreach (string form in (string[])["l.wrap", "l.clamp", "r.wrap", "r.clamp"])
        {
            cases.Add(new($"shf.{form}.b32", $"{{ .reg .b32 %n; and.b32 %n, %c, 63; shf.{form}.b32 %d, %a, %b, %n; }}", s_words, InputPattern.Integers));
        }

        foreach (string type in (string[])["u32", "s32"])
        {
            cases.Add(new($"bfe.{type}", $"bfe.{type} %d, %a, %b, %c;", s_words, InputPattern.Shifts));
            cases.Add(new($"bfind.{type}", $"bfind.{type} %d, %a;", s_words, InputPattern.Integers));
            cases.Add(new($"bfe.{type[0]}64", $"bfe.{type[0]}64 %d, %a, %b, %c;", (8, 8, 4, 4), InputPattern.Shifts));
        }

        cases.Add(new("bfi.b32", "{ .reg .b32 %n, %l; and.b32 %n, %c, 63; shr.u32 %l, %c, 6; and.b32 %l, %l, 63; bfi.b32 %d, %a, %b, %n, %l; }", s_words, InputPattern.Integers));
        cases.Add(new("prmt.b32", "prmt.b32 %d, %a, %b, %c;", s_words, InputPattern.Integers));
        cases.Add(new("popc.b32", "popc.b32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("popc.b64", "popc.b64 %d, %a;", (4, 8, 8, 8), InputPattern.Integers));
        cases.Add(new("clz.b32", "clz.b32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("clz.b64", "clz.b64 %d, %a;", (4, 8, 8, 8), InputPattern.Integers));
        cases.Add(new("brev.b32", "brev.b32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("not.b32", "not.b32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("cnot.b32", "cnot.b32 %d, %a;", s_words, InputPattern.Integers));
    }

    private static void AddSingles(List<InstructionCase> cases)
    {
        foreach (string mode in (string[])["rn", "rz", "rm", "rp"])
        {
            foreach (string flush in (string[])["", ".ftz"])
            {
                cases.Add(new($"add.{mode}{flush}.f32", $"add.{mode}{flush}.f32 %d, %a, %b;", s_words, InputPattern.Singles));
                cases.Add(new($"sub.{mode}{flush}.f32", $"sub.{mode}{flush}.f32 %d, %a, %b;", s_words, InputPattern.Singles));
                cases.Add(new($"mul.{mode}{flush}.f32", $"mul.{mode}{flush}.f32 %d, %a, %b;", s_words, InputPattern.Singles));
                cases.Add(new($"fma.{mode}{flush}.f32", $"fma.{mode}{flush}.f32 %d, %a, %b, %c;", s_words, InputPattern.Singles));
                cases.Add(new($"div.{mode}{flush}.f32", $"div.{mode}{flush}.f32 %d, %a, %b;", s_words, InputPattern.Singles));
                cases.Add(new($"sqrt.{mode}{flush}.f32", $"sqrt.{mode}{flush}.f32 %d, %a;", s_words, InputPattern.Singles));
                cases.Add(new($"rcp.{mode}{flush}.f32", $"rcp.{mode}{flush}.f32 %d, %a;", s_words, InputPattern.Singles));
            }
        }

        cases.Add(new("add.rn.sat.f32", "add.rn.sat.f32 %d, %a, %b;", s_words, InputPattern.Singles));
        cases.Add(new("fma.rn.sat.f32", "fma.rn.sat.f32 %d, %a, %b, %c;", s_words, InputPattern.Singles));
        cases.Add(new("min.f32", "min.f32 %d, %a, %b;", s_words, InputPattern.Singles));
        cases.Add(new("max.f32", "max.f32 %d, %a, %b;", s_words, InputPattern.Singles));
        cases.Add(new("max.NaN.f32", "max.NaN.f32 %d, %a, %b;", s_words, InputPattern.Singles, 80));
        cases.Add(new("copysign.f32", "copysign.f32 %d, %a, %b;", s_words, InputPattern.Singles));
    }

    private static void AddDoublesAndHalves(List<InstructionCase> cases)
    {
        foreach (string mode in (string[])["rn", "rz", "rm", "rp"])
        {
            cases.Add(new($"add.{mode}.f64", $"add.{mode}.f64 %d, %a, %b;", s_longs, InputPattern.Doubles));
            cases.Add(new($"mul.{mode}.f64", $"mul.{mode}.f64 %d, %a, %b;", s_longs, InputPattern.Doubles));
            cases.Add(new($"fma.{mode}.f64", $"fma.{mode}.f64 %d, %a, %b, %c;", s_longs, InputPattern.Doubles));
            cases.Add(new($"div.{mode}.f64", $"div.{mode}.f64 %d, %a, %b;", s_longs, InputPattern.Doubles));
        }

        foreach (string operation in (string[])["add", "sub", "mul"])
        {
            cases.Add(new($"{operation}.rn.f16", $"{operation}.rn.f16 %d, %a, %b;", s_shorts, InputPattern.Halves));
            cases.Add(new($"{operation}.rn.ftz.f16", $"{operation}.rn.ftz.f16 %d, %a, %b;", s_shorts, InputPattern.Halves));
            cases.Add(new($"{operation}.rn.f16x2", $"{operation}.rn.f16x2 %d, %a, %b;", s_words, InputPattern.Halves));
        }

        cases.Add(new("fma.rn.f16", "fma.rn.f16 %d, %a, %b, %c;", s_shorts, InputPattern.Halves));
        cases.Add(new("fma.rn.f16x2", "fma.rn.f16x2 %d, %a, %b, %c;", s_words, InputPattern.Halves));
        cases.Add(new("fma.rn.relu.f16x2", "fma.rn.relu.f16x2 %d, %a, %b, %c;", s_words, InputPattern.Halves, 80));
        cases.Add(new("fma.rn.bf16", "fma.rn.bf16 %d, %a, %b, %c;", s_shorts, InputPattern.BFloat16s, 80));
        cases.Add(new("fma.rn.bf16x2", "fma.rn.bf16x2 %d, %a, %b, %c;", s_words, InputPattern.BFloat16s, 80));
        cases.Add(new("add.rn.bf16x2", "add.rn.bf16x2 %d, %a, %b;", s_words, InputPattern.BFloat16s, 90));
        cases.Add(new("max.f16x2", "max.f16x2 %d, %a, %b;", s_words, InputPattern.Halves, 80));
        cases.Add(new("min.bf16x2", "min.bf16x2 %d, %a, %b;", s_words, InputPattern.BFloat16s, 80));
    }

    private static void AddComparisons(List<InstructionCase> cases)
    {
        foreach (string comparison in (string[])["eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"])
        {
            cases.Add(new($"setp.{comparison}.f32", $"setp.{comparison}.f32 %p, %a, %b; selp.u32 %d, 1, 0, %p;", s_words, InputPattern.Singles));
            cases.Add(new($"setp.{comparison}.f16", $"setp.{comparison}.f16 %p, %a, %b; selp.u32 %d, 1, 0, %p;", (4, 2, 2, 2), InputPattern.Halves));
        }

        foreach (string comparison in (string[])["eq", "ne", "lt", "le", "gt", "ge"])
        {
            cases.Add(new($"setp.{comparison}.s32", $"setp.{comparison}.s32 %p, %a, %b; selp.u32 %d, 1, 0, %p;", s_words, InputPattern.Integers));
            cases.Add(new($"setp.{comparison}.u64", $"setp.{comparison}.u64 %p, %a, %b; selp.u32 %d, 1, 0, %p;", (4, 8, 8, 8), InputPattern.Integers));
        }

        cases.Add(new("set.lt.u32.s32", "set.lt.u32.s32 %d, %a, %b;", s_words, InputPattern.Integers));
        cases.Add(new("slct.b32.s32", "slct.b32.s32 %d, %a, %b, %c;", s_words, InputPattern.Integers));
    }

    private static void AddConversions(List<InstructionCase> cases)
    {
        foreach (string mode in (string[])["rni", "rzi", "rmi", "rpi"])
        {
            foreach (string type in (string[])["s32", "u32"])
            {
                cases.Add(new($"cvt.{mode}.{type}.f32", $"cvt.{mode}.{type}.f32 %d, %a;", s_words, InputPattern.Singles));
                cases.Add(new($"cvt.{mode}.{type}.f64", $"cvt.{mode}.{type}.f64 %d, %a;", (4, 8, 8, 8), InputPattern.Doubles));
            }

            cases.Add(new($"cvt.{mode}.s64.f32", $"cvt.{mode}.s64.f32 %d, %a;", (8, 4, 4, 4), InputPattern.Singles));
            cases.Add(new($"cvt.{mode}.f32.f32", $"cvt.{mode}.f32.f32 %d, %a;", s_words, InputPattern.Singles));
        }

        foreach (string mode in (string[])["rn", "rz", "rm", "rp"])
        {
            cases.Add(new($"cvt.{mode}.f32.s32", $"cvt.{mode}.f32.s32 %d, %a;", s_words, InputPattern.Integers));
            cases.Add(new($"cvt.{mode}.f32.u64", $"cvt.{mode}.f32.u64 %d, %a;", (4, 8, 8, 8), InputPattern.Integers));
            cases.Add(new($"cvt.{mode}.f32.f64", $"cvt.{mode}.f32.f64 %d, %a;", (4, 8, 8, 8), InputPattern.Doubles));
            cases.Add(new($"cvt.{mode}.f16.f32", $"cvt.{mode}.f16.f32 %d, %a;", (2, 4, 4, 4), InputPattern.Singles));
        }

        cases.Add(new("cvt.f32.f16", "cvt.f32.f16 %d, %a;", (4, 2, 2, 2), InputPattern.Halves));
        cases.Add(new("cvt.f64.f32", "cvt.f64.f32 %d, %a;", (8, 4, 4, 4), InputPattern.Singles));
        cases.Add(new("cvt.rn.bf16.f32", "cvt.rn.bf16.f32 %d, %a;", (2, 4, 4, 4), InputPattern.Singles, 80));
        cases.Add(new("cvt.rn.bf16x2.f32", "cvt.rn.bf16x2.f32 %d, %a, %b;", s_words, InputPattern.Singles, 80));
        cases.Add(new("cvt.rn.f16x2.f32", "cvt.rn.f16x2.f32 %d, %a, %b;", s_words, InputPattern.Singles, 80));
        cases.Add(new("cvt.rna.tf32.f32", "cvt.rna.tf32.f32 %d, %a;", s_words, InputPattern.ModerateSingles, 80));
        cases.Add(new("cvt.s8.s32", "cvt.s8.s32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("cvt.sat.s8.s32", "cvt.sat.s8.s32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("cvt.sat.u8.s32", "cvt.sat.u8.s32 %d, %a;", s_words, InputPattern.Integers));
        cases.Add(new("cvt.s64.s32", "cvt.s64.s32 %d, %a;", (8, 4, 4, 4), InputPattern.Integers));
        cases.Add(new("cvt.u32.u64", "cvt.u32.u64 %d, %a;", (4, 8, 8, 8), InputPattern.Integers));
        cases.Add(new("cvt.u32.u16", "cvt.u32.u16 %d, %a;", (4, 2, 2, 2), InputPattern.Integers));
        cases.Add(new("cvt.sat.f32.f32", "cvt.sat.f32.f32 %d, %a;", s_words, InputPattern.Singles));
    }

    /// <summary>The tolerances are the errors that the PTX ISA states, for the ranges where it states them by the last place.</summary>
    private static void AddApproximate(List<InstructionCase> cases)
    {
        cases.Add(new("ex2.approx.f32", "ex2.approx.f32 %d, %a;", s_words, InputPattern.ModerateSingles, UlpTolerance: 4));
        cases.Add(new("rcp.approx.f32", "rcp.approx.f32 %d, %a;", s_words, InputPattern.ModerateSingles, UlpTolerance: 1));
        cases.Add(new("rsqrt.approx.f32", "{ .reg .f32 %m; abs.f32 %m, %a; rsqrt.approx.f32 %d, %m; }", s_words, InputPattern.ModerateSingles, UlpTolerance: 4));
        cases.Add(new("sqrt.approx.f32", "{ .reg .f32 %m; abs.f32 %m, %a; sqrt.approx.f32 %d, %m; }", s_words, InputPattern.ModerateSingles, UlpTolerance: 4));
        cases.Add(new("div.full.f32", "div.full.f32 %d, %a, %b;", s_words, InputPattern.ModerateSingles, UlpTolerance: 2));
    }
}
