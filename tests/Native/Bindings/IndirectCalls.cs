using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>
/// What a method calls through addresses, read from its instructions: the argument list that the processor will really see, whatever the
/// method's own may be.
/// </summary>
internal static class IndirectCalls
{
    private const byte CDeclaration = 1, Unmanaged = 9;

    private static readonly Dictionary<ushort, OpCode> Instructions = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (ushort)code.Value);

    /// <summary>The argument lists of the unmanaged calls through addresses in a method, in order.</summary>
    internal static IReadOnlyList<string> Of(MethodBase method) =>
        [.. Read(method).Where(at => at.Code == OpCodes.Calli).Select(at => Signature(method.Module, at.Operand)).OfType<string>()];

    /// <summary>The numbers that a method hands to another as its only argument, in order.</summary>
    internal static IReadOnlyList<int> ConstantsHandedTo(MethodBase method, MethodBase callee)
    {
        (OpCode Code, int Operand)[] all = [.. Read(method)];
        return
        [
            .. from i in Enumerable.Range(1, Math.Max(0, all.Length - 1))
               where all[i].Code == OpCodes.Call && all[i].Operand == callee.MetadataToken
               select Constant(all[i - 1].Code, all[i - 1].Operand),
        ];
    }

    private static int Constant(OpCode code, int operand) =>
        code == OpCodes.Ldc_I4 ? operand
        : code == OpCodes.Ldc_I4_S ? (sbyte)operand
        : code.Value >= OpCodes.Ldc_I4_0.Value && code.Value <= OpCodes.Ldc_I4_8.Value ? code.Value - OpCodes.Ldc_I4_0.Value
        : throw new NotSupportedException($"{code} is no constant");

    private static IEnumerable<(OpCode Code, int Operand)> Read(MethodBase method)
    {
        byte[] bytes = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        for (int at = 0; at < bytes.Length;)
        {
            ushort number = bytes[at++];
            number = number == 0xfe ? (ushort)(0xfe00 | bytes[at++]) : number;
            OpCode code = Instructions[number];
            int size = code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(bytes, at)),
                _ => 4,
            };
            yield return (code, size switch { 1 => bytes[at], 4 => BitConverter.ToInt32(bytes, at), _ => 0 });
            at += size;
        }
    }

    /// <summary>Null for a call of managed code.</summary>
    private static string? Signature(Module module, int token)
    {
        var reader = new Blob(module, module.ResolveSignature(token));
        return reader.Next() is CDeclaration or Unmanaged ? reader.ArgumentList() : null;
    }

    /// <summary>A signature of ECMA-335, II.23.2, as far as these calls need it.</summary>
    private sealed class Blob(Module module, byte[] bytes)
    {
        private int _at;

        internal byte Next() => bytes[_at++];

        internal string ArgumentList()
        {
            int count = Number();
            string result = Type();
            return NativeSignature.Join(result, [.. Enumerable.Range(0, count).Select(_ => Type())]);
        }

        private string Type()
        {
            byte element = Next();
            switch (element)
            {
                case 0x0f or 0x10: // a pointer, a reference
                    return "*" + Type();
                case 0x1f or 0x20: // a modifier, such as that of an out argument, and what it modifies
                    _ = Number();
                    return Type();
                case 0x1b: // a function
                    _ = Next();
                    _ = ArgumentList();
                    return "*()";
                case 0x11: // a structure, by a coded index: the row, and in two bits whether it is defined here
                    int index = Number();
                    return "s" + NativeLayout.SizeOf(module.ResolveType(((index & 3) == 0 ? 0x02000000 : 0x01000000) | (index >> 2)));
                default:
                    return element switch
                    {
                        0x01 => "v",
                        0x04 => "i1",
                        0x05 => "u1",
                        0x06 => "i2",
                        0x07 => "u2",
                        0x08 => "i4",
                        0x09 => "u4",
                        0x0a => "i8",
                        0x0b or 0x19 => "u8",
                        0x0c => "f4",
                        0x18 => "p",
                        _ => throw new NotSupportedException($"element type {element:x2} in a native argument list"),
                    };
            }
        }

        private int Number()
        {
            byte first = Next();
            return (first & 0x80) == 0 ? first
                : (first & 0x40) == 0 ? ((first & 0x3f) << 8) | Next()
                : ((first & 0x1f) << 24) | (Next() << 16) | (Next() << 8) | Next();
        }
    }
}
