using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;
using GptEngine.Engine.Configuration;

namespace GptEngine.Gpt.CommandLine;

/// <summary>Says what is wrong with a call in one sentence, with the nearest valid name.</summary>
internal static class UsageErrors
{
    /// <summary>The sentence, or null where nothing is wrong.</summary>
    public static string? Describe(ParseResult call) => call.Errors.Count > 0 ? DescribeErrors(call) : DescribeSwallowed(call) ?? DescribeEmpty(call);

    // What takes several words takes an option that does not exist as one of them, unless '--' says that words follow.
    private static string? DescribeSwallowed(ParseResult call)
    {
        if (call.Tokens.Any(token => token.Type == TokenType.DoubleDash))
        {
            return null;
        }

        string? swallowed = call.CommandResult.Children.Where(TakesSeveral).SelectMany(child => child.Tokens).Select(token => token.Value)
            .FirstOrDefault(word => word.Length > 2 && word.StartsWith("--", StringComparison.Ordinal));
        return swallowed is null ? null : DescribeUnknown(call.CommandResult.Command, NameOf(call), swallowed);
    }

    private static bool TakesSeveral(SymbolResult child) => child switch
    {
        ArgumentResult => true,
        OptionResult option => option.Option.Arity.MaximumNumberOfValues > 1,
        _ => false,
    };

    private static string NameOf(ParseResult call) => string.Join(' ', Lineage(call.CommandResult).Reverse());

    // An empty value is a shell variable that was not set; only a prompt may be empty.
    private static string? DescribeEmpty(ParseResult call) => call.CommandResult.Children.OfType<OptionResult>()
        .Where(option => option.Option.Name != "--prompt" && option.Tokens.Any(token => token.Value.Length == 0))
        .Select(option => $"{NameOf(call)}: {option.Option.Name} was given an empty value. Give one, or leave the option out.")
        .FirstOrDefault();

    private static string DescribeErrors(ParseResult call)
    {
        Command command = call.CommandResult.Command;
        string name = NameOf(call);
        string? unknown = call.UnmatchedTokens.FirstOrDefault(token => token.StartsWith('-')) ?? (call.UnmatchedTokens.Count > 0 ? call.UnmatchedTokens[0] : null);
        if (unknown is not null)
        {
            return DescribeUnknown(command, name, unknown);
        }

        if (command.Subcommands.Count > 0 && command.Action is null)
        {
            return $"{name}: say what to do: {string.Join(", ", command.Subcommands.Select(sub => sub.Name))}. '{name} --help' explains them.";
        }

        return $"{name}: {call.Errors[0].Message.TrimEnd('.')}. '{name} --help' lists the options.";
    }

    private static string DescribeUnknown(Command command, string name, string unknown)
    {
        bool isOption = unknown.StartsWith('-');
        IEnumerable<string> candidates = isOption ? OptionNames(command) : command.Subcommands.Select(sub => sub.Name);
        string? nearest = NearestName.Of(unknown.Split('=')[0], candidates);
        string kind = isOption ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
        return nearest is null || (!isOption && command.Subcommands.Count == 0)
            ? $"{name}: it takes no {kind} '{unknown}'. '{name} --help' lists what it takes."
            : $"{name}: there is no {kind} '{unknown}'. Did you mean '{nearest}'?";
    }

    private static IEnumerable<string> OptionNames(Command command) =>
        command.Options.Select(option => option.Name).Append(GptCommandLine.Verbose.Name).Append("--help");

    private static IEnumerable<string> Lineage(CommandResult result)
    {
        for (SymbolResult? at = result; at is CommandResult command; at = command.Parent)
        {
            yield return command.Command is RootCommand ? "gpt" : command.Command.Name;
        }
    }
}
