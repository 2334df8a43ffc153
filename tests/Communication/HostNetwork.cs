using System;
using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>
/// Hosts of a network of their own, made of network namespaces: each has an address 10.77.0.N and is wired to a switch in a namespace that
/// holds nothing else. Nothing of the machine's own network is touched.
/// </summary>
internal sealed class HostNetwork : IDisposable
{
    private readonly string _prefix = string.Create(CultureInfo.InvariantCulture, $"gpt{Environment.ProcessId}");
    private readonly int _hosts;

    /// <summary>Makes the network, or skips the test where the machine does not allow it.</summary>
    internal HostNetwork(int hosts)
    {
        _hosts = hosts;
        if (!OperatingSystem.IsLinux() || !TryIp($"netns add {Switch}", out string reason))
        {
            reason = OperatingSystem.IsLinux() ? "it needs root, and ip of iproute2" : "it needs Linux";
            Assert.Ignore($"this machine makes no network namespaces: {reason}");
            return;
        }

        try
        {
            Build();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private string Switch => $"{_prefix}sw";

    /// <summary>A host's namespace.</summary>
    internal string this[int host] => $"{_prefix}h{host}";

    internal static string Address(int host) => $"10.77.0.{host + 1}";

    /// <summary>Pulls a host's cable, at the switch: the host sees nothing of it.</summary>
    internal void CutOff(int host) => Ip($"-n {Switch} link set port{host} down");

    public void Dispose()
    {
        for (int host = 0; host < _hosts; host++)
        {
            _ = TryIp($"netns del {this[host]}", out _);
        }

        _ = TryIp($"netns del {Switch}", out _);
    }

    private void Build()
    {
        Ip($"-n {Switch} link add bridge type bridge");
        Ip($"-n {Switch} link set bridge up");
        for (int host = 0; host < _hosts; host++)
        {
            Ip($"netns add {this[host]}");
            Ip($"-n {this[host]} link add eth0 type veth peer name port{host} netns {Switch}");
            Ip($"-n {Switch} link set port{host} master bridge up");
            Ip($"-n {this[host]} addr add {Address(host)}/24 dev eth0");
            Ip($"-n {this[host]} link set eth0 up");
            Ip($"-n {this[host]} link set lo up");
        }
    }

    private static void Ip(string arguments)
    {
        if (!TryIp(arguments, out string reason))
        {
            throw new InvalidOperationException($"ip {arguments}: {reason}");
        }
    }

    private static bool TryIp(string arguments, out string reason)
    {
        try
        {
            using Process ip = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            reason = ip.StandardError.ReadToEnd();
            ip.WaitForExit();
            return ip.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            reason = missing.Message;
            return false;
        }
    }
}
