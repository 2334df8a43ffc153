using System;
using System.Linq;
using System.Numerics;
using Mode = GptEngine.Tests.Simulator.ReferenceFloat.Mode;

namespace GptEngine.Tests.Simulator;

/// <summary>What each instruction of the catalogue must give, worked out apart from the simulator: big integers and exact fractions.</summary>
internal static class InstructionReference
{
    /// <summary>The expected bits of %d; null where the case is approximate and judged by distance.</summary>
    internal static ulong Evaluate(string name, ulong a, ulong b, ulong c)
    {
        string[] parts = name.Split(' ')[0].Split('.');
        string type = parts[^1];
        return parts[0] switch
        {
            "cvt" => Convert(parts, a, b),
            "setp" => Compare(parts[1], type, a, b) ? 1ul : 0,
            "add" or "sub" when name.Contains("chain", StringComparison.Ordinal) => parts[0] == "add" ? a + b : a - b,
            "set" => (int)a < (int)b ? uint.MaxValue : 0u,
            "slct" => (int)c >= 0 ? a : b,
            "copysign" => (b & 0x7FFF_FFFF) | (a & 0x8000_0000),
            "lop3" => Logic3(a, b, c, int.Parse(name.Split(' ')[1])),
            _ => type is "f32" or "f64" or "f16" or "bf16" or "f16x2" or "bf16x2" ? Float(parts, type, a, b, c) : Integer(parts, type, a, b, c),
        };
    }

    private static int Width(string type) => int.Parse(new string([.. type.Where(char.IsDigit)]));

    private static BigInteger Value(ulong bits, string type)
    {
        int width = Width(type);
        BigInteger value = bits & (width == 64 ? ulong.MaxValue : (1ul << width) - 1);
        return type[0] == 's' && value >= BigInteger.One << (width - 1) ? value - (BigInteger.One << width) : value;
    }

    private static ulong Bits(BigInteger value, int width) => (ulong)(value & ((BigInteger.One << width) - 1));

    private static ulong Integer(string[] parts, string type, ulong a, ulong b, ulong c)
    {
        int width = Width(type);
        BigInteger x = Value(a, type);
        BigInteger y = Value(b, type);
        BigInteger z = Value(c, type);
        bool wide = parts.Contains("wide");
        BigInteger product = x * y;
        BigInteger divisor = y.IsZero ? 1 : y;
        string operation = parts[0] + (parts.Contains("hi") ? ".hi" : wide ? ".wide" : parts.Contains("sat") ? ".sat" : "");
        BigInteger result = operation switch
        {
            "add" => x + y,
            "sub" => x - y,
            "add.sat" => BigInteger.Clamp(x + y, int.MinValue, int.MaxValue),
            "sub.sat" => BigInteger.Clamp(x - y, int.MinValue, int.MaxValue),
            "mul" or "mul.wide" => product,
            "mul.hi" => product >> width,
            "mad" => product + z,
            "mad.hi" => (product >> width) + z,
            "mad.wide" => product + Value(c, type[0] + "64"),
            "div" => BigInteger.Divide(x, divisor),
            "rem" => BigInteger.Remainder(x, divisor),
            "min" => BigInteger.Min(x, y),
            "max" => BigInteger.Max(x, y),
            "abs" => BigInteger.Abs(x),
            "neg" => -x,
            "sad" => z + BigInteger.Abs(x - y),
            "dp4a" => z + Enumerable.Range(0, 4).Aggregate(BigInteger.Zero, (s, i) => s + (Value(a >> (8 * i), type[0] + "8") * Value(b >> (8 * i), type[0] + "8"))),
            _ => BitOperation(parts, type, a, b, c),
        };
        return Bits(result, wide ? 2 * width : width);
    }

