using System.Threading.Tasks;
using GptEngine.Tests.Communication;
using GptEngine.Tests.Native.Installed;

namespace GptEngine.Tests;

/// <summary>The tests; or, called as <c>rank …</c>, one process of a run that a test has started; as <c>library …</c>, the checks of a library.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments) => arguments switch
    {
        ["rank", .. string[] rest] => RankProgram.Run(rest),
        ["library", string name] => LibraryProgram.Run(name),
        _ => await MicrosoftTestingPlatformApplication.RunAsync(arguments),
    };
}
