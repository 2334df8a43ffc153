using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace GptEngine.Gpt.Terminal;

/// <summary>
/// One line that says how things stand: redrawn in place several times a second on a terminal, printed every few seconds elsewhere, where
/// somebody reads it as a log.
/// </summary>
internal sealed class StatusLine : IDisposable
{
    private const int BarWidth = 24;
    private static readonly TimeSpan TerminalPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LogPeriod = TimeSpan.FromSeconds(5);

    private readonly TextWriter _output;
    private readonly bool _isTerminal;
    private long _lastShown;
    private bool _isOpen;

    /// <param name="output">Where it is shown.</param>
    /// <param name="isTerminal">Whether that is a terminal; null to find out.</param>
    public StatusLine(TextWriter output, bool? isTerminal = null)
    {
        _output = output;
        _isTerminal = isTerminal
            ?? ((ReferenceEquals(output, Console.Error) && !Console.IsErrorRedirected) || (ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected));
        _lastShown = _isTerminal ? 0 : Stopwatch.GetTimestamp();
    }

    /// <summary>Whether the line is redrawn in place.</summary>
    public bool IsTerminal => _isTerminal;

    /// <summary>Shows the text if it is time to; the text is made only then.</summary>
    public void Show(Func<string> describe)
    {
        if (Stopwatch.GetElapsedTime(_lastShown) < (_isTerminal ? TerminalPeriod : LogPeriod))
        {
            return;
        }

        _lastShown = Stopwatch.GetTimestamp();
        if (_isTerminal)
        {
            string text = describe();
            int width = Math.Max(20, Console.WindowWidth - 1);
            _output.Write("\r" + (text.Length > width ? text[..width] : text) + "\u001b[K");
            _isOpen = true;
        }
        else
        {
            _output.WriteLine(describe());
        }
    }

    /// <summary>Takes the line away, so that something else can be printed.</summary>
    public void Clear()
    {
        if (_isOpen)
        {
            _output.Write("\r\u001b[K");
            _isOpen = false;
        }
    }

    public void Dispose() => Clear();

    /// <summary>A bar of the part that is done, with its percentage.</summary>
    public static string Bar(double done)
    {
        done = Math.Clamp(done, 0, 1);
        int filled = (int)(done * BarWidth);
        return string.Create(CultureInfo.InvariantCulture, $"{new string('█', filled)}{new string('░', BarWidth - filled)} {done,4:P0}");
    }

    /// <summary>A duration as people say it: 45 s, 3:20, 1:02:03, 2 d 4 h.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, time.TotalSeconds):0} s"),
        { TotalHours: < 1 } => time.ToString(@"m\:ss", CultureInfo.InvariantCulture),
        { TotalDays: < 1 } => time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0} d {time.Hours} h"),
    };
}
