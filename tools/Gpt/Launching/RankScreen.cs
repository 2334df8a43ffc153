using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using GptEngine.Gpt.Terminal;

namespace GptEngine.Gpt.Launching;

/// <summary>
/// Rank 0's output on the launcher's own. Its errors are held back for a moment: when they come of another rank's end, that rank's comes
/// first, and they are left to the log.
/// </summary>
internal sealed class RankScreen : IDisposable
{
    private readonly TextWriter _output;
    private readonly TextWriter _errors;
    private readonly Queue<string> _held = new();
    private readonly Timer _timer;
    private readonly TimeSpan _hold;
    private readonly StatusLine _line;
    private bool _isClosed;

    /// <param name="output">For what goes well; on a terminal steps are one line, redrawn in place.</param>
    /// <param name="errors">For the rest.</param>
    /// <param name="hold">How long errors are held back.</param>
    /// <param name="isTerminal">Whether output is a terminal; null to find out.</param>
    public RankScreen(TextWriter output, TextWriter errors, TimeSpan hold, bool? isTerminal = null)
    {
        _output = output;
        _errors = errors;
        _hold = hold;
        _line = new StatusLine(output, isTerminal);
        _timer = new Timer(_ => Release(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Show(string line, bool isError)
    {
        lock (_held)
        {
            if (_isClosed)
            {
                return;
            }

            if (!isError)
            {
                ShowOutput(line);
                return;
            }

            _held.Enqueue(line);
            _timer.Change(_hold, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Shows what was held back.</summary>
    public void Release()
    {
        lock (_held)
        {
            while (!_isClosed && _held.TryDequeue(out string? line))
            {
                _line.Clear();
                _errors.WriteLine(line);
            }
        }
    }

    /// <summary>Shows nothing from here on.</summary>
    public void Close()
    {
        lock (_held)
        {
            _isClosed = true;
            _line.Clear();
        }
    }

    public void Dispose()
    {
        Close();
        _timer.Dispose();
    }

    private void ShowOutput(string line)
    {
        if (_line.IsTerminal && TrainingConsole.IsStep(line, out bool isLast) && !isLast)
        {
            _line.Show(() => line);
            return;
        }

        _line.Clear();
        _output.WriteLine(line);
    }
}
