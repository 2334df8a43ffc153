using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Serialization;

namespace GptEngine.Engine.Configuration;

/// <summary>The names that enumeration values have in configuration files.</summary>
public static class EnumNames
{
    private static readonly Dictionary<Type, string[]> Names = new()
    {
        [typeof(PositionKind)] = NamesOf<PositionKind>(),
        [typeof(ActivationKind)] = NamesOf<ActivationKind>(),
        [typeof(DataOrder)] = NamesOf<DataOrder>(),
        [typeof(TokenizerKind)] = NamesOf<TokenizerKind>(),
        [typeof(Precision)] = NamesOf<Precision>(),
        [typeof(Recomputation)] = NamesOf<Recomputation>(),
        [typeof(DivergenceAction)] = NamesOf<DivergenceAction>(),
        [typeof(ReducePrecision)] = NamesOf<ReducePrecision>(),
    };

    /// <summary>All names of an enumeration, in its order.</summary>
    public static IReadOnlyList<string> Of(Type type) => Names[type];

    /// <summary>The name of one value.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => Names[typeof(T)][Array.IndexOf(Enum.GetValues<T>(), value)];

    private static string[] NamesOf<T>()
        where T : struct, Enum =>
        [.. Enum.GetNames<T>().Select(name => ((JsonStringEnumMemberNameAttribute)Attribute.GetCustomAttribute(
            typeof(T).GetField(name)!, typeof(JsonStringEnumMemberNameAttribute))!).Name)];
}