    private static BigInteger BitOperation(string[] parts, string type, ulong a, ulong b, ulong c)
    {
        int width = Width(type);
        string binary = new([.. Enumerable.Range(0, width).Select(i => ((a >> (width - 1 - i)) & 1) == 1 ? '1' : '0')]);
        BigInteger x = Value(a, type);
        BigInteger both = (new BigInteger((uint)b) << 32) | (uint)a;
        int funnel = (int)(c & 63);
        funnel = parts.Contains("wrap") ? funnel % 32 : Math.Min(funnel, 32);
        switch (parts[0])
        {
            case "and":
                return a & b;
            case "or":
                return a | b;
            case "xor":
                return a ^ b;
            case "not":
                return ~x;
            case "cnot":
                return x.IsZero ? 1 : 0;
            case "shl":
                return x << (int)Math.Min(b & uint.MaxValue, 200);
            case "shr":
                return x >> (int)Math.Min(b & uint.MaxValue, 200);
            case "shf":
                return parts.Contains("l") ? (both << funnel) >> 32 : both >> funnel;
            case "popc":
                return binary.Count(d => d == '1');
            case "clz":
                return binary.Contains('1') ? binary.IndexOf('1') : width;
            case "brev":
                return binary.Select((d, i) => d == '1' ? BigInteger.One << i : 0).Aggregate(BigInteger.Add);
            case "bfind":
                char sought = type[0] == 's' && binary[0] == '1' ? '0' : '1';
                return binary.Contains(sought) ? width - 1 - binary.IndexOf(sought) : uint.MaxValue;
            case "bfe":
                return ExtractField(type, x, a, (int)(b & 0xFF), (int)(c & 0xFF), width);
            case "bfi":
                return InsertField(a, b, (int)(c & 63), (int)((c >> 6) & 63));
            default:
                return PermuteBytes(a, b, c);
        }
    }

    /// <summary>The PTX ISA's own loop, bit by bit.</summary>
    private static BigInteger ExtractField(string type, BigInteger x, ulong a, int start, int length, int width)
    {
        int top = width - 1;
        BigInteger signBit = type[0] == 'u' || length == 0 ? 0 : (a >> Math.Min(start + length - 1, top)) & 1;
        BigInteger result = 0;
        for (int i = 0; i <= top; i++)
        {
            BigInteger bit = i < length && start + i <= top ? (x >> (start + i)) & 1 : signBit;
            result |= bit << i;
        }

        return result;
    }

    private static BigInteger InsertField(ulong a, ulong b, int start, int length)
    {
        BigInteger result = (uint)b;
        for (int i = 0; i < length && start + i <= 31; i++)
        {
            result = (result & ~(BigInteger.One << (start + i))) | (((a >> i) & BigInteger.One) << (start + i));
        }

        return result;
    }

    private static BigInteger PermuteBytes(ulong a, ulong b, ulong selector)
    {
        byte[] bytes = [.. BitConverter.GetBytes((uint)a), .. BitConverter.GetBytes((uint)b)];
        var result = new byte[4];
        for (int i = 0; i < 4; i++)
        {
            int nibble = (int)(selector >> (4 * i)) & 15;
            result[i] = nibble < 8 ? bytes[nibble] : (byte)((sbyte)bytes[nibble - 8] >> 7);
        }

        return BitConverter.ToUInt32(result);
    }

    private static ulong Logic3(ulong a, ulong b, ulong c, int table) => Enumerable.Range(0, 32)
        .Select(i => (ulong)((table >> (int)((((a >> i) & 1) * 4) + (((b >> i) & 1) * 2) + ((c >> i) & 1))) & 1) << i).Aggregate((x, y) => x | y);

    private static Mode ModeOf(string[] parts) =>
        parts.Contains("rz") || parts.Contains("rzi") ? Mode.Zero
        : parts.Contains("rm") || parts.Contains("rmi") ? Mode.Down
        : parts.Contains("rp") || parts.Contains("rpi") ? Mode.Up
        : parts.Contains("rna") ? Mode.NearestAway
        : Mode.Nearest;

