using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace GptEngine.Gpt.Terminal;

/// <summary>
/// Ctrl-C and SIGTERM as a request to come to a clean end. The second one is not held back: it ends the program at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    /// <param name="whatHappens">Said when it is asked for; null for nothing, where another process says it.</param>
    public Interruption(string? whatHappens)
    {
        void Stop(PosixSignalContext context)
        {
            if (!_source.IsCancellationRequested)
            {
                context.Cancel = true;
                if (whatHappens is not null)
                {
                    Console.Error.WriteLine($"\n{whatHappens} (again to stop at once)");
                }

                _source.Cancel();
            }
        }

        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
        ];
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }
}
