using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime;
using GptEngine.Runtime.Launching;
using NUnit.Framework;

namespace GptEngine.Tests.Launching;

/// <summary>What launchers leave in the environment, as each of them does.</summary>
public sealed class RankVariablesTests
{
    private const string Slurm =
        "SLURM_JOB_ID=4711 SLURM_STEP_ID=0 SLURM_PROCID=11 SLURM_NTASKS=16 SLURM_LOCALID=3 SLURM_NODEID=1 SLURM_TASKS_PER_NODE=8(x2) SLURM_JOB_NODELIST=dgx[03-04]";

    private const string OpenMpi =
        "OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=2 OMPI_COMM_WORLD_LOCAL_SIZE=4 PMIX_NAMESPACE=prterun-dgx-17@1";

    private const string Torch = "RANK=5 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=4 MASTER_ADDR=dgx01 MASTER_PORT=29500";

    [TestCase("")]
    [TestCase("MASTER_ADDR=dgx01 MASTER_PORT=29500 WORLD_SIZE=8", Description = "left in a shell's profile")]
    [TestCase("SLURM_JOB_ID=4711 SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0", Description = "a batch script itself")]
    [TestCase("SLURM_JOB_ID=4711 SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_LOCALID=0 SLURM_JOB_NODELIST=dgx01", Description = "srun --pty bash")]
    [TestCase("RANK=0 WORLD_SIZE=1 LOCAL_RANK=0")]
    public void Read_NoWorldOfSeveral_IsAlone(string variables) => Assert.That(Read(variables), Is.Null);

    [Test]
    public void Read_Torchrun()
    {
        RankPlace place = Read(Torch)!;
        Assert.That((place.Rank, place.WorldSize, place.LocalRank, place.LocalWorldSize), Is.EqualTo((5, 8, 1, 4)));
        Assert.That((place.MasterAddress, place.MasterPort), Is.EqualTo(("dgx01", 29500)));
    }

    [Test]
    public void Read_Torchrun_ItsOwnPortIsTaken_SoAnotherIsMadeOfIt()
    {
        int? port = Read(Torch + " TORCHELASTIC_RUN_ID=none TORCHELASTIC_RESTART_COUNT=0")!.MasterPort;
        Assert.That(port, Is.InRange(10000, 29999).And.Not.EqualTo(29500));
        Assert.That(Read(Torch + " TORCHELASTIC_RUN_ID=none TORCHELASTIC_RESTART_COUNT=1")!.MasterPort, Is.Not.EqualTo(port));
    }

    [Test]
    public void Read_Slurm_FirstHostAndAPortOfTheJob()
    {
        RankPlace place = Read(Slurm)!;
        Assert.That((place.Rank, place.WorldSize, place.LocalRank, place.LocalWorldSize, place.Launcher), Is.EqualTo((11, 16, 3, 8, "Slurm")));
        Assert.That(place.MasterAddress, Is.EqualTo("dgx03"));
        Assert.That(place.MasterPort, Is.InRange(10000, 29999));
        Assert.That(Read(Slurm.Replace("PROCID=11", "PROCID=12"))!.MasterPort, Is.EqualTo(place.MasterPort), "the same on all ranks");
        Assert.That(Read(Slurm.Replace("4711", "4712"))!.MasterPort, Is.Not.EqualTo(place.MasterPort), "another for another job");
        Assert.That(Read(Slurm + " MASTER_ADDR=10.0.0.3 MASTER_PORT=7000")! is { MasterAddress: "10.0.0.3", MasterPort: 7000 });
    }

    [Test]
    public void Read_OpenMpi_OneHostNeedsNoAddress_SeveralDo()
    {
        RankPlace place = Read(OpenMpi)!;
        Assert.That((place.Rank, place.WorldSize, place.LocalRank, place.LocalWorldSize), Is.EqualTo((2, 4, 2, 4)));
        Assert.That(place.MasterAddress, Is.EqualTo("127.0.0.1"));
        Assert.That(place.MasterPort, Is.Not.Null);
        string two = OpenMpi.Replace("LOCAL_SIZE=4", "LOCAL_SIZE=3");
        Assert.That(() => Read(two), Refuses("MASTER_ADDR"));
        Assert.That(Read(two + " MASTER_ADDR=dgx01")!.MasterAddress, Is.EqualTo("dgx01"));
        Assert.That(Read(two + " SLURM_JOB_NODELIST=dgx[7,9]")!.MasterAddress, Is.EqualTo("dgx7"), "mpirun within a job of Slurm");
    }

