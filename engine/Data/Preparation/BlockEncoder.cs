using System;
using System.Buffers;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Turns blocks into documents and these into ids; one for each worker.</summary>
internal sealed class BlockEncoder
{
    private readonly ITokenEncoder _encoder;
    private readonly ushort _documentToken;
    private readonly ArrayBufferWriter<byte> _text = new(64 << 10);

    public BlockEncoder(ITokenizer tokenizer)
    {
        _encoder = tokenizer.CreateEncoder();
        _documentToken = (ushort)tokenizer.DocumentToken;
    }

    public void Encode(in Block block, InputFormat format, EncodedBlock result)
    {
        result.Clear();
        ReadOnlySpan<byte> bytes = JsonLines.WithoutByteOrderMark(block.Bytes, block.IsFirst);
        if (block.IsOversized)
        {
            string unit = format == InputFormat.JsonLines ? JsonLines.TooLong : DotnetXml.TooLong;
            result.Records = 1;
            result.AddBroken(0, unit);
            return;
        }

        switch (format)
        {
            case InputFormat.JsonLines:
                EncodeLines(bytes, result);
                break;
            case InputFormat.DotnetXml:
                EncodeMembers(bytes, block.IsFirst, result);
                break;
            default:
                EncodeText(bytes, block.IsFirst, result);
                break;
        }

        // One long line must not keep its memory for the rest of the run.
        if (_text.Capacity > 4 << 20)
        {
            _text.Clear();
        }
    }

    private void EncodeText(ReadOnlySpan<byte> text, bool isFirst, EncodedBlock result)
    {
        if (text.IsEmpty)
        {
            return;
        }

        if (isFirst)
        {
            AddDocument(text, result);
            return;
        }

        _encoder.Encode(text, result.Tokens);
        result.TextBytes += text.Length;
        result.Documents.Add(new EncodedBlock.DocumentSpan(0, result.Tokens.Count, Continues: true, Hash: 0));
    }

    private void EncodeLines(ReadOnlySpan<byte> lines, EncodedBlock result)
    {
        while (JsonLines.TakeLine(ref lines, out ReadOnlySpan<byte> line))
        {
            long number = result.Records++;
            if (JsonLine.IsBlank(line))
            {
                continue;
            }

            _text.ResetWrittenCount();
            string? problem = JsonLine.ReadText(line, _text);
            if (problem is not null)
            {
                result.AddBroken(number, problem);
            }
            else
            {
                AddDocument(_text.WrittenSpan, result);
            }
        }
    }

    private void EncodeMembers(ReadOnlySpan<byte> xml, bool isFirst, EncodedBlock result)
    {
        if (isFirst && xml[..Math.Min(xml.Length, 4096)].IndexOf("<doc"u8) < 0)
        {
            result.AddBroken(0, DotnetXml.NoDocumentation);
        }

        while (DotnetXml.TakeMember(ref xml, out ReadOnlySpan<byte> member))
        {
            result.Records++;
            _text.ResetWrittenCount();
            DotnetXml.AppendText(member, _text);
            AddDocument(_text.WrittenSpan, result);
        }
    }

    private void AddDocument(ReadOnlySpan<byte> text, EncodedBlock result)
    {
        if (text.IsEmpty)
        {
            return;
        }

        int start = result.Tokens.Count;
        result.Tokens.Add(_documentToken);
        _encoder.Encode(text, result.Tokens);
        result.TextBytes += text.Length;
        result.Documents.Add(new EncodedBlock.DocumentSpan(start, result.Tokens.Count - start, Continues: false, DocumentHash.Of(text)));
    }
}
