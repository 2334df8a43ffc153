using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Two hosts with a cable between them, as network namespaces of this machine.</summary>
internal sealed class TwoHosts : IDisposable
{
    private readonly string _name = $"gpt{Environment.ProcessId}";

    private TwoHosts()
    {
    }

    /// <summary>Where the first host is for the second.</summary>
    public static string FirstAddress => "10.77.3.1";

    /// <summary>Makes them; ignores the test where that is not allowed.</summary>
    public static TwoHosts Create()
    {
        var hosts = new TwoHosts();
        string[] setup =
        [
            $"netns add {hosts.Name(0)}", $"netns add {hosts.Name(1)}",
            $"link add {hosts.Cable(0)} netns {hosts.Name(0)} type veth peer name {hosts.Cable(1)} netns {hosts.Name(1)}",
            $"-n {hosts.Name(0)} addr add {FirstAddress}/24 dev {hosts.Cable(0)}", $"-n {hosts.Name(1)} addr add 10.77.3.2/24 dev {hosts.Cable(1)}",
            $"-n {hosts.Name(0)} link set {hosts.Cable(0)} up", $"-n {hosts.Name(1)} link set {hosts.Cable(1)} up",
            $"-n {hosts.Name(0)} link set lo up", $"-n {hosts.Name(1)} link set lo up",
        ];
        foreach (string command in setup)
        {
            if (Ip(command) is { } refused)
            {
                hosts.Dispose();
                Assert.Ignore($"network namespaces cannot be made here: ip {command}: {refused}");
            }
        }

        return hosts;
    }

    /// <summary>What starts a program on a host.</summary>
    public IReadOnlyList<string> On(int host) => ["ip", "netns", "exec", Name(host)];

    /// <summary>Pulls the cable.</summary>
    public void Cut() => Assert.That(Ip($"-n {Name(1)} link set {Cable(1)} down"), Is.Null);

    public void Dispose()
    {
        Ip($"netns del {Name(1)}");
        Ip($"netns del {Name(0)}");
    }

    private string Name(int host) => $"{_name}h{host}";

    private string Cable(int host) => $"{_name}c{host}";

    // What it complains of; null where it worked.
    private static string? Ip(string arguments)
    {
        try
        {
            var start = new ProcessStartInfo("ip", arguments.Split(' ').ToList()) { RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : error.Trim();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return e.Message;
        }
    }
}
