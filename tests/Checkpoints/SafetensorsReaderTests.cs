using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using GptEngine.Engine.Checkpoints;
using GptEngine.Runtime;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Checkpoints;

public sealed class SafetensorsReaderTests
{
    private string _path = null!;

    [SetUp]
    public void SetUp() => _path = Path.GetTempFileName();

    [TearDown]
    public void TearDown() => File.Delete(_path);

    [Test]
    public void Read_EveryType_GivesFloats()
    {
        byte[] data = [0, 0, 0x80, 0x3F, 0, 0x3C, 0x80, 0x3F, 0, 0, 0, 0, 0, 0, 0xF0, 0xBF];
        Write(
            """
            {"__metadata__":{"format":"pt"},"f":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"h":{"dtype":"F16","shape":[1,1],"data_offsets":[4,6]},
            "b":{"dtype":"BF16","shape":[],"data_offsets":[6,8]},"d":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}
            """,
            data);
        using SafetensorsReader reader = SafetensorsReader.Open(_path);
        foreach ((string name, float expected) in new[] { ("f", 1f), ("h", 1f), ("b", 1f), ("d", -1f) })
        {
            float[] value = new float[1];
            reader.Read(reader.Entries[name], 0, value);
            Assert.That(value[0], Is.EqualTo(expected), name);
        }

        Assert.That(reader.Entries["h"].Type, Is.EqualTo(DataType.Float16));
    }

    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "need 8", TestName = "Shape larger than its bytes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "overlap", TestName = "Overlap")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "hole", TestName = "Hole")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "accounts for", TestName = "Bytes behind the last tensor")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,40]}}""", 4, "bytes 0 to 40", TestName = "Offset beyond the file")]
    [TestCase("""{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}""", 4, "impossible shape", TestName = "Negative axes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[9223372036854775807,4294967296],"data_offsets":[0,4]}}""", 4, "impossible shape", TestName = "Shape that overflows")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", 4, "whole numbers", TestName = "Too many axes")]
    [TestCase("""{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}""", 4, "type Q4", TestName = "Unknown type")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "twice", TestName = "Name twice")]
    [TestCase("""{"a":[[[[[[[[1]]]]]]]]}""", 0, "header", TestName = "Too deep")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1]""", 4, "header", TestName = "JSON that ends")]
    [TestCase("""[1,2]""", 0, "header", TestName = "No object")]
    [TestCase("""{} {}""", 0, "header", TestName = "Two objects")]
    public void Open_HostileHeader_IsAnErrorThatSaysWhy(string header, int dataBytes, string reason)
    {
        Write(header, new byte[dataBytes]);
        UserErrorException error = Assert.Throws<UserErrorException>(() => SafetensorsReader.Open(_path).Dispose())!;
        Assert.That(error.Message, Does.Contain(reason).And.Contain(_path));
    }

    [TestCase(ulong.MaxValue)]
    [TestCase(1UL << 40)]
    [TestCase(100UL)]
    public void Open_HeaderLongerThanTheFile_IsAnErrorWithoutMemory(ulong announced)
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, announced);
        File.WriteAllBytes(_path, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<UserErrorException>(() => SafetensorsReader.Open(_path).Dispose());
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void Open_MissingFile_IsAUserError() =>
        Assert.Throws<UserErrorException>(() => SafetensorsReader.Open(_path + ".absent").Dispose());

    [Test]
    public void Open_EveryTruncation_IsAUserError()
    {
        byte[] whole = Valid();
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(_path, whole[..length]);
            Assert.Throws<UserErrorException>(() => SafetensorsReader.Open(_path).Dispose(), $"{length} bytes");
        }
    }

    [Test]
    public void Open_AnyAlteration_ReadsOrIsAUserError()
    {
        byte[] whole = Valid();
        Property property = Prop.ForAll(
            Gen.Choose(0, whole.Length - 1).Zip(Gen.Choose(0, 255)).ArrayOf(3).ToArbitrary(),
            changes =>
            {
                byte[] bytes = [.. whole];
                foreach ((int at, int value) in changes)
                {
                    bytes[at] = (byte)value;
                }

                return ReadsOrRefuses(bytes);
            });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), property);
    }

    [Test]
    public void Open_AnyBytes_IsAUserError() =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(500),
            Prop.ForAll(Gen.Choose(0, 255).Select(x => (byte)x).ArrayOf().ToArbitrary(), ReadsOrRefuses));

    private static byte[] Valid() => Bytes(
        """{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[3],"data_offsets":[8,14]}}""",
        [.. Enumerable.Range(0, 14).Select(i => (byte)i)]);

    private static byte[] Bytes(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.Length);
        return [.. length, .. json, .. data];
    }

    private bool ReadsOrRefuses(byte[] bytes)
    {
        File.WriteAllBytes(_path, bytes);
        try
        {
            using SafetensorsReader reader = SafetensorsReader.Open(_path);
            foreach (SafetensorsEntry entry in reader.Entries.Values)
            {
                reader.Read(entry, 0, new float[entry.Count]);
            }
        }
        catch (UserErrorException)
        {
            // What the file deserves.
        }

        return true;
    }

    private void Write(string header, byte[] data) => File.WriteAllBytes(_path, Bytes(header, data));
}
