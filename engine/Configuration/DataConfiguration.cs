using System.Text.Json.Serialization;

namespace GptEngine.Engine.Configuration;

/// <summary>In which order training windows are read.</summary>
public enum DataOrder
{
    [JsonStringEnumMemberName("sequential")]
    Sequential,

    [JsonStringEnumMemberName("shuffled")]
    Shuffled,
}

/// <summary>Which tokenizer made the streams.</summary>
public enum TokenizerKind
{
    [JsonStringEnumMemberName("gpt2")]
    Gpt2,

    [JsonStringEnumMemberName("byte")]
    Byte,
}

/// <summary>What is trained on: the <c>data</c> section.</summary>
public sealed record DataConfiguration
{
    /// <summary>The folder that <c>gpt prepare</c> wrote; null until the command line or a file names one.</summary>
    public string? Path { get; set; }

    public DataOrder Order { get; set; } = DataOrder.Sequential;

    /// <summary>The token that opens a document.</summary>
    public int DocumentToken { get; set; } = 50256;

    public TokenizerKind Tokenizer { get; set; } = TokenizerKind.Gpt2;
}
