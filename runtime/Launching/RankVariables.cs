using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace GptEngine.Runtime.Launching;

/// <summary>
/// What launchers leave in the environment of the processes they start. The innermost one counts: torchrun's variables (which the built-in
/// launcher sets as well) before those of Open MPI, MPICH and Intel MPI, and these before Slurm's, for each may have been started by the next.
/// </summary>
public static class RankVariables
{
    /// <summary>More ranks than this are a mistake in a variable, not a machine.</summary>
    public const int MostRanks = 65536;

    // Below the range from which Linux hands out the ports of outgoing connections.
    private const int FirstPort = 10000, Ports = 20000;

    private static readonly string[] Prefixes = ["OMPI_", "PMIX_", "PMI_", "MPI_LOCAL", "SLURM_"];
    private static readonly string[] Names =
        ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"];

    /// <summary>Whether the variable of this name is one by which a launcher speaks to a rank.</summary>
    public static bool IsOne(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Names.Contains(name) || Array.Exists(Prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal));
    }

    /// <summary>What a launcher sets for a rank of one host.</summary>
    public static IReadOnlyList<(string Name, string Value)> Of(int rank, int worldSize, string masterAddress, int masterPort) =>
    [
        ("RANK", Text(rank)),
        ("WORLD_SIZE", Text(worldSize)),
        ("LOCAL_RANK", Text(rank)),
        ("LOCAL_WORLD_SIZE", Text(worldSize)),
        ("MASTER_ADDR", masterAddress),
        ("MASTER_PORT", Text(masterPort)),
    ];

    /// <summary>Reads the variables through <paramref name="get"/>; null where nobody has started this process as a rank of several.</summary>
    /// <exception cref="UserErrorException">Usage: variables contradict each other, or some of a set are missing; names them.</exception>
    public static RankPlace? Read(Func<string, string?> get)
    {
        ArgumentNullException.ThrowIfNull(get);
        var variables = new Variables(get);
        RankPlace? place = FromTorch(variables) ?? FromOpenMpi(variables) ?? FromHydra(variables) ?? FromSlurm(variables);
        if (place is null)
        {
            return null;
        }

        Check(place, variables);
        return place.WorldSize == 1 ? null : place;
    }

    private static RankPlace? FromTorch(Variables variables)
    {
        if (!variables.AnyOf("RANK", "LOCAL_RANK"))
        {
            return null;
        }

        (int rank, int size, int local) = variables.AllOf("RANK", "WORLD_SIZE", "LOCAL_RANK");
        int? port = variables.Port();
        if (port is not null && variables.Text("TORCHELASTIC_RUN_ID") is { } run)
        {
            // torchrun itself listens at MASTER_PORT, for programs that would share its store.
            port = PortOf($"{run}:{port}:{variables.Text("TORCHELASTIC_RESTART_COUNT")}");
        }

        var place = new RankPlace(
            rank, size, local, variables.Number("LOCAL_WORLD_SIZE"), variables.Text("MASTER_ADDR"), port, "the environment (RANK)");
        return size == 1 || (place.MasterAddress is not null && place.MasterPort is not null)
            ? place
            : throw Refuse(
                $"RANK is {rank} of WORLD_SIZE {size}, and {(place.MasterAddress is null ? "MASTER_ADDR" : "MASTER_PORT")} is not set. " +
                "Set both, the same for all ranks: where rank 0 runs, and a port that is free there.");
    }

    private static RankPlace? FromOpenMpi(Variables variables)
    {
        if (!variables.AnyOf("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"))
        {
            return null;
        }

        (int rank, int size, int local) = variables.AllOf("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK");
        int? localSize = variables.Number("OMPI_COMM_WORLD_LOCAL_SIZE");
        string? job = variables.Text("PMIX_NAMESPACE") ?? variables.Text("OMPI_MCA_ess_base_jobid");
        return WithMaster(variables, new RankPlace(rank, size, local, localSize, null, null, "Open MPI"), job);
    }

    private static RankPlace? FromHydra(Variables variables)
    {
        // Slurm sets PMI_RANK, too, for programs of MPI; its own variables say more. Hydra always sets the local rank.
        if (!variables.AnyOf("MPI_LOCALRANKID") && (!variables.AnyOf("PMI_RANK") || variables.AnyOf("SLURM_STEP_ID")))
        {
            return null;
        }

        (int rank, int size, int local) = variables.AllOf("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID");
        var place = new RankPlace(rank, size, local, variables.Number("MPI_LOCALNRANKS"), null, null, "MPICH");
        return WithMaster(variables, place, variables.Text("PMI_JOBID") ?? variables.Text("SLURM_JOB_ID"));
    }

    // A batch script itself has SLURM_PROCID 0 and all tasks in SLURM_NTASKS; only what srun starts has a step.
    private static RankPlace? FromSlurm(Variables variables)
    {
        if (!variables.AnyOf("SLURM_STEP_ID"))
        {
            return null;
        }

        string sizeName = variables.AnyOf("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
        (int rank, int size, int local) = variables.AllOf("SLURM_PROCID", sizeName, "SLURM_LOCALID");
        string? tasks = variables.Text("SLURM_STEP_TASKS_PER_NODE") ?? variables.Text("SLURM_TASKS_PER_NODE");
        int? localSize = tasks is null || variables.Number("SLURM_NODEID") is not { } node ? null : SlurmNodeList.TasksOf(tasks, node);
        string job = $"{variables.Text("SLURM_JOB_ID")}.{variables.Text("SLURM_STEP_ID")}";
        return WithMaster(variables, new RankPlace(rank, size, local, localSize, null, null, "Slurm"), job);
    }

    /// <summary>MASTER_ADDR and MASTER_PORT where they are set, else what the job gives: its first host, and a port from its name.</summary>
    private static RankPlace WithMaster(Variables variables, RankPlace place, string? job)
    {
        string? nodes = variables.Text("SLURM_STEP_NODELIST") ?? variables.Text("SLURM_JOB_NODELIST") ?? variables.Text("SLURM_NODELIST");
        string? address = variables.Text("MASTER_ADDR");
        if (address is null && place.LocalWorldSize == place.WorldSize)
        {
            address = "127.0.0.1";
        }

        address ??= nodes is null ? null : SlurmNodeList.First(nodes);
        int? port = variables.Port() ?? (job is null ? null : PortOf(job));
        if (place.WorldSize > 1 && (address is null || port is null))
        {
            string missing = address is null ? port is null ? "MASTER_ADDR and MASTER_PORT" : "MASTER_ADDR" : "MASTER_PORT";
            throw Refuse(
                $"{place.Launcher} started rank {place.Rank} of {place.WorldSize} but does not say where rank 0 runs. Set {missing} for all ranks" +
                $"{place.Launcher switch { "Open MPI" => " (mpirun -x MASTER_ADDR=HOST -x MASTER_PORT=29500)", "MPICH" => " (mpiexec -genv MASTER_PORT 29500)", _ => "" }}.");
        }

        return place with { MasterAddress = address, MasterPort = port };
    }

    private static void Check(RankPlace place, Variables variables)
    {
        if (place.WorldSize is < 1 or > MostRanks)
        {
            throw Refuse($"{place.Launcher} says that there are {place.WorldSize} ranks; there can be 1 to {MostRanks}.");
        }

        if (place.Rank >= place.WorldSize || place.LocalRank > place.Rank)
        {
            throw Refuse(
                $"{place.Launcher} says that this is rank {place.Rank} of {place.WorldSize}, and number {place.LocalRank} on its host. Both count from 0, " +
                "and neither can be. Start all ranks by one launcher.");
        }

        if (place.LocalWorldSize is { } local && (place.LocalRank >= local || local > place.WorldSize))
        {
            throw Refuse(
                $"{place.Launcher} says that this is number {place.LocalRank} of {local} on its host, and that there are {place.WorldSize} ranks in all. " +
                "Start all ranks by one launcher.");
        }

        // Of the same size, the two speak of the same ranks: a script that sets RANK from the wrong variable.
        if (variables.Number("OMPI_COMM_WORLD_SIZE") == place.WorldSize && variables.Number("OMPI_COMM_WORLD_RANK") is { } other && other != place.Rank)
        {
            throw Refuse($"RANK is {place.Rank} and OMPI_COMM_WORLD_RANK {other}, of {place.WorldSize} both. Set RANK right, or leave it out.");
        }
    }

    // By FNV-1a: the same on every host, which string.GetHashCode is not.
    private static int PortOf(string text) => FirstPort + (int)(text.Aggregate(2166136261u, (hash, c) => (hash ^ c) * 16777619u) % Ports);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static UserErrorException Refuse(string message) => new(message, ExitCode.Usage);

    private sealed class Variables(Func<string, string?> get)
    {
        public string? Text(string name) => get(name) is { Length: > 0 } text ? text : null;

        public bool AnyOf(params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                if (Text(name) is not null)
                {
                    return true;
                }
            }

            return false;
        }

        public int? Number(string name) => Text(name) is not { } text
            ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
                ? value
                : throw Refuse($"{name} is '{text}'; it must be a number from 0 up.");

        public int? Port() => Number("MASTER_PORT") is not { } port
            ? null
            : port is >= 1 and <= 65535
                ? port
                : throw Refuse($"MASTER_PORT is {port}; a port is a number from 1 to 65535.");

        public (int Rank, int Size, int Local) AllOf(string rank, string size, string local)
        {
            string[] names = [rank, size, local];
            string[] missing = [.. names.Where(name => Text(name) is null)];
            return missing.Length == 0
                ? (Number(rank)!.Value, Number(size)!.Value, Number(local)!.Value)
                : throw Refuse(
                    $"{string.Join(" and ", names.Except(missing))} {(missing.Length == 2 ? "is" : "are")} set, and {string.Join(" and ", missing)} " +
                    $"{(missing.Length == 1 ? "is" : "are")} not. Set all three for every rank, or none.");
        }
    }
}
