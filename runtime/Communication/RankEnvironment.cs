using System.Globalization;
using System.Text;

namespace GptEngine.Runtime.Communication;

/// <summary>Where a process stands among those of its run, and where they meet: what a launcher tells it.</summary>
/// <param name="Rank">This process, from 0.</param>
/// <param name="WorldSize">Processes of the run.</param>
/// <param name="LocalRank">This process among those of its host, from 0.</param>
/// <param name="LocalWorldSize">Processes of its host.</param>
/// <param name="MasterAddress">Name or address (IPv4 or IPv6) of rank 0's host.</param>
/// <param name="MasterPort">Port on which rank 0 listens for the others.</param>
/// <param name="Secret">What only the ranks of this run know, at least <see cref="ShortestSecret"/> characters; from a file or the environment.</param>
/// <param name="HostName">What messages call this host.</param>
public sealed record RankEnvironment(
    int Rank, int WorldSize, int LocalRank, int LocalWorldSize, string MasterAddress, int MasterPort, string Secret, string HostName)
{
    /// <summary>Characters of a secret at least.</summary>
    public const int ShortestSecret = 16;

    /// <summary>Ranks of a run at most.</summary>
    public const int LargestWorld = 4096;

    /// <summary>Characters of a host's name at most.</summary>
    public const int LongestHostName = 255;

    /// <summary>A run of one process, which meets nobody.</summary>
    public static RankEnvironment Alone(string hostName) => new(0, 1, 0, 1, "", 0, "", hostName);

    /// <summary>Throws unless the values can be those of a run.</summary>
    /// <exception cref="UserErrorException">Names the value: exit code <see cref="ExitCode.Usage"/>.</exception>
    public void Validate()
    {
        if (WorldSize is < 1 or > LargestWorld)
        {
            throw Unfit($"The world size is {WorldSize}; it must be from 1 to {LargestWorld}.");
        }

        if (Rank < 0 || Rank >= WorldSize)
        {
            throw Unfit($"The rank is {Rank}; among {WorldSize} ranks it must be from 0 to {WorldSize - 1}.");
        }

        if (LocalWorldSize < 1 || LocalWorldSize > WorldSize || LocalRank < 0 || LocalRank >= LocalWorldSize)
        {
            throw Unfit($"Rank {Rank} cannot be process {LocalRank} of {LocalWorldSize} on its host: there are {WorldSize} ranks in all.");
        }

        if (WorldSize == 1)
        {
            return;
        }

        if (string.IsNullOrWhiteSpace(MasterAddress) || MasterPort is < 1 or > ushort.MaxValue)
        {
            throw Unfit($"'{MasterAddress}' port {MasterPort} is no place to meet rank 0 at; give its host's name or address and a port from 1 to 65535.");
        }

        if (string.IsNullOrEmpty(HostName) || HostName.Length > LongestHostName)
        {
            throw Unfit($"A host's name has 1 to {LongestHostName} characters, and this one {HostName?.Length ?? 0}.");
        }

        if (Secret is null || Secret.Length < ShortestSecret)
        {
            throw Unfit($"The ranks' shared secret has {Secret?.Length ?? 0} characters and needs at least {ShortestSecret}, so that no stranger guesses it.");
        }
    }

    private static UserErrorException Unfit(string message) => new(message, ExitCode.Usage);

    // The compiler's own would print the secret.
    private bool PrintMembers(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"Rank = {Rank} of {WorldSize}, {LocalRank} of {LocalWorldSize} on {HostName}, ");
        text.Append(CultureInfo.InvariantCulture, $"rank 0 at {MasterAddress} port {MasterPort}");
        return true;
    }
}
