using System;
using System.CommandLine;
using System.Globalization;
using GptEngine.Engine.Data;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Evaluation;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt eval</c>: loss and perplexity of a checkpoint on a validation stream.</summary>
internal static class EvalCommandLine
{
    public static Command Create()
    {
        Option<string> checkpoint = new("--checkpoint") { Description = "A checkpoint, a folder of weights, or a run folder", HelpName = "DIR", Required = true };
        Option<string> data = new("--data") { Description = "The folder that gpt prepare wrote; its val stream is used, or train where there is none", HelpName = "DIR", Required = true };
        Option<long> windows = new("--windows") { Description = "Windows of the context's length at most; 0 for all", HelpName = "N", DefaultValueFactory = _ => 0 };
        Option<int?> documentToken = new("--document-token") { Description = "The token that opens a document, where the data does not tell", HelpName = "ID" };
        var device = new DeviceOptions();
        var command = new Command("eval", "Measures a checkpoint's loss and perplexity.") { checkpoint, data, windows, documentToken };
        device.AddTo(command);
        command.SetAction(call =>
        {
            device.RequireOne(call);
            long most = call.GetValue(windows);
            if (most < 0)
            {
                throw new UserErrorException($"--windows {most} is out of range; it takes 0 (all) or more.", ExitCode.Usage);
            }

            Dataset dataset = Dataset.Open(call.GetValue(data)!);
            CheckpointTokenizer.RequireSame(call.GetValue(checkpoint)!, dataset.Info);
            using OpenDevice open = device.Open(call);
            using Evaluator evaluator = Evaluator.FromCheckpoint(call.GetValue(checkpoint)!, open.Operations);
            int vocabulary = evaluator.Model.VocabSize;
            using TokenStream stream = dataset.HasValidation ? dataset.OpenValidation(vocabulary) : dataset.OpenTrain(vocabulary);
            int opens = call.GetValue(documentToken) ?? dataset.Info?.DocumentToken ?? CheckpointTokenizer.Find(call.GetValue(checkpoint)!, null).DocumentToken;
            if (opens < 0 || opens >= vocabulary)
            {
                throw new UserErrorException($"--document-token {opens} is not in the model's vocabulary of {vocabulary}.", ExitCode.Usage);
            }

            EvaluationResult result;
            using (var line = new StatusLine(Console.Error))
            {
                result = evaluator.Evaluate(stream, opens, most == 0 ? long.MaxValue : most, (done, all) => line.Show(() => StatusLine.Bar((double)done / all)));
            }

            if (!double.IsFinite(result.Loss))
            {
                throw new UserErrorException($"The loss on {stream.Name} is {result.Loss}: the weights are too large to compute with. Use another checkpoint.");
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{stream.Name}: loss {result.Loss:0.000000}, perplexity {result.Perplexity:0.0000}, over {result.Tokens:N0} tokens"));
            return (int)ExitCode.Success;
        });
        return command;
    }
}