    [Test]
    public void Read_Hydra()
    {
        RankPlace place = Read("PMI_RANK=3 PMI_SIZE=4 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2 MASTER_ADDR=a MASTER_PORT=1")!;
        Assert.That((place.Rank, place.WorldSize, place.LocalRank, place.LocalWorldSize), Is.EqualTo((3, 4, 1, 2)));
        Assert.That(Read(Slurm + " PMI_RANK=11 PMI_SIZE=16")!.Launcher, Is.EqualTo("Slurm"), "srun sets PMI_RANK, too");
    }

    [Test]
    public void Read_InnermostLauncherCounts()
    {
        Assert.That(Read($"{Slurm} {OpenMpi}")!.Launcher, Is.EqualTo("Open MPI"));
        Assert.That(Read($"{Slurm} {OpenMpi} {Torch}")!.Rank, Is.EqualTo(5));
    }

    [TestCase("RANK=1", "WORLD_SIZE")]
    [TestCase("RANK=1 WORLD_SIZE=2", "LOCAL_RANK")]
    [TestCase("LOCAL_RANK=1", "RANK")]
    [TestCase("RANK=1 WORLD_SIZE=2 LOCAL_RANK=1", "MASTER_ADDR")]
    [TestCase("RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=a", "MASTER_PORT")]
    [TestCase("RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=a MASTER_PORT=70000", "70000")]
    [TestCase("RANK=one WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=a MASTER_PORT=7", "'one'")]
    [TestCase("RANK=-1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=a MASTER_PORT=7", "'-1'")]
    [TestCase("RANK=2 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=7", "rank 2 of 2")]
    [TestCase("RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=1 MASTER_ADDR=a MASTER_PORT=7", "number 1 of 1")]
    [TestCase("RANK=0 WORLD_SIZE=0 LOCAL_RANK=0", "MASTER_ADDR")]
    [TestCase("RANK=0 WORLD_SIZE=900000 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=7", "900000")]
    [TestCase("OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE")]
    [TestCase("SLURM_STEP_ID=0 SLURM_PROCID=1", "SLURM_LOCALID")]
    [TestCase("SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 SLURM_JOB_NODELIST=dgx[a", "dgx[a")]
    public void Read_HalfSetOrContradicting_IsRefusedByName(string variables, string named) => Assert.That(() => Read(variables), Refuses(named));

    [Test]
    public void Read_SameWorldTwoRanks_IsRefused() =>
        Assert.That(() => Read(OpenMpi + " RANK=3 WORLD_SIZE=4 LOCAL_RANK=3 MASTER_ADDR=a MASTER_PORT=7"), Refuses("OMPI_COMM_WORLD_RANK"));

    [Test]
    public void Of_IsReadBackAsSet()
    {
        RankPlace place = RankVariables.Read(name => RankVariables.Of(3, 4, "127.0.0.1", 1234).FirstOrDefault(variable => variable.Name == name).Value)!;
        Assert.That((place.Rank, place.WorldSize, place.LocalRank, place.LocalWorldSize, place.MasterAddress, place.MasterPort), Is.EqualTo((3, 4, 3, 4, "127.0.0.1", 1234)));
        Assert.That(RankVariables.Of(3, 4, "a", 1).All(variable => RankVariables.IsOne(variable.Name)));
    }

    [TestCase("dgx01", "dgx01")]
    [TestCase("dgx01,dgx02", "dgx01")]
    [TestCase("dgx[01-04,7],login1", "dgx01")]
    [TestCase("rack[2-3]-dgx[007,9].local", "rack2-dgx007.local")]
    [TestCase("a[5]", "a5")]
    public void NodeList_First(string list, string host) => Assert.That(SlurmNodeList.First(list), Is.EqualTo(host));

    [TestCase("")]
    [TestCase("[")]
    [TestCase("a[]")]
    [TestCase("a[-3]")]
    [TestCase("a[1x]")]
    [TestCase("a;b")]
    [TestCase("a b")]
    public void NodeList_OtherForms_AreRefused(string list) => Assert.That(() => SlurmNodeList.First(list), Throws.TypeOf<UserErrorException>());

    [Test]
    public void TasksOf_CountsNodes() =>
        Assert.That(Enumerable.Range(0, 5).Select(node => SlurmNodeList.TasksOf("8(x2),4,6(x2)", node)), Is.EqualTo(new[] { 8, 8, 4, 6, 6 }));

    private static RankPlace? Read(string variables)
    {
        Dictionary<string, string> set = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .ToDictionary(pair => pair[..pair.IndexOf('=', StringComparison.Ordinal)], pair => pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        return RankVariables.Read(set.GetValueOrDefault);
    }

    private static NUnit.Framework.Constraints.Constraint Refuses(string named) =>
        Throws.TypeOf<UserErrorException>().With.Message.Contains(named).And.Property("ExitCode").EqualTo(ExitCode.Usage);
}
