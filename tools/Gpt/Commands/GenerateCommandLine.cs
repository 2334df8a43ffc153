using System;
using System.CommandLine;
using System.IO;
using GptEngine.Engine.Generation;
using GptEngine.Engine.Tokenization;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt generate</c>: text from a checkpoint, as it is made.</summary>
internal static class GenerateCommandLine
{
    public static Command Create()
    {
        Option<string> checkpoint = new("--checkpoint") { Description = "A checkpoint, a folder of weights, or a run folder", HelpName = "DIR", Required = true };
        Option<string> prompt = new("--prompt") { Description = "What to go on from", HelpName = "TEXT", Required = true };
        Option<int> maxTokens = new("--max-tokens") { Description = "Tokens at most", HelpName = "N", DefaultValueFactory = _ => 256 };
        Option<float> temperature = new("--temperature") { Description = "Divides the logits; 0 always takes the most probable", HelpName = "F", DefaultValueFactory = _ => 0.8f };
        Option<int> topK = new("--top-k") { Description = "Draw from the N most probable only; 0 for all", HelpName = "N", DefaultValueFactory = _ => 0 };
        Option<float> topP = new("--top-p") { Description = "Draw from the most probable that sum to F; 1 for all", HelpName = "F", DefaultValueFactory = _ => 1f };
        Option<ulong> seed = new("--seed") { Description = "Same seed, same text", HelpName = "N", DefaultValueFactory = _ => 1UL };
        Option<string?> tokenizer = new("--tokenizer") { Description = "gpt2 or byte, where the checkpoint does not tell", HelpName = "NAME" };
        var device = new DeviceOptions();
        var command = new Command("generate", "Writes text from a checkpoint.") { checkpoint, prompt, maxTokens, temperature, topK, topP, seed, tokenizer };
        device.AddTo(command);
        command.SetAction(call =>
        {
            device.RequireOne(call);
            string folder = call.GetValue(checkpoint)!;
            ITokenizer words = CheckpointTokenizer.Find(folder, call.GetValue(tokenizer));
            using OpenDevice open = device.Open(call);
            using Generator generator = Generator.FromCheckpoint(folder, open.Operations);
            return (int)Generate(generator, words, call.GetValue(prompt)!, new GenerationOptions
            {
                MaxTokens = call.GetValue(maxTokens),
                Temperature = call.GetValue(temperature),
                TopK = call.GetValue(topK),
                TopP = call.GetValue(topP),
                Seed = call.GetValue(seed),
                DocumentToken = words.DocumentToken,
                VocabularySize = words.VocabularySize,
            });
        });
        return command;
    }

    private static ExitCode Generate(Generator generator, ITokenizer tokenizer, string prompt, GenerationOptions options)
    {
        options.Check();
        if (tokenizer.VocabularySize > generator.Model.VocabSize)
        {
            throw new UserErrorException(
                $"The {tokenizer.Name} tokenizer has a vocabulary of {tokenizer.VocabularySize}, and the model's is {generator.Model.VocabSize}. " +
                "Name the tokenizer that it was trained with by --tokenizer.",
                ExitCode.Usage);
        }

        using var interruption = new Interruption("Stopping");
        TextWriter output = Console.Out;
        bool isTerminal = !Console.IsOutputRedirected;
        var decoder = new TokenStreamDecoder(tokenizer);

        void Write(string text)
        {
            output.Write(isTerminal ? Printable.Of(text) : text);
            output.Flush();
        }

        Write(prompt);
        generator.Generate(tokenizer.Encode(prompt), options, token => Write(decoder.Append(token)), interruption.Token);
        Write(decoder.Flush());
        output.WriteLine();
        return interruption.Token.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Success;
    }
}
