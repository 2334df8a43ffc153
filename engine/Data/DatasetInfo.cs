using System;
using System.Collections.Generic;

namespace GptEngine.Engine.Data;

/// <summary><c>dataset.json</c>: what the token streams beside it are and where they come from.</summary>
public sealed record DatasetInfo
{
    /// <summary>The file's name within a dataset's folder.</summary>
    public const string FileName = "dataset.json";

    /// <summary>The file's whole content while <c>gpt prepare</c> replaces the streams beside it: until it is done they may not belong together.</summary>
    public static ReadOnlySpan<byte> Replacing => "{\"replacing\": true}\n"u8;

    /// <summary>The tokenizer's name.</summary>
    public required string Tokenizer { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>The token that opens each document.</summary>
    public required int DocumentToken { get; init; }

    /// <summary>Tokens of all streams.</summary>
    public required long Tokens { get; init; }

    /// <summary>Documents of all streams.</summary>
    public required long Documents { get; init; }

    /// <summary>Records that could not be read and were left out.</summary>
    public long BrokenRecords { get; init; }

    public required StreamInfo Train { get; init; }

    /// <summary>null where there is no validation stream.</summary>
    public StreamInfo? Val { get; init; }

    /// <summary>The inputs in reading order.</summary>
    public required IReadOnlyList<SourceInfo> Sources { get; init; }

    /// <summary>One stream.</summary>
    /// <param name="File">Its name within the folder.</param>
    /// <param name="Tokens">How many tokens it has.</param>
    /// <param name="Documents">How many documents it has.</param>
    /// <param name="Sha256">The SHA-256 of the file in hexadecimal.</param>
    public sealed record StreamInfo(string File, long Tokens, long Documents, string Sha256);

    /// <summary>One input.</summary>
    /// <param name="Path">Its path as given or found, or <c>-</c>.</param>
    /// <param name="Documents">How many documents it gave.</param>
    /// <param name="Tokens">How many tokens they have.</param>
    /// <param name="BrokenRecords">How many of its records could not be read.</param>
    public sealed record SourceInfo(string Path, long Documents, long Tokens, long BrokenRecords);
}
