using System.Collections.Generic;
using System.IO;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>The files that <c>.file</c> numbers, and the reading of <c>.loc</c>.</summary>
internal sealed class PtxLineTable
{
    private const int MaximumNumber = int.MaxValue - 1;
    private readonly Dictionary<int, string> _files = [];

    /// <summary>Finds every <c>.file</c> first: they stand at the end of the text, behind the lines that use them.</summary>
    internal PtxLineTable(List<PtxToken> tokens)
    {
        for (int i = 0; i + 2 < tokens.Count; i++)
        {
            if (tokens[i].IsDotted("file") && tokens[i + 2].Kind == PtxTokenKind.Text && int.TryParse(tokens[i + 1].Text, out int number))
            {
                _files[number] = Path.GetFileName(tokens[i + 2].Text);
            }
        }
    }

    /// <summary>Reads what follows <c>.loc</c>.</summary>
    internal SourceLocation Read(PtxTokenReader reader)
    {
        SourceLocation? inlinedAt = null;
        (string file, int line, int column) = ReadPlace(reader);
        while (reader.TakeIf(','))
        {
            string what = reader.ExpectWord();
            if (what == "inlined_at")
            {
                (string outerFile, int outerLine, int outerColumn) = ReadPlace(reader);
                inlinedAt = new SourceLocation(outerFile, outerLine, outerColumn, null);
            }
            else
            {
                // function_name LABEL, LABEL+OFFSET: the name of the inlined function, which the report does not need.
                while (!reader.AtEnd && !reader.Current.IsSign(','))
                {
                    reader.Take();
                }
            }
        }

        return new SourceLocation(file, line, column, inlinedAt);
    }

    private (string File, int Line, int Column) ReadPlace(PtxTokenReader reader)
    {
        int file = reader.ExpectCount(MaximumNumber);
        int line = reader.ExpectCount(MaximumNumber);
        int column = reader.ExpectCount(MaximumNumber);
        return (_files.TryGetValue(file, out string? name) ? name : $"file {file}", line, column);
    }
}
