using System;
using System.CommandLine;
using System.IO;
using GptEngine.Engine.Tokenization;
using Microsoft.Win32.SafeHandles;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt tokenize</c> and <c>gpt detokenize</c>: standard input to standard output.</summary>
internal static class TokenizeCommandLine
{
    private const nint StandardOutput = 1;

    public static Command CreateTokenize()
    {
        Option<bool> allowSpecial = new("--allow-special") { Description = "Read a literal <|endoftext|> as the special token" };
        Option<bool> jsonLines = new("--jsonl") { Description = "{\"text\":…} lines in, {\"ids\":[…]} lines out" };
        Option<string> tokenizer = CreateTokenizerOption();
        var command = new Command("tokenize", "Turns standard input into token ids.") { allowSpecial, jsonLines, tokenizer };
        command.SetAction(call => Pipe((input, output) => TokenizeCommand.Run(input, output, new TokenizeOptions
        {
            AllowSpecial = call.GetValue(allowSpecial),
            JsonLines = call.GetValue(jsonLines),
            Tokenizer = call.GetValue(tokenizer)!,
        })));
        return command;
    }

    public static Command CreateDetokenize()
    {
        Option<bool> jsonLines = new("--jsonl") { Description = "{\"ids\":[…]} lines in, {\"bytes_hex\":…} lines out" };
        Option<string> tokenizer = CreateTokenizerOption();
        var command = new Command("detokenize", "Turns token ids on standard input into the bytes they stand for.") { jsonLines, tokenizer };
        command.SetAction(call => Pipe((input, output) => DetokenizeCommand.Run(input, output, new TokenizeOptions
        {
            JsonLines = call.GetValue(jsonLines),
            Tokenizer = call.GetValue(tokenizer)!,
        })));
        return command;
    }

    public static Option<string> CreateTokenizerOption() => new("--tokenizer")
    {
        Description = "gpt2 or byte",
        HelpName = "NAME",
        DefaultValueFactory = _ => "gpt2",
    };

    private static void Pipe(Action<Stream, Stream> work)
    {
        using Stream input = Console.OpenStandardInput();
        using Stream output = OpenOutput();
        work(input, output);
    }

    // The console's stream goes on in silence when the reader of a pipe has gone, and endless input would never end; a file's says so.
    // Into a real file the console's is the right one: it moves the position that the shell's next command goes on at.
    private static Stream OpenOutput()
    {
        var direct = new FileStream(new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return direct.CanSeek ? Console.OpenStandardOutput() : direct;
    }
}