    private static ReferenceFloat FormatOf(string type) => type switch
    {
        "f32" => ReferenceFloat.Single,
        "f64" => ReferenceFloat.Double,
        "f16" or "f16x2" => ReferenceFloat.Half,
        "tf32" => ReferenceFloat.TensorFloat32,
        _ => ReferenceFloat.BFloat16,
    };

    private static ulong Float(string[] parts, string type, ulong a, ulong b, ulong c)
    {
        ReferenceFloat format = FormatOf(type);
        if (type.EndsWith("x2", StringComparison.Ordinal))
        {
            return FloatOne(parts, format, a & 0xFFFF, b & 0xFFFF, c & 0xFFFF)
                | (FloatOne(parts, format, (a >> 16) & 0xFFFF, (b >> 16) & 0xFFFF, (c >> 16) & 0xFFFF) << 16);
        }

        ulong kept = type == "f64" ? ulong.MaxValue : type == "f32" ? uint.MaxValue : ushort.MaxValue;
        return FloatOne(parts, format, a & kept, b & kept, c & kept);
    }

    private static ulong FloatOne(string[] parts, ReferenceFloat format, ulong a, ulong b, ulong c)
    {
        if (parts.Contains("ftz"))
        {
            (a, b, c) = (format.Flush(a), format.Flush(b), format.Flush(c));
        }

        Mode mode = ModeOf(parts);
        ulong result = parts[0] switch
        {
            "add" => format.Add(a, b, mode),
            "sub" => format.Add(a, format.Negate(b), mode),
            "mul" => format.Multiply(a, b, mode),
            "fma" => format.FusedMultiplyAdd(a, b, c, mode),
            "div" => format.Divide(a, b, mode),
            "rcp" => format.Divide(format.One, a, mode),
            "sqrt" => format.SquareRoot(a, mode),
            "min" => Extreme(format, a, b, -1, parts.Contains("NaN")),
            _ => Extreme(format, a, b, 1, parts.Contains("NaN")),
        };
        result = parts.Contains("ftz") ? format.Flush(result) : result;
        if (parts.Contains("sat"))
        {
            result = Saturate(format, result);
        }

        return parts.Contains("relu") && format.IsNegative(result) && !format.IsNaN(result) ? 0 : result;
    }

    private static ulong Saturate(ReferenceFloat format, ulong x) =>
        format.IsNaN(x) || format.IsNegative(x) ? 0 : x > format.One ? format.One : x;

    private static ulong Extreme(ReferenceFloat format, ulong a, ulong b, int sign, bool propagate)
    {
        if (format.IsNaN(a) || format.IsNaN(b))
        {
            return propagate || (format.IsNaN(a) && format.IsNaN(b)) ? format.NaN : format.IsNaN(a) ? b : a;
        }

        return Order(format, a) * sign >= Order(format, b) * sign ? a : b;
    }

    /// <summary>A number that grows with the value, −0 below +0.</summary>
    private static BigInteger Order(ReferenceFloat format, ulong x) => format.IsNegative(x) ? -(BigInteger)(x & ~format.SignBit) - 1 : x;

    private static bool Compare(string comparison, string type, ulong a, ulong b)
    {
        bool isFloat = type[0] == 'f';
        ReferenceFloat format = FormatOf(type);
        ulong kept = type == "f32" ? uint.MaxValue : ushort.MaxValue;
        bool isNaN = isFloat && (format.IsNaN(a & kept) || format.IsNaN(b & kept));
        if (comparison is "num" or "nan")
        {
            return isNaN == (comparison == "nan");
        }

        if (isNaN)
        {
            return comparison.Length == 3;
        }

        int order = !isFloat ? Value(a, type).CompareTo(Value(b, type))
            : format.IsZero(a & kept) && format.IsZero(b & kept) ? 0
            : Order(format, a & kept).CompareTo(Order(format, b & kept));
        return comparison[..2] switch
        {
            "eq" => order == 0,
            "ne" => order != 0,
            "lt" => order < 0,
            "le" => order <= 0,
            "gt" => order > 0,
            _ => order >= 0,
        };
    }

