namespace GptEngine.Gpt;

internal static class Program
{
    private static int Main(string[] arguments) => (int)CommandLine.GptCommandLine.Run(arguments);
}
