using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace GptEngine.Gpt.Launching;

/// <summary>
/// Rank 0's output on the launcher's own. Its errors are held back for a moment: when they come of another rank's end, that rank's comes
/// first, and they are left to the log.
/// </summary>
internal sealed class RankScreen : IDisposable
{
    private static readonly TimeSpan Hold = TimeSpan.FromSeconds(1);

    private readonly TextWriter _output;
    private readonly TextWriter _errors;
    private readonly Queue<string> _held = new();
    private readonly Timer _timer;
    private bool _isClosed;

    public RankScreen(TextWriter output, TextWriter errors)
    {
        _output = output;
        _errors = errors;
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
                _output.WriteLine(line);
                return;
            }

            _held.Enqueue(line);
            _timer.Change(Hold, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Shows what was held back.</summary>
    public void Release()
    {
        lock (_held)
        {
            while (!_isClosed && _held.TryDequeue(out string? line))
            {
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
        }
    }

    public void Dispose()
    {
        Close();
        _timer.Dispose();
    }
}
