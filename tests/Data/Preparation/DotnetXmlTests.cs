using System;
using System.Buffers;
using System.Text;
using GptEngine.Engine.Data.Preparation;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Preparation;

public sealed class DotnetXmlTests
{
    [Test]
    public void AppendText_Member_ReadsAsEnglish()
    {
        const string Member = """
            <member name="M:System.Text.Thing`1.Join(System.String,`0)">
              <summary>Joins  a <see cref="T:System.String" /> with
                 <paramref name="value" />, if it is &lt;= 5 &amp; not <see langword="null" />.</summary>
              <param name="value">The value,
                see <see cref="M:System.Int32.Parse(System.String)" />.</param>
              <typeparam name="T">The type.</typeparam>
              <exception cref="T:System.ArgumentNullException">
                <paramref name="value" /> is <c>null</c>.</exception>
              <returns>The text.</returns>
              <remarks><para>One.</para><para>Two.</para><!-- hidden --><code>a
              b</code></remarks>
            </member>
            """;
        Assert.That(Text(Member), Is.EqualTo("""
            System.Text.Thing.Join
            Joins a String with value, if it is <= 5 & not null.
            value: The value, see Int32.Parse.
            T: The type.
            Throws ArgumentNullException: value is null.
            Returns: The text.
            One.
            Two.
            a
              b

            """));
    }

    [TestCase("<member name=\"M:N.A.#ctor(System.Int32)\"><summary>x</summary></member>", "N.A constructor\nx\n")]
    [TestCase("<member name=\"T:N.A\"><inheritdoc /></member>", "")]
    [TestCase("<member name=\"T:N.A\">&#65;&#x42;&bogus;&#xD800;&</member>", "N.A\nAB&bogus;&#xD800;&\n")]
    [TestCase("<member name=\"T:N.A\"><![CDATA[a < b]]></member>", "N.A\na < b\n")]
    [TestCase("<member name='T:N.A'>text<unclosed</member>", "N.A\ntext\n")]
    [TestCase("<member name=\"T:N.A\"><>text</></member>", "N.A\ntext\n")]
    public void AppendText_OddMembers_AreRead(string member, string expected) => Assert.That(Text(member), Is.EqualTo(expected));

    [Test]
    public void AppendText_DamagedMembers_DoNotThrow()
    {
        byte[] good = Encoding.UTF8.GetBytes(
            "<member name=\"M:A.B(C)\"><summary>a<see cref=\"T:X\"/>&lt;<code>x</code><![CDATA[q]]><!--c--><list><item>i</item></list></summary></member>");
        Random random = new(9);
        ReadOnlySpan<byte> alphabet = "<>/&;\"'=! -[]?a"u8;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. good];
            for (int flips = random.Next(1, 8); flips > 0; flips--)
            {
                bytes[random.Next(8, bytes.Length)] = alphabet[random.Next(alphabet.Length)];
            }

            ReadOnlySpan<byte> rest = [.. bytes, .. "</member>"u8];
            while (DotnetXml.TakeMember(ref rest, out ReadOnlySpan<byte> member))
            {
                ArrayBufferWriter<byte> text = new();
                DotnetXml.AppendText(member, text);
                Assert.That(text.WrittenCount, Is.LessThan(3 * good.Length));
            }
        }
    }

    private static string Text(string xml)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(xml);
        Assert.That(DotnetXml.TakeMember(ref rest, out ReadOnlySpan<byte> member), Is.True);
        ArrayBufferWriter<byte> text = new();
        DotnetXml.AppendText(member, text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }
}
