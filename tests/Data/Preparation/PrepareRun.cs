using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using GptEngine.Engine.Data.Preparation;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Tests.Data.Preparation;

/// <summary>Runs gpt prepare in a temporary folder and reads what it made.</summary>
internal static class PrepareRun
{
    public static PrepareResult Run(PrepareOptions options, string standardInput = "", Action<PrepareProgress>? progress = null)
    {
        using MemoryStream input = new(Encoding.UTF8.GetBytes(standardInput));
        return PrepareCommand.Run(options, input, progress, CancellationToken.None);
    }

    public static PrepareOptions Options(TemporaryFolder folder, params string[] inputs) =>
        new() { Inputs = inputs, OutputDirectory = folder["out"], ValidationFraction = 0, Workers = 2 };

    public static int[] Tokens(string path) =>
        [.. MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(path)).ToArray().Select(token => (int)token)];

    /// <summary>The documents of a raw GPT-2 stream as text.</summary>
    public static List<string> Documents(string path) => Documents(Tokens(path), new Gpt2Tokenizer());

    public static List<string> Documents(int[] tokens, ITokenizer tokenizer)
    {
        List<string> documents = [];
        int start = 0;
        for (int i = 1; i <= tokens.Length; i++)
        {
            if (i == tokens.Length || tokens[i] == tokenizer.DocumentToken)
            {
                documents.Add(tokenizer.DecodeText(tokens.AsSpan((start + 1)..i)));
                start = i;
            }
        }

        return documents;
    }
}
