using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>One operation on one shape and type: a row of the kernel benchmarks.</summary>
/// <param name="Operation">As the case list has it: <c>layer_norm_forward</c>.</param>
/// <param name="Type">x.</param>
/// <param name="Shape">Sizes by name, in the list's order.</param>
public sealed record OperationCase(string Operation, DataType Type, IReadOnlyList<KeyValuePair<string, int>> Shape)
{
    /// <summary>A size.</summary>
    /// <exception cref="KeyNotFoundException">The case list gives the operation no such size.</exception>
    public int this[string name]
    {
        get
        {
            foreach ((string key, int value) in Shape)
            {
                if (key == name)
                {
                    return value;
                }
            }

            throw new KeyNotFoundException($"{this}: the case list gives it no {name}");
        }
    }

    /// <summary>B, T, H, D of an attention.</summary>
    internal AttentionShape Attention => new(this["batch"], this["time"], this["heads"], this["head_size"]);

    /// <summary>The sizes for people.</summary>
    public string Sizes => string.Join(' ', Shape.Select(size => $"{size.Key}={size.Value}"));

    public override string ToString() => $"{Operation} {Type.ShortName()} {Sizes}";
}
