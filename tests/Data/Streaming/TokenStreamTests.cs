using System;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Streaming;

public sealed class TokenStreamTests
{
    private static readonly ushort[] Tokens = [.. Enumerable.Range(0, 1000).Select(i => (ushort)(i * 37 % 5003))];

    private static byte[] Raw => MemoryMarshal.AsBytes(Tokens.AsSpan()).ToArray();

    [Test]
    public void Read_AllForms_GiveTheSameTokens()
    {
        using TemporaryFolder folder = new();
        byte[] wide = MemoryMarshal.AsBytes(Tokens.Select(token => (uint)token).ToArray().AsSpan()).ToArray();
        byte[][] files = [Raw, [.. Npy("<u2", 1000), .. Raw], [.. Npy("<u4", 1000), .. wide], [.. Llmc(1000), .. Raw], [.. Npy("<u2", 1000, 2), .. Raw]];
        foreach (byte[] file in files)
        {
            using TokenStream stream = new(folder.Write("tokens", file), 5003);
            Assert.That(stream.Count, Is.EqualTo(1000));
            foreach ((int start, int length) in ((int, int)[])[(0, 1000), (1, 999), (500, 17), (999, 1), (1000, 0), (3, 31)])
            {
                int[] read = new int[length];
                stream.Read(start, read);
                Assert.That(read, Is.EqualTo(Tokens.Skip(start).Take(length).Select(token => (int)token)));
            }

            stream.Prefetch(-5, 5000);
            stream.Prefetch(2000, 5);
            stream.Validate();
            Assert.That(() => stream.Read(990, new int[11]), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => stream.Read(-1, new int[2]), Throws.InstanceOf<ArgumentOutOfRangeException>());
        }
    }

    [TestCase(0)]
    [TestCase(15)]
    [TestCase(16)]
    [TestCase(777)]
    [TestCase(999)]
    public void Read_TokenOutsideVocabulary_NamesItsOffset(int at)
    {
        using TemporaryFolder folder = new();
        ushort[] tokens = [.. Tokens];
        tokens[at] = 5003;
        byte[] raw = MemoryMarshal.AsBytes(tokens.AsSpan()).ToArray();
        using TokenStream stream = new(folder.Write("train.bin", raw), 5003);
        Assert.That(() => stream.Read(0, new int[1000]), Throws.TypeOf<UserErrorException>()
            .With.Message.Contains($"Token {at} of").And.Message.Contains($"(byte {at * 2}) is 5003"));
        Assert.That(stream.Validate, Throws.TypeOf<UserErrorException>());
    }

    [Test]
    public void Read_WideTokenAboveInt_IsOutsideVocabulary()
    {
        using TemporaryFolder folder = new();
        using TokenStream stream = new(folder.Write("a.npy", [.. Npy("<u4", 2), 1, 0, 0, 0, 255, 255, 255, 255]), 5003);
        Assert.That(() => stream.Read(0, new int[2]), Throws.TypeOf<UserErrorException>().With.Message.Contains("4294967295"));
    }

    [Test]
    public void Open_WhatIsNoStream_IsAUserError()
    {
        using TemporaryFolder folder = new();
        (string What, byte[] Bytes)[] files =
        [
            ("empty", []),
            ("odd", [1, 2, 3]),
            ("only magic", Encoding.Latin1.GetBytes("\u0093NUMPY")),
            ("two dimensions", [.. NpyHeader("{'descr': '<u2', 'fortran_order': False, 'shape': (10, 100), }"), .. Raw]),
            ("floats", [.. Npy("<f4", 500), .. Raw]),
            ("big-endian", [.. Npy(">u2", 1000), .. Raw]),
            ("object", [.. NpyHeader("{'descr': '|O', 'fortran_order': False, 'shape': (1000,), }"), .. Raw]),
            ("too few", [.. Npy("<u2", 1001), .. Raw]),
            ("too many", [.. Npy("<u2", 999), .. Raw]),
            ("overflowing count", [.. NpyHeader("{'descr': '<u2', 'fortran_order': False, 'shape': (9999999999999999999,), }"), .. Raw]),
            ("wrapping count", [.. NpyHeader("{'descr': '<u2', 'fortran_order': False, 'shape': (9223372036854776808,), }"), .. Raw]),
            ("no tokens", Npy("<u2", 0)),
            ("huge header", [0x93, .. "NUMPY"u8, 2, 0, 255, 255, 255, 127, .. Raw]),
            ("version 9", [0x93, .. "NUMPY"u8, 9, 0, 10, 0, .. Raw]),
            ("llm.c header cut", Llmc(10)[..100]),
            ("llm.c too few", [.. Llmc(1001), .. Raw]),
            ("llm.c negative", [.. Llmc(-1), .. Raw]),
            ("llm.c version", [.. Llmc(1000, version: 7), .. Raw]),
            ("llm.c no tokens", Llmc(0)),
        ];
        foreach ((string what, byte[] bytes) in files)
        {
            string path = folder.Write("tokens", bytes);
            Assert.That(() => new TokenStream(path, 50257), Throws.TypeOf<UserErrorException>().With.Message.Contains(path), what);
        }

        Assert.That(() => new TokenStream(folder["missing"], 10), Throws.TypeOf<UserErrorException>());
        Assert.That(() => new TokenStream(folder.Path, 10), Throws.TypeOf<UserErrorException>());
    }

    [Test]
    public void Open_DamagedHeaders_OpenOrAreUserErrors()
    {
        using TemporaryFolder folder = new();
        Random random = new(11);
        byte[][] seeds = [[.. Npy("<u2", 1000), .. Raw], [.. Llmc(1000), .. Raw]];
        for (int i = 0; i < 600; i++)
        {
            byte[] file = [.. seeds[i % 2]];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                file[random.Next(6, 140)] = (byte)random.Next(256);
            }

            if (random.Next(3) == 0)
            {
                file = file[..random.Next(file.Length)];
            }

            string path = folder.Write("tokens", file);
            try
            {
                using TokenStream stream = new(path, 65536);
                stream.Validate();
                Assert.That(stream.Count, Is.LessThanOrEqualTo(file.Length / 2));
            }
            catch (UserErrorException e)
            {
                Assert.That(e.Message, Does.Contain(path));
            }
        }
    }

    private static byte[] Npy(string type, int count, int version = 1) =>
        NpyHeader($"{{'descr': '{type}', 'fortran_order': False, 'shape': ({count},), }}", version);

    private static byte[] NpyHeader(string dictionary, int version = 1)
    {
        byte[] text = Encoding.Latin1.GetBytes(dictionary.PadRight(117) + "\n");
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. text];
    }

    private static byte[] Llmc(int count, int version = 1)
    {
        int[] header = new int[256];
        header[0] = 20240520;
        header[1] = version;
        header[2] = count;
        return MemoryMarshal.AsBytes(header.AsSpan()).ToArray();
    }
}
