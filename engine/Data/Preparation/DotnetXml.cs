using System;
using System.Buffers;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>
/// .NET reference documentation as readable text, a document a member. It scans the bytes itself rather than build a tree: members are
/// independent, so blocks of them are worked on apart, and no entity, DTD or nesting of a hostile file costs more than its own length.
/// </summary>
internal static class DotnetXml
{
    public const string NoDocumentation = "it is no .NET reference documentation (no <doc> at its start)";

    /// <summary>What is wrong with a member of an oversized block.</summary>
    public static string TooLong => $"a member is longer than {BlockRule.XmlMembers.LargestBytes >> 20} MiB";

    /// <summary>Takes the next member, from its opening tag to before its closing one, off <paramref name="xml"/>.</summary>
    public static bool TakeMember(ref ReadOnlySpan<byte> xml, out ReadOnlySpan<byte> member)
    {
        ReadOnlySpan<byte> closing = "</member>"u8;
        int start = xml.IndexOf("<member "u8);
        int length = start < 0 ? -1 : xml[start..].IndexOf(closing);
        if (length < 0)
        {
            member = default;
            return false;
        }

        member = xml.Slice(start, length);
        xml = xml[(start + length + closing.Length)..];
        return true;
    }

    /// <summary>Appends the member's name and its text, or nothing if it has no text of its own.</summary>
    public static void AppendText(ReadOnlySpan<byte> member, ArrayBufferWriter<byte> text)
    {
        int tagEnd = member.IndexOf((byte)'>');
        if (tagEnd < 0)
        {
            return;
        }

        DotnetXmlWriter writer = new(text);
        writer.WriteMemberName(Attribute(member[..tagEnd], "name"u8));
        int header = text.WrittenCount;
        Walk(member[(tagEnd + 1)..], ref writer);
        if (text.WrittenCount == header)
        {
            text.ResetWrittenCount();
            return;
        }

        writer.End();
    }

    /// <summary>The value of an attribute, its entities as they are; empty if the tag does not have it.</summary>
    public static ReadOnlySpan<byte> Attribute(ReadOnlySpan<byte> tag, ReadOnlySpan<byte> name)
    {
        for (int from = 0; ; from += name.Length)
        {
            int at = tag[from..].IndexOf(name);
            if (at < 0)
            {
                return default;
            }

            from += at;
            ReadOnlySpan<byte> rest = tag[(from + name.Length)..];
            if (from > 0 && IsSpace(tag[from - 1]) && rest.Length > 2 && rest[0] == '=' && rest[1] is (byte)'"' or (byte)'\'')
            {
                int length = rest[2..].IndexOf(rest[1]);
                return length < 0 ? default : rest.Slice(2, length);
            }
        }
    }

    public static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';

    private static void Walk(ReadOnlySpan<byte> body, ref DotnetXmlWriter writer)
    {
        while (!body.IsEmpty)
        {
            int tag = body.IndexOf((byte)'<');
            writer.WriteEscaped(tag < 0 ? body : body[..tag]);
            if (tag < 0)
            {
                return;
            }

            body = body[tag..];
            if (body.StartsWith("<![CDATA["u8))
            {
                writer.WritePlain(Before(body[9..], "]]>"u8, out body));
            }
            else if (body.StartsWith("<!--"u8))
            {
                Before(body[4..], "-->"u8, out body);
            }
            else
            {
                ReadOnlySpan<byte> content = Before(body[1..], ">"u8, out body);
                if (!content.IsEmpty && content[0] is not ((byte)'?' or (byte)'!'))
                {
                    WriteTag(content, ref writer);
                }
            }
        }
    }

    private static ReadOnlySpan<byte> Before(ReadOnlySpan<byte> text, ReadOnlySpan<byte> end, out ReadOnlySpan<byte> rest)
    {
        int at = text.IndexOf(end);
        rest = at < 0 ? default : text[(at + end.Length)..];
        return at < 0 ? text : text[..at];
    }

    private static void WriteTag(ReadOnlySpan<byte> tag, ref DotnetXmlWriter writer)
    {
        bool isClosing = tag[0] == '/';
        bool isEmpty = tag[^1] == '/';
        ReadOnlySpan<byte> name = tag[(isClosing ? 1 : 0)..];
        int end = name.IndexOfAny(" /\n\r\t"u8);
        name = end < 0 ? name : name[..end];
        if (isClosing)
        {
            writer.CloseElement(name);
        }
        else
        {
            writer.OpenElement(name, tag, isEmpty);
        }
    }
}
