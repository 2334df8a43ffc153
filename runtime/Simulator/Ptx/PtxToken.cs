using System;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>One token and the line that it stands on.</summary>
internal readonly record struct PtxToken(PtxTokenKind Kind, string Text, int Line)
{
    internal bool IsSign(char sign) => Kind == PtxTokenKind.Sign && Text[0] == sign;

    internal bool IsDotted(string name) => Kind == PtxTokenKind.Dotted && string.Equals(Text, name, StringComparison.Ordinal);
}
