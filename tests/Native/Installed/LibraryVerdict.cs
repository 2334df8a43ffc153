namespace GptEngine.Tests.Native.Installed;

/// <summary>What a <see cref="LibraryProgram"/> says of a library.</summary>
/// <param name="Subject">A check's name, or <see cref="OfOpening"/>.</param>
/// <param name="Holds">Whether it is as it should be; of the opening, whether the library is open.</param>
/// <param name="Told">The failure of a check; of the opening, its description.</param>
internal sealed record LibraryVerdict(string Subject, bool Holds, string Told)
{
    internal const string OfOpening = "opening";
}
