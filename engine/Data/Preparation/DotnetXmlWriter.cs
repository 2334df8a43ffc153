using System;
using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>
/// Writes the elements of one member as text: a line for each paragraph, parameter and exception, names in place of references, one space
/// for white space, and code as it stands.
/// </summary>
internal ref struct DotnetXmlWriter
{
    private readonly ArrayBufferWriter<byte> _text;
    private bool _pendingSpace;
    private bool _pendingBreak;
    private bool _insideCode;

    public DotnetXmlWriter(ArrayBufferWriter<byte> text) => _text = text;

    /// <summary>The heading: <c>M:System.String.Format(System.String)</c> becomes <c>System.String.Format</c>.</summary>
    public void WriteMemberName(ReadOnlySpan<byte> id)
    {
        WriteName(WithoutKindAndParameters(id));
        _pendingBreak = true;
    }

    public void OpenElement(ReadOnlySpan<byte> name, ReadOnlySpan<byte> tag, bool isEmpty)
    {
        if (name.SequenceEqual("see"u8) || name.SequenceEqual("seealso"u8))
        {
            WriteReference(tag, isEmpty);
        }
        else if (name.SequenceEqual("paramref"u8) || name.SequenceEqual("typeparamref"u8))
        {
            WriteEscaped(DotnetXml.Attribute(tag, "name"u8));
        }
        else if (name.SequenceEqual("param"u8) || name.SequenceEqual("typeparam"u8))
        {
            WriteLead(DotnetXml.Attribute(tag, "name"u8), ":"u8, isEmpty);
        }
        else if (name.SequenceEqual("exception"u8))
        {
            WriteLead("Throws"u8, default, isEmpty);
            WriteReferenceName(DotnetXml.Attribute(tag, "cref"u8), isEmpty);
            WriteLeadEnd(isEmpty);
        }
        else if (name.SequenceEqual("returns"u8))
        {
            WriteLead("Returns:"u8, default, isEmpty);
        }
        else if (name.SequenceEqual("value"u8))
        {
            WriteLead("Value:"u8, default, isEmpty);
        }
        else if (name.SequenceEqual("item"u8))
        {
            WriteLead("-"u8, default, isEmpty);
        }
        else if (IsBlock(name))
        {
            _pendingBreak = true;
            _insideCode = !isEmpty && name.SequenceEqual("code"u8);
        }
    }

    public void CloseElement(ReadOnlySpan<byte> name)
    {
        if (name.SequenceEqual("code"u8))
        {
            _insideCode = false;
        }

        if (name.SequenceEqual("term"u8))
        {
            _pendingSpace = true;
        }
        else if (IsBlock(name) || name.SequenceEqual("param"u8) || name.SequenceEqual("typeparam"u8) || name.SequenceEqual("exception"u8)
            || name.SequenceEqual("returns"u8) || name.SequenceEqual("value"u8) || name.SequenceEqual("item"u8))
        {
            _pendingBreak = true;
        }
    }

    /// <summary>Text with the five entities of XML and numeric ones.</summary>
    public void WriteEscaped(ReadOnlySpan<byte> escaped)
    {
        Span<byte> utf8 = stackalloc byte[4];
        while (true)
        {
            int ampersand = escaped.IndexOf((byte)'&');
            WritePlain(ampersand < 0 ? escaped : escaped[..ampersand]);
            if (ampersand < 0)
            {
                return;
            }

            escaped = escaped[ampersand..];
            int end = escaped[..Math.Min(escaped.Length, 12)].IndexOf((byte)';');
            Rune rune = end < 0 ? default : Entity(escaped[1..end]);
            WritePlain(rune == default ? "&"u8 : utf8[..rune.EncodeToUtf8(utf8)]);
            escaped = escaped[(rune == default ? 1 : end + 1)..];
        }
    }

    public void WritePlain(scoped ReadOnlySpan<byte> text)
    {
        if (_insideCode)
        {
            if (!text.IsEmpty)
            {
                WriteWord(text);
            }

            return;
        }

        while (!text.IsEmpty)
        {
            int word = text.IndexOfAnyExcept(" \n\r\t"u8);
            _pendingSpace |= word != 0;
            if (word < 0)
            {
                return;
            }

            text = text[word..];
            int end = text.IndexOfAny(" \n\r\t"u8);
            WriteWord(end < 0 ? text : text[..end]);
            text = end < 0 ? default : text[end..];
        }
    }

    /// <summary>Ends the document with a line end.</summary>
    public readonly void End() => _text.Write("\n"u8);

    private static bool IsBlock(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("summary"u8) || name.SequenceEqual("remarks"u8) || name.SequenceEqual("para"u8) || name.SequenceEqual("p"u8)
        || name.SequenceEqual("example"u8) || name.SequenceEqual("code"u8) || name.SequenceEqual("list"u8) || name.SequenceEqual("br"u8)
        || name.SequenceEqual("listheader"u8);

    private static Rune Entity(ReadOnlySpan<byte> name)
    {
        if (name.Length > 1 && name[0] == '#')
        {
            bool isHex = name[1] == 'x';
            ReadOnlySpan<byte> digits = name[(isHex ? 2 : 1)..];
            return Utf8Parser.TryParse(digits, out int value, out int consumed, isHex ? 'x' : 'D') && consumed == digits.Length
                && Rune.TryCreate(value, out Rune rune) ? rune : default;
        }

        return name.SequenceEqual("lt"u8) ? new Rune('<')
            : name.SequenceEqual("gt"u8) ? new Rune('>')
            : name.SequenceEqual("amp"u8) ? new Rune('&')
            : name.SequenceEqual("quot"u8) ? new Rune('"')
            : name.SequenceEqual("apos"u8) ? new Rune('\'')
            : default;
    }

    private void WriteReference(ReadOnlySpan<byte> tag, bool isEmpty)
    {
        if (!isEmpty)
        {
            // The text between the tags says it.
            return;
        }

        ReadOnlySpan<byte> word = DotnetXml.Attribute(tag, "langword"u8);
        word = word.IsEmpty ? DotnetXml.Attribute(tag, "href"u8) : word;
        if (word.IsEmpty)
        {
            WriteReferenceName(DotnetXml.Attribute(tag, "cref"u8), isEmpty: false);
        }
        else
        {
            WriteEscaped(word);
        }
    }

    /// <summary>The short name: the type's own, and for a member the type's and the member's.</summary>
    private void WriteReferenceName(ReadOnlySpan<byte> id, bool isEmpty)
    {
        if (isEmpty)
        {
            return;
        }

        int names = id.Length > 1 && id[1] == ':' && id[0] is not ((byte)'T' or (byte)'N') ? 2 : 1;
        ReadOnlySpan<byte> name = WithoutKindAndParameters(id);
        int start = name.Length;
        for (; names > 0 && start >= 0; names--)
        {
            start = name[..start].LastIndexOf((byte)'.');
        }

        WriteName(name[(start + 1)..]);
    }

    private static ReadOnlySpan<byte> WithoutKindAndParameters(ReadOnlySpan<byte> id)
    {
        id = id.Length > 1 && id[1] == ':' ? id[2..] : id;
        int parameters = id.IndexOf((byte)'(');
        return parameters < 0 ? id : id[..parameters];
    }

    /// <summary>A name without the counts of its type parameters (<c>`1</c>), and constructors by that word.</summary>
    private void WriteName(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> constructor = ".#ctor"u8;
        bool isConstructor = name.EndsWith(constructor);
        name = isConstructor ? name[..^constructor.Length] : name;
        while (!name.IsEmpty)
        {
            int tick = name.IndexOf((byte)'`');
            WriteEscaped(tick < 0 ? name : name[..tick]);
            name = tick < 0 ? default : name[tick..].TrimStart("`0123456789"u8);
        }

        if (isConstructor)
        {
            WritePlain(" constructor"u8);
        }
    }

    private void WriteLead(ReadOnlySpan<byte> lead, ReadOnlySpan<byte> behind, bool isEmpty)
    {
        _pendingBreak = true;
        if (isEmpty)
        {
            return;
        }

        WriteEscaped(lead);
        WritePlain(behind);
        _pendingSpace = true;
    }

    private void WriteLeadEnd(bool isEmpty)
    {
        if (!isEmpty)
        {
            WritePlain(":"u8);
            _pendingSpace = true;
        }
    }

    private void WriteWord(scoped ReadOnlySpan<byte> word)
    {
        if (_pendingBreak)
        {
            if (_text.WrittenCount > 0)
            {
                _text.Write("\n"u8);
            }
        }
        else if (_pendingSpace && _text.WrittenCount > 0)
        {
            _text.Write(" "u8);
        }

        _pendingBreak = _pendingSpace = false;
        _text.Write(word);
    }
}