    private static ulong Convert(string[] parts, ulong a, ulong b)
    {
        (string to, string from) = (parts[^2], parts[^1]);
        if (to.EndsWith("x2", StringComparison.Ordinal))
        {
            string[] single = [.. parts[..^2], to[..^2], from];
            return (Convert(single, a, 0) << 16) | Convert(single, b, 0);
        }

        if (from[0] != 'f')
        {
            BigInteger value = Value(a, from);
            return to[0] == 'f'
                ? value.IsZero ? 0 : FormatOf(to).Round(value, 1, ModeOf(parts))
                : Bits(parts.Contains("sat") ? Clamp(value, to) : Value(Bits(value, Width(to)), to), to is "s8" or "u8" ? 32 : Width(to));
        }

        ReferenceFloat source = FormatOf(from);
        ulong x = from == "f64" ? a : from == "f32" ? (uint)a : (ushort)a;
        if (to[0] is 's' or 'u')
        {
            return FloatToInteger(parts, to, from, source, x);
        }

        return FloatToFloat(parts, to, source, x);
    }

    private static BigInteger Clamp(BigInteger value, string type)
    {
        int width = Width(type);
        BigInteger low = type[0] == 's' ? -(BigInteger.One << (width - 1)) : 0;
        return BigInteger.Clamp(value, low, low + (BigInteger.One << width) - 1);
    }

    private static ulong FloatToInteger(string[] parts, string to, string from, ReferenceFloat source, ulong x)
    {
        int width = Width(to);
        if (source.IsNaN(x))
        {
            return from == "f64" || width == 64 ? 1ul << (width - 1) : 0;
        }

        BigInteger huge = BigInteger.One << 2000;
        BigInteger whole = source.IsInfinity(x) ? (source.IsNegative(x) ? -huge : huge) : RoundToWhole(source.Exact(x), ModeOf(parts));
        return Bits(Clamp(whole, to), width);
    }

    private static BigInteger RoundToWhole((BigInteger Integer, int Exponent) value, Mode mode)
    {
        if (value.Exponent >= 0)
        {
            return value.Integer << value.Exponent;
        }

        BigInteger unit = BigInteger.One << -value.Exponent;
        BigInteger floor = value.Integer >> -value.Exponent;
        BigInteger rest = value.Integer - (floor * unit);
        return mode switch
        {
            Mode.Down => floor,
            Mode.Up => rest.IsZero ? floor : floor + 1,
            Mode.Zero => value.Integer.Sign < 0 && !rest.IsZero ? floor + 1 : floor,
            _ => (rest * 2).CompareTo(unit) is int half && (half > 0 || (half == 0 && !floor.IsEven)) ? floor + 1 : floor,
        };
    }

    private static ulong FloatToFloat(string[] parts, string to, ReferenceFloat source, ulong x)
    {
        ReferenceFloat target = FormatOf(to);
        ulong sign = source.IsNegative(x) ? target.SignBit : 0;
        ulong result;
        if (source.IsNaN(x))
        {
            result = target.NaN;
        }
        else if (source.IsInfinity(x))
        {
            result = sign | target.Infinity;
        }
        else if (source.IsZero(x))
        {
            result = sign;
        }
        else
        {
            (BigInteger integer, int exponent) = source.Exact(x);
            if (parts[1].EndsWith('i'))
            {
                (integer, exponent) = (RoundToWhole((integer, exponent), ModeOf(parts)), 0);
            }

            BigInteger numerator = exponent > 0 ? integer << exponent : integer;
            result = integer.IsZero ? sign : target.Round(numerator, exponent < 0 ? BigInteger.One << -exponent : 1, ModeOf(parts));
        }

        result = parts.Contains("sat") ? Saturate(target, result) : result;
        return to == "tf32" ? result << 13 : result;
    }
}
