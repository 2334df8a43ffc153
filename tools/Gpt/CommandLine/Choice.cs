using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>An option whose value is one of a few names.</summary>
internal static class Choice
{
    /// <exception cref="UserErrorException">The text is none of the names; the message says the nearest and all.</exception>
    public static T Of<T>(string text, string option, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        string[] names = new string[choices.Length];
        for (int i = 0; i < choices.Length; i++)
        {
            if (choices[i].Name == text)
            {
                return choices[i].Value;
            }

            names[i] = choices[i].Name;
        }

        throw new UserErrorException(
            $"{option} {text}: did you mean '{NearestName.Of(text, names)}'? It takes {string.Join(", ", names.Take(names.Length - 1))} or {names[^1]}.",
            ExitCode.Usage);
    }
}
