using System;
using System.Reflection;
using System.Reflection.Emit;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Writes a block's code: for each instruction a call of a static, typed operation with its operands' places as constants.</summary>
internal sealed class BlockEmitter
{
    private static readonly Type[] s_parameters = [typeof(Warp), typeof(byte*), typeof(uint)];
    private readonly DynamicMethod _method;
    private readonly ILGenerator _code;
    private readonly LocalBuilder _mask;
    private readonly LocalBuilder _bits;
    private bool _guarded;

    internal BlockEmitter(string name)
    {
        _method = new DynamicMethod(name, typeof(uint), s_parameters, typeof(Warp).Module, skipVisibility: true);
        _code = _method.GetILGenerator();
        _mask = _code.DeclareLocal(typeof(uint));
        _bits = _code.DeclareLocal(typeof(uint));
    }

    /// <summary>From here on the active lanes are those of the block.</summary>
    internal void Unguard() => _guarded = false;

    /// <summary>From here on the active lanes are those whose guard holds.</summary>
    internal void Guard(Row predicate, bool negated)
    {
        _code.Emit(OpCodes.Ldarg_2);
        Predicate(predicate, negated);
        _code.Emit(OpCodes.And);
        _code.Emit(OpCodes.Stloc, _mask);
        _guarded = true;
    }

    internal BlockEmitter Warp()
    {
        _code.Emit(OpCodes.Ldarg_0);
        return this;
    }

    internal BlockEmitter Registers()
    {
        _code.Emit(OpCodes.Ldarg_1);
        return this;
    }

    /// <summary>The active lanes.</summary>
    internal BlockEmitter Mask()
    {
        if (_guarded)
        {
            _code.Emit(OpCodes.Ldloc, _mask);
        }
        else
        {
            _code.Emit(OpCodes.Ldarg_2);
        }

        return this;
    }

    /// <summary>The address of a row; null for a sink.</summary>
    internal BlockEmitter Pointer(Row row)
    {
        if (row.IsSink)
        {
            _code.Emit(OpCodes.Ldc_I4_0);
            _code.Emit(OpCodes.Conv_U);
        }
        else if (row.IsConstant)
        {
            _code.Emit(OpCodes.Ldc_I8, row.Place);
            _code.Emit(OpCodes.Conv_U);
        }
        else
        {
            _code.Emit(OpCodes.Ldarg_1);
            _code.Emit(OpCodes.Ldc_I4, (int)row.Place);
            _code.Emit(OpCodes.Add);
        }

        return this;
    }

    /// <summary>The bits of a predicate, or their complement.</summary>
    internal BlockEmitter Predicate(Row row, bool negated)
    {
        Pointer(row);
        _code.Emit(OpCodes.Ldind_U4);
        if (negated)
        {
            _code.Emit(OpCodes.Not);
        }

        return this;
    }

    internal BlockEmitter Integer(int value)
    {
        _code.Emit(OpCodes.Ldc_I4, value);
        return this;
    }

    internal BlockEmitter Native(nint value)
    {
        _code.Emit(OpCodes.Ldc_I8, value);
        _code.Emit(OpCodes.Conv_I);
        return this;
    }

    internal BlockEmitter Call(MethodInfo method)
    {
        _code.Emit(OpCodes.Call, method);
        return this;
    }

    /// <summary>Keeps the 32 bits on the stack for <see cref="LoadBits"/>.</summary>
    internal BlockEmitter StoreBits()
    {
        _code.Emit(OpCodes.Stloc, _bits);
        return this;
    }

    internal BlockEmitter LoadBits()
    {
        _code.Emit(OpCodes.Ldloc, _bits);
        return this;
    }

    /// <summary>Ends the block; the lanes on the stack take its branch.</summary>
    internal BlockMethod Finish()
    {
        _code.Emit(OpCodes.Ret);
        return _method.CreateDelegate<BlockMethod>();
    }
}
