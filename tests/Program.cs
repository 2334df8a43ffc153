using System.Threading.Tasks;
using GptEngine.Tests.Communication;

namespace GptEngine.Tests;

/// <summary>The tests; or, called as <c>rank …</c>, one process of a run that a test has started.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments) =>
        arguments is ["rank", .. string[] rest] ? RankProgram.Run(rest) : await MicrosoftTestingPlatformApplication.RunAsync(arguments);
}
