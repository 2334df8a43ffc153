namespace GptEngine.Engine.Data.Preparation;

/// <summary>What an input holds, once uncompressed.</summary>
public enum InputFormat
{
    /// <summary>One document of running text: <c>.txt</c>, <c>.md</c>.</summary>
    Text,

    /// <summary>A JSON object a line, whose <c>text</c> is a document: <c>.jsonl</c>.</summary>
    JsonLines,

    /// <summary>.NET reference documentation, a document a member: <c>.xml</c>.</summary>
    DotnetXml,
}
