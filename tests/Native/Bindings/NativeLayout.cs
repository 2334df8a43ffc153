using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>How the runtime lays a structure out: what a pointer to it hands to C.</summary>
internal static class NativeLayout
{
    /// <summary>Bytes.</summary>
    internal static int SizeOf(Type structure) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(structure).Invoke(null, null)!;

    /// <summary>By field, bytes from the structure's beginning.</summary>
    internal static Dictionary<string, int> Offsets(Type structure) => structure
        .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).ToDictionary(field => field.Name, Offset);

    // By the address of the field less that of the structure: whatever the marshaller may think, this is where it is.
    private static int Offset(FieldInfo field)
    {
        var method = new DynamicMethod("offset", typeof(int), [], typeof(NativeLayout).Module, skipVisibility: true);
        ILGenerator body = method.GetILGenerator();
        LocalBuilder local = body.DeclareLocal(field.DeclaringType!);
        body.Emit(OpCodes.Ldloca, local);
        body.Emit(OpCodes.Ldflda, field);
        body.Emit(OpCodes.Conv_U);
        body.Emit(OpCodes.Ldloca, local);
        body.Emit(OpCodes.Conv_U);
        body.Emit(OpCodes.Sub);
        body.Emit(OpCodes.Conv_I4);
        body.Emit(OpCodes.Ret);
        return method.CreateDelegate<Func<int>>()();
    }
}
