using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.CublasLt;
using GptEngine.Runtime.Native.Nccl;
using GptEngine.Runtime.Native.Nvtx;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>
/// Argument lists as the headers' oracle writes them, made from C#: v void, i4, u8 integers, f4 floats, s128 a structure, () a function, *
/// a pointer to what follows; and p, an nint, which may be any pointer.
/// </summary>
internal static class NativeSignature
{
    private const string AnyPointer = "p";

    /// <summary>The structures that are bound, and what C calls them.</summary>
    internal static readonly Dictionary<Type, string> Structures = new()
    {
        [typeof(MatmulAlgorithm)] = "cublasLtMatmulAlgo_t",
        [typeof(MatmulHeuristic)] = "cublasLtMatmulHeuristicResult_t",
        [typeof(NcclUniqueId)] = "ncclUniqueId",
        [typeof(NcclConfiguration)] = "ncclConfig_t",
        [typeof(NvtxEventAttributes)] = "nvtxEventAttributes_t",
    };

    /// <summary>Of a method that stands for a native one.</summary>
    /// <param name="facts">The version whose sizes of structures count: a bound one may be the beginning of a longer one.</param>
    internal static string Of(MethodInfo method, HeaderFacts facts) =>
        Join(Of(method.ReturnType, facts), method.GetParameters().Select(parameter => Of(parameter.ParameterType, facts)));

    /// <summary>Of a pointer to a function.</summary>
    internal static string OfFunctionPointer(Type pointer, HeaderFacts facts) =>
        Join(Of(pointer.GetFunctionPointerReturnType(), facts), pointer.GetFunctionPointerParameterTypes().Select(type => Of(type, facts)));

    internal static string Join(string result, IEnumerable<string> arguments) => $"{result}({string.Join(' ', arguments)})";

    internal static string Of(Type type, HeaderFacts facts)
    {
        if (type.IsFunctionPointer)
        {
            return "*()";
        }

        if (type.IsPointer || type.IsByRef)
        {
            return "*" + Of(type.GetElementType()!, facts);
        }

        if (type == typeof(string[]))
        {
            return "**c";
        }

        if (type == typeof(string))
        {
            return "*c";
        }

        if (type == typeof(nint) || type.IsSubclassOf(typeof(SafeHandle)))
        {
            return AnyPointer;
        }

        if (Structures.TryGetValue(type, out string? structure))
        {
            return "s" + facts.Structures[structure].Size;
        }

        return Primitive(type.IsEnum ? type.GetEnumUnderlyingType() : type);
    }

    /// <summary>Whether a call made with one argument list is right for a function of the other.</summary>
    /// <param name="managed">From C#.</param>
    /// <param name="native">From a header.</param>
    internal static bool Fits(string managed, string native)
    {
        string[] ours = Parts(managed);
        string[] theirs = Parts(native);
        return ours.Length == theirs.Length && ours.Zip(theirs).All(pair => TypeFits(pair.First, pair.Second));
    }

    private static bool TypeFits(string ours, string theirs) =>
        ours == theirs || theirs[0] switch
        {
            'e' => ours[0] is 'i' or 'u' && ours[1..] == theirs[1..],
            'c' => ours is "u1" or "i1",

            // An address on the GPU is a number to us, and what lies behind a pointer to void is the caller's affair.
            '*' => ours == AnyPointer || (theirs == "*v" && (ours == "u8" || ours[0] == '*')) || (ours[0] == '*' && TypeFits(ours[1..], theirs[1..])),
            _ => false,
        };

    private static string[] Parts(string signature)
    {
        int open = signature.IndexOf('(', StringComparison.Ordinal);
        string list = signature[(open + 1)..^1];
        return [signature[..open], .. list.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static string Primitive(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => "u1",
        TypeCode.SByte => "i1",
        TypeCode.Int16 => "i2",
        TypeCode.UInt16 => "u2",
        TypeCode.Int32 => "i4",
        TypeCode.UInt32 => "u4",
        TypeCode.Int64 => "i8",
        TypeCode.UInt64 => "u8",
        TypeCode.Single => "f4",
        _ when type == typeof(void) => "v",
        _ when type == typeof(nuint) => "u8",
        _ => throw new NotSupportedException($"{type} in a native argument list"),
    };
}
